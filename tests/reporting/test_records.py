"""Records of sweeps and searches: read as their writers write them, refused when they are not whole."""

import copy

import pytest
from report_contents import frontier, tuning

from moldiff.errors import InputError
from moldiff.reporting.checking import checked
from moldiff.reporting.frontier_record import FrontierRecord
from moldiff.reporting.tuning_record import Search, TuningRecord

KINDS = {"frontier": (FrontierRecord, "moldiff pareto"), "tuning": (TuningRecord, "moldiff tune")}


@pytest.fixture(scope="module")
def written():
    return {"frontier": frontier(), "tuning": tuning()}


@pytest.fixture
def stored(written):
    return copy.deepcopy(written)


def lacking(entry, *path):
    """Return a copy of a record without one of its parts."""
    whole = copy.deepcopy(entry)
    *way, last = path
    part = whole
    for step in way:
        part = part[step]
    del part[last]
    return whole


def test_a_sweep_is_read_as_it_is_written(stored):
    record = checked(FrontierRecord, stored["frontier"], "frontier.json")
    assert record.title == "Frontier of rings and logP"
    rings, logp = record.problems
    assert (rings.quantity, rings.figure, rings.sign) == ("rings", "mean_novel", 1)
    assert (logp.figure, logp.sign) == ("error_novel", -1)
    assert rings.groups == ["qm9", "qm9-prime"]
    assert [arm.settings["gamma"] for arm in rings.frontier("qm9")] == [1.0, 2.0, 3.0]
    assert rings.arms[0].value("distance") is None  # NaN when it was written
    assert record.text("novel") == "distinct novel molecules"
    assert record.text("another_figure") == "another figure"


def test_a_search_is_read(stored):
    record = checked(TuningRecord, stored["tuning"], "tuning.json")
    assert record.winner.counts
    assert not record.trials[3].counts
    assert record.winner.mean("hit_rate") == 0.5
    assert record.winner.mean("diversity") is None
    assert record.winner.mean("nothing") is None
    assert Search(record, None).title == "Tuning for rings>=4"


@pytest.mark.parametrize("kind", KINDS)
def test_other_versions_are_refused_with_the_way_out(stored, kind):
    model, command = KINDS[kind]
    with pytest.raises(InputError, match=r"in format 2, and this version reads format 1: update moldiff"):
        checked(model, {**stored[kind], "format_version": 2}, "x.json")
    with pytest.raises(InputError, match=f"in format 0, and .*: run `{command}` again"):
        checked(model, {**stored[kind], "format_version": 0}, "x.json")
    with pytest.raises(InputError, match=r"x.json was written by another program without a format version"):
        checked(model, {"trials": []}, "x.json")


@pytest.mark.parametrize("kind", KINDS)
def test_a_record_of_another_kind_is_refused(stored, kind):
    model, command = KINDS[kind]
    with pytest.raises(
        InputError, match=f"is damaged at kind .*take it from a copy, or run `{command}` again"
    ):
        checked(model, {**stored[kind], "kind": "census"}, "x.json")


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("frontier", ("problems",)),
        ("frontier", ("machine",)),
        ("frontier", ("problems", 0, "arms", 1, "n")),
        ("frontier", ("problems", 0, "arms", 1, "figures", "novel", "value")),
        ("frontier", ("problems", 1, "models", 0, "hypervolume")),
        ("frontier", ("problems", 0, "published", 0, "source")),
        ("tuning", ("versions",)),
        ("tuning", ("trials", 3, "settings")),
        ("tuning", ("objectives", 0, "sign")),
        ("tuning", ("comparisons", 0, "figures", "novel", "difference")),
    ],
)
def test_damage_is_named_by_its_place(stored, kind, path):
    place = r"\.".join(map(str, path))
    with pytest.raises(InputError, match=rf"x.json is damaged at {place} \(Field required"):
        checked(KINDS[kind][0], lacking(stored[kind], *path), "x.json")


@pytest.mark.parametrize(
    ("kind", "path", "message"),
    [
        ("frontier", ("problems", 0, "arms", 2), r"arm 'qm9 gamma=3 steps=32' of 'rings' is gone"),
        (
            "frontier",
            ("problems", 0, "arms", 1, "figures", "nfe"),
            r"arm 'qm9 gamma=2 steps=32' of 'rings' has no figure 'nfe'",
        ),
        ("frontier", ("problems", 1, "arms", 0, "figures", "error_novel"), r"has no figure 'error_novel'"),
        ("tuning", ("trials", 0, "values", "novel_hits"), r"trial 0 has no novel_hits"),
        ("tuning", ("comparisons", 0, "figures", "novel_hits"), r"the comparison has no novel_hits"),
    ],
)
def test_parts_that_are_gone_are_missed(stored, kind, path, message):
    with pytest.raises(
        InputError, match=rf"x.json is damaged \(.*{message}.*\): take it from a copy, or run"
    ):
        checked(KINDS[kind][0], lacking(stored[kind], *path), "x.json")


def test_trials_that_are_gone_are_missed(stored):
    trials = [
        entry for entry in stored["tuning"]["trials"] if entry["number"] not in stored["tuning"]["front"]
    ]
    with pytest.raises(InputError, match=r"damaged \(trial \d+ is gone\)"):
        checked(TuningRecord, {**stored["tuning"], "trials": trials}, "x.json")

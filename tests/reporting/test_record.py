import json

import pytest

from moldiff.errors import InputError
from moldiff.reporting.checking import checked
from moldiff.reporting.record import FORMAT_VERSION, RunRecord


@pytest.fixture
def stored(generation):
    return json.loads(json.dumps({"files": ["molecules.csv"], **generation.run_record()}))


def test_a_record_of_this_version_is_read(stored):
    record = checked(RunRecord, stored, "run.json")
    assert record.counts.returned == 80
    assert record.statistics("logP").unit == "1"
    assert record.statistics("nothing") is None
    assert record.bins("logP").known == 80
    assert record.bins("gap") is None
    assert [record.goal(entry).bounds() for entry in record.goals] == [
        (1.0, float("inf")),
        (0.5, 1.5),
        pytest.approx((0.29, 0.31)),
    ]


@pytest.mark.parametrize(
    ("version", "message"),
    [
        (
            None,
            r"written by moldiff .* without a format version, and this version reads format 1: run `mold",
        ),
        (
            FORMAT_VERSION + 1,
            r"written by moldiff .* in format 2, and this version reads format 1: update moldiff",
        ),
        (0, r"in format 0, and .*: run `moldiff generate` again with the settings in it"),
        ("one", r"in format 'one', and"),
    ],
)
def test_other_versions_are_refused_with_the_way_out(stored, version, message):
    with pytest.raises(InputError, match=message):
        checked(RunRecord, {**stored, "format_version": version}, "run.json")


def test_a_record_of_another_program():
    with pytest.raises(InputError, match=r"x.json was written by another program without a format version"):
        checked(RunRecord, {"name": "package"}, "x.json")
    with pytest.raises(InputError, match=r"x.json is no record of a run"):
        checked(RunRecord, [1, 2], "x.json")


@pytest.mark.parametrize(
    ("key", "value", "place"),
    [
        ("goals", 3, "goals"),
        ("goals", [{"goal": "rings>=1"}], "goals.0.property"),
        ("counts", {}, "counts.proposed"),
        ("notes", [3], "notes.0"),
        ("cost", {"seconds": "long"}, "cost.seconds"),
        ("cost", {"seconds": float("nan")}, "cost.seconds"),
        ("training", {"logP": 3}, "training.logP"),
        ("versions", None, "versions"),
        ("files", "molecules.csv", "files"),
    ],
)
def test_damage_is_named_by_its_place(stored, key, value, place):
    with pytest.raises(
        InputError, match=f"run.json is damaged at {place} .*: take it from a copy, or run `moldiff"
    ):
        checked(RunRecord, {**stored, key: value}, "run.json")


@pytest.mark.parametrize(
    "change", [{"mean": None}, {"unit": 3}, {"quantiles": {}}, {"bins": {"low": 0}}, {"bins": 3}, {"more": 1}]
)
def test_damaged_statistics_are_refused(stored, change):
    stored["training"]["logP"] |= change
    with pytest.raises(InputError, match=r"run.json is damaged"):
        checked(RunRecord, stored, "run.json")


@pytest.mark.parametrize("key", ["goals", "settings", "counts", "versions", "command", "training"])
def test_what_is_missing_is_named(stored, key):
    del stored[key]
    with pytest.raises(InputError, match=f"damaged at {key} "):
        checked(RunRecord, stored, "run.json")


def test_a_goal_that_cannot_be_read_is_none(stored):
    stored["goals"][0]["goal"] = "<b>more rings</b>"
    record = checked(RunRecord, stored, "run.json")
    assert record.goal(record.goals[0]) is None

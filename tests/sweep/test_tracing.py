import json

import numpy as np
import pandas as pd
import pytest

from moldiff.errors import InputError
from moldiff.sweep import chart, record
from moldiff.sweep.contrast import Contrast, side
from moldiff.sweep.figures import FIGURES
from moldiff.sweep.plan import Grid, Plan, Published
from moldiff.sweep.problem import Problem
from moldiff.sweep.tracing import trace


@pytest.fixture
def small(tiny_model):
    """A plan of four arms of the tiny model, on two seeds and a fresh one."""

    def make(contrasts=(), **changes):
        axes = {
            "model": [str(tiny_model)],
            "gamma": [0.0, 2.0],
            "temperature": [0.7, 1.0],
            "steps": [4],
            **changes,
        }
        grid = Grid(axes, ["rings"], 24, [0, 1])
        theirs = Published("rings", "theirs", 1, 0.01, "a paper", 100)
        return Plan(
            {"rings": Problem("rings", ("rings>=1",))},
            [grid],
            [7],
            [theirs],
            least_novel=1,
            precision="fp32",
            device="cpu",
            contrasts=contrasts,
        )

    return make


def test_a_sweep_from_its_plan_to_its_files(small, tmp_path):
    seen = []
    found = trace(small(), tmp_path, watch=lambda drawn, total: seen.append((drawn, total)))
    chosen, told = found.chosen["rings"], found.told["rings"]
    assert [len(entry.seeds) for entry in chosen.arms] == [2] * 4
    best = {entry.arm.key for entry in chosen.frontier("tiny")}
    assert {entry.arm.key for entry in told.arms} == best
    assert all(entry.seeds == (7,) for entry in told.arms)
    assert [drawn for drawn, _ in seen] == [24 * (place + 1) for place in range(8 + len(best))]
    assert seen[-1][0] == seen[-1][1]

    written = record.write(found, tmp_path, command="moldiff pareto", seconds=1.0)
    written += chart.write(told, chosen, tmp_path)
    assert [path.name for path in written] == [
        "frontier.csv",
        "frontier.json",
        "frontier-rings.png",
        "frontier-rings.svg",
    ]
    table = pd.read_csv(written[0])
    assert len(table) == 4 + len(best)
    assert table["fresh"].sum() == len(best)
    assert {*FIGURES} <= {*table.columns}
    stored = json.loads(written[1].read_text(), parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    (problem,) = stored["problems"]
    assert (stored["kind"], stored["fresh_seeds"], problem["arms_tried"]) == ("frontier", [7], 4)
    assert problem["published"][0]["dominated_by"] == [
        entry.arm.label for entry in told.dominating(told.published[0])
    ]
    assert problem["models"][0]["frontier"] == [entry.arm.label for entry in told.frontier("tiny")]


def test_the_same_call_draws_nothing_again(small, tmp_path, monkeypatch):
    from moldiff.sweep import running

    first = trace(small(), tmp_path)
    monkeypatch.setattr(running, "measure_cell", lambda cell: pytest.fail("drawn again"))
    again = trace(small(), tmp_path)
    for one, other in zip(first.told["rings"].arms, again.told["rings"].arms, strict=True):
        assert one.arm == other.arm
        for name in FIGURES:
            assert np.allclose(one.values[name], other.values[name], rtol=1e-5, equal_nan=True)


def test_figures_do_not_depend_on_the_number_of_workers(small, tmp_path):
    one, two = (trace(small(gamma=[2.0]), tmp_path / str(workers), workers=workers) for workers in (1, 2))
    for mine, theirs in zip(one.chosen["rings"].arms, two.chosen["rings"].arms, strict=True):
        for name in FIGURES:
            if name != "seconds":
                assert np.allclose(mine.values[name], theirs.values[name], rtol=1e-5, equal_nan=True)


def test_both_sides_of_a_contrast_are_told_by_fresh_seeds(small, tmp_path):
    contrast = Contrast("hotter", {"temperature": 1.0}, {"temperature": 0.7})
    found = trace(small(contrasts=[contrast]), tmp_path)
    told = {entry.arm.key for entry in found.told["rings"].arms}
    for against in (False, True):
        best = side(contrast, found.chosen["rings"], against=against)
        assert best
        assert {entry.arm.key for entry in best} <= told
    (effect,) = found.effects("rings")
    assert effect.pairs == 2
    (problem,) = record.record(found, command="moldiff pareto", seconds=1.0)["problems"]
    (stored,) = problem["contrasts"]
    assert (stored["name"], stored["over"], str(stored["ratio"])) == ("hotter", "seeds", str(effect.ratio))
    by_hand = [
        entry.mean("novel") * (1 if entry.arm.settings["temperature"] == 1.0 else -1)
        for entry in found.chosen["rings"].arms
    ]
    assert stored["differences"]["novel"].value == pytest.approx(sum(by_hand) / 2)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"method": ["metropolis"]}, "method 'metropolis' asks a scorer"),
        ({"method": ["cbg"]}, "tiny gamma=0 .*predictor"),
        ({"model": ["no/such"]}, "no model at no/such"),
        ({"model": ["qm8"]}, "did you mean 'qm9'"),
    ],
)
def test_arms_that_do_not_fit_are_refused_before_anything_is_drawn(
    small, tmp_path, monkeypatch, changes, message
):
    from moldiff.sweep import running

    monkeypatch.setattr(running, "measure_cell", lambda cell: pytest.fail("drawn"))
    with pytest.raises(InputError, match=message):
        trace(small(**changes), tmp_path / "sweep")
    assert not (tmp_path / "sweep").exists()

import math
from pathlib import Path

import numpy as np
import pytest

from moldiff.benchmarks import ground as grounds
from moldiff.benchmarks import steering
from moldiff.benchmarks.ground import Ground, Way
from moldiff.benchmarks.searches import Search
from moldiff.benchmarks.steering import WAYS, Lean, compared, targets
from moldiff.scoring.scorers import Contained

CALLS = 120
SCORER = Contained("[F,O,N]", count=True)


@pytest.fixture(autouse=True)
def small_pilot(monkeypatch):
    monkeypatch.setattr(grounds, "PILOT", 16)


@pytest.fixture(scope="module")
def ground(mdlm):
    return Ground(Path(mdlm), "fp32")


def searched(ground, name, scorer=SCORER):
    search = Search(ground, scorer, WAYS[name], seed=0, calls=CALLS)
    search.run()
    return search


@pytest.mark.parametrize("name", ["metropolis", "particles"])
def test_every_way_begins_with_the_same_pilot_and_spends_the_budget(ground, name):
    bar, found = searched(ground, "best-of"), searched(ground, name)
    pilot = {text for drawn in ground.unsteered(Way("best-of"), 0, 0) for text in decoded(ground, drawn)}
    first = list(bar.oracle.scores)[: len(pilot - {""})]
    assert set(first) == pilot - {""}
    assert list(found.oracle.scores)[: len(first)] == first
    assert list(found.oracle.scores) != list(bar.oracle.scores)
    assert found.oracle.calls == bar.oracle.calls == CALLS


def decoded(ground, drawn):
    return ground.tokenizer.decode(drawn.tokens.numpy())


def test_the_bar_is_drawn_once_for_all_scorers_and_paid_for_every_time(ground):
    first = searched(ground, "best-of").standing(CALLS)
    before = ground.network.rows
    second = searched(ground, "best-of", Lean()).standing(CALLS)
    assert ground.network.rows == before
    assert second.evaluated == first.evaluated > 0
    assert second.mean != first.mean


@pytest.mark.parametrize("name", ["metropolis", "particles"])
def test_network_rows_are_those_of_the_pilot_and_of_the_rounds(ground, name):
    pilot = sum(drawn.evaluated for drawn in ground.unsteered(WAYS["best-of"], 0, 0))
    before = ground.network.rows
    found = searched(ground, name)
    assert found.standing(CALLS).evaluated == pilot + ground.network.rows - before


def test_chains_are_above_the_best_of_as_many(ground):
    bar, chains = (searched(ground, name).standing(CALLS) for name in ("best-of", "metropolis"))
    assert chains.mean > bar.mean + 0.5


def test_a_standing_is_about_the_first_calls_only(ground):
    search = searched(ground, "metropolis")
    early, late = search.standing(20), search.standing(CALLS)
    scores = np.array(list(search.oracle.scores.values())[:20])
    assert early.mean == pytest.approx(np.sort(scores[np.isfinite(scores)])[-10:].mean())
    assert early.best == np.nanmax(scores)
    assert (early.calls, late.calls) == (20, CALLS)
    assert early.evaluated < late.evaluated
    assert SCORER(late.molecules)[0] == late.best


def cell(way, seed, mean, objective="count"):
    figures = {"mean": mean, "best": mean, "diversity": 0.5, "calls": 10, "asked": 12, "evaluated": 99}
    return {"objective": objective, "way": way, "seed": seed, "budget": 10, **figures}


def test_what_is_above_the_bar_and_what_is_missed():
    rows = []
    for objective, lead in (("similarity", 0.0), ("count", 1.0), ("logP - SA", 1.0)):
        cells = [cell("best-of", seed, seed, objective) for seed in range(3)]
        cells += [cell("particles", seed, seed + lead + 0.1 * (-1) ** seed, objective) for seed in range(3)]
        rows += compared(cells)
    assert rows[3]["less best-of"].value == pytest.approx(1.0 + 0.1 / 3)
    assert rows[2]["less best-of"] is None
    assert targets(rows) == [
        {
            "way": "particles",
            "budget": 10,
            "above": ["count", "logP - SA"],
            "missed": ["similarity"],
            "met": True,
        }
    ]
    assert not targets([row for row in rows if row["objective"] != "count"])[0]["met"]


def test_the_command_compares_all_ways_on_all_objectives(run_benchmark, mdlm, capsys):
    found = run_benchmark(steering, "--model", mdlm, "--calls", "30", "60", "--seeds", "0", "1")
    rows = found["results"]["compared"]
    assert [(row["objective"], row["budget"], row["way"]) for row in rows] == [
        (objective, budget, way) for objective in steering.OBJECTIVES for budget in (30, 60) for way in WAYS
    ]
    assert all(row["distinct"] == row["budget"] for row in rows)
    assert all((row["less best-of"] is None) == (row["way"] == "best-of") for row in rows)
    assert len(found["results"]["runs"]) == 2 * len(rows)
    assert found["ways"]["particles"]["knobs"]["n"] == WAYS["particles"].knobs["n"]
    assert len(found["results"]["targets"]) == 4
    assert "missed" in capsys.readouterr().out


def test_tuning_has_an_objective_and_seeds_of_its_own(run_benchmark, mdlm):
    found = run_benchmark(
        steering, "--tune", "--only", "metropolis, most 12", "--model", mdlm, "--calls", "40"
    )
    assert {row["objective"] for row in found["results"]["compared"]} == {"tuning"}
    assert min(found["seeds"]) >= 90_000
    assert not set(steering.TUNING) & set(steering.OBJECTIVES)
    assert found["results"]["targets"] == []


def test_lean_is_a_difference_with_nothing_for_no_molecule():
    found = Lean()(["CCCCC", ""])
    assert found[0] > 0
    assert math.isnan(found[1])

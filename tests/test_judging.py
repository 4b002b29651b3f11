"""How molecules are measured against goals, and what is counted over a whole run."""

import numpy as np
import pandas as pd
import pytest

from moldiff.chem.goals import Goal
from moldiff.chem.statistics import PropertyStatistics
from moldiff.judging import Tally, best_first, judge, outside_training
from moldiff.metrics.sets import count_set

STATISTICS = {
    "rings": PropertyStatistics.from_values("rings", [0, 1, 2, 3], "1", "by hand", True),
    "logP": PropertyStatistics.from_values("logP", [-1.0, 1.0], "1", "by hand", False),
    "mu": PropertyStatistics.from_values("mu", [0.0, 4.0], "D", "by hand", False),
}
SMILES = ["CCO", "", "C1CC1", "C1CC2CC12"]


def goals(*texts):
    parsed = [Goal.parse(text) for text in texts]
    return [goal.resolve(STATISTICS[goal.name]) for goal in parsed]


def test_judged_by_what_rdkit_measures():
    frame = judge(SMILES, goals("rings>=2", "max mu"), STATISTICS)
    assert list(frame) == ["rings", "rings_error", "mu", "mu_error", "score", "hit"]
    np.testing.assert_array_equal(frame["rings"], [0, np.nan, 1, 2])
    np.testing.assert_array_equal(frame["rings_error"], [2, np.nan, 1, 0])
    # The training standard deviation of 0, 1, 2, 3 is sqrt(5) / 2.
    np.testing.assert_allclose(frame["score"], np.array([-2, np.nan, -1, 0]) / (np.sqrt(5) / 2))
    assert frame["hit"].tolist() == [False, False, False, True]
    assert frame[["mu", "mu_error"]].isna().all(axis=None)


def test_every_goal_has_to_be_met():
    frame = judge(["CCO", "C1CC1"], goals("rings=1", "logP<=-0.5"), STATISTICS)
    assert frame["rings_error"].tolist() == [1.0, 0.0]
    assert frame["hit"].tolist() == [False, False]


@pytest.mark.parametrize("texts", [[], ["mu=2"]])
def test_nothing_to_judge_by_misses_nothing(texts):
    frame = judge(SMILES, goals(*texts), STATISTICS)
    assert frame["hit"].tolist() == [True, False, True, True]
    np.testing.assert_array_equal(frame["score"], [0, np.nan, 0, 0])


def test_best_comes_first_and_ties_by_the_value_of_max():
    asked = goals("rings>=1", "max logP")
    frame = pd.DataFrame({"rings": [0.0, 1.0, 1.0], "logP": [5.0, 3.0, 4.0]})
    assert best_first(frame, asked, STATISTICS).tolist() == [2, 1, 0]
    assert best_first(frame, [], STATISTICS).tolist() == [0, 1, 2]
    assert best_first(frame, goals("mu=1"), STATISTICS).tolist() == [0, 1, 2]


def test_unusual_is_any_property_outside_either_quantile():
    values = np.linspace(0, 1000, 1001)
    statistics = {
        name: PropertyStatistics.from_values(name, values, "1", "by hand") for name in ("logP", "TPSA", "mu")
    }
    frame = pd.DataFrame({"logP": [1, 0.9, 500, 500], "TPSA": [999, 500, 999.1, 500], "mu": 5000.0})
    assert outside_training(frame, statistics).tolist() == [False, True, True, False]


def chunks_of(smiles, asked, size):
    """Proposals in chunks, with the columns that a run gives them."""
    frame = pd.DataFrame({"smiles": smiles, "valid": [text != "" for text in smiles]})
    frame["unique"] = frame["valid"] & ~frame["smiles"].duplicated()
    frame["novel"] = frame["valid"] & (frame["smiles"] != "CCO")
    frame = pd.concat([frame, judge(smiles, asked, STATISTICS)], axis=1)
    return [frame.iloc[start : start + size] for start in range(0, len(frame), size)]


@pytest.mark.parametrize("size", [1, 3, 100])
@pytest.mark.parametrize("texts", [[], ["rings>=1"], ["mu=1"], ["rings>=1", "max logP"]])
def test_a_tally_counts_what_counting_all_at_once_counts(size, texts):
    smiles, asked = [*SMILES, "CCO", "C1CC1", "CC", "", "C1CC1C"], goals(*texts)
    tally = Tally(asked, STATISTICS)
    for chunk in chunks_of(smiles, asked, size):
        tally.add(chunk)
    judged = any(goal.name != "mu" for goal in asked)
    hit = judge(smiles, asked, STATISTICS)["hit"].to_numpy() if judged else None
    assert tally.counts == count_set(smiles, {"CCO"}, hit=hit, canonical=True)


def test_summaries_of_goals():
    asked = goals("rings>=1", "max mu")
    tally = Tally(asked, STATISTICS)
    (chunk,) = chunks_of(SMILES, asked, 100)
    tally.add(chunk)
    rings, mu = tally.summaries(chunk[chunk["hit"]])
    assert (rings.goal, rings.valid, rings.hits_valid) == ("rings>=1", 3, 2)
    assert rings.error_valid == pytest.approx(1 / 3)  # over CCO, C1CC1, C1CC2CC12
    assert rings.error_returned == 0.0
    assert (mu.goal, mu.direction, mu.unit) == ("max mu", "max", "D")
    assert mu.threshold == pytest.approx(3.8)
    assert mu.error_valid is mu.hits_valid is mu.error_returned is None


def test_summaries_of_nothing_have_no_means():
    asked = goals("rings>=1")
    tally = Tally(asked, STATISTICS)
    (chunk,) = chunks_of(["", ""], asked, 100)
    tally.add(chunk)
    (rings,) = tally.summaries(chunk.head(0))
    assert (rings.valid, rings.error_valid, rings.hits_valid, rings.error_returned) == (0, None, 0, None)

import numpy as np
import pandas as pd
import pytest

from moldiff.benchmarks.aims import value_aims
from moldiff.chem.aims import Aim
from moldiff.chem.statistics import PropertyStatistics
from moldiff.errors import InputError


@pytest.fixture
def statistics():
    return {
        "logP": PropertyStatistics.from_values("logP", np.arange(101.0), "1", "by hand"),
        "TPSA": PropertyStatistics.from_values("TPSA", [0.0, 0.0, 4.0, 4.0], "1", "by hand", integer=False),
        "rings": PropertyStatistics.from_values("rings", [2, 4], "1", "by hand"),
    }


def test_values_are_asked_for_at_percentiles_of_training(statistics):
    aims = value_aims(statistics, ["logP"], [10, 50, 90])
    assert [aim.goals[0].target for aim in aims] == [10.0, 50.0, 90.0]
    assert [aim.percentiles for aim in aims] == [(10,), (50,), (90,)]


def test_pairs_are_all_combinations(statistics):
    aims = value_aims(statistics, ["logP", "TPSA"], [25, 75])
    assert [tuple(goal.target for goal in aim.goals) for aim in aims] == [
        (25.0, 0.0),
        (25.0, 4.0),
        (75.0, 0.0),
        (75.0, 4.0),
    ]
    assert aims[1].name == "logP=25 and TPSA=4"


def test_what_the_model_does_not_have_is_said(statistics):
    with pytest.raises(InputError, match="not trained on 'QED'"):
        value_aims(statistics, ["QED"], [50])
    with pytest.raises(InputError, match=r"no percentile 33 of logP: expected 0\.1, 5, 10"):
        value_aims(statistics, ["logP"], [33])


def test_errors_are_distances_to_the_value_and_to_the_range(statistics):
    values = pd.DataFrame({"TPSA": [4.0, 1.0, np.nan], "rings": [4.0, 1.0, np.nan]})
    # Standard deviations 2 and 1. The value's tolerance does not shorten its distance.
    assert Aim.parse("TPSA=3").errors(values, statistics).tolist()[:2] == [0.5, 1.0]
    assert Aim.parse("TPSA=3", "rings>=3").errors(values, statistics).tolist()[:2] == [0.25, 1.5]
    assert np.isnan(Aim.parse("TPSA=3").errors(values, statistics)[2])


def test_hits_meet_every_goal(statistics):
    values = pd.DataFrame({"TPSA": [3.4, 3.6, 3.0], "rings": [4.0, 4.0, 2.0]})
    assert Aim.parse("TPSA=3", "rings>3").hits(values, statistics).tolist() == [True, False, False]

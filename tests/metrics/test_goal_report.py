"""Hits and errors of goals, by hand."""

import math

import numpy as np
import pandas as pd
import pytest

from moldiff.chem.statistics import PropertyStatistics
from moldiff.errors import InputError
from moldiff.metrics.goal_report import goal_report, read_goals, resolve_goal

VALUES = pd.DataFrame({"rings": [0.0, 3.0, 4.0, np.nan], "logP": [1.0, 2.0, 5.0, np.nan]})
STATISTICS = {"logP": PropertyStatistics.from_values("logP", [0.0, 2.0, 4.0], "1", "by hand", False)}


def judged(*texts, statistics=STATISTICS):
    goals = [resolve_goal(goal, statistics) for goal in read_goals(texts)]
    return goal_report(goals, VALUES, generator=np.random.default_rng(0))


def test_hits_are_of_all_rows_and_errors_of_valid_ones():
    hit, [rings, logp] = judged("rings>=3", "1<=logP<=3")
    assert hit.tolist() == [False, True, False, False]
    assert [(goal.hit_rate.count, goal.hit_rate.total, goal.valid) for goal in (rings, logp)] == [
        (2, 4, 3)
    ] * 2
    assert (rings.error.value, logp.error.value) == pytest.approx((1.0, 2 / 3))
    assert rings.bounds == (3.0, math.inf)
    assert (rings.goal, rings.property, rings.unit) == ("rings>=3", "rings", "1")


def test_statistics_decide_when_max_and_values_are_hit():
    hit, [best] = judged("max logP")
    assert best.bounds[0] == pytest.approx(3.8)  # 95th percentile of 0, 2, 4
    assert hit.tolist() == [False, False, True, False]
    _, [value] = judged("logP=2")
    half = 0.25 * math.sqrt(8 / 3)
    assert value.bounds == pytest.approx((2 - half, 2 + half))


def test_whole_numbers_need_no_statistics():
    hit, [above] = judged("rings>3", statistics={})
    assert above.bounds == (4.0, math.inf)
    assert hit.tolist() == [False, False, True, False]
    assert judged("rings=3", statistics={})[1][0].hit_rate.count == 1
    assert judged("logP=2±0.5", "logP<=3", statistics={})[1][0].hit_rate.count == 1


def test_without_goals_every_molecule_is_a_hit():
    hit, figures = goal_report([], VALUES, generator=np.random.default_rng(0))
    assert (hit.tolist(), figures) == ([True, True, True, False], [])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ringz>=1", "'ringz' cannot be measured of a molecule: did you mean 'rings'"),
        ("rings", "not understood"),
        ("max QED", "beyond a quantile of training: give --model or --reference"),
        ("QED=0.5", "a tolerance, as in 'QED=0.5±0.1'"),
        ("rings=1.5±0.1", "none of them meets it"),
    ],
)
def test_goals_that_cannot_be_judged(text, message):
    with pytest.raises(InputError, match=message):
        judged(text)

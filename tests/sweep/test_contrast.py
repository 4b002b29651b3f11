"""Contrasts: pairs with all else equal, intervals over seeds or trainings, each side at its best."""

from dataclasses import replace

import numpy as np
import pytest

from moldiff.errors import InputError
from moldiff.metrics import jackknife_interval
from moldiff.sweep.arm import Arm
from moldiff.sweep.contrast import Contrast, effect, side
from moldiff.sweep.figures import FIGURES
from moldiff.sweep.plan import Grid, Plan
from moldiff.sweep.problem import Problem
from moldiff.sweep.results import ArmResult, ProblemResult

RINGS = Problem("rings", ("rings>=2",))
REMASKING = Contrast("re-masking", {"sampler": "cap"}, {"sampler": "ancestral"})
PRIMES, PLAINS = ["k2-0", "k2-1", "k2-2"], ["k1-0", "k1-1", "k1-2"]
DIGITS = Contrast("digits", {"model": PRIMES}, {"model": PLAINS})


def arm(novel, mean=4.0, *, model="qm9", **settings):
    """Return what an arm gave on as many seeds as there are numbers of novel molecules."""
    novel = np.array(novel, dtype=float)
    values = {name: np.ones(len(novel)) for name in FIGURES}
    values |= {"novel": novel, "mean_novel": np.full(len(novel), float(mean))}
    return ArmResult(Arm("rings", model, settings), 100, tuple(range(len(novel))), values, ())


def result(*arms):
    return ProblemResult(RINGS, list(arms), average=2.0)


def test_differences_are_of_arms_that_share_all_other_settings():
    found = result(
        arm([40, 50, 60], 5.0, sampler="cap", gamma=1),
        arm([30, 45, 50], 4.0, sampler="ancestral", gamma=1),
        arm([20, 25, 30], 6.5, sampler="cap", gamma=2),
        arm([10, 10, 10], 6.0, sampler="ancestral", gamma=2),
        arm([99, 99, 99], 9.0, sampler="cap", gamma=3),
        arm([99, 99, 99], 9.0, sampler="ancestral", gamma=1, steps=32),
        arm([99, 99, 99], 9.0, sampler="ancestral", gamma=1, model="qm9-prime"),
    )
    told = effect(REMASKING, found, found)
    assert (told.pairs, told.over) == (2, "seeds")
    each = np.array([[10, 5, 10], [10, 15, 20]]).mean(0)
    expected = jackknife_interval(lambda kept: each[kept].mean(), 3)
    assert told.differences["novel"] == expected
    assert told.differences["mean_novel"].value == pytest.approx(0.75)
    assert told.differences["nfe"] == jackknife_interval(lambda kept: 0.0 * kept.mean(), 3)


def test_arms_on_other_seeds_are_no_pair():
    first, second = arm([40, 50], sampler="cap"), arm([10, 12], sampler="ancestral")
    found = result(first, replace(second, seeds=(5, 6)), arm([1, 2], sampler="loop"))
    assert effect(REMASKING, found, found).pairs == 0
    assert effect(REMASKING, result(first, second), found).pairs == 1


def test_several_values_on_a_side_are_averaged():
    several = Contrast("re-masking", {"sampler": ["cap", "loop"]}, {"sampler": "ancestral"})
    found = result(
        arm([40, 50], sampler="cap"), arm([60, 70], sampler="loop"), arm([10, 12], sampler="ancestral")
    )
    assert effect(several, found, found).differences["novel"].value == pytest.approx(44.0)


def test_arms_without_all_seeds_and_figures_that_are_not_there_do_not_count():
    found = result(
        arm([40, 50], np.nan, sampler="cap", gamma=1),
        arm([30, 30], sampler="ancestral", gamma=1),
        arm([40, 50], 5.0, sampler="cap", gamma=2),
        arm([30, 30], 3.0, sampler="ancestral", gamma=2),
        arm([90], sampler="cap", gamma=3),
        arm([10], sampler="ancestral", gamma=3),
    )
    told = effect(REMASKING, found, found)
    assert told.pairs == 2
    assert told.differences["novel"].value == 15.0
    assert told.differences["mean_novel"].value == 2.0


def test_the_interval_is_over_trainings_where_there_are_several():
    assert (DIGITS.trainings, REMASKING.trainings) == (3, 1)
    primes, plains = [[30, 40], [50, 60], [55, 55]], [[25, 35], [30, 30], [50, 60]]
    arms = [arm(novel, model=model) for model, novel in zip(PRIMES, primes, strict=True)]
    arms += [arm(novel, model=model) for model, novel in zip(PLAINS, plains, strict=True)]
    told = effect(DIGITS, result(*arms), result(*arms))
    each = np.array([5.0, 25.0, 0.0])
    assert (told.pairs, told.over) == (1, "trainings")
    assert told.differences["novel"] == jackknife_interval(lambda kept: each[kept].mean(), 3)
    # A recipe of which a training is missing is not compared.
    assert effect(DIGITS, result(*arms[1:]), result(*arms)).pairs == 0


def test_each_side_at_its_best_is_told_by_the_told_arms():
    chosen = result(arm([10, 12], sampler="cap", gamma=1), arm([10, 12], sampler="ancestral", gamma=2))
    told = result(
        arm([40, 44], 5.0, sampler="cap", gamma=1),
        arm([30, 34], 4.5, sampler="cap", gamma=2),
        arm([50, 54], 3.0, sampler="ancestral", gamma=2),
    )
    best = side(REMASKING, told, against=False)
    assert [entry.mean("novel") for entry in best] == [42.0]
    found = effect(REMASKING, chosen, told)
    assert found.pairs == 0
    assert np.isnan(found.differences["novel"].value)
    assert found.ratio == told.ratio(best, side(REMASKING, told, against=True))
    assert found.ratio.value == pytest.approx((0.42 * 3) / (0.52 * 1))


def test_a_problem_without_one_of_the_sides_has_no_effect():
    only = result(arm([10, 12], sampler="cap"))
    assert effect(REMASKING, only, only) is None


@pytest.mark.parametrize(
    ("arms", "against", "message"),
    [
        ({"samplr": "cap"}, {"sampler": "loop"}, "unknown key of contrast 'x' 'samplr': did you mean"),
        ({"sampler": "cap"}, {"sampler": "cap"}, "contrast 'x' holds arms against themselves"),
        ("cap", {"sampler": "cap"}, "arms and against are tables such as"),
        ({}, {"sampler": "cap"}, "arms and against are tables such as"),
    ],
)
def test_contrasts_that_are_none(arms, against, message):
    with pytest.raises(InputError, match=message):
        Contrast("x", arms, against)


def test_a_side_that_no_arm_of_the_plan_has():
    grid = Grid({"sampler": ["ancestral"]}, ["rings"])
    with pytest.raises(InputError, match=r"contrast 're-masking': no arm has \{'sampler': 'cap'\}"):
        Plan({"rings": RINGS}, [grid], contrasts=[REMASKING])

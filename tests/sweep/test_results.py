import numpy as np
import pytest

from moldiff.sweep.arm import Arm
from moldiff.sweep.figures import FIGURES
from moldiff.sweep.plan import Published
from moldiff.sweep.problem import Problem
from moldiff.sweep.results import ArmResult, ProblemResult

RINGS = Problem("rings", ("rings>=2",))


def result(model, novel, mean, *, seeds=(0, 1, 2), n=100, gamma=1.0, figure="mean_novel"):
    """Return an arm whose figures differ a little from seed to seed."""
    spread = np.arange(len(seeds)) - (len(seeds) - 1) / 2
    values = {name: np.ones(len(seeds)) for name in FIGURES}
    values |= {"novel": novel + spread, figure: mean + 0.1 * spread}
    return ArmResult(Arm("rings", model, {"gamma": gamma}), n, tuple(seeds), values, ("CCO",))


@pytest.fixture
def found():
    arms = [
        result("a", 60, 4.0, gamma=1.0),
        result("a", 40, 5.0, gamma=2.0),
        result("a", 39, 4.5, gamma=3.0),
        result("a", 4, 9.0, gamma=4.0),
        result("b", 50, 3.0),
    ]
    published = [
        Published("rings", "beaten", 390, 4.9, "x", 1000),
        Published("rings", "not beaten", 500, 5.0, "x", 1000),
        Published("rings", "made otherwise", 700, 8.0, "x", 1000, apart=True),
    ]
    return ProblemResult(RINGS, arms, published, average=2.0, least_novel=5)


def test_the_frontier_of_each_model(found):
    assert found.groups == ["a", "b"]
    assert [entry.arm.settings["gamma"] for entry in found.frontier("a")] == [1.0, 2.0]
    assert [entry.arm.label for entry in found.frontier("b")] == ["b gamma=1"]
    # Of all models together the second one's best is dominated.
    assert [entry.arm.group for entry in found.frontier()] == ["a", "a"]


def test_few_novel_molecules_are_no_part_of_it(found):
    assert all(entry.mean("novel") >= 5 for entry in found.eligible())


def test_a_smaller_sample_is_no_part_of_it(found):
    """Its share of novel molecules is larger because there is less to repeat."""
    small = result("a", 45, 9.0, n=50)
    with_it = ProblemResult(RINGS, [*found.arms, small], average=2.0, least_novel=5)
    assert small in with_it.arms
    assert with_it.frontier("a") == found.frontier("a")
    alone = ProblemResult(RINGS, [small], average=2.0, least_novel=5)
    assert alone.frontier("a") == [small]


def test_the_area_above_no_novel_molecule_at_the_average(found):
    # Shares of the proposals, and of the best published mean that is not shown apart, 5.
    area = 0.6 * (4 - 2) / 5 + 0.4 * (5 - 4) / 5
    arms = found.frontier("a")
    assert found.hypervolume(arms).value == pytest.approx(area)
    theirs = 0.5 * (5 - 2) / 5
    assert found.ratio_to_published(arms).value == pytest.approx(area / theirs)
    other = 0.5 * (3 - 2) / 5
    assert found.ratio(arms, found.frontier("b")).value == pytest.approx(area / other)


def test_intervals_are_those_over_seeds(found):
    area = found.hypervolume(found.frontier("b"))
    # Of one arm the area is a product of means, nearly linear: the interval holds what the seeds gave.
    each = [(49 / 100) * 0.9 / 5, 0.5 * 1.0 / 5, 0.51 * 1.1 / 5]
    assert area.low < min(each) < area.value < max(each) < area.high
    assert found.ratio(found.frontier("a"), found.frontier("a")).low == pytest.approx(1.0)


def test_one_seed_has_no_interval():
    alone = ProblemResult(RINGS, [result("a", 60, 4.0, seeds=(0,))], average=2.0)
    area = alone.hypervolume(alone.frontier())
    assert area.value > 0
    assert np.isnan(area.low)


def test_who_dominates_what_was_published(found):
    beaten = [[arm.arm.label for arm in found.dominating(entry)] for entry in found.published]
    assert beaten == [["a gamma=2"], [], []]


def test_small_errors_are_better():
    value = Problem("rings", ("rings=2",))
    arms = [result("a", 60, 0.5, figure="error_novel"), result("a", 40, 0.2, gamma=2.0, figure="error_novel")]
    found = ProblemResult(value, [*arms, result("a", 39, 0.4, gamma=3.0, figure="error_novel")], average=1.0)
    assert found.frontier() == arms
    assert found.hypervolume(arms).value == pytest.approx((0.6 * 0.5 + 0.4 * 0.3) / 0.5)


def test_without_an_average_the_worst_arm_is_the_reference():
    arms = [result("a", 60, 4.0), result("a", 40, 5.0, gamma=2.0)]
    found = ProblemResult(RINGS, arms)
    assert found.reference == (0.0, pytest.approx(4 / 5))
    assert found.hypervolume(arms).value == pytest.approx(0.4 * 1 / 5)


def test_nothing_at_all():
    empty = ProblemResult(RINGS, [])
    assert (empty.groups, empty.frontier()) == ([], [])
    assert np.isnan(empty.hypervolume([]).value)

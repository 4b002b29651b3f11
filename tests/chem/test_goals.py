from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from soak import examples

from moldiff.chem import Goal, PropertyStatistics, rank, score
from moldiff.errors import InputError

NUMBERS = st.floats(-1e12, 1e12)
NAMES = st.sampled_from(
    ["logP", "rings", "pIC50 (nM)", "log S", "my_package.scores:potency", "Δε", "e5", "maximum"]
)
WEIGHTS = st.floats(1e-3, 1e3)
LABELS = st.sampled_from(["BBB+", "BBB-", "+", "-", "not active", "1a", "µ-opioid", "max dose", "[C@H]"])


def continuous(name: str = "logP", std: float = 2.0) -> PropertyStatistics:
    """Mean 0.5 and the standard deviation asked for, from two values."""
    return PropertyStatistics.from_values(name, [0.5 - std, 0.5 + std], "1", "by hand", integer=False)


def classes(name: str, labels: list[str]) -> PropertyStatistics:
    """Each label once."""
    names = sorted(labels)
    return PropertyStatistics.from_values(name, range(len(names)), "class", "by hand", classes=names)


def whole(name: str = "rings") -> PropertyStatistics:
    return PropertyStatistics.from_values(name, list(range(101)), "1", "0 to 100, once each")


@pytest.mark.parametrize(
    ("text", "goal"),
    [
        ("logP=1.5", Goal("logP", target=1.5)),
        ("logP = -1.5", Goal("logP", target=-1.5)),
        ("logP==.5", Goal("logP", target=0.5)),
        ("logP=1.5±0.2", Goal("logP", target=1.5, tolerance=0.2)),
        ("logP=1.5+-0.2", Goal("logP", target=1.5, tolerance=0.2)),
        ("logP=1e1 +/- 2e-1", Goal("logP", target=10, tolerance=0.2)),
        ("rings=3±0", Goal("rings", target=3, tolerance=0)),
        ("1<=logP<=2", Goal("logP", 1, 2)),
        ("1 < logP ≤ 2", Goal("logP", 1, 2, low_open=True)),
        ("2>logP>=1", Goal("logP", 1, 2, high_open=True)),
        ("rings>=4", Goal("rings", low=4)),
        ("rings≥4", Goal("rings", low=4)),
        ("rings>3", Goal("rings", low=3, low_open=True)),
        ("rings<=2", Goal("rings", high=2)),
        ("rings<2", Goal("rings", high=2, high_open=True)),
        ("4<=rings", Goal("rings", low=4)),
        ("4>rings", Goal("rings", high=4, high_open=True)),
        ("max QED", Goal("QED", direction="max")),
        ("Minimise  SA", Goal("SA", direction="min")),
        ("2*rings>=4", Goal("rings", low=4, weight=2)),
        (
            "0.5 * max my_package.scores:potency",
            Goal("my_package.scores:potency", direction="max", weight=0.5),
        ),
        ("pIC50 (nM)>=7", Goal("pIC50 (nM)", low=7)),
        ("BBB=BBB+", Goal("BBB", label="BBB+")),
        ("2 * BBB == BBB-", Goal("BBB", label="BBB-", weight=2)),
        ("activity=not  active", Goal("activity", label="not active")),
        ("stage=1a", Goal("stage", label="1a")),
    ],
)
def test_texts_and_what_they_mean(text: str, goal: Goal) -> None:
    assert Goal.parse(text) == goal
    assert Goal.parse(str(goal)) == goal


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not understood"),
        ("QED", "in a shell, put it in quotes"),
        ("rings>=", "not understood"),
        ("rings=>4", "not understood"),
        ("rings>=four", "not understood"),
        ("=4", "not understood"),
        ("3=rings", "not understood"),
        ("logP=1.5±", "not understood"),
        ("2<=logP<=1", "no number lies between 2 and 1"),
        ("1<logP<=1", "no number lies between 1 and 1"),
        ("1<=logP>=2", "must point the same way"),
        ("max QED=3", "max and min stand alone"),
        ("max max QED", "max and min stand alone"),
        ("logP=1e999", "too large a number"),
        ("logP=1±-1", "tolerance must be 0 or more"),
        ("0*rings>=4", "weight must be above 0"),
        ("-1*rings>=4", "weight must be above 0"),
        ("a" * 600, "at most 500 characters"),
        ("BBB=a=b", "not understood"),
        ("BBB=BBB+ or BBB-*", "not understood"),
        ("BBB=" + "a" * 200, "at most 100 characters"),
    ],
)
def test_refusals_say_why(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Goal.parse(text)


@examples(500)
@given(
    st.one_of(
        st.text(max_size=30),
        st.text(alphabet="logPmaxin<>=≤≥±*+-/.:e0123456789 _\t(", max_size=20),
        st.lists(
            st.sampled_from(
                ["1", "-.5", "1e9", "logP", "max", "<", "<=", ">", ">=", "=", "±", "+-", "*", " "]
            ),
            max_size=9,
        ).map("".join),
    )
)
def test_any_text_is_a_goal_that_reads_back_or_an_input_error(text: str) -> None:
    try:
        goal = Goal.parse(text)
    except InputError:
        return
    assert Goal.parse(str(goal)) == goal


def goals(draw: st.DrawFn) -> Goal:
    """Draw a goal of any form."""
    name, weight = draw(NAMES), draw(WEIGHTS)
    form = draw(st.sampled_from(["value", "tolerance", "range", "low", "high", "max", "min", "class"]))
    if form == "class":
        return Goal(name, label=draw(LABELS), weight=weight)
    if form == "value":
        return Goal(name, target=draw(NUMBERS), weight=weight)
    if form == "tolerance":
        return Goal(name, target=draw(NUMBERS), tolerance=draw(st.floats(0, 1e9)), weight=weight)
    if form in {"max", "min"}:
        return Goal(name, direction="max" if form == "max" else "min", weight=weight)
    low, high = sorted((draw(NUMBERS), draw(NUMBERS)))
    low_open, high_open = (draw(st.booleans()) and low < high for _ in range(2))
    if form == "low":
        return Goal(name, low=low, low_open=low_open, weight=weight)
    if form == "high":
        return Goal(name, high=high, high_open=high_open, weight=weight)
    return Goal(name, low, high, low_open, high_open, weight=weight)


GOALS = st.composite(goals)()


@given(goal=GOALS)
def test_every_goal_reads_back_from_its_text(goal: Goal) -> None:
    assert Goal.parse(str(goal)) == goal


@given(goal=GOALS, std=st.floats(0, 1e6))
def test_resolving_again_changes_nothing(goal: Goal, std: float) -> None:
    stats = continuous(goal.name, std) if goal.label is None else classes(goal.name, [goal.label, "other"])
    resolved = goal.resolve(stats)
    assert resolved.resolve(stats) == resolved
    # Only a threshold is lost on the way through text, and comes back from the same statistics.
    assert Goal.parse(str(resolved)).resolve(stats) == resolved


@given(goal=GOALS, values=st.lists(st.one_of(NUMBERS, st.just(math.nan)), min_size=1))
def test_error_is_the_distance_to_the_bounds(goal: Goal, values: list[float]) -> None:
    if goal.label is not None:
        return
    goal = goal.resolve(continuous(goal.name))
    low, high = goal.bounds()
    assert low <= high
    column = np.array(values)
    error, hit = goal.error(column), goal.hit(column)
    np.testing.assert_allclose(error, np.abs(column - np.clip(column, low, high)), rtol=1e-12)
    assert (np.isnan(error) == np.isnan(column)).all()
    assert not hit[np.isnan(column)].any()
    at_open_end = (goal.low_open & (column == low)) | (goal.high_open & (column == high))
    assert (hit == ((error == 0) & ~at_open_end)).all()


def test_tolerance_is_a_quarter_of_the_training_deviation() -> None:
    goal = Goal.parse("logP=1").resolve(continuous(std=2.0))
    assert goal.tolerance == 0.5
    assert goal.bounds() == (0.5, 1.5)
    assert goal.hit(np.array([0.4, 0.5, 1.5, 1.6, math.nan])).tolist() == [False, True, True, False, False]
    assert Goal.parse("logP=1±0.1").resolve(continuous()).tolerance == 0.1


def test_whole_numbers_are_met_exactly() -> None:
    goal = Goal.parse("rings=3").resolve(whole())
    assert goal.bounds() == (3.0, 3.0)
    assert goal.error(np.array([1.0, 3.0, 4.0])).tolist() == [2.0, 0.0, 1.0]


@pytest.mark.parametrize(
    ("text", "bounds"),
    [
        ("rings>3", (4, math.inf)),
        ("rings>3.5", (4, math.inf)),
        ("rings>=3.5", (4, math.inf)),
        ("rings<3", (-math.inf, 2)),
        ("rings<=3.5", (-math.inf, 3)),
        ("1<rings<4", (2, 3)),
    ],
)
def test_intervals_of_whole_numbers(text: str, bounds: tuple[float, float]) -> None:
    assert Goal.parse(text).resolve(whole()).bounds() == bounds


@pytest.mark.parametrize("text", ["rings=2.5", "rings=2.5±0.4", "2<rings<3", "1.2<=rings<=1.8"])
def test_whole_numbers_that_do_not_exist_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="takes whole numbers"):
        Goal.parse(text).resolve(whole())


def test_extremes_are_hit_beyond_training_percentiles() -> None:
    largest = Goal.parse("max rings").resolve(whole())
    smallest = Goal.parse("min rings").resolve(whole())
    assert largest.bounds() == (95.0, math.inf)
    assert smallest.bounds() == (-math.inf, 5.0)
    assert largest.hit(np.array([94, 95, 96])).tolist() == [False, True, True]
    assert smallest.error(np.array([4, 5, 8])).tolist() == [0.0, 0.0, 3.0]


def test_a_class_is_met_exactly_or_missed_by_one() -> None:
    stats = classes("tox", ["high", "low", "middle"])
    goal = Goal.parse("tox=low").resolve(stats)
    values = np.array([0.0, 1.0, 2.0, math.nan])
    assert goal.hit(values).tolist() == [False, True, False, False]
    np.testing.assert_array_equal(goal.error(values), [1.0, 0.0, 1.0, math.nan])
    # From the first to the last of three classes it is no farther than to the next.
    far = Goal.parse("tox=high").resolve(stats)
    np.testing.assert_array_equal(far.error(values), [0.0, 1.0, 1.0, math.nan])
    assert str(goal) == "tox=low"
    np.testing.assert_allclose(
        score([Goal.parse("2*tox=low")], {"tox": values}, {"tox": stats})[:3], [-2, 0, -2]
    )


def test_a_class_whose_name_reads_as_a_number() -> None:
    stats = classes("stage", ["1a", "1b", "2"])
    goal = Goal.parse("stage=2").resolve(stats)
    assert (goal.label, goal.bounds()) == ("2", (2.0, 2.0))
    assert goal.resolve(stats) == goal
    assert Goal.parse(str(goal)).resolve(stats) == goal


@pytest.mark.parametrize("text", ["BBB=bbb", "BBB=1", "BBB>=1", "max BBB", "BBB=0±1", "0<=BBB<=1"])
def test_other_goals_on_a_class_are_refused_with_its_labels(text: str) -> None:
    with pytest.raises(InputError, match=r"BBB is a class: expected BBB=BBB\+ or BBB=BBB-"):
        Goal.parse(text).resolve(classes("BBB", ["BBB-", "BBB+"]))


def test_a_class_of_a_number_is_refused() -> None:
    with pytest.raises(
        InputError, match=r"logP takes numbers, and 'low' is none; expected such as logP=1\.5"
    ):
        Goal.parse("logP=low").resolve(continuous())


@pytest.mark.parametrize("label", ["", " a", "a  b", "a<b", "a=b", "a*", "±", "1+-0.2", "a" * 101, "a\0"])
def test_labels_that_no_text_could_hold(label: str) -> None:
    with pytest.raises(ValueError, match="cannot be a class"):
        Goal("BBB", label=label)


def test_unresolved_goals_have_no_bounds() -> None:
    for text in ("logP=1", "max QED", "BBB=BBB+"):
        with pytest.raises(ValueError, match="resolve it first"):
            Goal.parse(text).hit(np.zeros(1))
    with pytest.raises(ValueError, match="cannot be resolved with the statistics of 'rings'"):
        Goal.parse("logP=1").resolve(whole())


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"target": 1.0, "direction": "max"},
        {"target": 1.0, "low": 0.0},
        {"low": math.nan, "high": 1.0},
        {"target": math.inf},
        {"target": 1.0, "weight": math.nan},
        {"label": "a", "low": 0.0},
        {"target": 1.0, "weight": 0.0},
    ],
)
def test_goals_without_meaning_cannot_be_built(fields: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"expected|must"):
        Goal("logP", **fields)  # type: ignore[arg-type]


def test_weight_of_the_text_comes_first() -> None:
    assert Goal.parse("rings>=4", weight=3.0).weight == 3.0
    assert Goal.parse("2*rings>=4", weight=3.0).weight == 2.0


def test_score_by_hand() -> None:
    stats = {"logP": continuous(std=2.0), "rings": whole()}
    wishes = [Goal.parse("logP>=1"), Goal.parse("3*rings=10")]
    table = {"logP": np.array([1.0, 0.0, math.nan]), "rings": np.array([10.0, 8.0, 10.0])}
    rings_std = math.sqrt((101**2 - 1) / 12)
    expected = [0.0, -(1 * 1 / 2 + 3 * 2 / rings_std), math.nan]
    np.testing.assert_allclose(score(wishes, table, stats), expected)


def test_rank_breaks_ties_by_the_extremes() -> None:
    stats = {"logP": continuous(), "rings": whole()}
    wishes = [Goal.parse("max rings"), Goal.parse("logP<=1")]
    table = {
        "rings": np.array([96.0, 100.0, 98.0, 99.0, 97.0]),
        "logP": np.array([0.0, 5.0, 0.0, math.nan, 0.0]),
    }
    assert rank(wishes, table, stats).tolist() == [2, 4, 0, 1, 3]
    assert rank([Goal.parse("min rings")], {"rings": np.array([3.0, 1.0, 2.0])}, stats).tolist() == [1, 2, 0]


def test_score_of_unknown_columns_is_refused() -> None:
    with pytest.raises(InputError, match="no values of 'ring' to judge a goal by: did you mean 'rings'"):
        score([Goal.parse("ring>=1")], {"rings": np.zeros(1)}, {"rings": whole()})
    with pytest.raises(ValueError, match="at least one goal"):
        score([], {}, {})

import pytest
from report_contents import frontier

from moldiff.reporting.frontier_record import FrontierRecord
from moldiff.reporting.scatter import AGAINST, BOTTOM, LEFT, RIGHT, SHAPES, TOP, Scatter, look


@pytest.fixture(scope="module")
def stored():
    return frontier()


@pytest.fixture
def problems(stored):
    return FrontierRecord.model_validate(stored).problems


def kinds(scatter):
    return [mark.kind for mark in scatter.marks]


def at(scatter, mark, name="novel"):
    return scatter.axes[name].at(mark.values[name]), mark.y


def test_every_arm_and_every_published_result_has_a_mark(problems):
    scatter = Scatter(problems[0])
    assert kinds(scatter) == ["front"] * 6 + ["published", "apart"]
    assert all(
        LEFT <= x <= RIGHT and TOP <= y <= BOTTOM for x, y in (at(scatter, mark) for mark in scatter.marks)
    )


def test_better_is_higher_whichever_way_the_figure_goes(problems):
    for problem in problems:
        scatter = Scatter(problem)
        marks = {mark.entry.label: mark for mark in scatter.marks if mark.kind == "front"}
        weak, strong = marks["qm9 gamma=1 steps=32"], marks["qm9 gamma=3 steps=32"]
        assert strong.y < weak.y
        assert at(scatter, strong)[0] < at(scatter, weak)[0]


def test_published_results_lie_on_the_first_axis_only_and_by_the_proposals_of_the_arms(stored):
    problem = FrontierRecord.model_validate(stored).problems[0]
    half = problem.published[0].model_copy(update={"n": 512, "novel": 216.0})
    scatter = Scatter(problem.model_copy(update={"published": [half]}))
    [mark] = [mark for mark in scatter.marks if mark.kind == "published"]
    assert mark.values == {name: 432.0 if name == "novel" else None for name in AGAINST}


def test_arms_of_fewer_proposals_are_compared_as_if_they_had_as_many(problems):
    arm = problems[0].arms[0]
    few = arm.model_copy(update={"n": 256})
    scatter = Scatter(problems[0].model_copy(update={"arms": [few, *problems[0].arms[1:]]}))
    [mark] = [mark for mark in scatter.marks if mark.entry is few]
    assert mark.values["novel"] == pytest.approx(4 * arm.value("novel"))
    low, high = mark.bars["novel"]
    assert high - low == pytest.approx(4 * (arm.figures["novel"].high - arm.figures["novel"].low))
    assert mark.values["hit_rate"] == 0.5


def test_arms_that_are_not_of_a_frontier_come_first_and_without_intervals(problems):
    arms = problems[0].arms
    beaten = [arms[0].model_copy(update={"frontier": False}), *arms[1:]]
    tried = [arm.model_copy(update={"frontier": True}) for arm in arms]
    scatter = Scatter(problems[0].model_copy(update={"arms": beaten, "tried": tried}))
    assert kinds(scatter) == ["tried"] * 6 + ["other"] + ["front"] * 5 + ["published", "apart"]
    assert [mark.reach is not None for mark in scatter.marks] == [False] * 7 + [True] * 5 + [False] * 2
    assert [path.count(" ") for _, path in scatter.joined] == [3, 5]  # two arms of qm9, three of qm9-prime


def test_an_arm_without_novel_molecules_has_no_place(problems):
    arm = problems[0].arms[0]
    nothing = {**arm.figures, "mean_novel": arm.figures["mean_novel"].model_copy(update={"value": None})}
    arms = [arm.model_copy(update={"figures": nothing, "frontier": False}), *problems[0].arms[1:]]
    scatter = Scatter(problems[0].model_copy(update={"arms": arms}))
    assert (scatter.undrawn, len(scatter.marks)) == (1, 7)


def test_one_seed_has_marks_and_no_bars():
    scatter = Scatter(FrontierRecord.model_validate(frontier(fresh=(5,))).problems[0])
    assert [scatter.bars(mark) for mark in scatter.marks] == [""] * 8


def test_costs_that_differ_much_are_logarithmic(problems):
    scatter = Scatter(problems[0])
    assert not scatter.axes["nfe"].log
    wide = FrontierRecord.model_validate(frontier(gammas=(0.0, 1.0, 2.0, 3.0))).problems[0]
    assert Scatter(wide).axes["nfe"].log


def test_no_two_models_look_alike():
    looks = [look(number) for number in range(len(SHAPES) ** 2)]
    assert len(set(looks)) == len(looks)

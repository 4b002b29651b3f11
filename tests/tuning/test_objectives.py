import math

import pytest
from tuning_checks import RINGS, made_up, make_task

from moldiff.errors import InputError
from moldiff.sweep.problem import Problem
from moldiff.tuning.objectives import OBJECTIVES, Limit, check_objectives, direction, together
from moldiff.tuning.serving import Serving

LESS = Problem("SA", ("min SA",))
VALUE = Problem("logP", ("logP=1",))


def test_directions():
    assert [direction(name, RINGS) for name in ("novel_hits", "error_novel", "nfe", "seconds")] == [
        1,
        -1,
        -1,
        -1,
    ]
    assert [direction("mean_novel", problem) for problem in (RINGS, LESS)] == [1, -1]
    assert direction("hypervolume", VALUE) == 1


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["novel_hit"], "unknown objective 'novel_hit': did you mean 'novel_hits'"),
        (["mean_novel"], "'logP' wants neither more nor less"),
        (["nfe", "nfe"], "expected objectives that differ, got nfe, nfe"),
        ([], "expected objectives that differ, got none"),
        (["heavy_atoms"], "unknown objective"),
    ],
)
def test_objectives_that_mean_nothing_are_refused(names, message):
    with pytest.raises(InputError, match=message):
        check_objectives(names, VALUE)


def test_every_objective_says_what_it_is():
    assert all(entry.text for entry in OBJECTIVES.values())


@pytest.mark.parametrize("text", ["novelty", "novelty>0.5", "novelty>=half", "nfe<=inf", "0.5<=novelty", ""])
def test_a_limit_that_is_none_is_refused(text):
    with pytest.raises(InputError, match=r"expected a limit such as novelty>=0\.5"):
        Limit.parse(text)


def test_a_limit_on_an_unknown_figure_is_refused():
    with pytest.raises(InputError, match=r"unknown figure 'novlty': did you mean 'novelty'\?"):
        Limit.parse("novlty>=0.5")


def test_how_far_a_limit_is_missed():
    assert Limit.parse("nfe <= 40").excess({"nfe": 50.0}) == 0.25
    assert Limit.parse("nfe<=40").excess({"nfe": 40.0}) == 0
    assert Limit.parse("mean_novel>=0").excess({"mean_novel": -3.0}) == 3.0
    assert Limit.parse("diversity>=0.5").excess({"diversity": math.nan}) > 100


def test_the_hypervolume_of_an_arm_by_hand():
    task = make_task(sweeps=True, objectives=("hypervolume",), average=2.0)
    cells = task.cells({"temperature": 0.6}, seed=0)
    assert [cell.arm.settings["gamma"] for cell in cells] == [1.0, 2.0, 3.0]
    # Points (0.9, 3.5), (0.8, 4) and (0.7, 4.5) above (0, 2).
    found = task.figures({"temperature": 0.6}, 0, made_up)
    assert found["hypervolume"] == pytest.approx(0.9 * 1.5 + 0.8 * 0.5 + 0.7 * 0.5)
    assert found["novel"] == pytest.approx(80)


def test_the_strength_that_is_swept_is_that_of_the_guidance():
    serving = Serving(("cfg", "cbg-topk"), "cbg-topk")
    task = make_task(serving=serving, sweeps=True, objectives=("hypervolume",), average=2.0)
    for settings in ({"method": "cbg-topk", "gamma": 1.0}, {"method": "auto", "gamma": 1.0}, {"gamma": 1.0}):
        arms = [cell.arm.settings for cell in task.cells(settings, 0)]
        assert [(arm["gamma"], arm["gamma_classifier"]) for arm in arms] == [
            (1.0, 1.0),
            (1.0, 2.0),
            (1.0, 3.0),
        ]


def test_arms_without_novel_molecules_have_no_area():
    row = {**made_up(make_task().cells({}, 0)[0]), "mean_novel": math.nan}
    assert together([row], RINGS, 100, 2.0)["hypervolume"] == 0.0
    assert math.isnan(together([row], RINGS, 100, math.nan)["hypervolume"])


def test_an_area_needs_the_average_of_training():
    with pytest.raises(InputError, match="'hypervolume' counts from the average"):
        make_task(sweeps=True, objectives=("hypervolume",))

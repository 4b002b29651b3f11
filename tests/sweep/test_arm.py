import pytest

from moldiff.errors import InputError
from moldiff.sweep.arm import Arm, read_sampler
from moldiff.sweep.measuring import Cell, plan_cell
from moldiff.sweep.problem import Problem


def test_settings_become_keywords_of_the_facade():
    settings = {
        "method": "cbg-topk",
        "gamma_classifier": 2,
        "k": 4,
        "gamma": 1.5,
        "sampler": "cap:eta=0.1,at=0.5",
    }
    assert Arm("p", "qm9", settings).keywords == {
        "method": "cbg-topk",
        "gamma": 1.5,
        "sampler": "cap",
        "knobs": {"eta": 0.1, "at": 0.5},
        "method_knobs": {"gamma_classifier": 2, "k": 4},
    }


def test_an_arm_is_told_by_all_of_it():
    one = Arm("p", "models/a", {"gamma": 1, "steps": 8})
    assert one.key == Arm("p", "models/a", {"steps": 8, "gamma": 1}).key
    others = [
        Arm("q", "models/a", one.settings),
        Arm("p", "models/b", one.settings),
        Arm("p", "models/a", {"gamma": 1}),
    ]
    assert len({one.key, *(arm.key for arm in others)}) == 4
    assert one.group == "a"


def test_the_label_is_for_people():
    arm = Arm("p", "runs/mine", {"predictor": "runs/predictor", "gamma": 1.23456789})
    assert arm.label == "mine predictor=predictor gamma=1.235"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"gama": 1}, "unknown setting of an arm 'gama': did you mean 'gamma'"),
        ({"knobs": {"eta": 0.1}}, "unknown setting of an arm 'knobs'"),
        ({"seed": 1}, "unknown setting of an arm 'seed'"),
        ({"gamma": "strong"}, "gamma must be a number"),
        ({"temperature": -1}, "temperature must be a number from"),
        ({"steps": 2.5}, "steps must be a whole number"),
        ({"sampler": "lop"}, "did you mean 'loop'"),
        ({"sampler": "cap:eta"}, "expected a knob such as eta=0.05"),
        ({"sampler": "cap:eta=3/T"}, "give the number of steps"),
        ({"sampler": "cap:ete=3"}, "did you mean 'eta'"),
        ({"method": 3}, "method must be text"),
        ({"ask": "rings>=; logP=1"}, "goal 'rings>=': not understood"),
    ],
)
def test_settings_that_mean_nothing_are_refused(settings, message):
    with pytest.raises(InputError, match=message):
        Arm("p", "qm9", settings)


def test_goals_that_are_asked_for_in_the_place_of_the_usual():
    problem = Problem("p", ("rings>=4",))
    asked = {"ask": "rings=5; fsp3=0.8", "steps": 4}
    for settings, names in (({"steps": 4}, ["rings"]), (asked, ["rings", "fsp3"])):
        targets = plan_cell(Cell(Arm("p", "qm9", settings), problem, 0, 4)).targets
        assert [goal.name for goal in targets.goals] == names
        assert targets.goals[0].target == (5 if settings is asked else None)


def test_knobs_over_the_number_of_steps():
    assert read_sampler("cap:eta=3/T", 32) == ("cap", {"eta": 0.09375})
    assert read_sampler("ancestral", None) == ("ancestral", {})

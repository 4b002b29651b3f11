"""What serves which goal: the choice, its reasons, and what is said where nothing can."""

import pytest

from moldiff.chem.goals import Goal
from moldiff.chem.properties import PROPERTIES
from moldiff.choosing import AUTO_GUIDANCE, AUTO_SELECTION, WITHOUT_REFILLS, Known, choose
from moldiff.errors import InputError
from moldiff.guidance import GUIDANCE, SELECTIONS

KNOWN = Known(
    model=["rings", "mu"], predictor=["rings", "gap", "logP"], scorers=["mine", "my_scores:potency"]
)


def chosen(method, *texts, known=KNOWN):
    return choose([Goal.parse(text) for text in texts], method, known)


NOBODY = "the model was not trained on it and no predictor knows it"
AUTO = {
    # Known to all three: the conditions come first.
    "rings>=4": ("condition", "cfg", None, "a condition of the model (cfg)"),
    "mu=2": ("condition", "cfg", None, "a condition of the model (cfg)"),
    # RDKit computes it as well, but a predictor needs no scores.
    "logP=1": (
        "predictor",
        AUTO_GUIDANCE,
        None,
        f"guided by a predictor ({AUTO_GUIDANCE}): the model was not trained on it",
    ),
    "max gap": (
        "predictor",
        AUTO_GUIDANCE,
        None,
        f"guided by a predictor ({AUTO_GUIDANCE}): the model was not trained on it",
    ),
    "max QED": (
        "steering",
        "cfg",
        AUTO_SELECTION,
        f"steered by the scores of molecules ({AUTO_SELECTION}): {NOBODY}",
    ),
    "max mine": (
        "steering",
        "cfg",
        AUTO_SELECTION,
        f"steered by the scores of molecules ({AUTO_SELECTION}): {NOBODY}",
    ),
}


@pytest.mark.parametrize("text", AUTO)
def test_auto_takes_conditions_then_a_predictor_then_steering(text):
    server, guidance, selection, reason = AUTO[text]
    choice = chosen("auto", text)
    assert (choice.served, choice.guidance, choice.selection) == ([server], guidance, selection)
    assert choice.reasons == [f"{text}: {reason}"]


def test_auto_serves_each_goal_its_own_way():
    goals = [Goal.parse(text) for text in ("max gap", "rings>=4", "max mine", "mu=2")]
    choice = choose(goals, "auto", KNOWN)
    assert choice.served == ["predictor", "condition", "steering", "condition"]
    assert (choice.guidance, choice.selection) == (AUTO_GUIDANCE, AUTO_SELECTION)
    assert choice.of(goals, "condition") == [goals[1], goals[3]]
    assert choice.of(goals, "predictor") == goals[:1]
    assert choice.of(goals, "steering") == goals[2:3]


def test_without_goals_there_is_nothing_to_serve():
    for method in ("auto", "cfg"):
        choice = chosen(method)
        assert (choice.served, choice.guidance, choice.selection, choice.reasons) == ([], "cfg", None, [])


def test_models_whose_tokens_cannot_be_refilled_are_steered_in_another_way():
    rigid = Known(["rings"], refills=False)
    assert chosen("auto", "max QED", known=rigid).selection == WITHOUT_REFILLS != AUTO_SELECTION
    assert chosen("auto", "rings=1", known=rigid).selection is None
    assert chosen("best-of", "max QED", known=rigid).selection == "best-of"


@pytest.mark.parametrize("method", [name for name in GUIDANCE if name != "cfg"])
def test_a_predictor_by_name_serves_what_it_knows_and_leaves_conditions_the_rest(method):
    choice = chosen(method, "rings>=4", "mu=2")
    assert choice.served == ["predictor", "condition"]
    assert (choice.guidance, choice.selection) == (method, None)
    assert choice.reasons == [
        f"rings>=4: guided by a predictor ({method})",
        "mu=2: a condition of the model (cfg): no predictor knows it",
    ]


@pytest.mark.parametrize("method", SELECTIONS)
def test_steering_by_name_serves_what_has_a_score_and_leaves_the_others_the_rest(method):
    choice = chosen(method, "rings>=4", "mu=2", "max gap", "max mine")
    assert choice.served == ["steering", "condition", "predictor", "steering"]
    assert (choice.guidance, choice.selection) == (AUTO_GUIDANCE, method)


@pytest.mark.parametrize(
    ("method", "goals", "message"),
    [
        ("cgf", ["rings>=4"], "unknown method 'cgf': did you mean 'cfg'?"),
        ("auto", ["ringz>=4"], "unknown property 'ringz': did you mean 'rings'?"),
        (
            "auto",
            ["max toxicity"],
            "known: rings, mu, .*; the model was not trained on it, no predictor knows it, and RDKit",
        ),
        ("auto", ["max toxicity"], "train one with moldiff train, or give a scorer"),
        ("auto", ["max other:scorer"], "unknown scorer 'other:scorer': expected package.module:function"),
        ("cfg", ["max gap"], "'cfg' cannot serve 'max gap': use auto or cbg .a predictor knows it."),
        ("cfg", ["max QED"], "'cfg' cannot serve 'max QED': use auto or particles, metropolis or best-of"),
        ("cfg", ["rings=1", "max mine"], "'cfg' cannot serve 'max mine': use auto or particles"),
        ("cbg", ["rings=1", "max mine"], "'cbg' cannot serve 'max mine': use auto or particles"),
        ("cbg", ["mu=2"], "'cbg' has no goal to serve: 'mu'; the predictor knows rings, gap, logP"),
        ("cbg-topk", [], "'cbg-topk' has no goal to serve: there is none"),
        ("particles", [], "'particles' has no goal to serve: there is none; it needs a scorer"),
        ("best-of", ["max gap"], "'best-of' has no goal to serve: 'gap'; it needs a scorer, or a property"),
    ],
)
def test_what_cannot_be_served(method, goals, message):
    with pytest.raises(InputError, match=message):
        chosen(method, *goals)


def test_without_a_predictor_the_way_out_is_to_give_one():
    with pytest.raises(InputError, match="'mu'; there is no predictor: give one, --predictor DIR"):
        chosen("cbg", "mu=2", known=Known(["mu"]))
    with pytest.raises(InputError, match="unknown property 'toxicity'; known: logP"):
        chosen("auto", "max toxicity", known=Known([]))


def test_every_property_of_rdkit_can_be_steered():
    for name in PROPERTIES:
        assert chosen("auto", f"max {name}", known=Known([])).served == ["steering"]

"""What a run is asked for: goals as people give them, and the scorers that they name."""

import pytest

from moldiff.chem.goals import Goal
from moldiff.errors import InputError
from moldiff.scoring.scorers import Contained, Similarity
from moldiff.wishes import Wishes


def lengths(smiles):
    return [len(text) for text in smiles]


@pytest.mark.parametrize("goals", ["rings>=4", Goal.parse("rings>=4"), ["rings>=4"], iter(["rings>=4"])])
def test_goals_come_in_many_forms(goals):
    assert [str(goal) for goal in Wishes(goals).parsed] == ["rings>=4"]


def test_a_goal_may_name_its_scorer_itself():
    wishes = Wishes(["max my_scores:potency", "rings=1"])
    assert [str(goal) for goal in wishes.parsed] == ["max my_scores:potency", "rings=1"]
    scorer = wishes.named["my_scores:potency"]
    assert (scorer.name, scorer.function) == ("my_scores:potency", None)
    assert list(wishes.named) == ["my_scores:potency"]


def test_scorers_have_the_names_that_goals_call_them():
    wishes = Wishes(["max size", "dock<=-7"], scorers={"size": lengths, "dock": "my_docking:vina"})
    assert wishes.named["size"].function is lengths
    assert wishes.named["dock"].name == "my_docking:vina"


def test_similarity_and_substructures_are_goals_of_their_own():
    wishes = Wishes("2*rings>=1", similar_to=["CCO", "c1ccccc1"], contains="[OH]")
    texts = ["2*rings>=1", "max similarity", "max similarity_2", "contains>=1"]
    assert [str(goal) for goal in wishes.parsed] == texts
    assert isinstance(wishes.named["similarity_2"].function, Similarity)
    assert isinstance(wishes.named["contains"].function, Contained)
    assert wishes.named["similarity_2"].name == "similarity to c1ccccc1"


@pytest.mark.parametrize(
    ("wishes", "message"),
    [
        ({"goals": ["rings"]}, "not understood"),
        ({"scorers": {"size": lengths}}, "no goal names the scorer 'size': add one, such as 'max size'"),
        ({"goals": "max size", "scorers": {"size": 3}}, "a scorer is a function of a list of SMILES"),
        ({"goals": "max size", "scorers": {"size": "my scores"}}, "expected package.module:function"),
        ({"goals": "max my_scores:"}, "expected package.module:function"),
        ({"similar_to": "C1CC"}, "similarity to 'C1CC': not readable as a molecule"),
        ({"contains": "[OH"}, "OH"),
        (
            {"goals": "max contains", "scorers": {"contains": lengths}, "contains": "O"},
            "'contains' is what moldiff calls a scorer of its own: rename yours",
        ),
    ],
)
def test_what_is_no_wish(wishes, message):
    with pytest.raises(InputError, match=message):
        Wishes(**wishes)

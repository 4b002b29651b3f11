"""From goals on scorers to one score of tokens."""

import numpy as np
import pytest
import torch

from moldiff.chem.goals import Goal
from moldiff.chem.tokenizer import SelfiesTokenizer
from moldiff.errors import InputError
from moldiff.scoring.goals import GoalScore, TokenScore
from moldiff.scoring.oracle import Oracle

VALUES = np.array([1.0, 2.0, 4.0, np.nan])


def measured(smiles):
    return VALUES[: len(smiles)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("max f", [1, 2, 4]),
        ("min f", [-1, -2, -4]),
        ("f=2", [-1, 0, -2]),
        ("f=2±1", [0, 0, -1]),
        ("f>=3", [-2, -1, 0]),
        ("1.5<=f<=3", [-0.5, 0, -1]),
        ("2*max f", [2, 4, 8]),
        ("0.5*f<=1", [0, -0.5, -1.5]),
        ("max my.module:function", [1, 2, 4]),
    ],
)
def test_a_higher_score_is_nearer_to_the_goal(text, expected):
    found = GoalScore([(measured, Goal.parse(text))])(["C"] * 4)
    assert np.array_equal(found, [*expected, np.nan], equal_nan=True)


def test_several_goals_add_up_and_a_missing_value_is_missing():
    other = [(lambda smiles: np.array([np.nan, 1.0, 1.0, 1.0]), Goal.parse("g<=0"))]
    found = GoalScore([(measured, Goal.parse("3*max f")), *other])(["C"] * 4)
    assert np.array_equal(found, [np.nan, 5.0, 11.0, np.nan], equal_nan=True)


def test_a_class_is_no_goal_of_a_scorer():
    with pytest.raises(InputError, match="a scorer gives numbers; expected such as 'max f' or 'f>=1'"):
        GoalScore([(measured, Goal.parse("f=high"))])
    with pytest.raises(ValueError, match="at least one goal"):
        GoalScore([])


def test_tokens_are_decoded_and_the_same_molecules_scored_once():
    tokenizer = SelfiesTokenizer.fit(["CCO", "C=O", "C1CC1"])
    asked = []

    def lengths(smiles):
        asked.extend(smiles)
        return [len(text) for text in smiles]

    score = TokenScore(tokenizer, Oracle(lengths, workers=0, cache=False))
    rows = [*tokenizer.encode(["CCO", "OCC", "C=O"]), np.zeros(0, dtype=np.uint8)]
    tokens = torch.tensor([[*row, *[0] * (6 - len(row))] for row in rows])
    found = score(tokens)
    assert found.dtype == torch.float64
    assert np.array_equal(found.numpy(), [3.0, 3.0, 3.0, np.nan], equal_nan=True)
    assert asked == ["CCO", "C=O"]

"""From goals on scorers to one score of tokens, which is what steering asks for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from moldiff.chem.goals import Goal
from moldiff.errors import InputError

Measure: TypeAlias = Callable[[Sequence[str]], NDArray[np.float64]]
"""From B SMILES to (B,) numbers, NaN where there is none: an ``Oracle``, or anything like it."""


class Decoder(Protocol):
    """What of a tokenizer is needed."""

    def decode(self, ids: NDArray[np.int64]) -> list[str]:
        """Return the SMILES of each row (B, L) of ids."""


class GoalScore:
    """One score from goals on scorers: higher is better.

    The sum over goals of weight times the value (max), minus the value (min), or minus the distance to what
    is asked for (values and intervals), in the scorers' own units. NaN where a value is missing.

    Args:
        terms: At least one pair of a measure and the goal on it.

    Raises:
        InputError: If a goal asks for a class: scorers give numbers.

    Example:
        >>> lengths = lambda smiles: np.array([float(len(text)) for text in smiles])
        >>> goals = [Goal.parse("max size"), Goal.parse("3*size<=3")]
        >>> GoalScore([(lengths, goal) for goal in goals])(["CC", "CCCCC"])
        array([ 2., -1.])
    """

    def __init__(self, terms: Sequence[tuple[Measure, Goal]]) -> None:
        if not terms:
            raise ValueError("expected at least one goal")
        refuse_classes([goal for _, goal in terms])
        self.terms = list(terms)

    def __call__(self, smiles: Sequence[str]) -> NDArray[np.float64]:
        """Return (B,) float64 for B SMILES."""
        parts = [goal.weight * _towards(goal, measure(smiles)) for measure, goal in self.terms]
        total: NDArray[np.float64] = np.sum(parts, axis=0)
        return total


def refuse_classes(goals: Sequence[Goal]) -> None:
    """Refuse goals that scorers cannot serve.

    Raises:
        InputError: If a goal asks for a class: scorers give numbers.
    """
    for goal in goals:
        if goal.label is not None:
            raise InputError(
                f"goal {str(goal)!r}: a scorer gives numbers; expected such as 'max {goal.name}' or "
                f"'{goal.name}>=1'"
            )


def _towards(goal: Goal, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how far values go towards a goal, in their unit."""
    if goal.direction is not None:
        return values if goal.direction == "max" else -values
    exact = replace(goal, tolerance=0.0) if goal.target is not None and goal.tolerance is None else goal
    return 0.0 - exact.error(values)


class TokenScore:
    """A score of tokens: they are decoded, and the molecules measured.

    Args:
        tokenizer: Decodes rows of ids.
        measure: Scores molecules: an ``Oracle`` or a ``GoalScore``.

    Example:
        >>> from moldiff.chem.tokenizer import SelfiesTokenizer
        >>> tokenizer = SelfiesTokenizer(["[nop]", "[C]", "[O]"])
        >>> lengths = lambda smiles: np.array([float(len(text)) for text in smiles])
        >>> TokenScore(tokenizer, lengths)(torch.tensor([[1, 1, 2], [1, 0, 0]])).tolist()
        [3.0, 1.0]
    """

    def __init__(self, tokenizer: Decoder, measure: Measure) -> None:
        self.tokenizer = tokenizer
        self.measure = measure

    def __call__(self, tokens: Tensor) -> Tensor:
        """Return (B,) float64 for tokens (B, L) int64, on their device."""
        values = self.measure(self.tokenizer.decode(tokens.cpu().numpy()))
        return torch.as_tensor(np.asarray(values, dtype=np.float64), device=tokens.device)

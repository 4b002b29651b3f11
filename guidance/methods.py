"""Guidance by name, with the knobs that people turn."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from moldiff.diffusion.sampler import Guidance
from moldiff.errors import InputError
from moldiff.guidance.classifier_based import ClassifierBased, PredictedGoal
from moldiff.guidance.classifier_free import ClassifierFree
from moldiff.guidance.evidence import FirstOrder, Substitution
from moldiff.guidance.knobs import knobs_in_use, parameters
from moldiff.settings import is_whole


def classifier_free(gamma: float = 1.0) -> Guidance:
    """Tilt towards the conditions that the network was trained on (D-CFG)."""
    return ClassifierFree(gamma)


def exact(goal: PredictedGoal, gamma_classifier: float = 1.0, gamma: float = 0.0) -> Guidance:
    """Ask a predictor about every token of every revealed position (D-CBG, over D-CFG)."""
    return ClassifierBased(Substitution(goal), gamma_classifier, ClassifierFree(gamma))


def top_k(goal: PredictedGoal, gamma_classifier: float = 1.0, gamma: float = 0.0, k: int = 8) -> Guidance:
    """Ask a predictor about the k likeliest tokens only."""
    return ClassifierBased(Substitution(goal, k), gamma_classifier, ClassifierFree(gamma))


def first_order(goal: PredictedGoal, gamma_classifier: float = 1.0, gamma: float = 0.0) -> Guidance:
    """Take a predictor as linear: one forward and backward pass a molecule and step."""
    return ClassifierBased(FirstOrder(goal), gamma_classifier, ClassifierFree(gamma))


GUIDANCE: dict[str, Callable[..., Guidance]] = {
    "cfg": classifier_free,
    "cbg": exact,
    "cbg-topk": top_k,
    "cbg-first-order": first_order,
}


def needs_predictor(method: str) -> bool:
    """Tell whether a named guidance asks a predictor about a goal.

    Raises:
        InputError: If the name is unknown.

    Example:
        >>> needs_predictor("cfg"), needs_predictor("cbg")
        (False, True)
    """
    return "goal" in parameters(GUIDANCE, method)


def guidance_knobs(method: str, knobs: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return every knob of a named guidance with the value it has: the given one, else its default.

    Args:
        method: A key of ``GUIDANCE``.
        knobs: Keywords of that guidance, without the goal.

    Raises:
        InputError: If the name or a knob is unknown, or a value is out of range.

    Example:
        >>> guidance_knobs("cbg-topk", {"gamma_classifier": 3})
        {'gamma_classifier': 3, 'gamma': 0.0, 'k': 8}
    """
    return knobs_in_use(GUIDANCE, method, knobs, _expected)


def _expected(value: object, default: object) -> str | None:
    whole = is_whole(default)
    number = is_whole(value) if whole else isinstance(value, int | float) and not isinstance(value, bool)
    if number and (1 if whole else 0) <= value < math.inf:  # type: ignore[operator]
        return None
    return "a whole number of at least 1" if whole else "a finite number of at least 0"


def make_guidance(
    method: str, goal: PredictedGoal | None = None, knobs: Mapping[str, Any] | None = None
) -> Guidance:
    """Return a named guidance.

    Args:
        method: A key of ``GUIDANCE``.
        goal: The goal and its predictor, for the methods that need one; the others leave it aside.
        knobs: Keywords of that guidance; the others keep their defaults.

    Raises:
        InputError: If the name or a knob is unknown, a value out of range, or a predictor missing.

    Example:
        >>> make_guidance("cfg", knobs={"gamma": 2.0}).gamma
        2.0
    """
    values = guidance_knobs(method, knobs)
    if not needs_predictor(method):
        return GUIDANCE[method](**values)
    if goal is None:
        raise InputError(
            f"method '{method}' needs a goal and a predictor that knows it: give both, or use cfg"
        )
    return GUIDANCE[method](goal, **values)

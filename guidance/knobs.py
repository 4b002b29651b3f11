"""Knobs of things that are chosen by name: what they are, and what was given of them."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any

from moldiff.errors import InputError, did_you_mean
from moldiff.settings import check_keywords


def parameters(registry: Mapping[str, Callable[..., Any]], method: str) -> Mapping[str, inspect.Parameter]:
    """Return the parameters of what a registry holds under a name.

    Raises:
        InputError: If there is nothing of that name.
    """
    if method not in registry:
        raise InputError(f"unknown method '{method}'{did_you_mean(method, registry)}")
    return inspect.signature(registry[method]).parameters


def knobs_in_use(
    registry: Mapping[str, Callable[..., Any]],
    method: str,
    given: Mapping[str, Any] | None,
    check: Callable[[Any, Any], str | None],
) -> dict[str, Any]:
    """Return every knob of a named method with the value it has: the given one, else its default.

    Args:
        registry: Makers by name; a parameter without a default is no knob.
        method: A name in it.
        given: Values by knob.
        check: From a value and the knob's default to what was expected instead; None where the value will do.

    Raises:
        InputError: If the name or a knob is unknown, or a value will not do.

    Example:
        >>> knobs_in_use({"a": lambda goal, k=8: None}, "a", {"k": 2}, lambda value, default: None)
        {'k': 2}
    """
    found = parameters(registry, method).items()
    defaults = {knob: entry.default for knob, entry in found if entry.default is not inspect.Parameter.empty}
    values = dict(given or {})
    check_keywords(values, defaults, f"{method} knob")
    for knob, value in values.items():
        wish = check(value, defaults[knob])
        if wish is not None:
            raise InputError(f"method '{method}': {knob} must be {wish}, got {value!r}")
    return {**defaults, **values}


def at_least_zero(name: str, value: float) -> float:
    """Return a strength as a float.

    Raises:
        ValueError: If it is negative, NaN or infinite.
    """
    if not 0.0 <= value < math.inf:
        raise ValueError(f"{name} must be a finite number of at least 0, got {value}")
    # A numpy number would turn masks of tensors into its own kind.
    return float(value)

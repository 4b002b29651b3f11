"""Samplers by name: re-masking rule, trajectory and order, with the knobs that people turn."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, get_args

from moldiff.diffusion.ordering import LeastEntropy, Order
from moldiff.diffusion.remasking import (
    Cap,
    Confidence,
    DiscreteFlowMatching,
    ForwardBackward,
    Normalise,
    Remasking,
    Rescale,
    Reveal,
    Unit,
)
from moldiff.diffusion.trajectories import Loop, Rounds, Straight, Switch, Trajectory
from moldiff.errors import InputError, did_you_mean


class Parts(NamedTuple):
    """What a sampler is made of, in the order of the arguments of ``Sampler``.

    Attributes:
        remasking: Rule for sigma; None never hides a digit again.
        trajectory: Path of alpha.
        order: Chooses the sites of a step; None for a coin each.
    """

    remasking: Remasking | None
    trajectory: Trajectory
    order: Order | None = None


def ancestral() -> Parts:
    """Never hide a digit again (MDLM, MDM-Prime)."""
    return Parts(None, Straight())


def entropy(bound: float = 0.0, rounds: int = 0, share: float = 0.15, unit: Unit = "digit") -> Parts:
    """Reveal first what the network is surest of; then, in rounds, hide a share and reveal it again."""
    return Parts(Cap(0.0, unit), Rounds(rounds, share), LeastEntropy(bound))


def cap(eta: float = 0.05, at: float = 0.5, unit: Unit = "digit") -> Parts:
    """Hide visible digits with probability eta in every step after time ``at`` (ReMDM-cap)."""
    return Parts(Cap(eta, unit), Switch(at))


def rescale(eta: float = 0.1, at: float = 1.0, unit: Unit = "digit") -> Parts:
    """Hide with eta times the largest probability that is allowed (ReMDM-rescale)."""
    return Parts(Rescale(eta, unit=unit), Switch(at))


def confidence(
    *,
    eta: float = 0.05,
    at: float = 0.5,
    tau: float = 1.0,
    normalise: Normalise = "visible",
    reveal: Reveal = "balanced",
    unit: Unit = "digit",
) -> Parts:
    """Spread the cap's hidings over the sites that were least sure (ReMDM-conf)."""
    spread = Confidence(Cap(eta, unit), temperature=tau, normalise=normalise, reveal=reveal)
    return Parts(spread, Switch(at))


def loop(
    eta: float = 0.05, alpha_on: float = 0.9, start: float = 0.5, stop: float = 0.875, unit: Unit = "digit"
) -> Parts:
    """Rise to alpha_on, hide and reveal evenly there, then finish (ReMDM-loop)."""
    return Parts(Cap(eta, unit), Loop(alpha_on, start, stop))


def confidence_loop(
    *,
    eta: float = 0.05,
    alpha_on: float = 0.9,
    start: float = 0.5,
    stop: float = 0.875,
    tau: float = 1.0,
    normalise: Normalise = "visible",
    reveal: Reveal = "balanced",
    unit: Unit = "digit",
) -> Parts:
    """The loop, with the hidings spread over the sites that were least sure."""
    spread = Confidence(Cap(eta, unit), temperature=tau, normalise=normalise, reveal=reveal)
    return Parts(spread, Loop(alpha_on, start, stop))


def forward_backward(at: float = 0.5, unit: Unit = "digit") -> Parts:
    """One forward step of noise after each reverse step (the FB corrector)."""
    return Parts(ForwardBackward(unit), Switch(at))


def dfm(strength: float = 10.0, at: float = 1.0, unit: Unit = "digit") -> Parts:
    """The corrector of discrete flow matching."""
    return Parts(DiscreteFlowMatching(strength, unit), Switch(at))


SAMPLERS: dict[str, Callable[..., Parts]] = {
    "ancestral": ancestral,
    "entropy": entropy,
    "cap": cap,
    "rescale": rescale,
    "confidence": confidence,
    "loop": loop,
    "confidence-loop": confidence_loop,
    "forward-backward": forward_backward,
    "dfm": dfm,
}


WORDS: dict[str, tuple[str, ...]] = {
    "unit": get_args(Unit),
    "normalise": get_args(Normalise),
    "reveal": get_args(Reveal),
}
"""Knobs whose values are words."""


def sampler_knobs(name: str, knobs: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return every knob of a named sampler with the value it has: the given one, else its default.

    Args:
        name: A key of ``SAMPLERS``.
        knobs: Keywords of that sampler.

    Raises:
        InputError: If the name or a knob is unknown, or a value is of the wrong kind.

    Example:
        >>> sampler_knobs("rescale", {"eta": 0.2})
        {'eta': 0.2, 'at': 1.0, 'unit': 'digit'}
    """
    if name not in SAMPLERS:
        raise InputError(f"unknown sampler '{name}'{did_you_mean(name, SAMPLERS)}")
    defaults = {knob: entry.default for knob, entry in inspect.signature(SAMPLERS[name]).parameters.items()}
    for knob, value in (knobs or {}).items():
        if not defaults:
            raise InputError(f"sampler '{name}' has no knobs, got '{knob}'")
        if knob not in defaults:
            raise InputError(f"sampler '{name}' has no knob '{knob}'{did_you_mean(knob, defaults)}")
        words = WORDS.get(knob, ())
        if words and value not in words:
            raise InputError(
                f"sampler '{name}': {knob} must be {' or '.join(map(repr, words))}, got {value!r}"
            )
        if not words and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise InputError(f"sampler '{name}': {knob} must be a number, got {value!r}")
    return {**defaults, **(knobs or {})}


def make_sampler(name: str, knobs: Mapping[str, Any] | None = None) -> Parts:
    """Return re-masking rule, trajectory and order of a named sampler.

    Args:
        name: A key of ``SAMPLERS``.
        knobs: Keywords of that sampler; the others keep their defaults.

    Raises:
        InputError: If the name or a knob is unknown, or a value is out of range.

    Example:
        >>> parts = make_sampler("loop", {"eta": 0.1})
        >>> parts.remasking.eta, parts.trajectory.alpha_on
        (0.1, 0.9)
    """
    values = sampler_knobs(name, knobs)
    try:
        return SAMPLERS[name](**values)
    except ValueError as error:
        raise InputError(f"sampler '{name}': {error}") from error

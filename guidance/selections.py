"""Selections by name, with the knobs that people turn: steering by a score, without training."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from moldiff.diffusion.left_to_right import LeftToRight
from moldiff.diffusion.sampler import Guidance, Sampler, Selection, conditional
from moldiff.errors import InputError
from moldiff.guidance.backtracking import Backtracking
from moldiff.guidance.guesses import AsItStands, OneShot, Score, Value
from moldiff.guidance.knobs import knobs_in_use
from moldiff.guidance.metropolis import Metropolis, Refill
from moldiff.guidance.particles import Particles
from moldiff.settings import is_whole


class Steer(Selection, Protocol):
    """A selection by a score, which says what it costs.

    Attributes:
        n: Rows that belong together, on one canvas.
    """

    n: int

    @property
    def passes(self) -> int:
        """Network rows evaluated so far, beside those of the sampler."""


@dataclass(frozen=True)
class Steered:
    """A run that is to be steered by a score.

    Attributes:
        score: Of finished tokens.
        sampler: Draws the run.
        guidance: Of the run.
        temperature: Of the run.
        until: Tells when there is nothing more to gain, such as a budget that is used up.
    """

    score: Score
    sampler: Sampler
    guidance: Guidance = conditional
    temperature: float = 1.0
    until: Callable[[], bool] | None = None


def particles(
    run: Steered,
    *,
    strength: float = 10.0,
    n: int = 16,
    looks: int = 4,
    start: float = 0.5,
    threshold: float = 0.5,
    backtrack: bool = True,
) -> Steer:
    """Copy rows that promise a better score, n of a kind, and take back what a loop made worse."""
    sampler = run.sampler
    value: Value
    if isinstance(sampler.process, LeftToRight):
        value = AsItStands(run.score, sampler.process.codec)
    else:
        value = OneShot(run.score, sampler.network, sampler.process, run.temperature)
    kind = Backtracking if backtrack else Particles
    return kind(
        run.score,
        sampler.process,
        strength=strength,
        n=n,
        value=value,
        looks=looks,
        start=start,
        threshold=threshold,
    )


def best_of(run: Steered, *, n: int = 16) -> Steer:
    """Score what is finished, and nothing else."""
    return Particles(run.score, run.sampler.process, strength=1.0, n=n, looks=0)


def metropolis(
    run: Steered, *, strength: float = 4.0, moves: int = 3, most: int = 6, elite: bool = True
) -> Steer:
    """Let finished rows change some tokens at a time, and keep what pays; begin anew with the best so far."""
    network, process = run.sampler.network, run.sampler.process
    refill = Refill(network, process, most=most, guidance=run.guidance, temperature=run.temperature)
    return Metropolis(run.score, refill, strength=strength, moves=moves, until=run.until, elite=elite)


SELECTIONS: dict[str, Callable[..., Steer]] = {
    "particles": particles,
    "best-of": best_of,
    "metropolis": metropolis,
}


@dataclass(frozen=True)
class RunDefaults:
    """How a run is drawn unless another way is asked for.

    Attributes:
        rows: Of a chunk.
        sampler: A key of ``SAMPLERS``, for processes that can hide again; None for the family's own.
        knobs: Of that sampler.
        steps: T, for processes that can hide again; None for the family's own.
        gamma: Strength of classifier-free guidance.
        canvas_gamma: Strength with which conditions choose the size of the canvas; None for gamma.
        temperature: Divides the network's logits.
    """

    rows: int = 256
    sampler: str | None = None
    knobs: dict[str, Any] = field(default_factory=dict)
    steps: int | None = None
    gamma: float = 2.0
    canvas_gamma: float | None = None
    temperature: float = 0.85


RUN_DEFAULTS: dict[str, RunDefaults] = {
    "particles": RunDefaults(16, "loop", {"alpha_on": 0.8, "eta": 0.1, "stop": 0.95}, 128),
    "metropolis": RunDefaults(32),
}
"""For the selections that have their own; chosen on the tuning objective of ``benchmarks/steering.py``."""


def selection_knobs(method: str, knobs: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return every knob of a named selection with the value it has: the given one, else its default.

    Args:
        method: A key of ``SELECTIONS``.
        knobs: Keywords of that selection.

    Raises:
        InputError: If the name or a knob is unknown, or a value is of the wrong kind.

    Example:
        >>> selection_knobs("metropolis", {"strength": 5})
        {'strength': 5, 'moves': 3, 'most': 6, 'elite': True}
    """
    return knobs_in_use(SELECTIONS, method, knobs, _expected)


def _expected(value: object, default: object) -> str | None:
    if isinstance(default, bool):
        return None if isinstance(value, bool) else "true or false"
    if is_whole(default):
        return None if is_whole(value) else "a whole number"
    return None if isinstance(value, int | float) and not isinstance(value, bool) else "a number"


def make_selection(method: str, run: Steered, knobs: Mapping[str, Any] | None = None) -> Steer:
    """Return a named selection for a run.

    Args:
        method: A key of ``SELECTIONS``.
        run: What is steered, and by which score.
        knobs: Keywords of that selection; the others keep their defaults.

    Raises:
        InputError: If the name or a knob is unknown, a value is out of range, or the process unfit.

    Example:
        >>> import torch
        >>> from moldiff.diffusion import MaskedProcess, SubtokenCodec
        >>> process = MaskedProcess(SubtokenCodec(torch.arange(3)[:, None]))
        >>> run = Steered(lambda tokens: tokens.sum(1).double(), Sampler(None, process))
        >>> make_selection("particles", run, {"n": 1})
        Traceback (most recent call last):
        moldiff.errors.InputError: method 'particles': ... n must be at least 2, got 1
    """
    values = selection_knobs(method, knobs)
    try:
        return SELECTIONS[method](run, **values)
    except ValueError as error:
        raise InputError(f"method '{method}': {error}") from error

"""Trajectories: through which visible shares alpha a run passes, and where re-masking is on."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Protocol

from moldiff.diffusion.schedules import NoiseSchedule


class Trajectory(Protocol):
    """A path of alpha from 0 to 1 in a given number of steps; where it falls, digits are hidden again."""

    def alphas(self, schedule: NoiseSchedule, steps: int) -> list[tuple[float, float, bool]]:
        """Return (alpha_t, alpha_s, re-masking on) of every step, in order."""


def _grid(schedule: NoiseSchedule, start: float, stop: float, steps: int) -> list[tuple[float, float]]:
    """Return alpha at both ends of steps that are uniform in time, from time ``start`` down to ``stop``."""
    times = [start + (stop - start) * i / steps for i in range(steps)] + [stop]
    return list(pairwise(schedule.alpha(t) for t in times))


class Straight:
    """Uniform steps in time from pure noise to clean, re-masking on throughout.

    Example:
        >>> from moldiff.diffusion.schedules import LogLinear
        >>> Straight().alphas(LogLinear(), 2)
        [(0.0, 0.5, True), (0.5, 1.0, True)]
    """

    def alphas(self, schedule: NoiseSchedule, steps: int) -> list[tuple[float, float, bool]]:
        """Return the uniform grid in time."""
        return [(a, b, True) for a, b in _grid(schedule, 1.0, 0.0, steps)]


class Switch:
    """Uniform steps in time, re-masking on from time ``at`` to the end (ReMDM, section 4.2).

    Args:
        at: Time in (0, 1] from which re-masking is on; small is late.
    """

    def __init__(self, at: float = 0.5) -> None:
        self.at = _inside("at", at)

    def alphas(self, schedule: NoiseSchedule, steps: int) -> list[tuple[float, float, bool]]:
        """Return the uniform grid in time, with re-masking from ``at`` on."""
        grid = _grid(schedule, 1.0, 0.0, steps)
        return [(a, b, 1.0 - i / steps <= self.at + 1e-12) for i, (a, b) in enumerate(grid)]


class Loop:
    """Rise to a share alpha_on, hold it while re-masking, then finish (ReMDM, section 4.2).

    Args:
        alpha_on: Visible share that is held, in (0, 1).
        start: Share of the steps after which the hold begins, in (0, 1).
        stop: Share of the steps after which it ends, in [start, 1).
    """

    def __init__(self, alpha_on: float = 0.9, start: float = 0.5, stop: float = 0.875) -> None:
        self.alpha_on = _inside("alpha_on", alpha_on)
        self.start = _inside("start", start)
        self.stop = _inside("stop", stop)
        if not (alpha_on < 1.0 and start <= stop < 1.0):
            raise ValueError(
                f"a loop wants alpha_on < 1 and start <= stop < 1, got {alpha_on}, {start} and {stop}"
            )

    def alphas(self, schedule: NoiseSchedule, steps: int) -> list[tuple[float, float, bool]]:
        """Return rise, hold and finish; runs too short for all three give up the hold first."""
        rise = max(1, round(self.start * steps))
        finish = max(1, steps - max(rise, round(self.stop * steps)))
        if rise + finish > steps:
            return Straight().alphas(schedule, steps)
        on = schedule.time(self.alpha_on)
        held = [(self.alpha_on, self.alpha_on, True)] * (steps - rise - finish)
        before = [(a, b, False) for a, b in _grid(schedule, 1.0, on, rise)]
        after = [(a, b, False) for a, b in _grid(schedule, on, 0.0, finish)]
        # The ends meet exactly, whatever rounding schedule.alpha(schedule.time(.)) has.
        before[-1] = (before[-1][0], self.alpha_on, False)
        after[0] = (self.alpha_on, after[0][1], False)
        return [*before, *held, *after]


class Rounds:
    """Rise to clean, then several times hide a share at once and reveal it again.

    The hidden sites are chosen among all, without looking at values, so what is drawn again one at a time is
    a draw from p(hidden | rest): the moves leave the law of an exact network as it is (block Gibbs sampling),
    and let a trained one mend what does not fit together.

    Args:
        rounds: How often; 0 is ``Straight``.
        share: Of the sites that are hidden each time, in (0, 1].
    """

    def __init__(self, rounds: int = 4, share: float = 0.15) -> None:
        if not rounds >= 0 or rounds % 1:
            raise ValueError(f"rounds must be a whole number, 0 or more, got {rounds}")
        self.rounds = int(rounds)
        self.share = _inside("share", share)

    def alphas(self, schedule: NoiseSchedule, steps: int) -> list[tuple[float, float, bool]]:
        """Return rise and rounds, whose steps reveal as much each; too short runs give up rounds."""
        for rounds in range(self.rounds, 0, -1):
            # A round takes a step that hides, and a share of the steps of the rise.
            again = math.ceil(self.share * (steps - rounds) / (1.0 + rounds * self.share))
            rise = steps - rounds * (1 + again)
            if rise >= 1 and again >= 1:
                return _unhidden(schedule, 1.0, rise) + rounds * self._round(schedule, again)
        return _unhidden(schedule, 1.0, steps)

    def _round(self, schedule: NoiseSchedule, steps: int) -> list[tuple[float, float, bool]]:
        """Return the step that hides, and those that reveal."""
        low = 1.0 - self.share
        again = _unhidden(schedule, schedule.time(low), steps)
        # They meet exactly, whatever rounding the schedule has.
        again[0] = (low, *again[0][1:])
        return [(1.0, low, False), *again]


def _unhidden(schedule: NoiseSchedule, start: float, steps: int) -> list[tuple[float, float, bool]]:
    """Return uniform steps from a time to clean, without re-masking."""
    return [(a, b, False) for a, b in _grid(schedule, start, 0.0, steps)]


def _inside(name: str, value: float) -> float:
    if not 0.0 < value <= 1.0:
        raise ValueError(f"{name} must be above 0 and at most 1, got {value}")
    return value


TRAJECTORIES: dict[str, Callable[..., Trajectory]] = {
    "straight": Straight,
    "switch": Switch,
    "loop": Loop,
    "rounds": Rounds,
}

"""Axes of charts: from values to places in a drawing, and round values to mark."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from moldiff.reporting.wording import MINUS

WIDE = 20.0
"""Times the least value that the largest has to be for an axis of costs to be logarithmic."""


@dataclass(frozen=True)
class Tick:
    """A mark on an axis: where, and what it says."""

    at: float
    text: str


@dataclass(frozen=True)
class Axis:
    """Values from ``low`` to ``high``, drawn from ``start`` to ``end``.

    Args:
        low: Value at the start.
        high: Value at the end, another one.
        start: In the drawing's units.
        end: Likewise; less than the start where values go the other way.
        log: Whether equal ratios are equally wide; values are then above 0.

    Example:
        >>> axis = Axis.over([0.0, 90.0], 100, 300, zero=True)
        >>> axis.at(45.0), [tick.text for tick in axis.ticks(4)]
        (194.3, ['0', '50'])
        >>> [tick.text for tick in Axis(1.0, 100.0, 0, 10, log=True).ticks(4)]
        ['1', '3', '10', '30', '100']
    """

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    @classmethod
    def over(
        cls, values: Iterable[float], start: float, end: float, *, zero: bool = False, cost: bool = False
    ) -> Axis:
        """Return an axis with room around some values.

        Args:
            values: All of them finite; none is as good as 0 and 1.
            start: In the drawing's units.
            end: Likewise.
            zero: Whether the axis begins at 0.
            cost: Whether to make it logarithmic if the values differ much.
        """
        known = [*values] or [0.0, 1.0]
        low, high = 0.0 if zero else min(known), max(known)
        if cost and low > 0 and high > WIDE * low:
            return cls(low / 1.2, high * 1.2, start, end, log=True)
        room = (high - low) * 0.06 or abs(high) * 0.06 or 0.5
        return cls(low if zero else low - room, high + room, start, end)

    def at(self, value: float) -> float:
        """Return where a value lies; one beyond the axis lies beyond its ends."""
        if self.log:
            share = math.log(max(value, 1e-9) / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)

    def ticks(self, number: int) -> list[Tick]:
        """Return about so many marks."""
        found = (
            _powers(self.low, self.high, number) if self.log else round_values(self.low, self.high, number)
        )
        return [Tick(self.at(value), text) for value, text in found]


def round_values(low: float, high: float, number: int, integer: bool = False) -> Iterator[tuple[float, str]]:
    """Yield round values between two numbers, about so many, with their text."""
    raw = max((high - low) / number, 1e-12)
    power = 10.0 ** math.floor(math.log10(raw))
    step = power * next(factor for factor in (1, 2, 5, 10) if factor * power >= raw * 0.999)
    if integer:
        step = max(1.0, round(step))
    places = max(0, -math.floor(math.log10(step) + 1e-9))
    for place in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1):
        yield place * step, f"{place * step + 0.0:,.{places}f}".replace("-", MINUS)


def _powers(low: float, high: float, number: int) -> Iterator[tuple[float, str]]:
    """Yield powers of ten between two numbers, and 2 and 5 times these where there is room."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for factors in ((1, 2, 5), (1, 3), (1,)):
        values = [factor * 10.0**power for power in powers for factor in factors]
        inside = [value for value in values if low <= value <= high]
        if len(inside) <= number + 2:
            break
    for value in inside:
        yield value, f"{value:,.0f}" if value >= 1 else f"{value:.12f}".rstrip("0")

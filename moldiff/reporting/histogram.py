"""One property as a histogram: the molecules of a run against those of training, with the goal marked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from moldiff.chem.distribution import BINS, Bins, whole_bins
from moldiff.chem.statistics import PropertyStatistics
from moldiff.reporting.axis import Tick, round_values
from moldiff.reporting.record import BinsEntry
from moldiff.reporting.wording import MINUS

WIDTH, HEIGHT = 340, 170
"""Of the drawing, in pixels at its natural size."""

LEFT, RIGHT, TOP, BOTTOM = 36, 332, 8, 146
"""Edges of the area inside the axes."""

FRAME = {"width": WIDTH, "height": HEIGHT, "left": LEFT, "right": RIGHT, "top": TOP, "bottom": BOTTOM}
"""All of it, as the template takes it."""

EXTRA = BINS // 2
"""Bins added on either side of those of training, at most: what lies further out is counted, not drawn."""

TICKS = 6
"""About so many marks on the axis of values."""


@dataclass(frozen=True)
class Bar:
    """One bin of the molecules returned, with what it says when pointed at."""

    x: float
    y: float
    width: float
    height: float
    says: str


@dataclass(frozen=True)
class Histogram:
    """Shares of two sets of values in the same bins.

    Args:
        returned: The molecules of the run.
        training: The training molecules in the same bins; None where they are not known.
        goal: The interval that meets the goal; None without a goal.
        quantiles: Of training, where there are no bins: 5%, 25%, 50%, 75%, 95%.
        integer: Whether values are whole numbers.
        classes: Labels of the values, for a class.

    Example:
        >>> returned = Bins(-0.5, 1.0, (0, 1, 3), 4)
        >>> chart = Histogram(returned, Bins(-0.5, 1.0, (6, 3, 1), 10), goal=(2.0, math.inf), integer=True)
        >>> [bar.says for bar in chart.bars][1:]
        ['1: 25.0% of 4 returned, 30.0% of training', '2: 75.0% of 4 returned, 10.0% of training']
        >>> chart.band
        (233.33, 98.67)
    """

    returned: Bins
    training: Bins | None = None
    goal: tuple[float, float] | None = None
    quantiles: tuple[float, ...] = ()
    integer: bool = False
    classes: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        values: NDArray[np.float64],
        statistics: PropertyStatistics | None,
        bins: BinsEntry | None,
        goal: tuple[float, float] | None,
    ) -> Histogram | None:
        """Return the histogram of a property; None if every value is the same, in the run and in training.

        Args:
            values: (N,) values of the molecules returned, NaN where there is none; at least one is known.
            statistics: Of training, where something is known of it.
            bins: Of training, likewise.
            goal: The interval that meets the goal on the property; None without one.
        """
        known = values[~np.isnan(values)]
        quantiles = (
            ()
            if statistics is None or bins is not None
            else tuple(statistics.quantiles[q] for q in ("0.05", "0.25", "0.5", "0.75", "0.95"))
        )
        if len({*known.tolist(), *([statistics.low, statistics.high] if statistics else [])}) == 1:
            return None
        integer = statistics.integer if statistics else bool((known == np.round(known)).all())
        ends = [end for end in goal or () if math.isfinite(end)]
        low, width, number, before = _axis(known, bins, [*ends, *quantiles], integer)
        training = None
        if bins is not None:
            counts = (*[0] * before, *bins.counts)
            training = Bins(low, width, (*counts, *[0] * (number - len(counts))), bins.known)
        return cls(
            Bins.of(values, low=low, width=width, number=number),
            training,
            goal,
            quantiles,
            integer,
            statistics.classes if statistics else (),
        )

    @property
    def low(self) -> float:
        """Where the axis begins."""
        return self.returned.low

    @property
    def high(self) -> float:
        """Where it ends."""
        return self.low + self.returned.width * len(self.returned.counts)

    @property
    def beyond(self) -> int:
        """Molecules returned whose value lies beyond the axis."""
        return self.returned.known - sum(self.returned.counts)

    @property
    def bars(self) -> list[Bar]:
        """The molecules returned, a bar a bin."""
        across = (RIGHT - LEFT) / len(self.returned.counts)
        bars = []
        for place, share in enumerate(_shares(self.returned)):
            y = self._y(share)
            gap = min(1.5, across / 6)
            x = LEFT + place * across + gap
            bars.append(
                Bar(round(x, 2), y, round(across - 2 * gap, 2), round(BOTTOM - y, 2), self._says(place))
            )
        return bars

    @property
    def outline(self) -> str:
        """The training molecules, as the path of a staircase; "" where they are not known."""
        if self.training is None:
            return ""
        across = (RIGHT - LEFT) / len(self.training.counts)
        steps = (f"V{self._y(share)}h{across:.2f}" for share in _shares(self.training))
        return f"M{LEFT} {BOTTOM}{''.join(steps)}V{BOTTOM}"

    @property
    def band(self) -> tuple[float, float] | None:
        """Where the goal is met: x and width; None without a goal, or where all of it is beyond the axis."""
        if self.goal is None:
            return None
        half = 0.5 if self.integer or self.classes else 0.0
        left, right = (self._x(end) for end in (self.goal[0] - half, self.goal[1] + half))
        return None if left >= RIGHT or right <= LEFT else (left, round(max(right - left, 1.0), 2))

    @property
    def box(self) -> tuple[float, ...]:
        """Places of the training quantiles, where that is all that is known; else empty."""
        return tuple(self._x(value) for value in self.quantiles)

    @property
    def across(self) -> list[Tick]:
        """Marks of the axis of values."""
        if self.classes:
            return [Tick(self._x(place), _short(label)) for place, label in enumerate(self.classes)]
        return [
            Tick(self._x(value), text)
            for value, text in round_values(self.low, self.high, TICKS, self.integer)
        ]

    @property
    def up(self) -> list[Tick]:
        """Marks of the axis of shares."""
        marks = round_values(0.0, 100 * self._top, 3)
        return [Tick(self._y(value / 100), f"{text}%") for value, text in marks if value]

    @property
    def _top(self) -> float:
        known = [part for part in (self.returned, self.training) if part is not None]
        return max(1e-9, *(share for part in known for share in _shares(part)))

    def _x(self, value: float) -> float:
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return round(LEFT + share * (RIGHT - LEFT), 2)

    def _y(self, share: float) -> float:
        return round(BOTTOM - share / self._top * (BOTTOM - TOP), 1)

    def _says(self, place: int) -> str:
        """Return what a bar says of its bin."""
        start = self.low + place * self.returned.width
        end = start + self.returned.width
        if self.classes:
            what = self.classes[place] if place < len(self.classes) else str(place)
        elif self.integer:
            first, last = math.ceil(start), math.ceil(end) - 1
            what = f"{first}" if first == last else f"{first} to {last}"
        else:
            what = f"{start:.4g} to {end:.4g}"
        parts = [f"{_shares(self.returned)[place]:.1%} of {self.returned.known:,} returned"]
        if self.training is not None:
            parts.append(f"{_shares(self.training)[place]:.1%} of training")
        return f"{what}: {', '.join(parts)}".replace("-", MINUS)


def _shares(bins: Bins) -> list[float]:
    return [count / max(1, bins.known) for count in bins.counts]


def _short(label: str) -> str:
    return label if len(label) <= 12 else f"{label[:11]}…"


def _axis(
    known: NDArray[np.float64], bins: BinsEntry | None, ends: Sequence[float], integer: bool
) -> tuple[float, float, int, int]:
    """Return where the axis begins, the width and number of its bins, and how many come before training's."""
    points = [float(known.min()), float(known.max()), *ends]
    if bins is None:
        low, high = min(points), max(points)
        if integer:
            return *whole_bins(low, high), 0
        room = (high - low) * 0.02 or abs(low) * 0.02 or 0.5
        width = (high - low + 2 * room) / BINS
        return low - room, width, BINS, 0
    first, last = (math.floor((end - bins.low) / bins.width + 1e-9) for end in (min(points), max(points)))
    before = min(EXTRA, max(0, -first))
    after = min(EXTRA, max(0, last + 1 - len(bins.counts)))
    return bins.low - before * bins.width, bins.width, before + len(bins.counts) + after, before

"""Goals: what a molecule's properties should be, as people write it and as arrays are judged by it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from moldiff.chem.goal_text import FLIPPED, check_label, check_name, number_text, read_goal, reads_as
from moldiff.chem.statistics import PropertyStatistics
from moldiff.errors import InputError, did_you_mean

TOLERANCE = 0.25
"""A value goal on a continuous property is hit within this many training standard deviations."""


@dataclass(frozen=True)
class Goal:
    """One wish about one property: a value, an interval, a class, or as much or as little as possible.

    Exactly one of ``target``, ``label``, ``direction`` and an interval (``low``, ``high``) is given. A goal
    is *resolved* once it knows when it is hit, which for a value without tolerance, a class, max and min
    takes the training statistics: see :meth:`resolve`.

    Args:
        name: Property, column or scorer.
        low: Lower end of the interval, in the property's unit.
        high: Upper end of the interval.
        low_open: Whether the lower end itself misses.
        high_open: Whether the upper end itself misses.
        target: The value wished for; of a resolved goal on a class the place of its label.
        tolerance: A value goal is hit within ``target ± tolerance``, ends included.
        direction: "max" or "min".
        threshold: A max (min) goal is hit at or above (below) it.
        label: The class wished for, as the table writes it.
        weight: Weight of its error in :func:`score`, > 0.

    Raises:
        ValueError: A combination that means nothing, or a name that no goal text could hold.

    Example:
        >>> goal = Goal.parse("2 * rings > 3")
        >>> str(goal), goal.weight
        ('2*rings>3', 2.0)
        >>> stats = PropertyStatistics.from_values("rings", [0, 1, 2, 3, 5], "1", "by hand")
        >>> goal.resolve(stats).bounds()    # whole numbers only
        (4.0, inf)
        >>> goal.resolve(stats).error(np.array([3, 4, np.nan])).tolist()
        [1.0, 0.0, nan]
    """

    name: str
    low: float = -math.inf
    high: float = math.inf
    low_open: bool = False
    high_open: bool = False
    target: float | None = None
    tolerance: float | None = None
    direction: Literal["max", "min"] | None = None
    threshold: float | None = None
    label: str | None = None
    weight: float = 1.0

    def __post_init__(self) -> None:
        check_name(self.name)
        bounded = math.isfinite(self.low) or math.isfinite(self.high)
        valued = self.target is not None or self.label is not None
        if valued + (self.direction is not None) + bounded != 1:
            raise ValueError("expected exactly one of a value, a class, a direction and an interval")
        if self.label is not None:
            check_label(self.label)
        if math.isnan(self.low) or math.isnan(self.high):
            raise ValueError("the ends of an interval must be numbers")
        if self.low > self.high or (self.low == self.high and (self.low_open or self.high_open)):
            raise ValueError(f"no number lies between {number_text(self.low)} and {number_text(self.high)}")
        if self.target is not None and not math.isfinite(self.target):
            raise ValueError("the value must be finite")
        if self.tolerance is not None and not 0 <= self.tolerance < math.inf:
            raise ValueError(f"the tolerance must be 0 or more, got {number_text(self.tolerance)}")
        if not 0 < self.weight < math.inf:
            raise ValueError(f"the weight must be above 0, got {number_text(self.weight)}")

    @property
    def kind(self) -> Literal["place", "bound", "extreme"]:
        """What is wished for: a place (value, class, interval), one bound, or as much or little as can be."""
        if self.direction is not None:
            return "extreme"
        return "bound" if math.isinf(self.low) != math.isinf(self.high) else "place"

    @classmethod
    def parse(cls, text: str, weight: float = 1.0) -> Goal:
        """Read a goal such as "logP=1.5", "logP=1.5±0.2", "1<=logP<=2", "rings>3", "max QED", "2*rings>=4".

        ``+-`` and ``+/-`` stand for ``±``, ``≤`` and ``≥`` for ``<=`` and ``>=``. ``str(goal)`` is such a
        text and gives the same goal again; only the threshold of a resolved max or min goal is not in it.

        Args:
            text: The goal.
            weight: Used where the text names none.

        Raises:
            InputError: The text is no goal, or one that no number can meet.
        """
        try:
            return cls(**{"weight": weight, **read_goal(text)})
        except ValueError as error:
            raise InputError(f"goal {text[:80]!r}: {error}") from None

    def resolve(self, stats: PropertyStatistics) -> Goal:
        """Return the goal with everything filled in that decides when it is hit.

        A value without tolerance gets ± 0.25 training standard deviations, or must be met exactly by a
        property that takes whole numbers only; intervals of such a property are narrowed to whole numbers;
        max and min get the training 95th and 5th percentile as threshold. On a class the only goal is one of
        its labels, which must be met exactly. A resolved goal comes back unchanged.

        Args:
            stats: Training statistics of the same property.

        Raises:
            ValueError: The statistics are of another property.
            InputError: A property of whole numbers or classes that can never meet the goal.
        """
        if stats.name != self.name:
            raise ValueError(
                f"goal on {self.name!r} cannot be resolved with the statistics of {stats.name!r}"
            )
        if stats.classes or self.label is not None:
            return self._of_class(stats.classes)
        if self.direction is not None:
            beyond = stats.quantiles["0.95" if self.direction == "max" else "0.05"]
            return self if self.threshold is not None else replace(self, threshold=beyond)
        goal = self
        if self.target is not None and self.tolerance is None:
            goal = replace(self, tolerance=0.0 if stats.integer else TOLERANCE * stats.std)
        return goal._whole() if stats.integer else goal

    def bounds(self) -> tuple[float, float]:
        """Return the interval (low, high) that satisfies the goal, in the property's unit.

        Raises:
            ValueError: The goal is not resolved.
        """
        if self.direction is not None:
            if self.threshold is None:
                raise ValueError(f"goal {str(self)!r} has no threshold yet: resolve it first")
            return (self.threshold, math.inf) if self.direction == "max" else (-math.inf, self.threshold)
        if self.label is not None and self.target is None:
            raise ValueError(f"goal {str(self)!r} does not know its classes yet: resolve it first")
        if self.target is not None:
            if self.tolerance is None:
                raise ValueError(f"goal {str(self)!r} has no tolerance yet: resolve it first")
            return self.target - self.tolerance, self.target + self.tolerance
        return self.low, self.high

    def error(self, values: ArrayLike) -> NDArray[np.float64]:
        """Return the distance to the satisfied interval, in the property's unit; NaN for NaN.

        A class has no distances: its error is 0 where the label is met, and 1 elsewhere.

        Args:
            values: (B,) measured values.

        Returns:
            (B,) float64, 0 where the goal is met.
        """
        low, high = self.bounds()
        measured = np.asarray(values, dtype=np.float64)
        distance = np.maximum(np.maximum(low - measured, measured - high), 0.0)
        return distance if self.label is None else np.minimum(distance, 1.0)

    def hit(self, values: ArrayLike) -> NDArray[np.bool_]:
        """Tell which values meet the goal; NaN does not.

        Args:
            values: (B,) measured values.

        Returns:
            (B,) bool.
        """
        low, high = self.bounds()
        measured = np.asarray(values, dtype=np.float64)
        above = measured > low if self.low_open else measured >= low
        below = measured < high if self.high_open else measured <= high
        return above & below

    def _of_class(self, classes: tuple[str, ...]) -> Goal:
        """Return the goal with the place of its label among the classes."""
        if not classes:
            raise InputError(
                f"goal {str(self)!r}: {self.name} takes numbers, and {self.label!r} is none; expected such "
                f"as {self.name}=1.5 or {self.name}>=1"
            )
        label = self.label
        if label is None and self.target is not None and self.tolerance is None:
            # What reads as a number may be the name of a class as well: a stage "2" among "0", "1a", "1b".
            label = next((text for text in classes if reads_as(text, self.target)), None)
        if label is None or label not in classes:
            expected = " or ".join(f"{self.name}={text}" for text in classes)
            raise InputError(f"goal {str(self)!r}: {self.name} is a class: expected {expected}")
        return replace(self, label=label, target=float(classes.index(label)), tolerance=0.0)

    def _whole(self) -> Goal:
        """Narrow the goal to whole numbers, without open ends."""
        low, high = self.bounds()
        first = low if math.isinf(low) else math.floor(low) + 1.0 if self.low_open else float(math.ceil(low))
        last = (
            high if math.isinf(high) else math.ceil(high) - 1.0 if self.high_open else float(math.floor(high))
        )
        if first > last:
            raise InputError(
                f"goal {str(self)!r}: {self.name} takes whole numbers, and none of them meets it"
            )
        if self.target is not None:
            return self
        return replace(self, low=first, high=last, low_open=False, high_open=False)

    def __str__(self) -> str:
        weight = "" if self.weight == 1 else f"{number_text(self.weight)}*"
        if self.direction is not None:
            return f"{weight}{self.direction} {self.name}"
        if self.label is not None:
            return f"{weight}{self.name}={self.label}"
        if self.target is not None:
            tolerance = "" if self.tolerance is None else f"±{number_text(self.tolerance)}"
            return f"{weight}{self.name}={number_text(self.target)}{tolerance}"
        above, below = ("<" if is_open else "<=" for is_open in (self.low_open, self.high_open))
        if math.isinf(self.high):
            return f"{weight}{self.name}{FLIPPED[above]}{number_text(self.low)}"
        start = "" if math.isinf(self.low) else f"{number_text(self.low)}{above}"
        return f"{weight}{start}{self.name}{below}{number_text(self.high)}"


def score(
    goals: Sequence[Goal], table: Mapping[str, NDArray[np.float64]], stats: Mapping[str, PropertyStatistics]
) -> NDArray[np.float64]:
    """Return how well molecules meet all goals: -sum of weight x error / training SD; 0 where all are met.

    The error of a class, 0 or 1, is not divided.

    Args:
        goals: At least one; resolved here if they are not.
        table: (B,) measured values by property name.
        stats: Training statistics by property name.

    Returns:
        (B,) float64; NaN where a value is missing.

    Raises:
        InputError: A goal on something that the table or the statistics do not have.

    Example:
        >>> stats = PropertyStatistics.from_values("logP", [0.5, 2.5], "1", "by hand")
        >>> score([Goal.parse("logP=3")], {"logP": np.array([1.0, 3.0])}, {"logP": stats}).tolist()
        [-1.75, 0.0]
    """
    if not goals:
        raise ValueError("expected at least one goal")
    terms = []
    for goal in goals:
        for known in (table, stats):
            if goal.name not in known:
                raise InputError(
                    f"no values of {goal.name!r} to judge a goal by{did_you_mean(goal.name, known)}"
                )
        error = goal.resolve(stats[goal.name]).error(table[goal.name])
        terms.append(goal.weight * error / stats[goal.name].error_scale)
    # Subtracted from 0, not negated: goals that are met should print as 0, not as -0.
    total: NDArray[np.float64] = 0.0 - np.sum(terms, axis=0)
    return total


def rank(
    goals: Sequence[Goal], table: Mapping[str, NDArray[np.float64]], stats: Mapping[str, PropertyStatistics]
) -> NDArray[np.int64]:
    """Return the rows from best to worst: by :func:`score`, ties by the values of max and min goals.

    Args:
        goals: As for :func:`score`.
        table: As for :func:`score`.
        stats: As for :func:`score`.

    Returns:
        (B,) int64 row numbers; rows with a missing value last, else in their own order.
    """
    total = score(goals, table, stats)
    tie = np.zeros_like(total)
    for goal in goals:
        if goal.direction is not None:
            sign = 1.0 if goal.direction == "max" else -1.0
            tie += sign * goal.weight * table[goal.name] / stats[goal.name].scale
    return np.lexsort((-tie, -total))

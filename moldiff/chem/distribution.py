"""Values of a property in bins of one width: what a run's record keeps of the training molecules."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from moldiff.chem.statistics import PropertyStatistics

BINS = 24
"""Widths of a bin from the 0.1% to the 99.9% quantile of training; of whole numbers so many bins at most."""


@dataclass(frozen=True)
class Bins:
    """How many values lie in each of a row of bins.

    Args:
        low: Where the first bin begins.
        width: Of every bin, > 0.
        counts: Values in each bin; its lower end belongs to it.
        known: Values in all, those outside the bins among them.

    Example:
        >>> Bins.of([0.0, 1.0, 1.2, 9.0, float("nan")], low=0.0, width=1.0, number=3)
        Bins(low=0.0, width=1.0, counts=(1, 2, 0), known=4)
    """

    low: float
    width: float
    counts: tuple[int, ...]
    known: int

    @classmethod
    def of(cls, values: ArrayLike, *, low: float, width: float, number: int) -> Self:
        """Count values.

        Args:
            values: (N,) numbers; NaN where there is none.
            low: Where the first bin begins.
            width: Of every bin.
            number: Of bins.
        """
        column = np.asarray(values, dtype=np.float64)
        known = column[~np.isnan(column)]
        # A hair to the right, so that a value on the edge of two bins is not moved by rounding.
        place = np.floor((known - low) / width + 1e-9)
        inside = place[(place >= 0) & (place < number)].astype(np.int64)
        return cls(low, width, tuple(np.bincount(inside, minlength=number).tolist()), len(known))

    @classmethod
    def suited(cls, values: ArrayLike, statistics: PropertyStatistics) -> Self:
        """Count values in the bins that suit a property in training.

        Args:
            values: (N,) numbers; NaN where there is none.
            statistics: Of the property in training.
        """
        low, high = statistics.quantiles["0.001"], statistics.quantiles["0.999"]
        if statistics.integer or statistics.classes:
            low, width, number = whole_bins(low, high)
            return cls.of(values, low=low, width=width, number=number)
        # Half a bin more on both sides: many properties have their bounds as a common value.
        width = (high - low) / BINS or statistics.scale
        return cls.of(values, low=low - width / 2, width=width, number=BINS + 1)


def whole_bins(low: float, high: float) -> tuple[float, float, int]:
    """Return where bins of the whole numbers from ``low`` to ``high`` begin, their width and their number.

    Example:
        >>> whole_bins(0, 3), whole_bins(0, 30)
        ((-0.5, 1.0, 4), (-0.5, 2.0, 16))
    """
    low, high = math.floor(low) - 0.5, math.ceil(high) + 0.5
    width = float(math.ceil((high - low) / BINS))
    return low, width, math.ceil((high - low) / width)


def training_record(
    statistics: Mapping[str, PropertyStatistics], values: Mapping[str, ArrayLike]
) -> dict[str, dict[str, Any]]:
    """Return what a run's record says of the training values of its properties.

    Args:
        statistics: By property.
        values: Training values by property, where some are at hand.

    Returns:
        For each property the fields of its statistics, and ``bins``: those of its values, or None.

    Example:
        >>> stats = PropertyStatistics.from_values("rings", [0, 1, 1, 3], "1", "by hand", True)
        >>> training_record({"rings": stats}, {"rings": [0, 1, 1, 3]})["rings"]["bins"]
        {'low': -0.5, 'width': 1.0, 'counts': (1, 2, 0, 1), 'known': 4}
    """
    return {
        name: {
            **entry.to_dict(),
            "bins": asdict(Bins.suited(values[name], entry)) if name in values else None,
        }
        for name, entry in statistics.items()
    }

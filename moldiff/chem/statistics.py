"""What a model remembers of the training values of a property."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from moldiff.errors import InputError, did_you_mean

QUANTILES = ("0.001", "0.05", "0.1", "0.25", "0.5", "0.75", "0.9", "0.95", "0.999")
"""The quantiles kept, as JSON writes keys."""

UNSTATED = "as given"
"""The unit of a table's column, which says none."""

_LARGEST = sys.float_info.max


@dataclass(frozen=True)
class PropertyStatistics:
    """Mean, spread and quantiles of one property over the training molecules; NaN did not count.

    Args:
        name: Column name.
        mean: In the property's unit.
        std: Population standard deviation, in the property's unit; 0 for a constant column.
        low: Smallest training value.
        high: Largest training value.
        quantiles: Value at each of :data:`QUANTILES`.
        unit: Of every number here; "1" for none.
        source: Where the values come from: a property's reference, or the table.
        integer: Whether only whole numbers occur.
        classes: For a class the labels, sorted: its values are places in them, from 0. Empty for numbers.

    Example:
        >>> stats = PropertyStatistics.from_values("rings", [0, 1, 2, 1], "1", "by hand")
        >>> stats.mean, stats.low, stats.high, stats.integer
        (1.0, 0.0, 2.0, True)
        >>> PropertyStatistics.from_dict(stats.to_dict()) == stats
        True
    """

    name: str
    mean: float
    std: float
    low: float
    high: float
    quantiles: dict[str, float]
    unit: str
    source: str
    integer: bool
    classes: tuple[str, ...] = ()

    @classmethod
    def from_values(
        cls,
        name: str,
        values: ArrayLike,
        unit: str,
        source: str,
        integer: bool | None = None,
        *,
        classes: Sequence[str] = (),
    ) -> PropertyStatistics:
        """Summarise training values.

        Args:
            name: Column name.
            values: (N,) numbers; NaN where a molecule has none.
            unit: Unit of the values.
            source: Where they come from.
            integer: Whether the property takes whole numbers only; None: if all of the values are whole.
            classes: Labels of the values 0, 1 ..., for a class.

        Raises:
            InputError: No value at all, or an infinite one.
        """
        column = np.asarray(values, dtype=np.float64).ravel()
        known = column[~np.isnan(column)]
        if not known.size:
            raise InputError(f"property {name!r} has no value for any molecule")
        if not np.isfinite(known).all():
            raise InputError(f"property {name!r} has infinite values: expected finite numbers, or none")
        quantiles = np.quantile(known, [float(q) for q in QUANTILES]).tolist()
        return cls(
            name=name,
            mean=float(known.mean()),
            std=float(known.std()),
            low=float(known.min()),
            high=float(known.max()),
            quantiles=dict(zip(QUANTILES, quantiles, strict=True)),
            unit=unit,
            source=source,
            integer=bool((known == np.round(known)).all()) if integer is None else integer,
            classes=tuple(classes),
        )

    @property
    def scale(self) -> float:
        """The standard deviation, or 1 where it is 0, to divide by."""
        return self.std if self.std > 0 else 1.0

    @property
    def error_scale(self) -> float:
        """What a goal's error is divided by in scores: the scale, or 1 for a class (error 0 or 1)."""
        return 1.0 if self.classes else self.scale

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON takes them; ``classes`` only for a class."""
        stored = asdict(self)
        classes = list(stored.pop("classes"))
        return {**stored, "classes": classes} if classes else stored

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> PropertyStatistics:
        """Return the statistics that :meth:`to_dict` wrote.

        Raises:
            InputError: A field is missing, unknown or not of its kind.
        """
        expected = [field.name for field in fields(cls)]
        for key in stored:
            if key not in expected:
                raise InputError(f"unknown field {key!r} in property statistics{did_you_mean(key, expected)}")
        missing = [key for key in expected if key not in stored and key != "classes"]
        if missing:
            raise InputError(f"property statistics lack {', '.join(missing)}")
        statistics = cls(**{**stored, "classes": _labels(stored.get("classes", []))})
        if not all(isinstance(text, str) for text in (statistics.name, statistics.unit, statistics.source)):
            raise InputError("property statistics: expected name, unit and source to be text")
        numbers = [statistics.mean, statistics.std, statistics.low, statistics.high]
        if not isinstance(statistics.quantiles, dict) or set(statistics.quantiles) != set(QUANTILES):
            raise InputError(f"statistics of {statistics.name!r}: expected quantiles {', '.join(QUANTILES)}")
        if not all(_is_number(value) for value in [*numbers, *statistics.quantiles.values()]):
            raise InputError(f"statistics of {statistics.name!r}: expected finite numbers")
        return statistics


def _labels(stored: object) -> tuple[str, ...]:
    """Return the labels of a class as they are stored."""
    if not isinstance(stored, list) or not all(isinstance(label, str) for label in stored):
        raise InputError(f"property statistics: expected classes to be a list of text, got {stored!r:.80}")
    if sorted(set(stored)) != stored:
        raise InputError("property statistics: expected classes to be sorted, and all different")
    return tuple(stored)


def _is_number(value: object) -> bool:
    # Not math.isfinite: JSON may hold whole numbers that are too large for a float.
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= _LARGEST

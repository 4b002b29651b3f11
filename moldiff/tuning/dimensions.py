"""One thing that is varied: numbers between two ends, or one of several values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import optuna

from moldiff.errors import InputError

DIGITS = 4
"""Of a number that was searched, when it becomes a setting: more would only look exact."""


@dataclass(frozen=True)
class Numbers:
    """All numbers between two ends.

    Attributes:
        low: Least.
        high: Most.
        step: What numbers differ by; None where any number will do.
        log: Whether factors count, and not differences.

    Example:
        >>> Numbers(0.5, 8).narrowed([1, 4]), Numbers(0.5, 8).narrowed(2)
        (Numbers(low=1.0, high=4.0, step=None, log=False), Numbers(low=2.0, high=2.0, step=None, log=False))
    """

    low: float
    high: float
    step: float | None = None
    log: bool = False

    @property
    def ends(self) -> tuple[float, float]:
        """Least and most."""
        return self.low, self.high

    def narrowed(self, value: Any) -> Numbers:
        """Return these numbers with other ends.

        Args:
            value: Two numbers, or one that is to be kept.

        Raises:
            InputError: If it is anything else.
        """
        ends = value if isinstance(value, list | tuple) else [value, value]
        numbers = [each for each in ends if isinstance(each, int | float) and not isinstance(each, bool)]
        if len(ends) != 2 or len(numbers) != 2 or not all(map(math.isfinite, numbers)):
            raise InputError(f"expected a number, or a range such as [1, 4], got {value!r}")
        low, high = map(float, numbers)
        if low > high or (self.log and low <= 0 and low < high):
            raise InputError(f"expected a range from less to more{' above 0' * self.log}, got {value!r}")
        whole = self.step is not None and math.isclose(math.remainder(high - low, self.step), 0, abs_tol=1e-9)
        return Numbers(low, high, self.step if whole else None, self.log and low > 0)

    def has(self, value: Any) -> bool:
        """Tell whether a value is among them."""
        return isinstance(value, int | float) and self.low <= value <= self.high

    def asked(self, trial: optuna.trial.BaseTrial, name: str) -> float:
        """Return the number that a trial takes."""
        if self.low == self.high:
            return self.low
        value = trial.suggest_float(name, self.low, self.high, step=self.step, log=self.log)
        return float(f"{value:.{DIGITS}g}")


@dataclass(frozen=True)
class Choices:
    """One of several values.

    Attributes:
        values: Texts or whole numbers, at least one.

    Example:
        >>> Choices((16, 32, 64)).narrowed([32, 64])
        Choices(values=(32, 64))
    """

    values: tuple[str | int, ...]

    @property
    def ends(self) -> tuple[str | int, ...]:
        """Every value."""
        return self.values

    def narrowed(self, value: Any) -> Choices:
        """Return other values of the same kind.

        Args:
            value: A list of them, or one that is to be kept.

        Raises:
            InputError: If there is none, one comes twice, or one is of another kind.
        """
        given: Sequence[Any] = value if isinstance(value, list | tuple) else [value]
        kind = type(self.values[0])
        if (
            not given
            or len({*map(repr, given)}) < len(given)
            or any(type(each) is not kind for each in given)
        ):
            words = "texts" if kind is str else "whole numbers"
            raise InputError(f"expected a list of different {words}, got {value!r}")
        return Choices(tuple(given))

    def has(self, value: Any) -> bool:
        """Tell whether a value is among them."""
        return value in self.values

    def asked(self, trial: optuna.trial.BaseTrial, name: str) -> str | int:
        """Return the value that a trial takes."""
        if len(self.values) == 1:
            return self.values[0]
        found: Any = trial.suggest_categorical(name, self.values)
        return found  # type: ignore[no-any-return]


Dimension = Numbers | Choices

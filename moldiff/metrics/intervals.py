"""Intervals that stand beside every reported figure: of a mean, of a share, of a difference over seeds."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

__all__ = [
    "Interval",
    "Share",
    "jackknife_interval",
    "mean_interval",
    "mean_of_any",
    "paired_difference_interval",
    "share_interval",
]

# The acceleration of BCa leaves out each row in turn, which takes N^2 numbers. Among so many rows it moves
# the ends of exponentially distributed values by a hundredth of the interval's width.
_ACCELERATED = 10_000

# Resamples are drawn in blocks of about this many numbers, so that memory does not grow with their count.
_BLOCK = 2_000_000


@dataclass(frozen=True)
class Interval:
    """A figure with the interval of the given confidence level around it.

    Args:
        value: The figure itself, in the unit of what was measured.
        low: Lower end, same unit.
        high: Upper end, same unit.
        level: Confidence level, between 0 and 1.

    Example:
        >>> difference = Interval(-0.02, -0.03, -0.01)
        >>> difference.excludes(0.0)
        True
        >>> print(difference)
        -0.02 [-0.03, -0.01]
    """

    value: float
    low: float
    high: float
    level: float = 0.95

    def excludes(self, value: float = 0.0) -> bool:
        """Return whether ``value`` lies outside the interval (never when an end is NaN)."""
        return value < self.low or value > self.high

    def __str__(self) -> str:
        return f"{self.value:.4g} [{self.low:.4g}, {self.high:.4g}]"


@dataclass(frozen=True)
class Share:
    """A share that says what it is a share of.

    Args:
        value: count / total; NaN where the total is 0.
        count: How many.
        total: Out of how many.
        of: What the total counts, in words.
        low: Lower end of Wilson's interval; NaN for counts of distinct molecules, which are no sum over rows.
        high: Upper end.
        level: Confidence level of the interval.

    Example:
        >>> print(Share.of_rows(8, 10, "proposed rows"))
        80.0% of 10 proposed rows [49.0%, 94.3%]
        >>> print(Share.of_distinct(1, 4, "distinct molecules"))
        25.0% of 4 distinct molecules
    """

    value: float
    count: int
    total: int
    of: str
    low: float = math.nan
    high: float = math.nan
    level: float = 0.95

    @classmethod
    def of_rows(cls, count: int, total: int, of: str) -> Share:
        """Return the share of independent rows, with ``share_interval``."""
        found = share_interval(count, total)
        return cls(found.value, count, total, of, found.low, found.high, found.level)

    @classmethod
    def of_distinct(cls, count: int, total: int, of: str) -> Share:
        """Return the share of distinct molecules, without an interval."""
        return cls(count / total if total else math.nan, count, total, of)

    def __str__(self) -> str:
        shown = f"{self.value:.1%} of {self.total:,} {self.of}"
        return shown if math.isnan(self.low) else f"{shown} [{self.low:.1%}, {self.high:.1%}]"


def mean_interval(
    values: npt.ArrayLike,
    *,
    generator: np.random.Generator,
    level: float = 0.95,
    resamples: int = 2000,
) -> Interval:
    """Return the mean of independent values with its bootstrap interval.

    The interval is bias-corrected and accelerated (BCa; Efron 1987, doi 10.1080/01621459.1987.10478410),
    computed by SciPy; above 10,000 values it is the percentile interval. Equal values give an interval of no
    width.

    Args:
        values: (N,) finite numbers, N >= 2.
        generator: Source of the resamples.
        level: Confidence level, between 0 and 1.
        resamples: Number of bootstrap resamples.

    Raises:
        ValueError: If there are fewer than two values, or one is not finite.

    Example:
        >>> mean_interval([2.0, 2.0, 2.0], generator=np.random.default_rng(0))
        Interval(value=2.0, low=2.0, high=2.0, level=0.95)
    """
    _check_level(level)
    sample = _finite(values, "values")
    mean = float(sample.mean())
    if np.ptp(sample) == 0.0:
        return Interval(mean, mean, mean, level)
    found = stats.bootstrap(
        (sample,),
        np.mean,
        n_resamples=resamples,
        batch=max(1, _BLOCK // len(sample)),
        confidence_level=level,
        method="BCa" if len(sample) <= _ACCELERATED else "percentile",
        rng=generator,
    ).confidence_interval
    return Interval(mean, float(found.low), float(found.high), level)


def mean_of_any(values: npt.ArrayLike, *, generator: np.random.Generator, level: float = 0.95) -> Interval:
    """Return ``mean_interval``, or what is left of it for fewer than two values: a mean, or NaN, alone.

    Args:
        values: (N,) finite numbers.
        generator: Source of the resamples.
        level: Confidence level, between 0 and 1.

    Example:
        >>> print(mean_of_any([3.0], generator=np.random.default_rng(0)))
        3 [nan, nan]
    """
    sample = np.asarray(values, dtype=np.float64)
    if len(sample) >= 2:
        return mean_interval(sample, generator=generator, level=level)
    return Interval(float(sample[0]) if len(sample) else math.nan, math.nan, math.nan, level)


def share_interval(count: int, total: int, *, level: float = 0.95) -> Interval:
    """Return the share ``count / total`` with its Wilson score interval.

    Wilson 1927, doi 10.1080/01621459.1927.10502953, without continuity correction. A share of nothing is
    NaN, and its interval is [0, 1].

    Args:
        count: How many of the total, between 0 and ``total``.
        total: The denominator, at least 0.
        level: Confidence level, between 0 and 1.

    Raises:
        ValueError: If ``count`` is not between 0 and ``total``.

    Example:
        >>> print(share_interval(0, 10))
        0 [0, 0.2775]
    """
    _check_level(level)
    if not 0 <= count <= total:
        raise ValueError(f"a count must lie between 0 and its total {total}, got {count}")
    if total == 0:
        return Interval(math.nan, 0.0, 1.0, level)
    found = stats.binomtest(int(count), int(total)).proportion_ci(level, method="wilson")
    return Interval(count / total, float(found.low), float(found.high), level)


def paired_difference_interval(
    first: npt.ArrayLike, second: npt.ArrayLike, *, level: float = 0.95
) -> Interval:
    """Return the mean of ``first - second`` over seeds with its Student t interval.

    Entry i of both is the figure of the same seed (or the same goal), so that what the two share cancels.
    The t interval suits the handful of seeds of a benchmark; a bootstrap of five numbers is too narrow.

    Args:
        first: (S,) one finite figure per seed, S >= 2.
        second: (S,) the figures of the other method, in the same order of seeds.
        level: Confidence level, between 0 and 1.

    Raises:
        ValueError: If the lengths differ, there are fewer than two seeds, or a figure is not finite.

    Example:
        >>> print(paired_difference_interval([3.0, 5.0, 4.0], [1.0, 2.0, 3.0]))
        2 [-0.4841, 4.484]
    """
    _check_level(level)
    left, right = _finite(first, "first"), _finite(second, "second")
    if len(left) != len(right):
        raise ValueError(f"paired figures need the same seeds, got {len(left)} and {len(right)}")
    differences = left - right
    mean = float(differences.mean())
    half = float(stats.t.ppf((1 + level) / 2, len(left) - 1) * stats.sem(differences))
    return Interval(mean, mean - half, mean + half, level)


def jackknife_interval(
    figure: Callable[[npt.NDArray[np.int64]], float], count: int, *, level: float = 0.95
) -> Interval:
    """Return a figure of several seeds with its jackknife interval: for what is no mean of figures of a seed.

    The figure without each seed in turn gives the pseudo-values count f - (count - 1) f_i, whose mean has a
    Student t interval (Tukey 1958; Efron and Stein 1981, doi 10.1214/aos/1176345462). The interval stands
    around the figure itself. Of a mean it is the t interval of the seeds.

    Args:
        figure: From the places of the seeds that count, (M,) int64, to the figure.
        count: Number of seeds; below two there is a figure and no interval, without any NaN.
        level: Confidence level, between 0 and 1.

    Example:
        >>> seeds = np.array([1.0, 2.0, 3.0])
        >>> print(jackknife_interval(lambda kept: seeds[kept].mean(), 3))
        2 [-0.4841, 4.484]
    """
    _check_level(level)
    places = np.arange(count)
    value = float(figure(places)) if count else math.nan
    if count < 2:
        return Interval(value, math.nan, math.nan, level)
    without = np.array([figure(np.delete(places, place)) for place in places])
    error = math.sqrt((count - 1) / count * float(((without - without.mean()) ** 2).sum()))
    half = float(stats.t.ppf((1 + level) / 2, count - 1)) * error
    return Interval(value, value - half, value + half, level)


def _check_level(level: float) -> None:
    if not 0 < level < 1:
        raise ValueError(f"a confidence level lies between 0 and 1, got {level}")


def _finite(values: npt.ArrayLike, name: str) -> npt.NDArray[np.float64]:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or len(array) < 2:
        raise ValueError(f"{name} must be one row of at least 2 numbers, got shape {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite, got {int((~np.isfinite(array)).sum())} that are not")
    return array

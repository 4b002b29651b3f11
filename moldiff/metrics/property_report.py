"""The properties of a sample, and how far their distributions lie from those of a reference."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from moldiff.chem.properties import PROPERTIES
from moldiff.metrics.distances import distance_report, floor_distances, scaled_distances
from moldiff.metrics.intervals import Interval

__all__ = ["PropertyFigures", "PropertyReport", "property_report"]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class PropertyFigures:
    """One property of a sample beside a reference; NaN where there is nothing to say.

    Args:
        unit: Of the four numbers that follow.
        mean: Of the sample.
        sd: Of the sample, standard deviation with divisor N.
        reference_mean: Of the reference.
        reference_sd: Of the reference, divisor M.
        distance: Wasserstein-1 distance of the two over ``reference_sd``; NaN where that is 0.
        floor: Distance that sampling error alone gives at these two sizes.

    Example:
        >>> nan = math.nan
        >>> PropertyFigures("1", 1.5, 0.5, nan, nan, nan, nan).mean
        1.5
    """

    unit: str
    mean: float
    sd: float
    reference_mean: float
    reference_sd: float
    distance: float
    floor: float


@dataclass(frozen=True)
class PropertyReport:
    """All properties of a sample beside a reference.

    Args:
        rows: Rows of the sample that count: the valid ones, repeats counted.
        reference_rows: The same of the reference; 0 without one.
        figures: By property.
        mean_distance: Mean of the distances with its bootstrap interval; None without a reference to compare
            with.
        compared: Number of properties in that mean: those that have a spread in the reference.
        mean_floor: Mean of their floors; NaN without a reference, or one of fewer than four rows.

    Example:
        >>> report = property_report(pd.DataFrame({"rings": [1.0, 3.0]}), generator=np.random.default_rng(0))
        >>> report.rows, report.figures["rings"].mean, report.mean_distance
        (2, 2.0, None)
    """

    rows: int
    reference_rows: int
    figures: dict[str, PropertyFigures]
    mean_distance: Interval | None
    compared: int
    mean_floor: float


def property_report(
    values: pd.DataFrame,
    reference: pd.DataFrame | None = None,
    *,
    generator: np.random.Generator,
    resamples: int = 1000,
) -> PropertyReport:
    """Return means, spreads and distances of the properties of a sample.

    Args:
        values: N rows, P columns named by keys of ``PROPERTIES``; rows of NaN (not valid) are left out.
        reference: M rows, the same columns; rows of NaN are left out.
        generator: Source of resamples and of the splits behind the floors.
        resamples: Bootstrap resamples.
    """
    names = list(values.columns)
    sample = _complete(values)
    other = np.empty((0, len(names))) if reference is None else _complete(reference[names])
    spread = (other.max(axis=0) > other.min(axis=0)) if len(other) else np.zeros(len(names), dtype=bool)
    distances, floors = np.full((2, len(names)), math.nan)
    mean = None
    if len(sample) and spread.any():
        distances[spread] = scaled_distances(sample[:, spread], other[:, spread])
        floors[spread] = _floors(other[:, spread], len(sample), generator)
        chosen = [name for name, varies in zip(names, spread, strict=True) if varies]
        mean = _mean_distance(sample[:, spread], other[:, spread], chosen, generator, resamples)
    columns = [*_moments(sample), *_moments(other), distances, floors]
    rows = np.stack(columns, axis=1).tolist()
    return PropertyReport(
        len(sample),
        len(other),
        {name: PropertyFigures(PROPERTIES[name].unit, *row) for name, row in zip(names, rows, strict=True)},
        mean,
        int(spread.sum()) if mean is not None else 0,
        float(floors[spread].mean()) if mean is not None else math.nan,
    )


def _complete(values: pd.DataFrame) -> Array:
    table: Array = values.dropna().to_numpy(dtype=np.float64)
    return table


def _moments(table: Array) -> tuple[Array, Array]:
    """Return mean and standard deviation of each column, NaN where there is no row."""
    if not len(table):
        return np.full(table.shape[1], math.nan), np.full(table.shape[1], math.nan)
    return table.mean(axis=0), table.std(axis=0)


def _floors(reference: Array, n: int, generator: np.random.Generator) -> Array:
    """Return the floors of a sample of n rows; NaN for a reference too small to be halved."""
    size = len(reference)
    if size < 4:
        return np.full(reference.shape[1], math.nan)
    scale = math.sqrt((1 / n + 1 / size) / (4 / size))
    return floor_distances(reference, generator=generator) * scale


def _mean_distance(
    sample: Array, reference: Array, names: list[str], generator: np.random.Generator, resamples: int
) -> Interval:
    """Return the mean distance; one row alone cannot be resampled, and has no interval."""
    if len(sample) < 2:
        value = float(scaled_distances(sample, reference).mean())
        return Interval(value, math.nan, math.nan)
    return distance_report(sample, reference, names, generator=generator, resamples=resamples).mean

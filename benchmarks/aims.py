"""What models are asked for: values at percentiles of training."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence

from moldiff.chem.aims import Aim
from moldiff.chem.goals import Goal
from moldiff.chem.statistics import PropertyStatistics
from moldiff.errors import InputError, did_you_mean

PROPERTIES = ("logP", "TPSA", "QED", "SA", "fsp3")
"""Properties of which a value is asked for, one at a time."""

PAIR = ("logP", "TPSA")
"""Properties of which two values are asked for together."""


def value_aims(
    statistics: Mapping[str, PropertyStatistics], names: Sequence[str], percentiles: Iterable[int]
) -> list[Aim]:
    """Return the aims at percentiles of training: all combinations, where there are several properties.

    Args:
        statistics: Training statistics by property.
        names: Properties that are asked for together.
        percentiles: Such as 10, 50, 90: the statistics have 5, 10, 25, 50, 75, 90 and 95.

    Raises:
        InputError: If the model has no such property or keeps no such percentile.
    """
    for name in names:
        if name not in statistics:
            raise InputError(f"the model was not trained on '{name}'{did_you_mean(name, statistics)}")
    aims = []
    for chosen in itertools.product(percentiles, repeat=len(names)):
        goals = [
            Goal(name, target=_quantile(statistics[name], percentile))
            for name, percentile in zip(names, chosen, strict=True)
        ]
        aims.append(Aim(tuple(goals), chosen))
    return aims


def _quantile(stats: PropertyStatistics, percentile: int) -> float:
    key = f"{percentile / 100:g}"
    if key not in stats.quantiles:
        known = ", ".join(f"{100 * float(each):g}" for each in stats.quantiles)
        raise InputError(f"the model keeps no percentile {percentile} of {stats.name}: expected {known}")
    return stats.quantiles[key]

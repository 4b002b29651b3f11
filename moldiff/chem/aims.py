"""Goals that are asked for together, and how far molecules lie from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from moldiff.chem.goals import Goal
from moldiff.chem.statistics import PropertyStatistics


@dataclass(frozen=True)
class Aim:
    """Goals that are asked for together.

    Args:
        goals: As they go to the model.
        percentiles: Of training, where the values of value goals come from.

    Example:
        >>> aim = Aim.parse("rings>=3", "logP=1.5")
        >>> aim.name, aim.names
        ('rings>=3 and logP=1.5', ['rings', 'logP'])
        >>> logp = PropertyStatistics.from_values("logP", [0.0, 2.0], "1", "by hand")
        >>> rings = PropertyStatistics.from_values("rings", [2, 4], "1", "by hand")
        >>> values = pd.DataFrame({"rings": [2.0, 5.0], "logP": [1.5, 3.5]})
        >>> aim.errors(values, {"logP": logp, "rings": rings}).tolist()
        [0.5, 1.0]
    """

    goals: tuple[Goal, ...]
    percentiles: tuple[int, ...] = ()

    @classmethod
    def parse(cls, *texts: str) -> Aim:
        """Return the aim of goals as people write them."""
        return cls(tuple(Goal.parse(text) for text in texts))

    @property
    def name(self) -> str:
        """The goals as text, values with four digits."""
        shown = [
            f"{goal.name}={goal.target:.4g}" if goal.target is not None else str(goal) for goal in self.goals
        ]
        return " and ".join(shown)

    @property
    def names(self) -> list[str]:
        """The properties."""
        return [goal.name for goal in self.goals]

    def errors(
        self, values: pd.DataFrame, statistics: Mapping[str, PropertyStatistics]
    ) -> NDArray[np.float64]:
        """Return how far molecules lie from the aim, in training standard deviations, mean over the goals.

        The distance is that to the value itself, not to its tolerance; for ranges, max and min that to the
        satisfied set.

        Args:
            values: A column for each of the properties, NaN where not valid.
            statistics: Training statistics by property.

        Returns:
            (N,) float64, NaN where not valid.
        """
        found = []
        for goal in self.goals:
            stats, column = statistics[goal.name], values[goal.name].to_numpy(dtype=np.float64)
            away = abs(column - goal.target) if goal.target is not None else goal.resolve(stats).error(column)
            found.append(away / stats.scale)
        mean: NDArray[np.float64] = np.mean(found, axis=0)
        return mean

    def hits(self, values: pd.DataFrame, statistics: Mapping[str, PropertyStatistics]) -> NDArray[np.bool_]:
        """Return which molecules meet every goal, (N,) bool; values within 0.25 training deviations do."""
        met = [goal.resolve(statistics[goal.name]).hit(values[goal.name].to_numpy()) for goal in self.goals]
        every: NDArray[np.bool_] = np.logical_and.reduce(met)
        return every

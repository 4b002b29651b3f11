"""How well the rows of a file meet goals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from moldiff.chem.goals import Goal
from moldiff.chem.properties import PROPERTIES
from moldiff.chem.statistics import PropertyStatistics
from moldiff.errors import InputError, did_you_mean
from moldiff.metrics.intervals import Interval, Share, mean_of_any

__all__ = ["GoalFigures", "goal_report", "read_goals", "resolve_goal"]


@dataclass(frozen=True)
class GoalFigures:
    """How well the rows meet one goal.

    Args:
        goal: As text, with its tolerance.
        property: Its property.
        unit: Of the error.
        bounds: Ends of the interval that meets the goal, in that unit; infinite where it is open.
        hit_rate: Rows that meet this goal, of proposed.
        error: Mean distance to the goal over the valid rows, 0 where met, with its interval.
        valid: How many rows that mean is over, repeats counted.

    Example:
        >>> values, generator = pd.DataFrame({"rings": [1.0, 3.0, np.nan]}), np.random.default_rng(0)
        >>> _, [figures] = goal_report([Goal.parse("rings>=3")], values, generator=generator)
        >>> print(figures.hit_rate.count, figures.hit_rate.total, figures.error.value, figures.valid)
        1 3 1.0 2
    """

    goal: str
    property: str
    unit: str
    bounds: tuple[float, float]
    hit_rate: Share
    error: Interval
    valid: int


def goal_report(
    goals: Sequence[Goal], values: pd.DataFrame, *, generator: np.random.Generator
) -> tuple[npt.NDArray[np.bool_], list[GoalFigures]]:
    """Return which rows meet every goal, (N,) bool, and the figures of each goal.

    Args:
        goals: Resolved goals on columns of ``values``.
        values: N proposals, one column a property; a row of NaN is no molecule, and meets nothing.
        generator: Source of the resamples.
    """
    hit = values.notna().any(axis=1).to_numpy(copy=True)
    figures = []
    for goal in goals:
        column = values[goal.name].to_numpy()
        known = column[~np.isnan(column)]
        meets = goal.hit(column)
        hit &= meets
        figures.append(
            GoalFigures(
                str(goal),
                goal.name,
                PROPERTIES[goal.name].unit,
                goal.bounds(),
                Share.of_rows(int(meets.sum()), len(column), "proposed rows"),
                mean_of_any(goal.error(known), generator=generator),
                len(known),
            )
        )
    return hit, figures


def read_goals(goals: Iterable[str | Goal]) -> list[Goal]:
    """Read goals that molecules can be judged by.

    Raises:
        InputError: If a goal cannot be read, or is on something that cannot be measured.

    Example:
        >>> [str(goal) for goal in read_goals(["rings=3", "1 <= logP <= 2"])]
        ['rings=3', '1<=logP<=2']
    """
    found = [Goal.parse(goal) if isinstance(goal, str) else goal for goal in goals]
    for goal in found:
        if goal.name not in PROPERTIES:
            near = did_you_mean(goal.name, PROPERTIES)
            raise InputError(f"goal '{goal}': '{goal.name}' cannot be measured of a molecule{near}")
    return found


def resolve_goal(goal: Goal, statistics: Mapping[str, PropertyStatistics]) -> Goal:
    """Fill in what decides when a goal is hit.

    Args:
        goal: From ``read_goals``.
        statistics: Of the molecules that max and min goals, and values without tolerance, are relative to.

    Raises:
        InputError: If it needs statistics that are not there.

    Example:
        >>> print(resolve_goal(Goal.parse("rings=3"), {}))
        rings=3±0
    """
    known = PROPERTIES[goal.name]
    if goal.name in statistics:
        return goal.resolve(statistics[goal.name])
    if goal.direction is not None and goal.threshold is None:
        raise InputError(
            f"goal '{goal}' is met beyond a quantile of training: give --model or --reference, or a limit "
            f"such as '{goal.name}>=1'"
        )
    if known.integer:
        # Whole numbers are met exactly, whatever their spread: any statistics will do.
        return goal.resolve(PropertyStatistics.from_values(goal.name, [0.0], known.unit, "", integer=True))
    if goal.target is not None and goal.tolerance is None:
        raise InputError(
            f"goal '{goal}' is met within 0.25 standard deviations of training: give --model or --reference, "
            f"or a tolerance, as in '{goal}±0.1'"
        )
    return goal

"""From goals to conditions: which property values the network is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from moldiff.chem.goals import Goal, score
from moldiff.chem.properties import PROPERTIES
from moldiff.chem.statistics import PropertyStatistics
from moldiff.diffusion.canvas import CanvasLaw
from moldiff.errors import InputError, did_you_mean

NEAREST = 32
"""Rows to take values from when no row of the table meets all goals."""


@dataclass
class Targets:
    """Goals, resolved, and the training rows whose values stand in for ranges.

    Value goals ask for their value. The values of ranges, max and min come, together, from one training row
    that meets all goals, another row for every molecule: so they agree with one another and vary as real
    molecules do. All other properties are not given.

    Args:
        goals: Resolved goals.
        fixed: (P,) float, the values of value goals, NaN elsewhere.
        rows: (R, P) float, candidate rows; NaN outside the ranged properties.
        notes: What the user should know about the choice.

    Example:
        >>> nan = float("nan")
        >>> targets = Targets([], torch.tensor([1.5, nan]), torch.tensor([[nan, 4.0]]))
        >>> targets.draw(2, torch.Generator()).tolist()
        [[1.5, 4.0], [1.5, 4.0]]
    """

    goals: list[Goal]
    fixed: Tensor
    rows: Tensor
    notes: list[str] = field(default_factory=list)

    @property
    def asks(self) -> bool:
        """Whether any condition is given."""
        return not bool(self.fixed.isnan().all() & self.rows.isnan().all())

    def draw(self, n: int, generator: torch.Generator) -> Tensor:
        """Return conditions (n, P) float32, NaN where not given."""
        chosen = self.rows[torch.randint(len(self.rows), (n,), generator=generator)]
        return torch.where(self.fixed.isnan(), chosen, self.fixed)


def plan_targets(
    goals: Sequence[Goal],
    statistics: Mapping[str, PropertyStatistics],
    canvas: CanvasLaw,
    *,
    reach: float | None = None,
) -> Targets:
    """Resolve goals against a model's training statistics and find the rows that meet them.

    Args:
        goals: Any number of goals, at most one for each property.
        statistics: The model's conditions, in the order of the columns of y.
        canvas: Its canvas law, which holds a sample of training rows.
        reach: For max (min) goals, ask for values beyond this quantile (one minus it) of training instead of
            the 0.95 (0.05) quantile from which they count as hit. At least 0.5 and below 1.

    Raises:
        InputError: If the model has no such condition, a property has two goals, or reach is out of range.
    """
    _check(goals, list(statistics), reach)
    resolved = [goal.resolve(statistics[goal.name]) for goal in goals]
    notes = outside_notes(resolved, statistics)
    column = {name: number for number, name in enumerate(statistics)}
    fixed = torch.full((len(column),), torch.nan)
    for goal in resolved:
        if goal.target is not None:
            fixed[column[goal.name]] = goal.target
    values = canvas.properties.double().numpy()
    asked = [_reaching(goal, values[:, column[goal.name]], reach) for goal in resolved]
    ranged = [goal for goal in asked if goal.target is None]
    if reach is not None and not any(goal.direction for goal in resolved):
        notes.append("reach changes max and min goals that are conditions only, and there is none")
    if not ranged:
        return Targets(resolved, fixed, torch.full((1, len(column)), torch.nan), notes)
    seen = {goal.name: values[:, column[goal.name]] for goal in asked}
    rows, stand_in = _rows_that_meet(asked, seen, statistics)
    table = torch.full((len(rows), len(column)), torch.nan)
    for goal in ranged:
        low, high = goal.bounds()
        table[:, column[goal.name]] = torch.from_numpy(np.clip(seen[goal.name][rows], low, high)).float()
    return Targets(resolved, fixed, table, notes + stand_in)


def _check(goals: Sequence[Goal], names: list[str], reach: float | None) -> None:
    """Refuse goals and a reach that this model cannot serve."""
    for goal in goals:
        if goal.name not in names:
            raise InputError(_not_a_condition(goal.name, names))
    refuse_repeats(goals)
    if reach is not None and not 0.5 <= reach < 1.0:
        raise InputError(f"reach must be a quantile from 0.5 to below 1, got {reach}")


def refuse_repeats(goals: Sequence[Goal]) -> None:
    """Refuse two goals on one property.

    Raises:
        InputError: Saying how to write them as one.
    """
    twice = [goal.name for number, goal in enumerate(goals) if goal.name in {g.name for g in goals[:number]}]
    if twice:
        raise InputError(f"two goals on '{twice[0]}': write one interval, such as '1<={twice[0]}<=2'")


def _not_a_condition(name: str, names: list[str]) -> str:
    known = f"it knows {', '.join(names)}" if names else "it knows no property"
    if name in PROPERTIES:
        way_out = f"train one with `moldiff train --property {name}`"
        return f"this model was not trained on '{name}': {way_out}; {known}"
    return f"unknown property '{name}'{did_you_mean(name, dict.fromkeys([*names, *PROPERTIES]))}"


def outside_notes(goals: Sequence[Goal], statistics: Mapping[str, PropertyStatistics]) -> list[str]:
    """Return a note for each goal that no training molecule could meet.

    Args:
        goals: Resolved goals.
        statistics: Training statistics by property.
    """
    notes = []
    for goal in goals:
        (low, high), stats = goal.bounds(), statistics[goal.name]
        if low > stats.high or high < stats.low:
            seen = f"{stats.low:.4g} to {stats.high:.4g}"
            notes.append(f"{goal} lies outside the training values of {goal.name}, {seen}")
    return notes


def _reaching(goal: Goal, values: NDArray[np.float64], reach: float | None) -> Goal:
    """Return a max or min goal with the threshold that ``reach`` asks for; others as they are."""
    known = values[~np.isnan(values)]
    if goal.target is None and not len(known):
        raise InputError(
            f"the model keeps no training value of '{goal.name}': ask for a value, such as '{goal.name}=1'"
        )
    if goal.direction is None or reach is None:
        return goal
    quantile = reach if goal.direction == "max" else 1.0 - reach
    return replace(goal, threshold=float(np.quantile(known, quantile)))


def _rows_that_meet(
    goals: Sequence[Goal],
    values: Mapping[str, NDArray[np.float64]],
    statistics: Mapping[str, PropertyStatistics],
) -> tuple[NDArray[np.int64], list[str]]:
    """Return the numbers of the rows that meet all goals, or of the nearest ones and a note that says so.

    Args:
        goals: Resolved goals.
        values: (R,) training values of each goal's property; NaN where missing.
        statistics: Training statistics by property.

    Raises:
        InputError: If no row has a value for every goal.
    """
    met = np.logical_and.reduce([goal.hit(values[goal.name]) for goal in goals])
    if met.any():
        return np.flatnonzero(met), []
    nearness = score(goals, values, statistics)
    complete = int((~np.isnan(nearness)).sum())
    wish = " and ".join(str(goal) for goal in goals)
    if not complete:
        names = " and ".join(f"'{goal.name}'" for goal in goals)
        raise InputError(f"no training molecule has values of {names} together: ask for one at a time")
    # NaN sorts last: rows that lack a value are never among the nearest.
    nearest = np.argsort(-nearness, kind="stable")[: min(NEAREST, complete)]
    note = (
        f"none of the {len(met)} training molecules that the model keeps meets {wish}: "
        f"the values of the {len(nearest)} nearest stand in, clipped to the goals"
    )
    return nearest, [note]

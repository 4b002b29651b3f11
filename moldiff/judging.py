"""How molecules meet goals: one by one, in order, and over all the proposals of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from moldiff.chem.goals import Goal, rank, score
from moldiff.chem.properties import PROPERTIES
from moldiff.chem.statistics import PropertyStatistics
from moldiff.measuring import Measuring
from moldiff.metrics.sets import SetCounts

NOT_MEASURED = "not measured"
"""What is said of a property that conditions the model but whose value nothing gives."""

RDKIT = Measuring()
"""What RDKit computes, and nothing else."""

USUAL = ("0.001", "0.999")
"""Training quantiles outside of which a property is unusual."""


@dataclass(frozen=True)
class GoalSummary:
    """How near a run came to one goal.

    Attributes:
        goal: As text, with its tolerance.
        property: Its property.
        source: How its values come about: measured, scored or predicted; None if they do not.
        unit: Of the distances.
        direction: "max" or "min"; None for other goals.
        threshold: Where a max or min goal begins to be met; None for others.
        valid: Valid proposals, repeats counted: the denominator of the next two.
        error_valid: Mean distance to the goal over the valid proposals that have a value, 0 where met; None
            if none has.
        hits_valid: Valid proposals that meet this goal; None if not measured.
        error_returned: Mean distance over the molecules returned that have a value; None if none has.
    """

    goal: str
    property: str
    source: str | None
    unit: str
    direction: str | None
    threshold: float | None
    valid: int
    error_valid: float | None
    hits_valid: int | None
    error_returned: float | None


def measured(goals: Sequence[Goal], measuring: Measuring = RDKIT) -> list[Goal]:
    """Return the goals on properties whose values are to be had: those by which molecules are judged."""
    return [goal for goal in goals if measuring.source(goal.name)]


def judge(
    smiles: Sequence[str],
    goals: Sequence[Goal],
    statistics: Mapping[str, PropertyStatistics],
    measuring: Measuring = RDKIT,
) -> pd.DataFrame:
    """Measure what the goals ask for: value, error, score and hit of every molecule.

    Args:
        smiles: B canonical SMILES, "" where invalid.
        goals: Resolved goals.
        statistics: Training statistics by property.
        measuring: Where values come from.

    Returns:
        B rows; columns: each goal's property (of a predicted one its uncertainty, too) and
        ``<property>_error``, then ``score`` and ``hit``. Properties whose values nothing gives are NaN and
        count neither for nor against a hit. Without any goal that can be measured nothing is missed: ``hit``
        is True for every valid molecule, and ``score`` 0.
    """
    can = measured(goals, measuring)
    columns = measuring(smiles, [goal.name for goal in can])
    for goal in goals:
        if goal.name not in columns:
            columns[goal.name] = np.nan
        columns[f"{goal.name}_error"] = goal.error(columns[goal.name])
    valid = np.array([text != "" for text in smiles], dtype=bool)
    table = _arrays(columns)
    columns["score"] = score(can, table, statistics) if can else np.where(valid, 0.0, np.nan)
    columns["hit"] = np.logical_and.reduce([valid, *(goal.hit(table[goal.name]) for goal in can)])
    return columns


def _arrays(frame: pd.DataFrame) -> dict[str, NDArray[np.float64]]:
    return {name: column.to_numpy(dtype=np.float64) for name, column in frame.items()}


def best_first(
    frame: pd.DataFrame,
    goals: Sequence[Goal],
    statistics: Mapping[str, PropertyStatistics],
    measuring: Measuring = RDKIT,
) -> NDArray[np.int64]:
    """Return row numbers from best to worst by score; without measurable goals in their own order."""
    can = measured(goals, measuring)
    if not can:
        return np.arange(len(frame))
    return rank(can, {goal.name: frame[goal.name].to_numpy() for goal in can}, statistics)


def outside_training(frame: pd.DataFrame, statistics: Mapping[str, PropertyStatistics]) -> NDArray[np.bool_]:
    """Tell which molecules have a property beyond what 99.8% of the training molecules have.

    Args:
        frame: B molecules, with a column for each property that can be measured.
        statistics: Training statistics by property.

    Returns:
        (B,) bool: whether any property lies below the training 0.1% or above the 99.9% quantile.

    Example:
        >>> statistics = {"logP": PropertyStatistics.from_values("logP", range(1001), "1", "by hand")}
        >>> outside_training(pd.DataFrame({"logP": [0.0, 1.0, 999.0, 1000.0]}), statistics).tolist()
        [True, False, False, True]
    """
    beyond = np.zeros(len(frame), dtype=np.bool_)
    for name, entry in statistics.items():
        if name in PROPERTIES:
            low, high = (entry.quantiles[quantile] for quantile in USUAL)
            values = frame[name].to_numpy()
            beyond |= (values < low) | (values > high)
    return beyond


@dataclass
class Tally:
    """Counts over the proposals of a run, chunk by chunk: they take no more memory for more proposals.

    Args:
        goals: Resolved goals.
        statistics: Training statistics by property.
        measuring: Where values come from.

    Example:
        >>> tally = Tally([], {})
        >>> chunk = pd.DataFrame({"valid": [True, True, False], "unique": [True, False, False]})
        >>> tally.add(chunk.assign(novel=True, hit=chunk["valid"]))
        >>> tally.counts.valid, tally.counts.unique, tally.counts.hits
        (2, 1, None)
    """

    goals: Sequence[Goal]
    statistics: Mapping[str, PropertyStatistics]
    measuring: Measuring = RDKIT
    sums: dict[str, int] = field(default_factory=dict)
    known: dict[str, int] = field(default_factory=dict)
    errors: dict[str, float] = field(default_factory=dict)
    hits: dict[str, int] = field(default_factory=dict)

    def add(self, chunk: pd.DataFrame) -> None:
        """Count one chunk.

        Args:
            chunk: Proposals with the columns of ``judge``, valid, unique and novel (of repeats too).
        """
        valid, unique, novel, hit = (chunk[name].to_numpy() for name in ("valid", "unique", "novel", "hit"))
        stages = {"proposed": np.ones(len(chunk), dtype=bool), "valid": valid, "unique": unique}
        stages |= {"novel": unique & novel, "hits": hit}
        stages |= {"unique_hits": unique & hit, "novel_hits": unique & novel & hit}
        for name, rows in stages.items():
            self.sums[name] = self.sums.get(name, 0) + int(rows.sum())
        for goal in measured(self.goals, self.measuring):
            values, errors = (chunk.loc[valid, name] for name in (goal.name, f"{goal.name}_error"))
            self.known[goal.name] = self.known.get(goal.name, 0) + int(errors.notna().sum())
            self.errors[goal.name] = self.errors.get(goal.name, 0.0) + float(errors.sum())
            self.hits[goal.name] = self.hits.get(goal.name, 0) + int(goal.hit(values.to_numpy()).sum())

    @property
    def counts(self) -> SetCounts:
        """Proposals left at each stage; hits only where a goal can be measured."""
        stages: dict[str, Any] = {**dict.fromkeys(("proposed", "valid", "unique"), 0), **self.sums}
        if not measured(self.goals, self.measuring):
            stages |= dict.fromkeys(("hits", "unique_hits", "novel_hits"))
        return SetCounts(**stages)

    def summaries(self, returned: pd.DataFrame) -> list[GoalSummary]:
        """Return how near the run came to each goal.

        Args:
            returned: The molecules returned, with the columns of ``judge``.
        """
        return [self._summary(goal, returned[f"{goal.name}_error"]) for goal in self.goals]

    def _summary(self, goal: Goal, kept: pd.Series) -> GoalSummary:
        source, known = self.measuring.source(goal.name), self.known.get(goal.name, 0)
        return GoalSummary(
            str(goal),
            goal.name,
            source,
            self.statistics[goal.name].unit,
            goal.direction,
            goal.threshold,
            self.sums.get("valid", 0),
            error_valid=self.errors[goal.name] / known if known else None,
            hits_valid=self.hits.get(goal.name, 0) if source else None,
            # JSON has no NaN, which is the mean of nothing.
            error_returned=float(kept.mean()) if source and kept.notna().any() else None,
        )

"""What a model is asked for, how its proposals are judged, and what they are held against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from moldiff.chem.aims import Aim
from moldiff.chem.properties import PROPERTIES
from moldiff.chem.statistics import PropertyStatistics
from moldiff.datasets import DATASETS, load, split, with_properties
from moldiff.errors import InputError, did_you_mean
from moldiff.metrics import KnownMolecules, TrainingKeys

NEAR = ("heavy_atoms", "logP", "rings", "QED", "TPSA")
"""Properties whose distributions say how far proposals lie from the training molecules of a class."""

MEMBERS = 4096
"""Training molecules of a class that proposals are held against, at most: to measure all takes minutes."""


@dataclass(frozen=True)
class Problem:
    """Goals that are asked for together, and by which proposals are judged.

    Args:
        name: What it is called.
        ask: The goals as the model gets them.
        aim: The goals as proposals are judged; those that are asked for unless given. The two differ where a
            model knows classes ("rings_top=top") and RDKit measures a number ("rings>3").
        table: Data set whose molecules are not novel; the model's training molecules unless given.

    Raises:
        InputError: If a goal cannot be read, or RDKit does not measure what it is judged by.

    Example:
        >>> problem = Problem("rings", ("rings_top=top",), ("rings>3",), "qm9")
        >>> problem.axis, Problem("logP", ("logP=1",)).axis
        (('mean_novel', 1), ('error_novel', -1))
    """

    name: str
    ask: tuple[str, ...]
    aim: tuple[str, ...] = ()
    table: str | None = None

    def __post_init__(self) -> None:
        if not self.ask:
            raise InputError(f"problem '{self.name}' asks for nothing: give it a goal, such as rings>=4")
        Aim.parse(*self.ask)
        for goal in self.judged.goals:
            if goal.name not in PROPERTIES:
                raise InputError(
                    f"problem '{self.name}': proposals are judged by what RDKit measures, and '{goal.name}' "
                    f"is not among it{did_you_mean(goal.name, PROPERTIES)}"
                )
        if self.table is not None and self.table not in DATASETS:
            raise InputError(
                f"problem '{self.name}': unknown table '{self.table}'{did_you_mean(self.table, DATASETS)}"
            )

    @cached_property
    def judged(self) -> Aim:
        """The goals that proposals are judged by."""
        return Aim.parse(*(self.aim or self.ask))

    @property
    def quantity(self) -> str:
        """The property whose mean is told: the first goal's."""
        return self.judged.names[0]

    @property
    def measured(self) -> list[str]:
        """What is measured of proposals: the properties of the goals, and those of ``NEAR``."""
        return [*dict.fromkeys([*self.judged.names, *NEAR])]

    @property
    def axis(self) -> tuple[str, int]:
        """The figure that says how well the goals are met, and whether more of it is better (1) or less (-1).

        The mean of the property where one goal wants much or little of it, else the mean error.
        """
        goal, *others = self.judged.goals
        if not others and goal.target is None and goal.label is None:
            if goal.direction == "max" or (goal.direction is None and np.isinf(goal.high)):
                return "mean_novel", 1
            if goal.direction == "min" or np.isinf(goal.low):
                return "mean_novel", -1
        return "error_novel", -1


@dataclass(frozen=True)
class Reference:
    """What the proposals for a problem are held against.

    Args:
        known: Molecules that are not novel.
        statistics: Of the properties that goals are judged by.
        members: Training molecules that meet the goals, ``MEMBERS`` at most, a column for each of ``NEAR``;
            None where the table is not at hand.
        average: The figure of the problem's axis over the training molecules; NaN where nobody knows.
        class_average: The same over those that meet the goals.
    """

    known: KnownMolecules
    statistics: Mapping[str, PropertyStatistics]
    members: pd.DataFrame | None
    average: float
    class_average: float = float("nan")

    @classmethod
    def of_table(cls, problem: Problem, table: str) -> Reference:
        """Return what the molecules of a data set give: statistics of its training part."""
        data, names = load(table), problem.judged.names
        values = with_properties(data, names)
        train = values[split(data.smiles) == "train"]
        statistics = {
            name: PropertyStatistics.from_values(name, train[name], PROPERTIES[name].unit, "rdkit")
            for name in names
        }
        told = train[problem.quantity]
        if problem.axis[0] == "error_novel":
            told = pd.Series(problem.judged.errors(train, statistics), index=train.index)
        hit = problem.judged.hits(train, statistics)
        # Evenly among all of them: tables are often sorted.
        rows = train.index[hit][:: max(1, -(-int(hit.sum()) // MEMBERS))]
        members = with_properties(data.take(rows.to_numpy()), NEAR)[list(NEAR)]
        known = TrainingKeys.build(data.smiles)
        return cls(known, statistics, members, float(told.mean()), float(told[hit].mean()))

    @classmethod
    def of_model(
        cls, problem: Problem, known: KnownMolecules, statistics: Mapping[str, PropertyStatistics]
    ) -> Reference:
        """Return what a model knows of its training molecules.

        Raises:
            InputError: If it was not trained on a property that goals are judged by.
        """
        for name in problem.judged.names:
            if name not in statistics:
                raise InputError(
                    f"problem '{problem.name}': the model knows nothing of '{name}' in training: name "
                    f'the table, such as table = "qm9"{did_you_mean(name, statistics)}'
                )
        means = problem.axis[0] == "mean_novel"
        return cls(known, statistics, None, statistics[problem.quantity].mean if means else float("nan"))

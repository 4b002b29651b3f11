"""What a winner's settings are worth: on seeds that nothing was chosen on, beside what they replace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moldiff.errors import InputError
from moldiff.metrics import Interval, paired_difference_interval
from moldiff.sweep.cells import Cells
from moldiff.sweep.figures import FIGURES
from moldiff.sweep.plan import check_fresh
from moldiff.sweep.problem import Problem
from moldiff.sweep.running import run
from moldiff.tuning.objectives import SWEPT, together
from moldiff.tuning.task import Task

FRESH_SEEDS = (100, 101, 102, 103, 104)
"""On which the winner is measured again, unless told."""


@dataclass(frozen=True)
class Comparison:
    """What two ways to draw give for the same goals with the same seeds.

    Attributes:
        problem: The goals.
        tuned: Whether it is for these that was tuned.
        winner: By figure a number a seed, (S,) float64, NaN where there is none.
        base: The same of what it is held against.

    Example:
        >>> winner, base = {"novel": np.array([5.0, 6.0, 7.0])}, {"novel": np.array([4.0, 4.0, 4.0])}
        >>> print(Comparison(Problem("x", ("rings>=4",)), True, winner, base).difference("novel"))
        2 [-0.4841, 4.484]
    """

    problem: Problem
    tuned: bool
    winner: Mapping[str, NDArray[np.float64]]
    base: Mapping[str, NDArray[np.float64]]

    def difference(self, figure: str) -> Interval:
        """Return what the winner has more than the base, with its paired interval over seeds.

        NaN where a seed has no such figure.
        """
        first, second = self.winner[figure], self.base[figure]
        if len(first) < 2 or not np.isfinite([first, second]).all():
            return Interval(float((first - second).mean()), float("nan"), float("nan"))
        return paired_difference_interval(first, second)

    def record(self) -> dict[str, Any]:
        """Return all of it, as ``tuning.json`` has it."""
        figures = {
            name: {
                "winner": float(self.winner[name].mean()),
                "base": float(self.base[name].mean()),
                "difference": self.difference(name),
                "winner_values": self.winner[name],
                "base_values": self.base[name],
            }
            for name in self.winner
        }
        return {"goals": list(self.problem.ask), "tuned": self.tuned, "figures": figures}


@dataclass(frozen=True)
class Contest:
    """The winner against settings that it is to replace.

    Args:
        task: What was tuned.
        base: Settings that it is held against: those of ``generate`` by default unless any are given.
        others: Goals that were not tuned for.
        seeds: That nothing was chosen on.

    Raises:
        InputError: If a seed is one of the trials', or there are fewer than two.
    """

    task: Task
    base: Mapping[str, Any]
    others: tuple[Problem, ...] = ()
    seeds: tuple[int, ...] = FRESH_SEEDS

    def __post_init__(self) -> None:
        check_fresh(self.seeds, self.task.seeds)
        if len(self.seeds) < 2:
            raise InputError("expected two fresh seeds at least: one alone has no interval")

    def compare(self, settings: Mapping[str, Any], folder: Path, *, workers: int = 1) -> list[Comparison]:
        """Return what the winner and the base give on the fresh seeds.

        Args:
            settings: Of the winner's arm.
            folder: Where finished samples are kept: the same call goes on after them.
            workers: Processes.
        """
        task, problems = self.task, (self.task.problem, *self.others)
        of = {f"problem {problem.name}": asdict(problem) for problem in problems}
        store = Cells(folder, {"model": task.digest, "precision": task.precision, **of})
        store.prepare()
        sides = settings, self.base
        wanted = [
            cell
            for problem in problems
            for seed in self.seeds
            for given in sides
            for cell in task.cells(given, seed, problem)
        ]
        run(wanted, store, workers=workers)
        return [
            Comparison(
                problem, problem is task.problem, *(self._figures(store, problem, given) for given in sides)
            )
            for problem in problems
        ]

    def _figures(
        self, store: Cells, problem: Problem, settings: Mapping[str, Any]
    ) -> dict[str, NDArray[np.float64]]:
        """Return the figures of settings, by name a number a seed."""
        task, tuned = self.task, problem is self.task.problem
        average = task.average if tuned else float("nan")
        rows = []
        for seed in self.seeds:
            cells = [store.get(cell) or {} for cell in task.cells(settings, seed, problem)]
            rows.append(together(cells, problem, task.n, average))
        # The hypervolume only where it was an objective.
        names = [*FIGURES, *([SWEPT] if tuned and SWEPT in task.objectives else [])]
        return {name: np.array([row[name] for row in rows], dtype=np.float64) for name in names}

"""One trial: settings drawn with one seed after another, and given up when they are too far behind."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import optuna

from moldiff.tuning.study import WORKER, me
from moldiff.tuning.task import Measure, Task

SETTINGS, FIGURES = "settings", "figures"
"""Attributes of a trial: the settings of its arm, and its figures, by name a number a seed."""

KNOWN = "every objective has a value"
"""The limit that settings miss which leave nothing to be measured, such as no novel molecule."""


@dataclass(frozen=True)
class Trying:
    """Draws the samples of trials.

    Args:
        task: What is tuned.
        measure: Draws a cell and tells its figures.
    """

    task: Task
    measure: Measure

    def __call__(self, trial: optuna.Trial) -> list[float]:
        """Return the means of the objectives over the seeds.

        Raises:
            TrialPruned: If the first seeds are too far behind the best trial.
        """
        task = self.task
        trial.set_user_attr(WORKER, me())
        settings = task.space.settings(trial)
        trial.set_user_attr(SETTINGS, settings)
        rows: list[dict[str, float]] = []
        for place, seed in enumerate(task.seeds):
            rows.append(task.figures(settings, seed, self.measure))
            trial.set_user_attr(FIGURES, {name: [row[name] for row in rows] for name in rows[0]})
            if self._given_up(trial, rows[-1], place):
                self._keep(trial, rows)
                raise optuna.TrialPruned
        return self._keep(trial, rows)

    def _given_up(self, trial: optuna.Trial, row: Mapping[str, float], place: int) -> bool:
        """Tell Optuna of a seed, and whether the next ones are worth drawing: with one objective only."""
        value = row[self.task.objectives[0]]
        if len(self.task.objectives) > 1 or math.isnan(value):
            return False
        trial.report(value, place)
        return place + 1 < len(self.task.seeds) and trial.should_prune()

    def _keep(self, trial: optuna.Trial, rows: Sequence[Mapping[str, float]]) -> list[float]:
        """Return the means of the objectives, and tell Optuna which limits they miss."""
        means = {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}
        for limit in self.task.limits:
            trial.set_constraint(str(limit), limit.excess(means))
        values = [means[name] for name in self.task.objectives]
        there = all(map(math.isfinite, values))
        trial.set_constraint(KNOWN, -1.0 if there else 1.0)
        return [value if math.isfinite(value) else 0.0 for value in values]

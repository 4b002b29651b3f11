"""What is tuned: goals, a model, what is varied and what counts."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from moldiff.choosing import AUTO
from moldiff.errors import InputError
from moldiff.sweep.arm import Arm
from moldiff.sweep.measuring import Cell
from moldiff.sweep.plan import check_draws
from moldiff.sweep.problem import Problem
from moldiff.tuning.objectives import DEFAULT, SWEPT, Limit, arms, check_objectives, direction, together
from moldiff.tuning.space import Space

N = 256
SEEDS = (0, 1, 2)

Measure = Callable[[Cell], dict[str, Any]]
"""Draws a cell and tells its figures, as ``measure_cell`` does."""


@dataclass(frozen=True)
class Task:
    """What is tuned.

    Attributes:
        problem: The goals.
        model: Bundled name or model folder.
        space: What is varied.
        objectives: Keys of ``OBJECTIVES``.
        limits: What the settings have to keep, in the mean over the seeds.
        n: Proposals of a sample.
        seeds: Of a trial's samples, the same for all trials.
        precision: "auto", "bf16" or "fp32".
        device: "cpu", "cuda" or such; what is there unless given.
        average: The figure of the problem's axis over the training molecules: what a hypervolume counts from.
        digest: Tells the model and what guides it from all others.

    Raises:
        InputError: If an objective does not suit the goals, or n or the seeds are out of range.

    Example:
        >>> from moldiff.tuning.serving import Serving
        >>> space = Space.of(Serving(("cfg",), "cfg"))
        >>> task = Task(Problem("rings>=4", ("rings>=4",)), "qm9", space, ("novel_hits", "nfe"))
        >>> task.signs, task.cells({"gamma": 3.0}, seed=0)[0].arm.label
        ([1, -1], 'qm9 gamma=3')
    """

    problem: Problem
    model: str
    space: Space
    objectives: tuple[str, ...] = (DEFAULT,)
    limits: tuple[Limit, ...] = ()
    n: int = N
    seeds: tuple[int, ...] = SEEDS
    precision: str = "auto"
    device: str | None = None
    average: float = float("nan")
    digest: str = ""

    def __post_init__(self) -> None:
        check_objectives(self.objectives, self.problem)
        check_draws(self.n, self.seeds)
        if not self.seeds:
            raise InputError("expected a seed at least")
        if SWEPT in self.objectives and self.average != self.average:
            raise InputError(
                f"objective '{SWEPT}' counts from the average of the training molecules, which this model "
                "does not tell: take another objective"
            )

    @property
    def signs(self) -> list[int]:
        """Whether more (1) or less (-1) of each objective is wanted."""
        return [direction(name, self.problem) for name in self.objectives]

    @property
    def identity(self) -> dict[str, Any]:
        """All that decides what a trial's figures are and what counts, as JSON has it."""
        found = {
            "problem": asdict(self.problem),
            "model": self.digest,
            "space": self.space.describe(),
            "objectives": self.objectives,
            "limits": [str(limit) for limit in self.limits],
            "n": self.n,
            "seeds": self.seeds,
        }
        plain: dict[str, Any] = json.loads(json.dumps(found))
        return plain

    def cells(self, settings: Mapping[str, Any], seed: int, problem: Problem | None = None) -> list[Cell]:
        """Return what is drawn for settings with one seed: one sample, or one a strength.

        Args:
            settings: Of an arm.
            seed: Of the samples.
            problem: Other goals than those of the task.
        """
        goals = problem or self.problem
        named = settings.get("method", AUTO)
        method = self.space.serving.auto if named == AUTO else str(named)
        return [
            Cell(Arm(goals.name, self.model, each), goals, seed, self.n, self.precision, self.device)
            for each in arms(settings, method, self.objectives)
        ]

    def figures(self, settings: Mapping[str, Any], seed: int, measure: Measure) -> dict[str, float]:
        """Return the figures of settings with one seed.

        Args:
            settings: Of an arm.
            seed: Of its samples.
            measure: Draws a cell and tells its figures.
        """
        rows = [measure(cell) for cell in self.cells(settings, seed)]
        return together(rows, self.problem, self.n, self.average)

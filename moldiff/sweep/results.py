"""What a sweep found: means over seeds, the frontier of every model, and how much it dominates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moldiff.metrics import Interval, hypervolume, jackknife_interval, non_dominated
from moldiff.sweep.arm import Arm
from moldiff.sweep.cells import Cells
from moldiff.sweep.figures import FIGURES
from moldiff.sweep.plan import Plan, Published
from moldiff.sweep.problem import Problem


@dataclass(frozen=True)
class ArmResult:
    """What an arm gave.

    Attributes:
        arm: The arm.
        n: Proposals of a sample.
        seeds: Of its samples.
        values: For each of ``FIGURES`` a number a seed, (S,) float64, NaN where there is none.
        examples: SMILES of novel hits.
    """

    arm: Arm
    n: int
    seeds: tuple[int, ...]
    values: dict[str, NDArray[np.float64]]
    examples: tuple[str, ...]

    def mean(self, figure: str) -> float:
        """Return the mean of a figure over the seeds; NaN if one of them has none."""
        return float(self.values[figure].mean())

    def interval(self, figure: str) -> Interval:
        """Return the mean of a figure with its interval over seeds."""
        return jackknife_interval(lambda kept: float(self.values[figure][kept].mean()), len(self.seeds))


@dataclass(frozen=True)
class ProblemResult:
    """What all arms of one problem gave.

    Attributes:
        problem: The problem.
        arms: Every arm that has a finished cell.
        published: Results of others.
        average: The figure of the axis over the training molecules; NaN where nobody knows.
        class_average: The same over those that meet the goals.
        least_novel: Novel molecules of an arm, at least, for it to be part of a frontier.
    """

    problem: Problem
    arms: list[ArmResult]
    published: list[Published] = field(default_factory=list)
    average: float = float("nan")
    class_average: float = float("nan")
    least_novel: int = 0

    @property
    def groups(self) -> list[str]:
        """The models, each of which has a frontier."""
        return [*dict.fromkeys(entry.arm.group for entry in self.arms)]

    def eligible(self, group: str | None = None) -> list[ArmResult]:
        """Return the arms, of one model if it is named, that count."""
        return [entry for entry in self.arms if group in (None, entry.arm.group) and self.counts(entry)]

    def counts(self, entry: ArmResult) -> bool:
        """Tell whether an arm may be part of a frontier: enough novel molecules, of as many proposals as any.

        Fewer proposals repeat each other less, so their share of distinct novel molecules is too high.
        """
        there = np.isfinite(entry.mean(self.problem.axis[0])) and entry.n == self.proposals
        return bool(there) and entry.mean("novel") >= self.least_novel

    def frontier(self, group: str | None = None) -> list[ArmResult]:
        """Return the arms that no other of these dominates, from the most novel molecules to the fewest."""
        if group not in self._frontiers:
            self._frontiers[group] = self.undominated(self.eligible(group))
        return self._frontiers[group]

    def undominated(self, arms: Sequence[ArmResult]) -> list[ArmResult]:
        """Return those of some arms that count and that no other of them dominates, as ``frontier`` does."""
        count = [entry for entry in arms if self.counts(entry)]
        if not count:
            return []
        free = non_dominated([self.point(entry) for entry in count])
        kept = [entry for entry, first in zip(count, free, strict=True) if first]
        return sorted(kept, key=lambda entry: -entry.mean("novel") / entry.n)

    def point(self, entry: ArmResult, kept: NDArray[np.int64] | None = None) -> tuple[float, float]:
        """Return where an arm lies: novel of proposed molecules, and the figure of the axis, upwards better.

        Args:
            entry: The arm.
            kept: Places of the seeds that count; all unless given.
        """
        figure, sign = self.problem.axis
        rows = slice(None) if kept is None else kept
        return (
            float(entry.values["novel"][rows].mean()) / entry.n,
            sign * float(entry.values[figure][rows].mean()) / self._scale,
        )

    def hypervolume(self, arms: Sequence[ArmResult]) -> Interval:
        """Return what arms dominate, with its interval over seeds: those that all of them have.

        Both axes are shares: novel of proposed molecules, and the figure over the best published one (over
        the best arm where nothing is published). The reference is no novel molecule at the average of the
        training molecules.
        """
        count = min((len(entry.seeds) for entry in arms), default=0)
        return jackknife_interval(lambda kept: self._dominated(arms, kept), count)

    def ratio(self, arms: Sequence[ArmResult], others: Sequence[ArmResult]) -> Interval:
        """Return the hypervolume of arms over that of others, with its interval over shared seeds."""
        count = min((len(entry.seeds) for entry in (*arms, *others)), default=0)
        return jackknife_interval(
            lambda kept: _over(self._dominated(arms, kept), self._dominated(others, kept)), count
        )

    def ratio_to_published(self, arms: Sequence[ArmResult]) -> Interval:
        """Return the hypervolume of arms over that of the published points that are not shown apart."""
        count = min((len(entry.seeds) for entry in arms), default=0)
        points = [self.published_point(entry) for entry in self.published if not entry.apart]
        total = hypervolume(points, self.reference)
        return jackknife_interval(lambda kept: _over(self._dominated(arms, kept), total), count)

    def published_point(self, entry: Published) -> tuple[float, float]:
        """Return where a published result lies, on the axes of ``point``."""
        return entry.novel / entry.n, self.problem.axis[1] * entry.mean / self._scale

    def dominating(self, entry: Published) -> list[ArmResult]:
        """Return the arms that have as many novel molecules as a published result, and as good a figure."""
        novel, height = self.published_point(entry)
        points = [(arm, self.point(arm)) for arm in self.eligible()]
        return [arm for arm, (x, y) in points if x >= novel and y >= height]

    @cached_property
    def _frontiers(self) -> dict[str | None, list[ArmResult]]:
        """Those that were asked for: tables ask again for every arm."""
        return {}

    @cached_property
    def proposals(self) -> int:
        """Of the arms that count: as many as any arm has."""
        return max(entry.n for entry in self.arms)

    @cached_property
    def reference(self) -> tuple[float, float]:
        """The point above which an area counts."""
        if np.isfinite(self.average):
            return 0.0, self.problem.axis[1] * self.average / self._scale
        return 0.0, min((self.point(entry)[1] for entry in self.eligible()), default=0.0)

    @cached_property
    def _scale(self) -> float:
        figure = self.problem.axis[0]
        known = [abs(entry.mean) for entry in self.published if not entry.apart]
        return max(known or [abs(entry.mean(figure)) for entry in self.eligible()] or [1.0]) or 1.0

    def _dominated(self, arms: Sequence[ArmResult], kept: NDArray[np.int64]) -> float:
        return hypervolume([self.point(entry, kept) for entry in arms], self.reference)


def _over(value: float, other: float) -> float:
    return value / other if other else float("nan")


def collect(plan: Plan, store: Cells, *, fresh: bool) -> dict[str, list[ArmResult]]:
    """Return what the arms gave, by problem: those of which at least one cell is there.

    Args:
        plan: The arms.
        store: Finished cells.
        fresh: Whether the fresh seeds count, and no others.
    """
    found: dict[str, list[ArmResult]] = {name: [] for name in plan.problems}
    for arm, grid in plan.arms.values():
        seeds = plan.fresh_seeds if fresh else grid.seeds
        rows = [(seed, store.get(plan.cell(arm, seed, grid.n))) for seed in seeds]
        done = [(seed, row) for seed, row in rows if row is not None]
        if done:
            found[arm.problem].append(_result(arm, grid.n, done))
    return found


def _result(arm: Arm, n: int, done: Sequence[tuple[int, dict[str, Any]]]) -> ArmResult:
    values = {name: np.array([row[name] for _, row in done], dtype=np.float64) for name in FIGURES}
    examples = [smiles for _, row in done for smiles in str(row["examples"]).split()]
    return ArmResult(arm, n, tuple(seed for seed, _ in done), values, tuple(dict.fromkeys(examples)))

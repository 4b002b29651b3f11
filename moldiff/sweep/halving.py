"""A budget of time spent by successive halving: all arms a little, the promising ones more."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from moldiff.metrics import non_dominated
from moldiff.sweep.arm import Arm
from moldiff.sweep.cells import Cells
from moldiff.sweep.measuring import Cell
from moldiff.sweep.plan import Grid, Plan
from moldiff.sweep.running import Watch, run

FEW = 256
"""Proposals of the first look at an arm."""

RUNGS: tuple[Callable[[Plan, Arm, Grid], list[Cell]], ...] = (
    lambda plan, arm, grid: [plan.cell(arm, grid.seeds[0], min(FEW, grid.n))],
    lambda plan, arm, grid: [plan.cell(arm, grid.seeds[0], grid.n)],
    lambda plan, arm, grid: [plan.cell(arm, seed, grid.n) for seed in grid.seeds],
)
"""What is drawn of an arm that got so far."""


def run_within(
    plan: Plan, store: Cells, *, seconds: float, workers: int = 1, watch: Watch | None = None
) -> None:
    """Spend a budget: a few proposals of all arms, the plan's number on one seed, then all seeds.

    At every rung at most the better half of the arms goes on (Jamieson and Talwalkar 2016, arXiv 1502.07943),
    fewer if what is left of the budget does not suffice for so many.

    Args:
        plan: The arms.
        store: Where finished cells are kept.
        seconds: The budget; cells that are under way at its end are finished.
        workers: Processes.
        watch: Called with every cell that is finished.
    """
    until = time.monotonic() + seconds
    keys = list(plan.arms)
    looks: dict[str, Cell] = {}
    for place, rung in enumerate(RUNGS):
        cells = {key: rung(plan, *plan.arms[key]) for key in keys}
        if place:
            share = (until - time.monotonic()) * workers / (len(RUNGS) - place)
            costs = {key: _seconds(looks[key], cells[key], store) for key in keys}
            keys = affordable(costs, share)
        run((cell for key in keys for cell in cells[key]), store, workers=workers, until=until, watch=watch)
        looks = {key: cells[key][0] for key in keys if store.get(cells[key][0]) is not None}
        keys = promising(looks, store)[: -(-len(looks) // 2)]


def affordable(costs: Mapping[str, float], share: float) -> list[str]:
    """Return the first arms whose costs a share covers; one at least.

    Example:
        >>> affordable({"a": 2.0, "b": 2.0, "c": 1.0}, 4.5)
        ['a', 'b']
    """
    total = np.cumsum(list(costs.values()))
    return [key for key, spent in zip(costs, total, strict=True) if spent <= share] or [*costs][:1]


def promising(looks: Mapping[str, Cell], store: Cells) -> list[str]:
    """Return arms from the best on, those of different problems and models in turn.

    Better arms are those of an earlier layer of their model, since every model has a frontier: what none of
    its arms dominates in novel molecules and the figure of the problem's axis, then what none dominates
    without these, and so on.

    Args:
        looks: A finished cell by the arm's key.
        store: Where they are kept.
    """
    groups: dict[tuple[str, str], dict[str, Cell]] = {}
    for key, cell in looks.items():
        groups.setdefault((cell.problem.name, cell.arm.group), {})[key] = cell
    ranks: dict[str, tuple[int, int]] = {}
    for own in groups.values():
        points = [_point(cell, store.get(cell) or {}) for cell in own.values()]
        order = _layers(np.nan_to_num(np.array(points), nan=-np.inf))
        keys = [*own]
        ranks |= {keys[row]: (layer, place) for place, (layer, row) in enumerate(order)}
    return sorted(ranks, key=ranks.__getitem__)


def _point(cell: Cell, row: Mapping[str, Any]) -> tuple[float, float]:
    figure, sign = cell.problem.axis
    return row["novel"] / cell.n, sign * row[figure]


def _layers(points: np.ndarray) -> list[tuple[int, int]]:
    """Return (layer, row) of points (N, 2), the first layer first; points without a figure are the last."""
    placed, left = [], [row for row in range(len(points)) if np.isfinite(points[row]).all()]
    layer = 0
    while left:
        free = non_dominated(points[left])
        placed += [(layer, row) for row, first in zip(left, free, strict=True) if first]
        left = [row for row, first in zip(left, free, strict=True) if not first]
        layer += 1
    return placed + [(layer, row) for row in range(len(points)) if not np.isfinite(points[row]).all()]


def _seconds(look: Cell, wanted: list[Cell], store: Cells) -> float:
    """Return what unfinished cells of an arm will take, as its last look did."""
    seconds = (store.get(look) or {})["seconds"] / look.n
    return float(seconds * sum(cell.n for cell in wanted if store.get(cell) is None))

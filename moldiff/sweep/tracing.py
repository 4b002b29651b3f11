"""A sweep from its plan to what it found: checked, drawn, measured again on fresh seeds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from moldiff.identity import fingerprint
from moldiff.sweep.cells import Cells
from moldiff.sweep.contrast import Effect, effect, side
from moldiff.sweep.halving import run_within
from moldiff.sweep.measuring import Cell, loaded, plan_cell, reference
from moldiff.sweep.plan import Plan
from moldiff.sweep.results import ProblemResult, collect
from moldiff.sweep.running import run


@dataclass(frozen=True)
class Traced:
    """What a sweep found.

    Attributes:
        plan: What was measured.
        chosen: By problem, what all arms gave on the seeds that frontiers are chosen by.
        told: By problem, what is told: the arms of the frontiers on fresh seeds; ``chosen`` without these.
    """

    plan: Plan
    chosen: dict[str, ProblemResult]
    told: dict[str, ProblemResult]

    def effects(self, name: str) -> list[Effect]:
        """Return what the contrasts of the plan say of a problem."""
        found = [effect(contrast, self.chosen[name], self.told[name]) for contrast in self.plan.contrasts]
        return [entry for entry in found if entry is not None]


def trace(
    plan: Plan,
    folder: Path,
    *,
    workers: int = 1,
    budget: float | None = None,
    watch: Callable[[int, int], None] | None = None,
) -> Traced:
    """Measure the arms of a plan, and those of the frontiers once more on fresh seeds.

    Args:
        plan: What to measure.
        folder: Where finished cells are kept: the same call goes on after them.
        workers: Processes.
        budget: Minutes to spend on the arms, best use of them first; all arms in full unless given.
        watch: Called after every finished cell with the proposals drawn so far, and all that will be.

    Raises:
        InputError: If an arm does not fit its model or problem, or the folder holds something else.
    """
    check(plan)
    store = Cells(folder, identity(plan))
    store.prepare()
    drawn, cells = 0, list(plan.cells())
    total = sum(cell.n for cell in cells)

    def seen(cell: Cell) -> None:
        nonlocal drawn
        drawn += cell.n
        if watch is not None:
            watch(drawn, max(total, drawn))

    if budget is None:
        run(cells, store, workers=workers, watch=seen)
    else:
        run_within(plan, store, seconds=60 * budget, workers=workers, watch=seen)
    chosen = results(plan, store, fresh=False)
    if not plan.fresh_seeds:
        return Traced(plan, chosen, chosen)
    again = plan.fresh([key for result in chosen.values() for key in _best(plan, result)])
    total = drawn + sum(cell.n for cell in again)
    run(again, store, workers=workers, watch=seen)
    return Traced(plan, chosen, results(plan, store, fresh=True))


def _best(plan: Plan, result: ProblemResult) -> list[str]:
    """Return the keys of the arms on a frontier: of a model, or of a side of a contrast."""
    fronts = [result.frontier(group) for group in result.groups]
    fronts += [
        side(contrast, result, against=against) for contrast in plan.contrasts for against in (False, True)
    ]
    return [*dict.fromkeys(entry.arm.key for front in fronts for entry in front)]


def check(plan: Plan) -> None:
    """Refuse arms that do not fit their model or problem, before anything is drawn.

    Raises:
        InputError: Naming the first.
    """
    for arm, grid in plan.arms.values():
        plan_cell(plan.cell(arm, grid.seeds[0], 1))


def identity(plan: Plan) -> dict[str, Any]:
    """Return what decides figures besides arm, seed and number of proposals: problems, weights, rounding."""
    found: dict[str, Any] = {"precision": plan.precision, "compiled": plan.compiled}
    found |= {f"problem {name}": asdict(problem) for name, problem in plan.problems.items()}
    for arm, grid in plan.arms.values():
        predictor = arm.settings.get("predictor")
        name = f"model {arm.model}" + ("" if predictor is None else f" with {predictor}")
        if name not in found:
            held = loaded(plan.cell(arm, grid.seeds[0], 1)).loaded_
            found[name] = fingerprint(held.saved, held.chemistry, held.guide(predictor))
    return found


def results(plan: Plan, store: Cells, *, fresh: bool) -> dict[str, ProblemResult]:
    """Return what is finished, by problem.

    Args:
        plan: What was measured.
        store: The finished cells.
        fresh: Whether on the fresh seeds.
    """
    found = {}
    for name, arms in collect(plan, store, fresh=fresh).items():
        published = [entry for entry in plan.published if entry.problem == name]
        held = next(reference(plan.cell(arm, 0, 1)) for arm, _ in plan.arms.values() if arm.problem == name)
        averages = held.average, held.class_average
        found[name] = ProblemResult(plan.problems[name], arms, published, *averages, plan.least_novel)
    return found

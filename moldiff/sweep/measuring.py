"""Draw the first proposals of an arm and tell their figures: what a process of a sweep does."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from moldiff.choosing import AUTO
from moldiff.datasets import DATASETS
from moldiff.errors import InputError
from moldiff.generator import MoleculeGenerator
from moldiff.guidance.methods import GUIDANCE
from moldiff.identity import trained_on
from moldiff.run_plan import RunPlan
from moldiff.sweep.arm import Arm
from moldiff.sweep.figures import figures
from moldiff.sweep.problem import Problem, Reference
from moldiff.sweep.sample import draw

ROWS = 256
"""Of a chunk, at most, unless an arm says otherwise."""


@dataclass(frozen=True)
class Cell:
    """One sample of an arm.

    Attributes:
        arm: How it is drawn.
        problem: What it is for.
        seed: Of the sample.
        n: Proposals.
        precision: "auto", "bf16" or "fp32".
        device: "cpu", "cuda" or such; what is there unless given.
        compiled: Whether networks are compiled.
    """

    arm: Arm
    problem: Problem
    seed: int
    n: int
    precision: str = "auto"
    device: str | None = None
    compiled: bool = False


def measure_cell(cell: Cell) -> dict[str, Any]:
    """Return the figures of a cell: each of ``FIGURES``, and ``examples``.

    Models and what proposals are held against are read once in a process.

    Raises:
        InputError: If the arm does not fit its model or its problem.
    """
    generator = loaded(cell)
    proposer = plan_cell(cell).proposer
    sample = draw(proposer, generator.chemistry_.tokenizer, cell.n)
    return figures(
        sample, cell.problem, _reference(cell.problem, cell.arm.model, cell.precision, cell.device)
    )


def plan_cell(cell: Cell) -> RunPlan:
    """Return what draws a cell.

    Raises:
        InputError: If the arm does not fit its model or its problem.
    """
    arm = cell.arm
    method = arm.settings.get("method", AUTO)
    if method not in (AUTO, *GUIDANCE):
        raise InputError(
            f"arm '{arm.label}': method '{method}' asks a scorer, and what it draws depends on the calls "
            f"that are left; expected {AUTO} or {', '.join(GUIDANCE)}"
        )
    generator = loaded(cell)
    rows = {"chunk": min(cell.n, ROWS), "compiled": cell.compiled, **arm.keywords}
    try:
        found = generator.plan(cell.n, arm.asked(cell.problem.ask), seed=cell.seed, **rows)
    except InputError as error:
        raise InputError(f"arm '{arm.label}', problem '{cell.problem.name}': {error}") from None
    if found.oracles:
        found.close()
        names = ", ".join(found.oracles)
        raise InputError(
            f"arm '{arm.label}', problem '{cell.problem.name}': neither the model nor a predictor knows "
            f"{names}"
        )
    return found


def reference(cell: Cell) -> Reference:
    """Return what the proposals of a cell are held against."""
    return _reference(cell.problem, cell.arm.model, cell.precision, cell.device)


def loaded(cell: Cell) -> MoleculeGenerator:
    """Return the model of a cell."""
    return _generator(cell.arm.model, cell.precision, cell.device)


@lru_cache(maxsize=16)
def _generator(model: str, precision: str, device: str | None) -> MoleculeGenerator:
    return MoleculeGenerator.from_pretrained(model, precision=precision, device=device)


@lru_cache(maxsize=16)
def _reference(problem: Problem, model: str, precision: str, device: str | None) -> Reference:
    generator = _generator(model, precision, device)
    trained = trained_on(generator.model_)
    table = problem.table or (trained if trained in DATASETS else None)
    if table is not None:
        return Reference.of_table(problem, table)
    chemistry = generator.chemistry_
    return Reference.of_model(problem, chemistry.known, chemistry.statistics)

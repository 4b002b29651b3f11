"""What a sweep found, as files: every arm in a table, frontiers and all they rest on as JSON."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from moldiff.chem.properties import PROPERTIES
from moldiff.files import whole_file, write_json
from moldiff.machine import describe_machine
from moldiff.records import plain, versions
from moldiff.sweep.contrast import Effect
from moldiff.sweep.figures import FIGURES
from moldiff.sweep.results import ArmResult, ProblemResult
from moldiff.sweep.tracing import Traced

FORMAT_VERSION = 1
"""Of ``frontier.json``: raised when a key that a report needs changes its meaning."""

SHOWN = 3
"""Molecules of an arm in the JSON file."""


def table(traced: Traced) -> pd.DataFrame:
    """Return a row an arm: problem, model, settings, proposals, seeds, and mean and deviation of each figure.

    Arms of a frontier stand there a second time if they were measured on fresh seeds.
    """
    told = [] if traced.told is traced.chosen else list(traced.told.values())
    rows = [
        _row(result, entry, fresh=fresh)
        for fresh, results in ((False, traced.chosen.values()), (True, told))
        for result in results
        for entry in result.arms
    ]
    return pd.DataFrame(rows)


def _row(result: ProblemResult, entry: ArmResult, *, fresh: bool) -> dict[str, Any]:
    figures: dict[str, float] = {}
    for name in FIGURES:
        figures[name] = entry.mean(name)
        if len(entry.seeds) > 1:
            figures[f"{name}_sd"] = float(entry.values[name].std(ddof=1))
    return {
        "problem": result.problem.name,
        "model": entry.arm.model,
        **entry.arm.settings,
        "n": entry.n,
        "seeds": " ".join(map(str, entry.seeds)),
        "fresh": fresh,
        "frontier": entry in result.frontier(entry.arm.group),
        **figures,
    }


def record(traced: Traced, *, command: str, seconds: float) -> dict[str, Any]:
    """Return all that was found, as ``frontier.json`` has it.

    Args:
        traced: What was found.
        command: How to repeat it.
        seconds: Wall time of this call.
    """
    plan = traced.plan
    return {
        "format_version": FORMAT_VERSION,
        "kind": "frontier",
        "command": command,
        "seconds": round(seconds, 1),
        "seeds": sorted({seed for _, grid in plan.arms.values() for seed in grid.seeds}),
        "fresh_seeds": list(plan.fresh_seeds),
        "least_novel": plan.least_novel,
        "precision": plan.precision,
        "compiled": plan.compiled,
        "figures": {name: asdict(figure) for name, figure in FIGURES.items()},
        "versions": versions(),
        "machine": describe_machine(),
        "problems": [
            {
                **_problem(traced.chosen[name], traced.told[name]),
                "contrasts": [_effect(entry) for entry in traced.effects(name)],
            }
            for name in plan.problems
        ],
    }


def _problem(chosen: ProblemResult, told: ProblemResult) -> dict[str, Any]:
    problem, (figure, sign) = told.problem, told.problem.axis
    return {
        "name": problem.name,
        "ask": list(problem.ask),
        "aim": [str(goal) for goal in problem.judged.goals],
        "property": problem.quantity,
        "unit": PROPERTIES[problem.quantity].unit,
        "figure": figure,
        "sign": sign,
        "average": told.average,
        "class_average": told.class_average,
        "arms": [_arm(told, entry) for entry in told.arms],
        "arms_tried": len(chosen.arms),
        "tried": [] if told is chosen else [_arm(chosen, entry) for entry in chosen.arms],
        "models": [_model(told, group) for group in told.groups],
        "published": [
            {**asdict(entry), "dominated_by": [arm.arm.label for arm in told.dominating(entry)]}
            for entry in told.published
        ],
    }


def _arm(result: ProblemResult, entry: ArmResult) -> dict[str, Any]:
    return {
        "label": entry.arm.label,
        "model": entry.arm.group,
        "settings": dict(entry.arm.settings),
        "n": entry.n,
        "seeds": list(entry.seeds),
        "frontier": entry in result.frontier(entry.arm.group),
        "figures": {name: entry.interval(name) for name in FIGURES},
        "examples": list(entry.examples[:SHOWN]),
    }


def _model(result: ProblemResult, group: str) -> dict[str, Any]:
    arms = result.frontier(group)
    return {
        "model": group,
        "frontier": [entry.arm.label for entry in arms],
        "hypervolume": result.hypervolume(arms),
        "to_published": result.ratio_to_published(arms) if result.published else None,
        "to_others": {
            other: result.ratio(arms, result.frontier(other)) for other in result.groups if other != group
        },
    }


def _effect(entry: Effect) -> dict[str, Any]:
    return {
        "name": entry.contrast.name,
        "arms": dict(entry.contrast.arms),
        "against": dict(entry.contrast.against),
        "pairs": entry.pairs,
        "over": entry.over,
        "differences": entry.differences,
        "ratio": entry.ratio,
    }


def write(traced: Traced, folder: Path, *, command: str, seconds: float) -> list[Path]:
    """Write ``frontier.csv`` and ``frontier.json``, each whole or not at all.

    Returns:
        The files.
    """
    rows, places = table(traced), [folder / "frontier.csv", folder / "frontier.json"]
    with whole_file(places[0]) as part:
        rows.to_csv(part, index=False, float_format="%.6g")
    write_json(places[1], plain(record(traced, command=command, seconds=seconds)))
    return places

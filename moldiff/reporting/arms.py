"""What a point of a drawing says when it is pointed at: settings, figures, example molecules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from moldiff.reporting.figure_text import figure_text, head, with_interval
from moldiff.reporting.frontier_record import ArmEntry, ProblemEntry, PublishedEntry
from moldiff.reporting.scatter import KINDS, Mark
from moldiff.reporting.wording import number_text, setting_text


def item(
    mark: Mark, problem: ProblemEntry, figures: Sequence[str], places: Mapping[str, int]
) -> dict[str, Any]:
    """Return what the page's script shows of a mark.

    Args:
        mark: The mark.
        problem: What it is of.
        figures: Names of those that are told of arms.
        places: Of the molecules that are drawn.
    """
    note = KINDS[mark.kind]
    if isinstance(mark.entry, PublishedEntry):
        return _published(mark.entry, problem, note)
    return _arm(mark.entry, problem, note, figures) | {
        "examples": [[smiles, places.get(smiles, -1)] for smiles in mark.entry.examples]
    }


def _arm(arm: ArmEntry, problem: ProblemEntry, note: str, figures: Sequence[str]) -> dict[str, Any]:
    seeds = f"seed{'s' if len(arm.seeds) > 1 else ''} {', '.join(map(str, arm.seeds))}"
    name, _ = head(problem.figure, "", problem.quantity)
    return {
        "title": arm.model,
        "note": f"{note}; {arm.n:,} proposals, {seeds}",
        "says": f"{arm.label}: {figure_text('novel', arm.value('novel'))} novel, "
        f"{name} {figure_text(problem.figure, arm.value(problem.figure))}",
        "settings": [[name, setting_text(value)] for name, value in arm.settings.items()],
        "figures": [
            with_interval(name, arm.figures[name]) if name in arm.figures else "" for name in figures
        ],
    }


def _published(entry: PublishedEntry, problem: ProblemEntry, note: str) -> dict[str, Any]:
    name, _ = head(problem.figure, "", problem.quantity)
    novel, mean = number_text(entry.novel), number_text(entry.mean)
    return {
        "title": entry.name,
        "note": note,
        "says": f"{entry.name}, {note}: {novel} novel, {name} {mean}",
        "settings": [
            ["novel", f"{novel} of {entry.n:,}"],
            [name, mean],
            ["source", entry.source],
            ["dominated by", ", ".join(entry.dominated_by) or "no arm"],
        ],
        "figures": [],
        "examples": [],
    }

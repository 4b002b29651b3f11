"""What a generation gives back: molecules, how well they meet the goals, and what they cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd

from moldiff.chem.goals import Goal
from moldiff.chem.grid import molecule_grid
from moldiff.files import whole_file
from moldiff.judging import GoalSummary
from moldiff.machine import describe_machine
from moldiff.metrics.sets import SetCounts
from moldiff.output import OutputFiles, write_sdf
from moldiff.records import plain, versions
from moldiff.reporting import FORMAT_VERSION, run_page

__all__ = ["BACK", "DRAWN", "FRONT", "Generation", "Kept"]

FRONT = ("smiles", "valid", "unique", "novel")
BACK = ("score", "hit", "truncated", "outside_training", "max_sim_train", "filters_failed")

DRAWN = 12
"""Molecules that a notebook shows."""


@dataclass
class Kept:
    """What became of the distinct molecules of a run.

    Attributes:
        filtered: Those that fail a filter, in the order in which they were proposed: smiles, filters_failed.
        filters: How many fail each filter.
        capped: Those that pass, but came when there were enough of their scaffold.
        candidates: Those that could be returned: they pass the filters and the cap, and are hits if only hits
            were asked for.

    Example:
        >>> Kept(candidates=3).counts
        {'filtered': 0, 'capped': 0, 'candidates': 3}
    """

    filtered: pd.DataFrame = field(
        default_factory=lambda: pd.DataFrame({"smiles": [], "filters_failed": []}, dtype=str)
    )
    filters: dict[str, int] = field(default_factory=dict)
    capped: int = 0
    candidates: int = 0

    @property
    def counts(self) -> dict[str, int]:
        """Molecules, by what became of them."""
        return {"filtered": len(self.filtered), "capped": self.capped, "candidates": self.candidates}


@dataclass
class Generation:
    """Molecules that were generated, as a table, with the record of the run.

    Attributes:
        table: One row a molecule, best first: smiles, valid, unique, novel, the model's properties,
            ``<property>_error``, score, hit, truncated, outside_training, max_sim_train, filters_failed.
            Columns that cannot be measured are empty.
        goals: The goals, resolved.
        counts: Proposed, valid, unique, novel, hits ... over all proposals; no hits without measured goals.
        settings: Everything that decides the result, seed included.
        cost: Seconds, molecules a second, and per proposal network rows, re-masked digits and the like.
        notes: What the user should know.
        summaries: Distance to each goal, in the order of ``goals``.
        unmeasured: Properties that condition the model but whose values nothing gives.
        kept: What filters and selections did.
        scorers: What each scorer was asked, and how many molecules it failed on.
        training: What is known of the training values of each property: ``moldiff.chem.distribution``.
        command: The command or call that made it, as text; "" where it is not known.

    Example:
        >>> frame = pd.DataFrame({"smiles": ["CCO"], "hit": [True]})
        >>> generation = Generation(frame, [], SetCounts(4, 4, 3, 1), {"seed": 0}, {"seconds": 0.5})
        >>> generation.smiles, generation.run_record()["counts"]["returned"]
        (['CCO'], 1)
    """

    table: pd.DataFrame
    goals: list[Goal]
    counts: SetCounts
    settings: dict[str, Any]
    cost: dict[str, float]
    notes: list[str] = field(default_factory=list)
    summaries: list[GoalSummary] = field(default_factory=list)
    unmeasured: list[str] = field(default_factory=list)
    kept: Kept = field(default_factory=Kept)
    scorers: dict[str, dict[str, Any]] = field(default_factory=dict)
    training: dict[str, dict[str, Any]] = field(default_factory=dict)
    command: str = ""

    @property
    def smiles(self) -> list[str]:
        """Canonical SMILES of the molecules, best first."""
        return list(self.table["smiles"])

    def run_record(self) -> dict[str, Any]:
        """Return what ``run.json`` holds: goals, settings, counts, cost, notes, versions, machine, call."""
        record: dict[str, Any] = plain(
            {
                "goals": self.summaries,
                "settings": self.settings,
                "counts": {**asdict(self.counts), **self.kept.counts, "returned": len(self.table)},
                "filters": self.kept.filters,
                "cost": self.cost,
                "scorers": self.scorers,
                "unmeasured": self.unmeasured,
                "notes": self.notes,
                "versions": versions(),
                "machine": describe_machine(),
                "command": self.command,
                "format_version": FORMAT_VERSION,
                "training": self.training,
            }
        )
        return record

    def save(
        self,
        path: str | Path | OutputFiles,
        *,
        format: str | None = None,  # noqa: A002 - pandas' word
        sdf: bool = True,
        report: bool = True,
    ) -> list[Path]:
        """Write table, structures, report and record, each whole or not at all; return the files.

        The record of an earlier run goes first and the new one comes last, so that it never stands beside the
        molecules of another run.

        Args:
            path: A folder, for ``molecules.csv``, ``molecules.sdf``, ``report.html`` and ``run.json``; or the
                name of the table, such as ``mine.parquet``, with the others beside it.
            format: "csv" or "parquet"; told by the suffix, or csv, unless given.
            sdf: Whether to write the structures.
            report: Whether to write a page that shows all of it.

        Raises:
            InputError: If the format is unknown, or the suffix is of another one.
        """
        files = path if isinstance(path, OutputFiles) else OutputFiles.at(path, format)
        filtered = self.kept.filtered if self.kept.filters else None
        page = partial(run_page, self.table, filtered=filtered) if report else None
        return files.save(self.table, self.run_record(), filtered=filtered, sdf=sdf, page=page)

    def to_sdf(self, path: str | Path) -> None:
        """Write the molecules with 2-D coordinates and all columns as tags, whole or not at all."""
        with whole_file(path) as part:
            write_sdf(self.table, part)

    def _repr_html_(self) -> str:
        """Return the first molecules as drawings, for notebooks."""
        shown = self.table.head(DRAWN)
        names = [summary.property for summary in self.summaries if summary.hits_valid is not None]
        legends = [_legend(place, row, names) for place, row in enumerate(shown.to_dict("records"), start=1)]
        counts = self.counts
        stages = [f"{counts.proposed:,} proposed", f"{counts.valid:,} valid", f"{counts.unique:,} unique"]
        stages += [
            f"{count:,} {name}" for name, count in (("novel", counts.novel), ("hits", counts.hits)) if count
        ]
        head = f"<b>{len(self.table):,} molecules</b> of {', '.join(stages)}; the first {len(shown)}:"
        notes = "".join(f"<li>{escape(note)}</li>" for note in self.notes)
        return f"<div><p>{head}</p>{molecule_grid(list(shown['smiles']), legends)}<ul>{notes}</ul></div>"


def _legend(place: int, row: dict[str, Any], names: Sequence[str]) -> str:
    return ", ".join([str(place), *(f"{name} {row[name]:.3g}" for name in names)])

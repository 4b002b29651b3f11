"""Finished cells of a sweep on disk: a sweep that was stopped goes on after them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from moldiff.errors import InputError
from moldiff.files import remove_leftovers, whole_file, write_json
from moldiff.sweep.figures import FIGURES
from moldiff.sweep.measuring import Cell

FORMAT_VERSION = 1
"""Of the folder: raised when what a column means changes."""

KEY = ("problem", "model", "settings", "n", "seed")
ABOUT, TABLE = "sweep.json", "cells.csv"


@dataclass
class Cells:
    """The cells of a folder.

    Args:
        folder: Where they are.
        identity: By name, all that decides a figure besides the arm, the seed and the number of proposals.

    Raises:
        InputError: If the folder holds cells that something else of that name decided, or that another
            version wrote, or is half deleted.
    """

    folder: Path
    identity: dict[str, Any]

    def __post_init__(self) -> None:
        about, table = self.folder / ABOUT, self.folder / TABLE
        self._rows: dict[tuple[str, ...], dict[str, Any]] = {}
        if not about.exists() and not table.exists():
            return
        self._check(about)
        if table.exists():
            self._rows = {_row_key(row): row for row in self._read(table)}

    def prepare(self) -> None:
        """Make the folder ready to take cells."""
        for name in (ABOUT, TABLE):
            remove_leftovers(self.folder / name)
        write_json(self.folder / ABOUT, {"format_version": FORMAT_VERSION, "identity": self.identity})

    def get(self, cell: Cell) -> dict[str, Any] | None:
        """Return the figures of a cell, None where it is not finished."""
        return self._rows.get(cell_key(cell))

    def add(self, cell: Cell, found: dict[str, Any]) -> None:
        """Keep the figures of a cell, on disk before this returns."""
        key = cell_key(cell)
        self._rows[key] = {**dict(zip(KEY, key, strict=True)), **found}
        with whole_file(self.folder / TABLE) as part:
            pd.DataFrame(list(self._rows.values())).to_csv(part, index=False, float_format="%.6g")

    def _check(self, about: Path) -> None:
        again = "give another folder with -o, or remove this one"
        try:
            stored = json.loads(about.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise InputError(
                f"{about.parent} holds {TABLE}, and {ABOUT} is gone, which says of what: {again}"
            ) from None
        except (OSError, ValueError) as error:
            raise InputError(f"{about} cannot be read ({error!s:.80}): {again}") from None
        version = stored.get("format_version") if isinstance(stored, dict) else None
        if version != FORMAT_VERSION:
            raise InputError(
                f"{about} has format {version!r}, and this version reads {FORMAT_VERSION}: {again}"
            )
        mine, theirs = json.loads(json.dumps(self.identity)), stored.get("identity", {})
        for name in mine.keys() & theirs.keys():
            if mine[name] != theirs[name]:
                raise InputError(f"{about.parent} holds a sweep with another {name}: {again}")
        # What a shorter plan leaves out stays known for the cells that are there.
        self.identity = {**theirs, **mine}

    def _read(self, table: Path) -> list[dict[str, Any]]:
        try:
            frame = pd.read_csv(table, dtype=dict.fromkeys((*KEY, "examples"), str), keep_default_na=True)
        except (OSError, ValueError) as error:
            raise InputError(
                f"{table} cannot be read ({error!s:.80}): take it from a copy, or remove the folder"
            ) from None
        lacking = [name for name in (*KEY, *FIGURES, "examples") if name not in frame]
        if lacking:
            raise InputError(
                f"{table} has no column '{lacking[0]}': take it from a copy, or remove the folder"
            )
        frame["examples"] = frame["examples"].fillna("")
        return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]


def cell_key(cell: Cell) -> tuple[str, ...]:
    """Return what tells a cell from others of its sweep, in the order of ``KEY``."""
    settings = json.dumps(dict(sorted(cell.arm.settings.items())))
    return cell.problem.name, cell.arm.model, settings, str(cell.n), str(cell.seed)


def _row_key(row: dict[str, Any]) -> tuple[str, ...]:
    return tuple(str(row[name]) for name in KEY)

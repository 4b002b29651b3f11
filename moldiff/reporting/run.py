"""A finished run, as it is shown: its record, and its molecules as text and as numbers."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from moldiff.errors import InputError
from moldiff.reporting.record import RunRecord
from moldiff.reporting.wording import goal_text, unit_text

SMILES = "smiles"

AGAIN = RunRecord.FORMAT.again

MOST = 1000
"""Molecules that a page draws, unless another number is asked for."""

LONG = 60
"""Characters of the goals in a title, at most: of longer ones the number is said."""


@dataclass(frozen=True)
class Run:
    """What a report of one run shows.

    Args:
        record: ``run.json``.
        table: The molecules: every cell as the CSV has it.
        filtered: The molecules that filters took out, likewise; None without filters.
        shown: How many molecules are drawn, at most: the first, which are the best.

    Raises:
        InputError: If table and record are not of one run.

    Example:
        >>> flags = cells(pd.DataFrame({"hit": [True, False], "logP": [0.5, None]}))
        >>> flags.to_dict("list")
        {'hit': ['True', 'False'], 'logP': ['0.5', '']}
    """

    record: RunRecord
    table: pd.DataFrame
    filtered: pd.DataFrame | None
    shown: int

    def __post_init__(self) -> None:
        needed = [SMILES, *(goal.property for goal in self.record.goals)]
        lacking = [name for name in needed if name not in self.table]
        if lacking:
            raise InputError(f"the table of molecules has no column '{lacking[0]}', which the run had{AGAIN}")
        if len(self.table) != self.record.counts.returned:
            raise InputError(
                f"the table has {len(self.table):,} molecules, and its run returned "
                f"{self.record.counts.returned:,}: they are not of one run, or rows are gone{AGAIN}"
            )
        if self.filtered is not None and SMILES not in self.filtered:
            raise InputError(f"the table of filtered molecules has no column '{SMILES}'{AGAIN}")

    @property
    def title(self) -> str:
        """What was asked for, in a line."""
        number, wishes = len(self.table), self._wishes(threshold=False)
        what = f"{number:,} molecule{'' if number == 1 else 's'}"
        if not wishes:
            return what
        goals = ", ".join(wishes)
        return f"{what} for {goals if len(goals) <= LONG else f'{len(wishes)} goals'}"

    @property
    def wishes(self) -> list[str]:
        """The goals as people read them."""
        return self._wishes(threshold=True)

    def _wishes(self, *, threshold: bool) -> list[str]:
        record = self.record
        return [
            goal_text(record.goal(entry), entry.goal, unit_text(entry.unit), threshold=threshold)
            for entry in record.goals
        ]

    def numbers(self, name: str) -> NDArray[np.float64]:
        """Return a column as numbers, (N,) float64: NaN where there is none, or no such column."""
        if name not in self.table:
            return np.full(len(self.table), np.nan)
        values = pd.to_numeric(self.table[name], errors="coerce").to_numpy(dtype=np.float64)
        return np.where(np.isfinite(values), values, np.nan)

    def flags(self, name: str) -> NDArray[np.bool_] | None:
        """Return a column of truth values, (N,) bool; None if it is empty or not there."""
        if name not in self.table or not (self.table[name] != "").any():
            return None
        return np.asarray(self.table[name] == "True", dtype=np.bool_)

    def count(self, name: str) -> int | None:
        """Return how many molecules have a flag, None if nobody knows."""
        flags = self.flags(name)
        return None if flags is None else int(flags.sum())


def cells(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table with every cell as its CSV has it: a page is the same from memory and from disk."""
    return read_cells(io.StringIO(frame.to_csv(index=False)))


def read_cells(source: Any) -> pd.DataFrame:
    """Return a CSV with every cell as it stands there."""
    return pd.read_csv(source, dtype=str, keep_default_na=False, na_filter=False)

"""From cells to molecules: standardised, encodable, each once, with a list of the rows left out and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from moldiff.chem.standardise import LONGEST, Standardiser
from moldiff.chem.tokenizer import MAX_TOKENS, NOP, SelfiesTokenizer
from moldiff.datasets.columns import Column, cell_text, read_column
from moldiff.errors import InputError
from moldiff.files import whole_file

MAX_SYMBOLS = 500
"""SELFIES symbols of the longest molecule kept: attention costs the square of them."""

NO_MOLECULE = "not a molecule"
NO_SELFIES = "not encodable as SELFIES"
TOO_LONG = "too long"
RARE = "symbols too rare"
REPEATED = "repeated"
TIED = "contradicting labels"
UNLABELLED = "no label"

Why = tuple[str, str]
"""Reason and detail of a row that is left out."""


@dataclass(frozen=True)
class DroppedRow:
    """A row that was left out.

    Attributes:
        row: Its number in the table, from 1; a line of column names does not count.
        smiles: What stood there.
        reason: One of a few, to count by.
        detail: More about it.
    """

    row: int
    smiles: str
    reason: str
    detail: str


@dataclass(frozen=True)
class Cleaned:
    """The molecules of a table.

    Attributes:
        smiles: (M,) standardised SMILES, all different, in the order of their first rows.
        member: (N,) int64, the molecule of each row; -1 where it has none.
        dropped: The rows that are no molecule of their own, in order.
        changes: Rows changed by standardising, by kind.
    """

    smiles: list[str]
    member: NDArray[np.int64]
    dropped: list[DroppedRow]
    changes: dict[str, int]

    def first_rows(self) -> NDArray[np.int64]:
        """Return (M,) the place of each molecule's first row, from 0."""
        rows = np.flatnonzero(self.member >= 0)
        first: NDArray[np.int64] = rows[np.unique(self.member[rows], return_index=True)[1]]
        return first

    def merge(self, column: Column) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Return one value a molecule, from all the rows that are it.

        Numbers give their median, classes their majority. Where classes draw level, or the median of a column
        of at most 32 different whole numbers is no whole number, the rows contradict each other, and the
        molecule has no value.

        Args:
            column: Of the same table.

        Returns:
            (M,) float64, NaN where there is no value; (M,) bool, where the rows contradict each other.
        """
        rows = np.flatnonzero((self.member >= 0) & ~np.isnan(column.values))
        molecules, values = self.member[rows], column.values[rows]
        if not column.classes:
            medians = pd.Series(values).groupby(molecules).median().reindex(range(len(self.smiles)))
            merged = medians.to_numpy(dtype=np.float64)
            tied = (merged != np.round(merged)) & ~np.isnan(merged) & column.coarse
        else:
            counts = np.zeros((len(self.smiles), len(column.classes)), dtype=np.int32)
            np.add.at(counts, (molecules, values.astype(np.int64)), 1)
            most = counts.max(axis=1)
            merged = np.where(most > 0, counts.argmax(axis=1), np.nan)
            tied = (most > 0) & ((counts == most[:, None]).sum(axis=1) > 1)
        return np.where(tied, np.nan, merged), tied


def clean(column: pd.Series, standardiser: Standardiser, *, n_jobs: int = 1) -> Cleaned:
    """Standardise the molecules of a table and leave out what no model could be trained on.

    Left out are rows that are no molecule; that SELFIES cannot encode, or only in more than 500 symbols; with
    symbols beyond the 255 most common ones, which is all that a vocabulary holds; and repeats.

    Args:
        column: (N,) the column of SMILES.
        standardiser: What is done to each.
        n_jobs: Processes for that.

    Raises:
        InputError: If no molecule is left.

    Example:
        >>> cleaned = clean(pd.Series(["OCC", "C1CC", "CCO", "*C"]), Standardiser())
        >>> cleaned.smiles, cleaned.member.tolist()
        (['CCO'], [0, -1, 0, -1])
        >>> [(entry.row, entry.reason) for entry in cleaned.dropped]
        [(2, 'not a molecule'), (3, 'repeated'), (4, 'not encodable as SELFIES')]
    """
    cells = list(column)
    smiles, changes = standardiser(cells, n_jobs=n_jobs)
    refused = _refused(dict.fromkeys(text for text in smiles if text))
    place: dict[str, int] = {}
    first: dict[str, int] = {}
    member = np.full(len(smiles), -1, dtype=np.int64)
    dropped = []
    for row, (cell, text) in enumerate(zip(cells, smiles, strict=True)):
        if text and text not in refused:
            member[row] = place.setdefault(text, len(place))
            if first.setdefault(text, row) == row:
                continue
            reason, detail = REPEATED, f"the same molecule as row {first[text] + 1}"
        else:
            reason, detail = refused[text] if text else (NO_MOLECULE, unread(cell))
        dropped.append(DroppedRow(row + 1, cell_text(cell)[:LONGEST], reason, detail))
    if not place:
        raise InputError(
            f"no molecule is left of {len(cells)} rows (row 1: {dropped[0].detail}): is '{column.name}' the "
            "column of SMILES?"
        )
    return Cleaned(list(place), member, dropped, changes)


def merged_frame(frame: pd.DataFrame, column: str, cleaned: Cleaned) -> pd.DataFrame:
    """Return a table with one row a molecule.

    Numbers and classes are merged as :meth:`Cleaned.merge` says; of other text the first row of a molecule
    counts.

    Args:
        frame: The table as it was read.
        column: Its column of SMILES.
        cleaned: What became of that.

    Raises:
        InputError: If a column is infinite in a row, which is named.
    """
    first = cleaned.first_rows()
    made: dict[str, object] = {}
    for name in frame.columns:
        entry = read_column(frame[name])
        entry.check_finite()
        if name == column:
            made[name] = cleaned.smiles
        elif entry.kind == "number":
            values = pd.Series(cleaned.merge(entry)[0])
            whole = bool((values.dropna() % 1 == 0).all() and (values.dropna().abs() < 2**53).all())
            made[name] = values.astype("Int64") if whole else values
        elif entry.kind == "class":
            places = cleaned.merge(entry)[0]
            made[name] = [None if np.isnan(place) else entry.classes[int(place)] for place in places]
        else:
            made[name] = [cell_text(cell) or None for cell in frame[name].iloc[first]]
    return pd.DataFrame(made)


def reasons(dropped: Iterable[DroppedRow]) -> dict[str, int]:
    """Return how many rows were left out for each reason."""
    return dict(Counter(entry.reason for entry in dropped))


def listed(counts: Mapping[str, int]) -> str:
    """Return counts in words: "2 repeated, 1 no label"."""
    return ", ".join(f"{count:,} {name}" for name, count in counts.items())


def write_dropped(dropped: Iterable[DroppedRow], path: Path) -> None:
    """Write the rows that were left out as comma-separated values, whole or not at all."""
    names = [entry.name for entry in fields(DroppedRow)]
    with whole_file(path) as part:
        pd.DataFrame([astuple(entry) for entry in dropped], columns=names).to_csv(part, index=False)


def unread(cell: object) -> str:
    """Say why a cell is no molecule."""
    text = cell_text(cell)
    if not text:
        return "empty"
    if len(text) > LONGEST:
        return f"longer than {LONGEST:,} characters"
    return "RDKit cannot read it" if isinstance(cell, str) else "no text"


def _refused(smiles: Iterable[str]) -> dict[str, Why]:
    """Return the molecules that cannot be kept, with reason and detail."""
    symbols_of = SelfiesTokenizer([NOP]).symbols
    refused: dict[str, Why] = {}
    symbols: dict[str, set[str]] = {}
    for text in smiles:
        found, why = spelled(text, symbols_of)
        if why is not None:
            refused[text] = why
        else:
            symbols[text] = set(found)
    common, odd = vocabulary(Counter(symbol for found in symbols.values() for symbol in found))
    for text, needed in symbols.items():
        if missing := needed - set(common):
            refused[text] = unwritable(missing, odd)
    return refused


def spelled(smiles: str, symbols_of: Callable[[str], list[str]]) -> tuple[list[str], Why | None]:
    """Return the SELFIES symbols of a molecule, or why it cannot be kept.

    Args:
        smiles: A molecule.
        symbols_of: ``SelfiesTokenizer.symbols`` of any tokenizer.
    """
    try:
        found = symbols_of(smiles)
    except InputError as error:
        return [], (NO_SELFIES, str(error))
    if len(found) > MAX_SYMBOLS:
        return [], (TOO_LONG, f"{len(found)} SELFIES symbols; at most {MAX_SYMBOLS} are taken")
    return found, None


def vocabulary(counts: Counter[str]) -> tuple[list[str], frozenset[str]]:
    """Return the symbols that a vocabulary takes, sorted, and those that SELFIES does not read back.

    Args:
        counts: In how many molecules each symbol occurs.
    """
    odd = frozenset(symbol for symbol in counts if not _decodable(symbol))
    taken = Counter({symbol: count for symbol, count in counts.items() if symbol not in odd})
    return sorted(symbol for symbol, _ in taken.most_common(MAX_TOKENS - 1)), odd


def unwritable(symbols: Set[str], odd: Set[str]) -> Why:
    """Return why symbols are in no vocabulary: SELFIES does not read them back, or they are too rare."""
    if symbols & odd:
        return NO_SELFIES, f"SELFIES does not read {', '.join(sorted(symbols & odd))} back"
    return RARE, f"{', '.join(sorted(symbols))}: a vocabulary holds {MAX_TOKENS - 1} symbols"


def _decodable(symbol: str) -> bool:
    try:
        SelfiesTokenizer([NOP, symbol])
    except InputError:
        return False
    return True

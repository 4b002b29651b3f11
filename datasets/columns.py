"""What the columns of a table hold: molecules, numbers, classes or plain text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from moldiff.chem.standardise import legible, parse
from moldiff.errors import InputError, did_you_mean

MAX_CLASSES = 32
"""A column of text with more different values than this is no column of classes."""

SAMPLED = 50
"""Cells that are looked at to tell whether a column holds SMILES."""

STRUCTURES = ("structure", "structures", "mol", "mols", "molecule", "molecules", "compound", "compounds")
"""Names that a column of SMILES may have, if its cells are molecules."""

MISSING = frozenset(
    ["", "NA", "N/A", "n/a", "<NA>", "#N/A", "#NA", "NaN", "nan", "-NaN", "-nan", "NULL", "null", "None"]
)
"""Cells that hold nothing: what pandas takes for missing, too."""


@dataclass(frozen=True)
class Column:
    """One column of a table, read as numbers where it can be.

    Attributes:
        name: Its heading.
        kind: "number"; "class": text of at most 32 different values; "text": other text; "empty".
        values: (N,) float64: the numbers, or for a class the place of each cell in ``classes``; NaN where
            the cell is empty, and everywhere for text.
        filled: Cells that are not empty.
        classes: The different values of a class, sorted; empty for other kinds.
        stray: Row number (from 1) and content of the first cell that is no number, where most are numbers.
        coarse: Whether it holds at most 32 different whole numbers: counts and grades, with nothing between
            them.

    Example:
        >>> column = read_column(pd.Series(["BBB+", None, "BBB-", "BBB+"], name="BBB"))
        >>> column.kind, column.classes, column.values.tolist()
        ('class', ('BBB+', 'BBB-'), [0.0, nan, 1.0, 0.0])
    """

    name: str
    kind: Literal["number", "class", "text", "empty"]
    values: NDArray[np.float64]
    filled: int
    classes: tuple[str, ...] = ()
    stray: tuple[int, str] | None = None
    coarse: bool = False

    def check_finite(self, start: int = 0) -> None:
        """Raise InputError if a value is infinite, naming its row; ``start`` rows are before the first."""
        rows = np.flatnonzero(np.isinf(self.values))
        if len(rows):
            raise InputError(
                f"column '{self.name}' is infinite in row {start + rows[0] + 1}: expected a number or an "
                "empty cell"
            )


def read_column(cells: pd.Series) -> Column:
    """Tell what a column holds.

    Numbers are numeric, also those written as text. Text and truth values are classes if there are at most
    32 different ones, unless most cells are numbers. Empty cells are missing values, as is what pandas takes
    for one (NaN, NA, None ...).

    Args:
        cells: (N,) cells of any type.
    """
    survey = ColumnSurvey(str(cells.name))
    survey.add(cells)
    column = survey.column()
    return replace(column, values=column_values(cells, column))


class ColumnSurvey:
    """What a column holds, told from its cells a piece at a time.

    Args:
        name: Its heading.

    Example:
        >>> survey = ColumnSurvey("x")
        >>> survey.add(pd.Series(["1", ""])), survey.add(pd.Series(["2.5"]))
        (None, None)
        >>> survey.column().kind, survey.column().filled
        ('number', 2)
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._rows = self._filled = self._odd = 0
        self._stray: tuple[int, str] | None = None
        self._different: set[str] = set()

    def add(self, cells: pd.Series) -> None:
        """Take in the next cells."""
        for cell in cells:
            self._rows += 1
            text = cell_text(cell)
            if not text:
                continue
            self._filled += 1
            if len(self._different) <= MAX_CLASSES:
                self._different.add(text)
            if np.isnan(_number(cell, text)):
                self._odd += 1
                self._stray = self._stray or (self._rows, text)

    def column(self) -> Column:
        """Return what the cells so far are; the values are left to :func:`column_values`."""
        make = partial(Column, self.name, values=np.zeros(0), filled=self._filled)
        if not self._filled:
            return make(kind="empty")
        if not self._odd:
            few = len(self._different) <= MAX_CLASSES
            return make(kind="number", coarse=few and all(float(text) % 1 == 0 for text in self._different))
        if 2 * self._odd < self._filled:
            # A few words among numbers are slips of the pen, not the names of classes.
            return make(kind="text", stray=self._stray)
        if len(self._different) > MAX_CLASSES:
            return make(kind="text")
        return make(kind="class", classes=tuple(sorted(self._different)))


def column_values(cells: pd.Series, column: Column) -> NDArray[np.float64]:
    """Return cells (N,) of a column as numbers, or as places in its classes; NaN where there is none.

    Args:
        cells: All of them, or a piece.
        column: What the column is.
    """
    if column.kind == "number":
        return np.array([_number(cell, cell_text(cell)) for cell in cells], dtype=np.float64)
    index = {label: float(place) for place, label in enumerate(column.classes)}
    return np.array([index.get(cell_text(cell), np.nan) for cell in cells], dtype=np.float64)


def find_smiles(frame: pd.DataFrame, asked: str | None = None) -> tuple[str, str]:
    """Find the column of SMILES.

    A column asked for is taken. Otherwise names decide (smiles, canonical_smiles, structure ..., in any
    case), and where no name does, the one column in which most of the first cells are molecules.

    Args:
        frame: The table; the names of its columns are text, and all different.
        asked: The column that the user named.

    Returns:
        The column, and in words how it was found.

    Raises:
        InputError: If there is no such column, or more than one.

    Example:
        >>> find_smiles(pd.DataFrame({"id": ["a1"], "Canonical_SMILES": ["CCO"]}))
        ('Canonical_SMILES', 'by its name')
    """
    columns = list(frame.columns)
    if asked is not None:
        if asked not in columns:
            raise InputError(f"the table has no column '{asked}'{did_you_mean(asked, columns)}")
        return asked, "as asked"
    folded = {name: "".join(letter for letter in name.casefold() if letter.isalnum()) for name in columns}
    for named in (
        [name for name in columns if folded[name] == "smiles"],
        [name for name in columns if "smiles" in folded[name] or folded[name] == "smi"],
        [name for name in columns if folded[name] in STRUCTURES and _holds_molecules(frame[name])],
    ):
        if named:
            return _only(named), "by its name"
    found = [name for name in columns if _holds_molecules(frame[name])]
    if not found:
        raise InputError(
            f"no column holds SMILES, neither by name (smiles) nor by content; there are {_listed(columns)}: "
            "name the column with --smiles"
        )
    name = _only(found)
    if _molecules([name]) == 1:
        raise InputError(
            f"the first line is no line of column names: '{name}' is a molecule; put a line such as "
            "'smiles,name' first, or name the column with --smiles"
        )
    return name, "by its content"


def _only(found: Sequence[str]) -> str:
    """Return the only candidate."""
    if len(found) > 1:
        raise InputError(
            f"{len(found)} columns may hold the molecules, {_listed(found)}: choose one with --smiles"
        )
    return found[0]


def _listed(columns: Sequence[str]) -> str:
    """Name columns, at most a screenful of them."""
    shown = ", ".join(f"'{name}'" for name in columns[:20])
    return f"{shown} and {len(columns) - 20} more" if len(columns) > 20 else shown


def _holds_molecules(cells: pd.Series) -> bool:
    """Tell whether most of the first filled cells are SMILES."""
    sample: list[str] = []
    for cell in cells:
        text = cell_text(cell)
        if text:
            sample.append(text)
        if len(sample) == SAMPLED:
            break
    return 2 * _molecules(sample) > len(sample)


def _molecules(texts: Sequence[str]) -> int:
    """Return how many of the texts are SMILES of a length that can be taken."""
    return sum(mol is not None for mol in parse(map(legible, texts)))


def cell_text(cell: object) -> str:
    """Return a cell as text with single spaces, "" where it is missing."""
    if pd.api.types.is_scalar(cell) and pd.isna(cell):
        return ""
    text = " ".join(str(cell).split())
    return "" if text in MISSING else text


def _number(cell: object, text: str) -> float:
    """Return a cell as a number, NaN where it is none; a truth value is none."""
    if isinstance(cell, bool | np.bool_):
        return np.nan
    try:
        # Python would also read "1_000", which no table means.
        return np.nan if "_" in text else float(text)
    except ValueError:
        return np.nan

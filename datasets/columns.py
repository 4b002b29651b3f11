"""What the columns of a table hold: molecules, numbers, classes or plain text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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

    def check_finite(self) -> None:
        """Raise InputError if a value is infinite, naming its row."""
        rows = np.flatnonzero(np.isinf(self.values))
        if len(rows):
            raise InputError(
                f"column '{self.name}' is infinite in row {rows[0] + 1}: expected a number or an empty cell"
            )


def read_column(cells: pd.Series) -> Column:
    """Tell what a column holds.

    Numbers are numeric, also those written as text. Text and truth values are classes if there are at most
    32 different ones, unless most cells are numbers. Empty cells are missing values, as is what pandas takes
    for one (NaN, NA, None ...).

    Args:
        cells: (N,) cells of any type.
    """
    name = str(cells.name)
    texts = [cell_text(cell) for cell in cells]
    filled = np.array([text != "" for text in texts], dtype=bool)
    nothing = np.full(len(texts), np.nan)
    if not filled.any():
        return Column(name, "empty", nothing, 0)
    numbers = np.array([_number(cell, text) for cell, text in zip(cells, texts, strict=True)])
    odd = np.flatnonzero(filled & np.isnan(numbers))
    count = int(filled.sum())
    if not len(odd):
        return Column(name, "number", numbers, count)
    if 2 * len(odd) < count:
        # A few words among numbers are slips of the pen, not the names of classes.
        return Column(name, "text", nothing, count, stray=(int(odd[0]) + 1, texts[odd[0]]))
    classes = tuple(sorted({text for text in texts if text}))
    if len(classes) > MAX_CLASSES:
        return Column(name, "text", nothing, count)
    index = {label: float(place) for place, label in enumerate(classes)}
    places = np.array([index.get(text, np.nan) for text in texts])
    return Column(name, "class", places, count, classes)


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

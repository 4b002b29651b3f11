"""A table of any size made ready for training: in pieces, in parallel, kept as they are finished."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from moldiff.chem.properties import PROPERTIES
from moldiff.chem.standardise import Standardiser
from moldiff.chem.statistics import UNSTATED
from moldiff.datasets import Column, find_smiles
from moldiff.datasets.columns import ColumnSurvey, column_values
from moldiff.datasets.labels import check_label_column, check_told_apart
from moldiff.datasets.packed import Condition, PackedTable
from moldiff.datasets.packed_folder import read_packed
from moldiff.datasets.packing import Packing
from moldiff.datasets.pieces import PieceMaker
from moldiff.datasets.streaming import PIECE, read_pieces
from moldiff.errors import InputError
from moldiff.frames import check_names

MOST_ORDERS = 100
"""Orders of atoms that a molecule is written in."""


@dataclass
class Preparation:
    """From a file to a packed table.

    A piece of the file is read, standardised, written as SELFIES and measured at a time, in each of
    ``n_jobs`` processes, and kept in the user's cache under a hash of its content: a preparation that was
    stopped goes on, and one of the same rows is done at once. Memory does not grow with the table but for a
    few bytes a row that repeats another.

    Args:
        path: The file, in a format of ``read_frame``.
        properties: Conditions: columns of the table, or properties that RDKit measures.
        smiles: Column of SMILES; found by name or content unless given.
        standardiser: What is done to the molecules; clean-up and largest fragment unless given.
        n_jobs: Processes, in joblib's counting.
        about: Name, citation and licence of the table; the file's name, and the user's own, unless given.
        rows: Rows of a piece.
        orders: Orders of atoms that each molecule is written in: the canonical one, and others at random.

    Raises:
        InputError: If the file cannot be read, or a property is neither a column that can be one nor known.
    """

    path: Path
    properties: Sequence[str]
    smiles: str | None = None
    standardiser: Standardiser = field(default_factory=Standardiser)
    n_jobs: int = 1
    about: dict[str, Any] = field(default_factory=dict)
    rows: int = PIECE
    orders: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.orders <= MOST_ORDERS:
            raise InputError(f"orders must be from 1 to {MOST_ORDERS}, got {self.orders}")
        own = {"name": self.path.name.partition(".")[0], "citation": "the user's table", "licence": ""}
        self.about = {**own, **self.about}
        first = next(read_pieces(self.path, rows=self.rows))
        self.column, self.found = find_smiles(first, self.smiles)
        wanted = list(dict.fromkeys(self.properties))
        check_names(wanted, [name for name in first.columns if name != self.column])
        self.labels = self._surveyed([name for name in wanted if name in first], first)
        named = [entry.name for entry in self.labels]
        self.measured = tuple(name for name in wanted if name not in named)

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """What the columns of the packed table are: labels, then what RDKit measures."""
        source = self.about["citation"]
        labels = (
            Condition(entry.name, "class" if entry.classes else UNSTATED, source, classes=entry.classes)
            for entry in self.labels
        )
        return (*labels, *map(Condition.measured, self.measured))

    def __call__(self, folder: Path, *, on_rows: Callable[[int], None] | None = None) -> PackedTable:
        """Prepare the table, write it to a folder unless it is there, and open it.

        Args:
            folder: The packed table.
            on_rows: Told how many rows are done.

        Raises:
            InputError: If the file cannot be read to its end, no molecule is left, or the folder cannot be
                written.
        """
        about = {**self.about, **({"orders": self.orders} if self.orders > 1 else {})}
        packing = Packing(list(self._pieces(on_rows)), self.labels, self.conditions, about)
        if not packing.is_in(folder):
            packing.write(folder)
        table = read_packed(folder)
        for place, entry in enumerate(self.labels):
            check_told_apart(entry.name, np.asarray(table.values[:, place], dtype=np.float64))
        return table

    def _pieces(self, on_rows: Callable[[int], None] | None) -> Iterator[Path]:
        """Make all pieces, several at a time, and yield where they are, in order."""
        maker = PieceMaker(self.measured, self.standardiser, orders=self.orders)
        # A few pieces wait for each process, so that no more than that of the table is ever in memory.
        run = joblib.Parallel(n_jobs=self.n_jobs, return_as="generator", pre_dispatch="2*n_jobs")
        calls = (joblib.delayed(_made)(maker, *given) for given in self._given())
        done = 0
        for path, rows in run(calls):
            done += rows
            if on_rows is not None:
                on_rows(done)
            yield path

    def _given(self) -> Iterator[tuple[list[object], NDArray[np.float64]]]:
        """Yield the cells and labels of each piece."""
        for piece in read_pieces(self.path, rows=self.rows):
            columns = [column_values(piece[entry.name], entry) for entry in self.labels]
            for entry, values in zip(self.labels, columns, strict=True):
                replace(entry, values=values).check_finite(piece.index[0])
            labels = np.stack(columns, axis=1) if columns else np.zeros((len(piece), 0))
            yield list(piece[self.column]), labels

    def _surveyed(self, names: Sequence[str], first: pd.DataFrame) -> list[Column]:
        """Return what the label columns are, from all of their cells; refuse those that cannot be labels."""
        if not names:
            return []
        surveys = {name: ColumnSurvey(name) for name in names}
        for piece in read_pieces(self.path, rows=self.rows):
            for name, survey in surveys.items():
                survey.add(piece[name])
        columns = []
        for name, survey in surveys.items():
            column = survey.column()
            shown = replace(column, values=column_values(first[name], column))
            check_label_column(shown, list(first[self.column]))
            if name not in PROPERTIES:  # RDKit measures it, and it was found to agree
                columns.append(column)
        return columns


def _made(maker: PieceMaker, cells: Sequence[object], labels: NDArray[np.float64]) -> tuple[Path, int]:
    return maker(cells, labels), len(cells)

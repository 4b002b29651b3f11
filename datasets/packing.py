"""Pieces put together to a packed table, in memory that does not grow with it."""

from __future__ import annotations

import csv
import hashlib
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import astuple, dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from moldiff.chem.standardise import LONGEST
from moldiff.datasets.cleaning import DroppedRow, listed
from moldiff.datasets.columns import Column
from moldiff.datasets.packed import Condition
from moldiff.datasets.packed_folder import ARRAYS, INDEX, array_file, is_whole, read_index, write_index
from moldiff.datasets.pieces import Piece
from moldiff.datasets.survey import Survey, survey
from moldiff.errors import InputError

DROPPED = "dropped.csv"
"""Rows that were left out, in a packed table's folder."""


@dataclass(frozen=True)
class Packing:
    """Pieces of a table in order, and what their columns are.

    Args:
        pieces: Their files.
        labels: The first columns of their values, which come with the table.
        conditions: What all columns are.
        about: Name, citation and licence of the table, and what else to keep of it.
    """

    pieces: Sequence[Path]
    labels: Sequence[Column]
    conditions: tuple[Condition, ...]
    about: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def content(self) -> str:
        """A hash of all that the packed table depends on."""
        names = [*(path.stem for path in self.pieces), *map(repr, self.conditions), repr(self.about)]
        return hashlib.blake2b("\n".join(names).encode(), digest_size=16).hexdigest()

    def is_in(self, folder: Path) -> bool:
        """Tell whether a folder holds this very table, whole."""
        return is_whole(folder) and read_index(folder).get("content") == self.content

    def write(self, folder: Path) -> None:
        """Write the packed table, whole or not at all.

        Raises:
            InputError: If no molecule is left, or the folder holds something else or cannot be written.
        """
        if folder.exists() and not (
            folder.is_dir() and ((folder / INDEX).exists() or not any(folder.iterdir()))
        ):
            raise InputError(f"{folder} holds something else than a prepared table: give another folder")
        work = folder.with_name(f".{folder.name}-partial")
        made = work / "made"
        try:
            # What a killed preparation left there is of no use.
            shutil.rmtree(work, ignore_errors=True)
            made.mkdir(parents=True)
            self._write(made, work)
            if folder.exists():
                shutil.rmtree(folder)
            made.rename(folder)
        except OSError as error:
            raise InputError(f"cannot write to the folder {folder}: {error.strerror}") from error
        finally:
            shutil.rmtree(work, ignore_errors=True)

    def _loaded(self) -> Iterator[Piece]:
        for path in self.pieces:
            piece = Piece.load(path)
            if piece is None:
                raise InputError(f"{path} was removed while the table was prepared: start again")
            yield piece

    def _write(self, folder: Path, work: Path) -> None:
        known = survey(self._loaded, self.labels, len(self.conditions), work)
        tally = Tally()
        row = molecule = 0
        with ExitStack() as stack:
            out = {name: stack.enter_context(array_file(folder, name).open("wb")) for name in ARRAYS}
            stream = stack.enter_context((folder / DROPPED).open("w", newline="", encoding="utf-8"))
            table = csv.writer(stream)
            table.writerow([entry.name for entry in fields(DroppedRow)])
            for piece in self._loaded():
                dropped = self._append(out, piece, known, molecule, tally)
                table.writerows((entry.row + row, *astuple(entry)[1:]) for entry in dropped)
                row, molecule = row + piece.count, molecule + len(piece)
        if not tally.molecules:
            raise InputError(f"no molecule is left of {row:,} rows ({listed(tally.dropped)})")
        conditions = self._without_unused_classes(folder, tally.molecules)
        about = {**self.about, "content": self.content, "rows": row, "molecules": tally.molecules}
        about |= {"dropped": dict(tally.dropped), "changes": dict(tally.changes)}
        write_index(folder, tokens=known.tokens, conditions=conditions, about=about)

    def _without_unused_classes(self, folder: Path, molecules: int) -> tuple[Condition, ...]:
        """Return the conditions without classes that only rows had which were left out."""
        shape = molecules, len(self.conditions)
        values = np.memmap(array_file(folder, "values"), ARRAYS["values"], "r+", shape=shape)
        conditions = []
        for entry, column in zip(self.conditions, values.T, strict=True):
            if entry.classes:
                used = np.unique(column[~np.isnan(column)]).astype(int)
                number = np.full(len(entry.classes), np.nan)
                number[used] = range(len(used))
                known = ~np.isnan(column)
                column[known] = number[column[known].astype(int)]
                entry = replace(entry, classes=tuple(entry.classes[place] for place in used))
            conditions.append(entry)
        values.flush()
        return tuple(conditions)

    def _append(
        self, out: Mapping[str, IO[bytes]], piece: Piece, known: Survey, molecule: int, tally: Tally
    ) -> list[DroppedRow]:
        """Append what is kept of a piece to the files, and return the rows that are not, in order."""
        known.labels.fill(piece.marks, piece.values[:, : len(self.labels)])
        place = {token: number for number, token in enumerate(known.tokens)}
        ids = np.array([place.get(symbol, 0) for symbol in piece.symbols], dtype=np.uint8)
        left_out = known.left_out(piece, molecule, ids)
        dropped = [
            DroppedRow(int(piece.rows[number]) + 1, piece.smiles[number][:LONGEST], *why)
            for number, why in left_out.items()
        ]
        chosen = np.ones(len(piece), dtype=bool)
        chosen[list(left_out)] = False
        arrays: dict[str, NDArray[Any]] = {
            "flat": ids[piece.flat[piece.spread(chosen)]],
            "lengths": piece.lengths[piece.of_orders(chosen)],
            "values": piece.values[chosen],
            "keys": piece.keys[chosen],
            "part": piece.part[chosen],
        }
        for name, array in arrays.items():
            out[name].write(np.ascontiguousarray(array, dtype=ARRAYS[name]).tobytes())
        everything = sorted([*piece.dropped, *dropped], key=lambda entry: entry.row)
        tally.molecules += int(chosen.sum())
        tally.dropped.update(entry.reason for entry in everything)
        tally.changes.update(piece.changes)
        return everything


@dataclass
class Tally:
    """What came of the rows so far."""

    molecules: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    changes: Counter[str] = field(default_factory=Counter)

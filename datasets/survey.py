"""What can only be known of all pieces of a table: its vocabulary, its repeats, labels of several rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from moldiff.chem.tokenizer import NOP, SelfiesTokenizer
from moldiff.datasets.cleaning import REPEATED, UNLABELLED, Why, unwritable, vocabulary
from moldiff.datasets.columns import Column
from moldiff.datasets.pieces import Piece
from moldiff.datasets.repeats import MergedLabels, repeats


@dataclass(frozen=True)
class Survey:
    """What a packed table needs to know before it is written.

    Attributes:
        tokens: The vocabulary: ``[nop]`` and the at most 255 most common symbols, sorted.
        odd: Symbols that SELFIES does not read back.
        rows: (N,) int64, the row of every molecule.
        again: Molecules that came before, ascending.
        origin: Where each of them came first.
        labels: Merged labels of molecules with several rows.
        labelled: Whether a molecule without any value is left out.
    """

    tokens: tuple[str, ...]
    odd: frozenset[str]
    rows: NDArray[np.int64]
    again: NDArray[np.int64]
    origin: NDArray[np.int64]
    labels: MergedLabels
    labelled: bool

    def left_out(self, piece: Piece, first: int, ids: NDArray[np.uint8]) -> dict[int, Why]:
        """Return the molecules of a piece that are not kept, by their place in it, and why.

        Args:
            piece: Its labels are merged.
            first: The number of its first molecule.
            ids: Ids of its symbols, 0 for those that the vocabulary has not.
        """
        unknown = np.flatnonzero(ids[piece.flat] == 0)
        missing: dict[int, set[str]] = {}
        for molecule, symbol in zip(piece.owner[unknown].tolist(), piece.flat[unknown].tolist(), strict=True):
            missing.setdefault(molecule, set()).add(piece.symbols[symbol])
        found = {molecule: unwritable(symbols, self.odd) for molecule, symbols in missing.items()}
        if self.labelled:
            bare = np.flatnonzero(piece.bare)
            found |= dict.fromkeys(bare.tolist(), (UNLABELLED, "its labels are missing, or contradict"))
        start, end = np.searchsorted(self.again, [first, first + len(piece)])
        for molecule, origin in zip(self.again[start:end], self.origin[start:end], strict=True):
            found[int(molecule) - first] = REPEATED, f"the same molecule as row {int(self.rows[origin]) + 1}"
        return found


def survey(
    pieces: Callable[[], Iterator[Piece]], labels: Sequence[Column], columns: int, folder: Path
) -> Survey:
    """Go through all pieces of a table.

    Args:
        pieces: Gives them in order, as often as it is called.
        labels: The first of the columns of their values, which come with the table.
        columns: How many columns there are.
        folder: Where rows and hashes of all molecules are kept in the meantime.
    """
    counts: Counter[str] = Counter()
    labelled = 0 < columns == len(labels)
    row = 0
    with (folder / "marks").open("wb") as marks, (folder / "rows").open("wb") as rows:
        for piece in pieces():
            marks.write(piece.marks.tobytes())
            rows.write((row + piece.rows).tobytes())
            row += piece.count
    every = _array(folder / "marks", np.uint64)
    again, origin = repeats(every)
    merged = MergedLabels(labels, every[origin] if labels else every[:0])
    if len(merged.marks):
        for piece in pieces():
            merged.add(piece.marks, piece.values[:, : len(labels)])
    for piece in pieces():
        merged.fill(piece.marks, piece.values[:, : len(labels)])
        counts.update(_occurring(piece, ~(piece.bare & labelled)))
    common, odd = vocabulary(counts)
    tokens = SelfiesTokenizer([NOP, *common]).tokens
    number = _array(folder / "rows", np.int64)
    return Survey(tokens, odd, number, again, origin, merged, labelled)


def _occurring(piece: Piece, kept: NDArray[np.bool_]) -> Counter[str]:
    """Return in how many of the molecules (n,) that are kept each symbol occurs."""
    kinds = max(len(piece.symbols), 1)
    there = piece.spread(kept)
    pairs = np.unique(piece.owner[there] * kinds + piece.flat[there])
    found = np.bincount(pairs % kinds, minlength=kinds).tolist()
    return Counter({symbol: count for symbol, count in zip(piece.symbols, found, strict=False) if count})


def _array(path: Path, kind: type) -> NDArray:  # type: ignore[type-arg]
    """Return what a file holds, mapped."""
    return np.memmap(path, kind, "r") if path.stat().st_size else np.zeros(0, kind)

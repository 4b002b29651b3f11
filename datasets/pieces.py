"""A piece of a table made ready for training: standardised, written as SELFIES, measured; kept on disk."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import rdkit
import selfies
from numpy.typing import NDArray
from rdkit.Chem.rdmolfiles import MolFromSmiles, MolToRandomSmilesVect

from moldiff.chem import properties
from moldiff.chem.standardise import LONGEST, Standardiser
from moldiff.chem.tokenizer import NOP, SelfiesTokenizer
from moldiff.datasets.cleaning import NO_MOLECULE, DroppedRow, spelled, unread
from moldiff.datasets.columns import cell_text
from moldiff.datasets.measured import cache_folder
from moldiff.datasets.splits import parts
from moldiff.files import whole_file
from moldiff.metrics.keys import row_keys

FORMAT = 1
"""Of the files; others are made anew."""


@dataclass
class Piece:
    """The M molecules that came of n rows.

    Attributes:
        smiles: (M,) standardised.
        symbols: SELFIES symbols that occur, sorted.
        flat: Places in ``symbols``, molecule after molecule, each in all of its orders, uint16.
        lengths: (M R,) uint16, symbols of each molecule in each of R orders.
        rows: (M,) int64, the row of each, from 0 at the start of the piece.
        marks: (M,) uint64, hashes to tell repeats by.
        keys: (M,) uint64, training keys.
        part: (M,) uint8, place in ``PARTS``.
        values: (M, P) float32: labels, then what RDKit measures.
        dropped: Rows left out; their numbers are from 1 at the start of the piece.
        changes: Rows changed by standardising, by kind.
        count: n.
    """

    smiles: list[str]
    symbols: list[str]
    flat: NDArray[np.uint16]
    lengths: NDArray[np.uint16]
    rows: NDArray[np.int64]
    marks: NDArray[np.uint64]
    keys: NDArray[np.uint64]
    part: NDArray[np.uint8]
    values: NDArray[np.float32]
    dropped: list[DroppedRow] = field(default_factory=list)
    changes: dict[str, int] = field(default_factory=dict)
    count: int = 0

    def __len__(self) -> int:
        return len(self.rows)

    def spread(self, molecules: NDArray[Any]) -> NDArray[Any]:
        """Return what is said of each molecule (M, ...) for each entry of ``flat``."""
        return np.repeat(self.of_orders(molecules), self.lengths, axis=0)

    def of_orders(self, molecules: NDArray[Any]) -> NDArray[Any]:
        """Return what is said of each molecule (M, ...) for each of its orders (M R, ...)."""
        return np.repeat(molecules, len(self.lengths) // max(len(self), 1), axis=0)

    @property
    def owner(self) -> NDArray[np.int64]:
        """The molecule of each entry of ``flat``."""
        return self.spread(np.arange(len(self)))

    @property
    def bare(self) -> NDArray[np.bool_]:
        """(M,) whether a molecule has no value at all."""
        return np.asarray(np.isnan(self.values).all(axis=1))

    def save(self, path: Path) -> None:
        """Write the piece, whole or not at all."""
        arrays = {name: getattr(self, name) for name in ARRAYS}
        text = {
            "smiles": self.smiles,
            "symbols": self.symbols,
            "dropped": [astuple(entry) for entry in self.dropped],
            "changes": self.changes,
            "count": self.count,
            "format": FORMAT,
        }
        with whole_file(path) as part, part.open("wb") as stream:
            np.savez_compressed(
                stream, text=np.frombuffer(json.dumps(text).encode(), dtype=np.uint8), **arrays
            )

    @classmethod
    def load(cls, path: Path) -> Piece | None:
        """Return the piece of a file, None if there is none that can be used."""
        try:
            with np.load(path, allow_pickle=False) as stored:
                text = json.loads(stored["text"].tobytes())
                arrays = {name: stored[name] for name in ARRAYS}
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return None
        if text.pop("format") != FORMAT:
            return None
        dropped = [DroppedRow(*entry) for entry in text.pop("dropped")]
        return cls(**arrays, **text, dropped=dropped)


ARRAYS = ("flat", "lengths", "rows", "marks", "keys", "part", "values")
"""Fields of a piece that are arrays."""


@dataclass(frozen=True)
class PieceMaker:
    """What is done to every piece of a table.

    Args:
        measured: What RDKit measures, keys of ``PROPERTIES``.
        standardiser: What is done to the molecules.
        folder: Where pieces are kept; in the user's cache unless given.
        orders: Orders of atoms that each molecule is written in: the canonical one, and others at random.

    Example:
        >>> piece = PieceMaker(("rings",)).make(["OCC", "C1CC", "C1CC1"], np.zeros((3, 0)))
        >>> piece.symbols, piece.lengths.tolist(), piece.rows.tolist(), piece.values.tolist()
        (['[C]', '[O]', '[Ring1]'], [3, 5], [0, 2], [[0.0], [1.0]])
        >>> [(entry.row, entry.reason) for entry in piece.dropped]
        [(2, 'not a molecule')]
    """

    measured: tuple[str, ...]
    standardiser: Standardiser = field(default_factory=Standardiser)
    folder: Path | None = None
    orders: int = 1

    def __call__(self, cells: Sequence[object], labels: NDArray[np.float64]) -> Path:
        """Make a piece unless it was made before, and return where it is kept.

        Args:
            cells: (n,) as they stand in the table.
            labels: (n, Q) values that come with them; NaN where missing.
        """
        texts = [cell_text(cell) for cell in cells]
        path = (self.folder or cache_folder() / "pieces") / f"{self.key(texts, labels)}.npz"
        if Piece.load(path) is None:
            self.make(texts, labels).save(path)
        return path

    def key(self, texts: Sequence[str], labels: NDArray[np.float64]) -> str:
        """Hash all that a piece depends on: rows, labels, settings, RDKit and SELFIES."""
        releases = [FORMAT, rdkit.__version__, selfies.__version__, self.measured]
        releases += [self.orders] if self.orders > 1 else []
        settings = json.dumps([releases, vars(self.standardiser)])
        digest = hashlib.blake2b(settings.encode(), digest_size=16)
        digest.update(Path(properties.__file__).read_bytes())
        digest.update("\n".join(texts).encode())
        digest.update(np.ascontiguousarray(labels, dtype=np.float64).tobytes())
        return digest.hexdigest()

    def make(self, texts: Sequence[str], labels: NDArray[np.float64]) -> Piece:
        """Return the piece of these rows."""
        smiles, changes = self.standardiser(texts)
        symbols_of = SelfiesTokenizer([NOP]).symbols
        kept: list[int] = []
        written: list[list[str]] = []
        dropped = []
        for row, (text, name) in enumerate(zip(texts, smiles, strict=True)):
            found, why = spelled(name, symbols_of) if name else ([], (NO_MOLECULE, unread(text)))
            if why is not None:
                dropped.append(DroppedRow(row + 1, text[:LONGEST], *why))
                continue
            kept.append(row)
            written += [found, *_reordered(name, found, self.orders - 1, symbols_of)]
        names = [smiles[row] for row in kept]
        symbols = sorted({symbol for found in written for symbol in found})
        place = {symbol: number for number, symbol in enumerate(symbols)}
        rows = np.array(kept, dtype=np.int64)
        own = properties.measure(names, self.measured).to_numpy(dtype=np.float32)
        return Piece(
            names,
            symbols,
            flat=np.array([place[symbol] for found in written for symbol in found], dtype=np.uint16),
            lengths=np.array([len(found) for found in written], dtype=np.uint16),
            rows=rows,
            marks=marks_of(names),
            keys=row_keys(names),
            part=parts(names),
            values=np.concatenate([labels[rows].astype(np.float32), own], axis=1),
            dropped=dropped,
            changes=changes,
            count=len(texts),
        )


def _reordered(
    smiles: str, first: list[str], number: int, symbols_of: Callable[[str], list[str]]
) -> list[list[str]]:
    """Return the symbols of a molecule in other orders of its atoms, the same in every run.

    Args:
        smiles: The molecule.
        first: Its symbols in the canonical order, which stand in for an order that cannot be written.
        number: How many others.
        symbols_of: ``SelfiesTokenizer.symbols``.
    """
    if not number:
        return []
    seed = int(marks_of([smiles])[0] % np.uint64(2**31))
    texts = MolToRandomSmilesVect(MolFromSmiles(smiles), number, randomSeed=seed)
    return [spelled(text, symbols_of)[0] or first for text in texts]


def marks_of(smiles: Sequence[str]) -> NDArray[np.uint64]:
    """Return hashes of 64 bits: any two of 10 million molecules share one once in 400 thousand tables."""
    digests = b"".join(hashlib.blake2b(text.encode(), digest_size=8).digest() for text in smiles)
    return np.frombuffer(digests, dtype="<u8").astype(np.uint64)

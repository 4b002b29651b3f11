"""A table ready for training: token ids, conditions and parts of the split, without a SMILES string."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from moldiff.chem.properties import PROPERTIES
from moldiff.chem.tokenizer import SelfiesTokenizer
from moldiff.datasets.measured import with_properties
from moldiff.datasets.splits import PARTS, parts
from moldiff.datasets.table import MoleculeTable
from moldiff.datasets.token_rows import TokenRows
from moldiff.errors import InputError, did_you_mean
from moldiff.metrics.keys import row_keys


@dataclass(frozen=True)
class Condition:
    """What the values of a column are.

    Attributes:
        name: Its name.
        unit: "1" for a pure number.
        source: Where the values come from.
        integer: Whether it takes whole numbers only; None: if all its values are whole.
        classes: Names of the values 0, 1 ..., for a class.
    """

    name: str
    unit: str
    source: str
    integer: bool | None = None
    classes: tuple[str, ...] = ()

    @classmethod
    def measured(cls, name: str) -> Condition:
        """Return the condition that RDKit measures, a key of ``PROPERTIES``."""
        known = PROPERTIES[name]
        return cls(name, known.unit, known.reference, known.integer)


@dataclass(frozen=True)
class PackedTable:
    """Molecules as training takes them.

    Arrays may be memory maps: a table of any size is opened without being read.

    Args:
        name: What the table is called.
        tokens: The C symbols that the ids stand for, ``[nop]`` first.
        ids: N molecules as ids, each in all of its orders, the canonical one first.
        conditions: What the P columns of ``values`` are.
        values: (N, P) float; NaN where missing.
        keys: (N,) uint64 of the molecules, as training keys have them.
        part: (N,) uint8, place in ``PARTS``: which part of the split a molecule belongs to.
        citation: What to cite when the table is used.
        licence: Under which it may be used.
        orders: Orders of atoms that each molecule is written in.

    Example:
        >>> import pandas as pd
        >>> table = MoleculeTable("mine", ["C", "CO"], pd.DataFrame({"x": [1.0, 2.0]}), {"x": "1"})
        >>> packed = pack(table, ["x", "heavy_atoms"])
        >>> packed.tokens, [ids.tolist() for ids in packed.ids], packed.values.tolist()
        (('[nop]', '[C]', '[O]'), [[1], [1, 2]], [[1.0, 1.0], [2.0, 2.0]])
    """

    name: str
    tokens: tuple[str, ...]
    ids: TokenRows
    conditions: tuple[Condition, ...]
    values: NDArray[np.floating]
    keys: NDArray[np.uint64]
    part: NDArray[np.uint8]
    citation: str = ""
    licence: str = ""
    orders: int = 1

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def offered(self) -> list[str]:
        """Names of all conditions that a model of this table can have."""
        return [entry.name for entry in self.conditions]

    def rows(self, part: str) -> NDArray[np.int64]:
        """Return the rows of a part of the split."""
        found: NDArray[np.int64] = np.flatnonzero(self.part == PARTS.index(part))
        return found

    def smiles(self, rows: Iterable[int]) -> list[str]:
        """Return the canonical SMILES of some rows."""
        return SelfiesTokenizer(self.tokens).decode([self.ids[row * self.orders] for row in rows])

    def written(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the places in ``ids`` of molecules in all of their orders."""
        found: NDArray[np.int64] = (rows[:, None] * self.orders + np.arange(self.orders)).reshape(-1)
        return found

    def select(self, names: Sequence[str]) -> PackedTable:
        """Return the table with these columns alone, in this order.

        Raises:
            InputError: If there is no such column.
        """
        for name in names:
            if name not in self.offered:
                raise InputError(
                    f"{self.name} was prepared without '{name}'{did_you_mean(name, self.offered)}; it has "
                    f"{', '.join(self.offered)}: prepare it again with --property {name}"
                )
        if list(names) == self.offered:
            return self
        places = [self.offered.index(name) for name in names]
        return replace(
            self, conditions=tuple(self.conditions[i] for i in places), values=self.values[:, places]
        )

    def take(self, chosen: NDArray[np.bool_]) -> PackedTable:
        """Return the rows of a boolean array (N,), copied into memory."""
        every = np.repeat(chosen, self.orders)
        ids = TokenRows(self.ids.flat[np.repeat(every, self.ids.lengths)], self.ids.lengths[every])
        values, keys, part = self.values[chosen], self.keys[chosen], self.part[chosen]
        return replace(self, ids=ids, values=values, keys=keys, part=part)

    def rewritten(self, tokens: Sequence[str]) -> tuple[PackedTable, dict[str, int]]:
        """Return the table in the ids of another vocabulary, and molecules left out by missing symbol.

        Args:
            tokens: The symbols, ``[nop]`` first.
        """
        place: Mapping[str, int] = {token: number for number, token in enumerate(tokens)}
        missing = np.array([token not in place for token in self.tokens])
        found, counts = self, dict[str, int]()
        if missing.any():
            owner = np.repeat(np.arange(len(self.ids)) // self.orders, self.ids.lengths)
            odd = np.flatnonzero(missing[self.ids.flat])
            for number in np.flatnonzero(missing):
                rows = np.unique(owner[odd[self.ids.flat[odd] == number]])
                counts |= {self.tokens[number]: len(rows)} if len(rows) else {}
            chosen = np.ones(len(self), dtype=bool)
            chosen[owner[odd]] = False
            found = self.take(chosen)
        translation = np.array([place.get(token, 0) for token in self.tokens], dtype=np.uint8)
        if tuple(tokens) == self.tokens:
            return found, counts
        ids = TokenRows(translation[found.ids.flat], found.ids.lengths)
        return replace(found, tokens=tuple(tokens), ids=ids), counts


def pack(
    table: MoleculeTable,
    names: Sequence[str],
    *,
    tokenizer: SelfiesTokenizer | None = None,
    n_jobs: int = 1,
) -> PackedTable:
    """Tokenise a table, measure the properties it lacks, and split it by hash.

    Args:
        table: Molecules with canonical SMILES.
        names: Conditions: label columns of the table or properties that RDKit measures.
        tokenizer: Symbols to write the molecules in; those that occur unless given.
        n_jobs: Processes for measuring.

    Raises:
        InputError: If a property is unknown, or a molecule cannot be written.
    """
    frame = with_properties(table, [name for name in names if name not in table.labels], n_jobs=n_jobs)
    tokenizer = SelfiesTokenizer.fit(table.smiles) if tokenizer is None else tokenizer
    return PackedTable(
        name=table.name,
        tokens=tokenizer.tokens,
        ids=TokenRows.joined(tokenizer.encode(table.smiles)),
        conditions=tuple(_condition(table, name) for name in names),
        values=frame[list(names)].to_numpy(dtype=np.float64),
        keys=row_keys(table.smiles),
        part=parts(table.smiles),
        citation=table.citation,
        licence=table.licence,
    )


def _condition(table: MoleculeTable, name: str) -> Condition:
    if name not in table.labels:
        return Condition.measured(name)
    return Condition(name, table.units[name], table.citation, classes=table.classes.get(name, ()))

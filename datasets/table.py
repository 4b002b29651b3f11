"""A table of molecules with what was measured of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from moldiff.chem.properties import PROPERTIES


@dataclass
class MoleculeTable:
    """Molecules, one a row, with their labels: values that were measured or computed elsewhere.

    Args:
        name: What the table is called in messages and file names.
        smiles: Canonical SMILES, no two rows alike.
        labels: One float64 column per label, in the order of ``smiles``; NaN where a value is missing.
        units: Unit of each label, "1" for a pure number.
        citation: What to cite when the table is used.
        licence: Under which the table may be used.
        classes: Labels that are classes: their names, sorted; the column holds places in them, from 0.

    Raises:
        ValueError: If labels and molecules differ in number, or a label has no unit.

    Example:
        >>> labels = pd.DataFrame({"logS": [0.0, float("nan"), -0.5]})
        >>> table = MoleculeTable("mine", ["C", "CO", "CCO"], labels, {"logS": "log mol/L"})
        >>> len(table), table.take([0, 2]).smiles
        (3, ['C', 'CCO'])
    """

    name: str
    smiles: list[str]
    labels: pd.DataFrame
    units: dict[str, str] = field(default_factory=dict)
    citation: str = ""
    licence: str = ""
    classes: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.labels) != len(self.smiles):
            raise ValueError(f"{len(self.smiles)} molecules but {len(self.labels)} rows of labels")
        if set(self.units) != set(self.labels.columns):
            raise ValueError(f"units for {sorted(self.units)}, labels {sorted(self.labels.columns)}")
        self.labels = self.labels.astype(np.float64).reset_index(drop=True)

    def __len__(self) -> int:
        return len(self.smiles)

    @property
    def offered(self) -> list[str]:
        """Names of all conditions that a model of this table can have."""
        return [*PROPERTIES, *(name for name in self.labels.columns if name not in PROPERTIES)]

    def take(self, rows: Sequence[int] | np.ndarray) -> MoleculeTable:
        """Return the chosen rows, in the order given.

        Args:
            rows: Row numbers, or a boolean array with one entry per row.
        """
        index = np.asarray(rows)
        if index.dtype == np.bool_:
            if len(index) != len(self):
                raise ValueError(f"a boolean choice of {len(index)} rows for a table of {len(self)}")
            index = np.flatnonzero(index)
        index = index.astype(np.intp)
        return replace(self, smiles=[self.smiles[i] for i in index], labels=self.labels.iloc[index])

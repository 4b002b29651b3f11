"""Tables as training is given them: read, or prepared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from moldiff.datasets import MoleculeTable, PackedTable
from moldiff.frames import Intake, intake

if TYPE_CHECKING:
    from moldiff.training.notation import Notation


@dataclass
class PackedIntake:
    """What training is told of a table that was prepared: nothing of it is dropped any more.

    Args:
        table: It.
        properties: The conditions.
        notes: What else the user should know.
    """

    table: PackedTable
    properties: list[str]
    notes: list[str] = field(default_factory=list)
    counts: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.table = self.table.select(self.properties)

    def summary(self) -> list[str]:
        """Return in a line what it is."""
        known = ", ".join(self.properties)
        return [f"{self.table.name}: {len(self.table):,} molecules, prepared; conditions: {known}"]

    def save_dropped(self, folder: Path) -> Path | None:
        """Return None: the rows left out are listed where the table was prepared."""
        return None

    def writable(self, notation: Notation) -> PackedIntake:
        """Return the same with the molecules alone that a model can write.

        Raises:
            InputError: If it can write none.
        """
        table, left_out = notation.sift_packed(self.table)
        notes = [f"{count:,} molecules are left out: {reason}" for reason, count in left_out.items()]
        return replace(self, table=table, notes=[*self.notes, *notes])


def take_in(
    source: pd.DataFrame | MoleculeTable | PackedTable, properties: Sequence[str], **reading: Any
) -> Intake | PackedIntake:
    """Return the molecules of a table that a model can be trained on, with their labels.

    Args:
        source: What :func:`moldiff.frames.intake` takes, or a prepared table.
        properties: The conditions.
        reading: Keywords of ``intake``; a prepared table was read before.

    Raises:
        InputError: If the table cannot be used, or has no such column.
    """
    if isinstance(source, PackedTable):
        return PackedIntake(source, list(properties))
    return intake(source, properties, **reading)

"""From a table of one's own to molecules and labels that a model can be trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from moldiff.chem.goal_text import check_name
from moldiff.chem.properties import PROPERTIES
from moldiff.chem.standardise import Standardiser
from moldiff.chem.statistics import UNSTATED
from moldiff.datasets import Column, MoleculeTable, find_smiles, read_column
from moldiff.datasets.cleaning import (
    TIED,
    UNLABELLED,
    Cleaned,
    DroppedRow,
    clean,
    listed,
    reasons,
    write_dropped,
)
from moldiff.datasets.columns import cell_text
from moldiff.datasets.labels import check_label_column, check_told_apart
from moldiff.errors import InputError, did_you_mean
from moldiff.generation import BACK, FRONT

if TYPE_CHECKING:
    from moldiff.training.notation import Notation

FEW = 5000
"""Molecules below which a user is told what to expect."""

EXPECT = (
    "{count:,} molecules are few: expect a model that repeats and varies what it saw, reaches little beyond "
    "it, and follows goals loosely, the more so where few of them have the label. It is soon trained too "
    "long: where the held-out bound in training/curve.csv rises again (it is rough, of 2.5% of the "
    "molecules), a smaller budget of tokens is better"
)
"""What is said of a table of fewer."""


@dataclass
class Intake:
    """What came of a table.

    Attributes:
        table: The molecules to train on, with the columns that are labels.
        properties: The conditions: labels of the table, and properties that RDKit measures.
        rows: Rows of the source.
        dropped: The rows that were left out, in order.
        changes: Rows changed by standardising, by kind.
        found: Which column holds the molecules, and how it was found; "" for a table that has them apart.
        notes: What else the user should know.
    """

    table: MoleculeTable
    properties: list[str]
    rows: int
    dropped: list[DroppedRow] = field(default_factory=list)
    changes: dict[str, int] = field(default_factory=dict)
    found: str = ""
    notes: list[str] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, int]:
        """Rows dropped, by reason."""
        return reasons(self.dropped)

    def summary(self) -> list[str]:
        """Return in lines what was found, kept, dropped and changed."""
        labels = [self._label(name) for name in self.properties if name in self.table.labels]
        measured = [name for name in self.properties if name not in self.table.labels]
        return [
            f"{self.table.name}: {self.rows:,} rows" + (f", molecules in {self.found}" if self.found else ""),
            f"kept {len(self.table):,} molecules; dropped: {listed(self.counts) or 'no row'}",
            *([f"standardised: {listed(self.changes)}"] if self.changes else []),
            *([f"labels: {'; '.join(labels)}"] if labels else []),
            *([f"measured by RDKit: {', '.join(measured)}"] if measured else []),
        ]

    def save_dropped(self, folder: Path) -> Path | None:
        """Write the rows that were left out to ``dropped.csv`` in the training folder of a model.

        Nothing is written if there are none, or if the folder holds a run already: a run that goes on has its
        list, and one of another table is refused later.

        Args:
            folder: The model folder.

        Returns:
            Where the list is, None if there is none.

        Raises:
            InputError: If the folder cannot be written.
        """
        path = folder / "training" / "dropped.csv"
        if not self.dropped:
            return None
        if not (path.parent / "recipe.json").exists():
            try:
                write_dropped(self.dropped, path)
            except OSError as error:
                raise InputError(f"cannot write to the folder {folder}: {error.strerror}") from error
        return path

    def writable(self, notation: Notation) -> Intake:
        """Return the same with the molecules alone that a model can write.

        Raises:
            InputError: If it can write none.
        """
        # Every row that was not dropped is the first one of a molecule, in the order of the molecules.
        gone = {entry.row for entry in self.dropped}
        rows = [row for row in range(1, self.rows + 1) if row not in gone]
        table, left_out = notation.sift(self.table, rows)
        dropped = sorted([*self.dropped, *left_out], key=lambda entry: entry.row)
        return replace(self, table=table, dropped=dropped)

    def _label(self, name: str) -> str:
        classes = self.table.classes.get(name)
        kind = f"class, {' or '.join(classes)}" if classes else "numeric"
        return f"{name} ({kind}; {int(self.table.labels[name].notna().sum()):,} values)"


def intake(
    source: pd.DataFrame | MoleculeTable,
    properties: Sequence[str],
    *,
    smiles: str | None = None,
    standardiser: Standardiser | None = None,
    name: str = "table",
    n_jobs: int = 1,
) -> Intake:
    """Return the molecules of a table that a model can be trained on, with their labels.

    A property that RDKit measures is measured, whether or not the table has a column of that name; so that
    goals mean the same in training and afterwards, such a column has to agree with RDKit. Repeats of a
    molecule become one row: with the median of numbers, the majority of classes. A molecule without any of
    the properties is left out.

    Args:
        source: A row a molecule; or a table that is loaded by name, whose molecules are taken as they are.
        properties: Columns of the table or properties that RDKit measures.
        smiles: Column of SMILES; found by name or content unless given.
        standardiser: What is done to the molecules; unless given, they are cleaned up and their largest
            fragment is kept.
        name: What the table is called.
        n_jobs: Processes for standardising.

    Raises:
        InputError: If a column is missing, holds neither numbers nor classes, has an infinite value or a name
            that is taken, or if no molecule is left.

    Example:
        >>> frame = pd.DataFrame({"smiles": ["OCC", "CCO", "C1", "C"], "logS": [0.5, 0.7, 0.1, None]})
        >>> taken = intake(frame, ["logS"])
        >>> taken.table.smiles, taken.table.labels["logS"].tolist(), taken.counts
        (['CCO'], [0.6], {'repeated': 1, 'not a molecule': 1, 'no label': 1})
    """
    wanted = list(dict.fromkeys(properties))
    if isinstance(source, MoleculeTable):
        check_names(wanted, list(source.labels.columns))
        taken = Intake(source, wanted, len(source))
        return _with_labels(taken, np.arange(len(source)), source.smiles, {})
    frame = named_columns(source)
    column, how = find_smiles(frame, smiles)
    check_names(wanted, [other for other in frame.columns if other != column])
    cells = list(frame[column])
    columns = [read_column(frame[label]) for label in wanted if label in frame]
    for entry in columns:
        check_label_column(entry, cells)
    cleaned = clean(frame[column], standardiser or Standardiser(), n_jobs=n_jobs)
    merged = {entry.name: cleaned.merge(entry) for entry in columns if entry.name not in PROPERTIES}
    table = _table(name, cleaned, [entry for entry in columns if entry.name in merged], merged)
    taken = Intake(table, wanted, len(frame), cleaned.dropped, cleaned.changes, f"column '{column}' ({how})")
    ties = {label: tied for label, (_, tied) in merged.items()}
    return _with_labels(taken, cleaned.first_rows(), cells, ties)


def named_columns(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the table with the names of its columns as text.

    Raises:
        InputError: If two have the same name, or there is no row.
    """
    named = frame.set_axis([str(column) for column in frame.columns], axis=1)
    twice = named.columns[named.columns.duplicated()]
    if len(twice):
        raise InputError(f"two columns are named '{twice[0]}': rename one")
    if not len(named):
        raise InputError("the table has no row")
    return named


def check_names(wanted: Sequence[str], columns: Sequence[str]) -> None:
    """Refuse properties that are neither columns nor known, or whose names are taken or fit no goal."""
    for name in wanted:
        if name not in columns and name not in PROPERTIES:
            raise InputError(
                f"'{name}' is neither a column of the table nor a known property"
                f"{did_you_mean(name, [*columns, *PROPERTIES])}"
            )
        if name in (*FRONT, *BACK) or name.removesuffix("_error") in {*wanted, *PROPERTIES} - {name}:
            raise InputError(f"'{name}' is a column of every result and cannot be a property: rename it")
        try:
            check_name(name)
        except ValueError as error:
            raise InputError(f"column '{name}' cannot be a property ({error}): rename it") from None


def _table(
    name: str,
    cleaned: Cleaned,
    columns: Sequence[Column],
    merged: Mapping[str, tuple[NDArray[np.float64], NDArray[np.bool_]]],
) -> MoleculeTable:
    """Return the molecules with the labels of the columns."""
    # The index is given because a frame without columns would otherwise have no rows.
    values = {entry.name: merged[entry.name][0] for entry in columns}
    labels = pd.DataFrame(values, index=range(len(cleaned.smiles)))
    units = {entry.name: "class" if entry.classes else UNSTATED for entry in columns}
    classes = {entry.name: entry.classes for entry in columns if entry.classes}
    return MoleculeTable(name, cleaned.smiles, labels, units, "the user's table", classes=classes)


def _with_labels(
    taken: Intake, rows: NDArray[np.int64], cells: Sequence[object], ties: Mapping[str, NDArray[np.bool_]]
) -> Intake:
    """Leave out the molecules without any of the properties, and check what is left.

    Args:
        taken: With all molecules.
        rows: (M,) the row of each in the source, from 0.
        cells: (N,) the molecules as they stand there.
        ties: For each label (M,) bool, where repeats contradict each other.
    """
    table, wanted = taken.table, taken.properties
    # What RDKit measures, every molecule has.
    apart = bool(wanted) and all(name in table.labels for name in wanted)
    bare = table.labels[wanted].isna().all(axis=1).to_numpy() if apart else np.zeros(len(table), dtype=bool)
    if bare.all():
        raise InputError(f"no molecule has a value of {', '.join(wanted)}: there is nothing to learn")
    for place in np.flatnonzero(bare):
        tied = [name for name in wanted if name in ties and ties[name][place]]
        reason, names = (TIED, tied) if tied else (UNLABELLED, wanted)
        row = int(rows[place])
        taken.dropped.append(DroppedRow(row + 1, cell_text(cells[row]), reason, ", ".join(names)))
    taken.dropped.sort(key=lambda entry: entry.row)
    for name, contradicted in ties.items():
        if count := int((contradicted & ~bare).sum()):
            taken.notes.append(f"{name} counts as missing for {count:,} molecules whose rows contradict")
    taken.table = _without_unused_classes(table.take(~bare) if bare.any() else table)
    for name in wanted:
        if name in taken.table.labels:
            check_told_apart(name, taken.table.labels[name].to_numpy())
    if len(taken.table) < FEW:
        taken.notes.append(EXPECT.format(count=len(taken.table)))
    return taken


def _without_unused_classes(table: MoleculeTable) -> MoleculeTable:
    """Return the table without the classes that only rows had which were left out."""
    labels, classes = table.labels.copy(), dict(table.classes)
    for name, names in table.classes.items():
        column = labels[name]
        used = sorted(column.dropna().astype(int).unique())
        labels[name] = column.map({place: float(new) for new, place in enumerate(used)})
        classes[name] = tuple(names[place] for place in used)
    return replace(table, labels=labels, classes=classes)

"""Files of molecules, and what they are held against: a table, a file, or what a model was trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from moldiff.chem.properties import PROPERTIES
from moldiff.chem.standardise import canonical
from moldiff.datasets import DATASETS, MoleculeTable, load, split, with_properties
from moldiff.datasets.columns import find_smiles
from moldiff.datasets.reading import read_frame
from moldiff.errors import InputError, did_you_mean
from moldiff.metrics.diversity import morgan_fingerprints
from moldiff.metrics.keys import TrainingKeys
from moldiff.metrics.set_report import Library

Source = str | Path | Sequence[str] | MoleculeTable
"""What a user may name as a reference."""


@dataclass(frozen=True)
class Rows:
    """The rows of a file, good and bad.

    Args:
        smiles: (N,) cells of the column of SMILES, "" where empty.
        column: Its name.
        found: How it was found.
        selfies: (N,) cells of a column named selfies; None where there is none.

    Example:
        >>> Rows(["CCO", ""], "smiles", "by its name", None).smiles
        ['CCO', '']
    """

    smiles: list[str]
    column: str
    found: str
    selfies: list[str] | None


def read_molecules(path: str | Path, column: str | None = None) -> Rows:
    """Return all rows of a file of molecules, repeats and unreadable ones too.

    Args:
        path: A table, SMILES, SDF or Parquet file.
        column: The column of SMILES; found by name or content if None.

    Raises:
        InputError: If the file cannot be read, or has no such column.
    """
    frame = read_frame(path)
    name, found = find_smiles(frame, column)
    named = [other for other in frame.columns if other.casefold() == "selfies" and other != name]
    return Rows(_cells(frame[name]), name, found, _cells(frame[named[0]]) if named else None)


def _cells(column: pd.Series) -> list[str]:
    return [cell if isinstance(cell, str) else "" for cell in column]


@dataclass(frozen=True)
class Reference:
    """Molecules to compare with.

    Args:
        name: What they are called in reports.
        smiles: (M,) canonical SMILES; repeats count in distributions.

    Example:
        >>> reference = Reference("two", ["CCO", "C"])
        >>> reference.contains(["C", "CC"]).tolist()
        [True, False]
    """

    name: str
    smiles: Sequence[str]

    def __len__(self) -> int:
        return len(self.smiles)

    @cached_property
    def distinct(self) -> list[str]:
        """The molecules, each once."""
        return list(dict.fromkeys(self.smiles))

    @cached_property
    def known(self) -> frozenset[str]:
        """The same, to look a molecule up in."""
        return frozenset(self.smiles)

    def contains(self, smiles: Sequence[str]) -> np.ndarray:
        """Return (N,) bool: whether each canonical SMILES is among them."""
        return np.array([text in self.known for text in smiles], dtype=np.bool_)

    def values(self, *, n_jobs: int = 1) -> pd.DataFrame:
        """Return (M, P) values of all of ``PROPERTIES``, measured once and kept in the user's cache folder.

        Args:
            n_jobs: Processes to measure with.
        """
        once = MoleculeTable(self.name, self.distinct, pd.DataFrame(index=range(len(self.distinct))))
        measured = with_properties(once, list(PROPERTIES), n_jobs=n_jobs).set_index("smiles")
        return measured.loc[list(self.smiles)].reset_index(drop=True)

    def fingerprints(self) -> np.ndarray:
        """Return the fingerprints of the distinct molecules, (D, 256) uint8."""
        return morgan_fingerprints(self.distinct)


def reference_from(source: Source) -> Reference:
    """Return the molecules of a reference that a user names.

    Args:
        source: The name of a data set, a file of molecules, a table, or SMILES. A file that is called like a
            data set has to be written as a path (``./qm9``).

    Raises:
        InputError: If there is no such data set or file, or it holds no molecule.

    Example:
        >>> len(reference_from("qm9")), reference_from(["OCC", "C1"]).smiles
        (130744, ['CCO'])
    """
    if isinstance(source, str) and source in DATASETS:
        source = load(source)
    if isinstance(source, MoleculeTable):
        return Reference(source.name, source.smiles)
    if not isinstance(source, str | Path):
        return _molecules("reference", source)
    path = Path(source)
    if not path.exists() and path.parent == Path() and not path.suffix:
        raise InputError(f"no file or data set '{source}'{did_you_mean(str(source), DATASETS)}")
    return _molecules(path.name, read_molecules(path).smiles)


def _molecules(name: str, smiles: Sequence[str]) -> Reference:
    found = [text for text in canonical(smiles) if text]
    if not found:
        raise InputError(f"the reference {name} holds no molecule in {len(smiles)} rows")
    return Reference(name, found)


def training_references(data: object, known: TrainingKeys) -> tuple[Reference | None, Reference | None]:
    """Return what a model was trained on and what was held out, where its data set comes with moldiff.

    The training molecules are those rows of the data set that are among the model's keys; so a model trained
    on part of it, or on another table of its name, is not taken for a model of the whole.

    Args:
        data: Name of the data set, as the model's configuration has it.
        known: The model's training keys.

    Returns:
        The training molecules and those of the validation part; None and None where the data set is not at
        hand.
    """
    if not isinstance(data, str) or data not in DATASETS:
        return None, None
    table = load(data)
    inside = known.contains(table.smiles)
    outside = (split(table.smiles) == "validation") & ~inside
    if not inside.any() or not outside.any():
        return None, None
    return (
        Reference(f"the training molecules of {data}", table.take(inside).smiles),
        Reference(f"the validation part of {data}", table.take(outside).smiles),
    )


@dataclass(frozen=True)
class Background:
    """All that molecules are compared with.

    Attributes:
        known: Molecules that are not novel, by what they are.
        reference: Whose distributions the distances are to; None where there is none.
        nearest: Among which the nearest molecule is looked for; None where there is none.
        notes: What is missing, and how to have it.

    Example:
        >>> around = background(["CCO", "C"])
        >>> list(around.known), around.notes
        (['reference'], [])
    """

    known: dict[str, Library]
    reference: Reference | None
    nearest: Reference | None
    notes: list[str]


def background(
    source: Source | None, *, model: str = "", keys: TrainingKeys | None = None, data: object = None
) -> Background:
    """Return what to compare with: the reference given, and what a model was trained on.

    Args:
        source: The reference that the user gave; without one, distances are to what was held out of the
            model's data set.
        model: The model's name.
        keys: Its training keys; None without a model.
        data: Name of its data set, as its configuration has it.

    Raises:
        InputError: As :func:`reference_from`.
    """
    known: dict[str, Library] = {}
    notes = []
    training = held_out = None
    given = None if source is None else reference_from(source)
    if keys is not None:
        known[f"training molecules of {model}"] = keys
        training, held_out = training_references(data, keys)
        if training is None:
            notes.append(f"the training molecules of {model} are not at hand, only their keys")
    if given is not None:
        known[given.name] = given
    if given is None and held_out is None:
        notes.append("there are no distances: they take --reference, a file or the name of a data set")
    if not known:
        notes.append("novelty is not stated: it takes --reference or --model")
    return Background(known, given or held_out, training or given, notes)

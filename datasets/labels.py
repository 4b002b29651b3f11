"""Which columns of a table can be conditions of a model, and what is wrong with the others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from moldiff.chem.goal_text import check_label
from moldiff.chem.properties import PROPERTIES, measure
from moldiff.chem.standardise import legible
from moldiff.datasets.columns import MAX_CLASSES, Column
from moldiff.errors import InputError

COMPARED = 64
"""Molecules on which a column with the name of a known property is compared with what RDKit measures."""

COARSE = 0.1
"""Labels whose float16 forms are off by more than this share of their standard deviation are refused."""


def check_label_column(column: Column, smiles: Sequence[object]) -> None:
    """Refuse a column that cannot be a condition of a model.

    Args:
        column: It.
        smiles: The molecules of its rows, as they stand in the table.

    Raises:
        InputError: If it is infinite in a row, which is named; is empty; holds neither numbers nor classes;
            has a class that no goal could name; or is called like a property that RDKit measures and differs
            from it.

    Example:
        >>> check_label_column(Column("logS", "number", np.array([0.5, np.inf]), 2), ["C", "CC"])
        Traceback (most recent call last):
        moldiff.errors.InputError: column 'logS' is infinite in row 2: expected a number or an empty cell
    """
    name = column.name
    column.check_finite()
    if column.kind == "empty":
        raise InputError(f"column '{name}' is empty: there is nothing to learn from it")
    if column.stray:
        row, text = column.stray
        raise InputError(
            f"column '{name}' must hold numbers, and row {row} holds '{text[:80]}': write a number, or leave "
            "the cell empty"
        )
    if column.kind == "text" or (column.classes and name in PROPERTIES):
        raise InputError(
            f"column '{name}' must hold numbers, or text of at most {MAX_CLASSES} different values"
        )
    for label in column.classes:
        try:
            check_label(label)
        except ValueError as error:
            raise InputError(f"column '{name}': {error}: rename it") from None
    if name in PROPERTIES:
        _check_agreement(column, smiles)


def check_told_apart(name: str, values: NDArray[np.float64]) -> None:
    """Refuse labels that a model file, which keeps its sample of them as float16, could not tell apart.

    Args:
        name: What they are.
        values: (M,) float64; NaN where missing.

    Raises:
        InputError: If they are too large, too small or too close together.
    """
    known = values[~np.isnan(values)]
    with np.errstate(over="ignore"):
        kept = known.astype(np.float16).astype(np.float64)
    # The order matters: the spread of what is too large may itself be too large for a float.
    if not np.isfinite(kept).all() or (len(known) and np.std(kept - known) > COARSE * np.std(known)):
        raise InputError(
            f"column '{name}' runs from {known.min():.6g} to {known.max():.6g}, which half precision cannot "
            "hold or tell apart: give its logarithm, another unit, or the difference to a reference"
        )


def _check_agreement(column: Column, smiles: Sequence[object]) -> None:
    """Refuse a column that calls something else by the name of a property that RDKit measures."""
    known = np.flatnonzero(~np.isnan(column.values))[:COMPARED]
    own = measure([legible(smiles[row]) for row in known], [column.name])[column.name].to_numpy()
    off = np.abs(column.values[known] - own)
    if (off > 0.01 + 0.01 * np.abs(own)).any():
        raise InputError(
            f"column '{column.name}' differs from the {column.name} that RDKit measures, by up to "
            f"{np.nanmax(off):.3g}: rename it, such as '{column.name}_measured'"
        )

"""Choosing some of many molecules: no scaffold too often, or as different from one another as can be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from rdkit.DataStructs import CreateFromBinaryText
from rdkit.SimDivFilters.rdSimDivPickers import MaxMinPicker

from moldiff.chem.standardise import parse
from moldiff.errors import InputError
from moldiff.metrics.diversity import morgan_fingerprints
from moldiff.metrics.scaffolds import scaffold_of

__all__ = ["maxmin_pick", "scaffold_cap"]


def scaffold_cap(smiles: Sequence[str], at_most: int) -> npt.NDArray[np.bool_]:
    """Tell which molecules to keep so that no scaffold comes more than ``at_most`` times: the first ones.

    Molecules without a ring share one scaffold, the empty one. What is kept is kept again by the same cap.

    Args:
        smiles: (N,) SMILES, best first.
        at_most: Molecules of one Murcko scaffold, at least 1.

    Returns:
        (N,) bool; False for what is no molecule.

    Raises:
        InputError: If ``at_most`` is below 1.

    Example:
        >>> scaffold_cap(["Cc1ccccc1", "CCc1ccccc1", "CCO", "CCN", "C1CC1"], at_most=1).tolist()
        [True, False, True, False, True]
    """
    if at_most < 1:
        raise InputError(f"expected at least 1 molecule for each scaffold, got {at_most}")
    seen: Counter[str] = Counter()
    kept = np.zeros(len(smiles), dtype=np.bool_)
    for row, molecule in enumerate(parse(smiles)):
        if molecule is not None and seen[scaffold := scaffold_of(molecule)] < at_most:
            seen[scaffold] += 1
            kept[row] = True
    return kept


def maxmin_pick(smiles: Sequence[str], n: int, seed: int = 0) -> npt.NDArray[np.int64]:
    """Pick molecules far from one another: each pick is the one farthest from those picked before it.

    Distance is 1 - Tanimoto of the fingerprints of ``moldiff.metrics.diversity``. MaxMin: Ashton et al. 2002,
    Quant. Struct.-Act. Relat. 21, 598, in RDKit's lazy form. The first pick is drawn at random.

    Args:
        smiles: (N,) SMILES; what is no molecule is never picked.
        n: Molecules to pick, at least 1.
        seed: Of the first pick; 0 or more.

    Returns:
        (min(n, molecules),) int64 row numbers in the order of picking, so that fewer picks are the first of
        more. Repeats of a molecule come after everything that differs.

    Raises:
        InputError: If ``n`` is below 1 or ``seed`` below 0.

    Example:
        >>> maxmin_pick(["c1ccccc1", "Cc1ccccc1", "CC", ""], 9).tolist()
        [2, 0, 1]
    """
    if n < 1 or seed < 0:
        raise InputError(f"expected at least 1 molecule to pick and a seed from 0, got {n} and {seed}")
    packed = morgan_fingerprints(smiles)
    rows = np.flatnonzero(packed.any(axis=1))
    if not len(rows):
        return np.zeros(0, dtype=np.int64)
    bits = [CreateFromBinaryText(packed[row].tobytes()) for row in rows]
    # RDKit would draw the first pick as well, but promises the same one in no other version.
    first = int(np.random.default_rng(seed).integers(len(rows)))
    picks = MaxMinPicker().LazyBitVectorPick(bits, len(bits), min(n, len(bits)), firstPicks=[first])
    return np.array([rows[pick] for pick in picks], dtype=np.int64)

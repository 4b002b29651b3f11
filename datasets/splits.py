"""Which molecules a model may learn from: a split that depends on the molecule alone."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

PARTS = ("train", "validation", "test")
"""The parts, in the order of their numbers."""

HELD_OUT = 0.025
"""Share of the validation part, and of the test part."""


def split(smiles: Sequence[str]) -> np.ndarray:
    """Assign each molecule to a part by a hash of its canonical SMILES.

    The part of a molecule depends on nothing else: not on the table, its order or its size, not on a machine
    or a seed. So a molecule held out of one table is held out of every other, and tables can grow. The shares
    are 95% train, 2.5% validation and 2.5% test in expectation.

    Args:
        smiles: Canonical SMILES, as a ``MoleculeTable`` holds them. Another spelling of the same molecule
            hashes to another part, so canonicalise first.

    Returns:
        (N,) array of str: "train", "validation" or "test".

    Example:
        >>> split(["C", "CCO", "c1ccccc1", "CC#N"]).tolist()
        ['train', 'train', 'train', 'train']
    """
    names: np.ndarray = np.array(PARTS)[parts(smiles)]
    return names


def parts(smiles: Sequence[str]) -> np.ndarray:
    """Return the place in ``PARTS`` that :func:`split` names for each molecule, (N,) uint8."""
    places = np.fromiter((_place(text) for text in smiles), dtype=np.float64, count=len(smiles))
    bounds = [1 - 2 * HELD_OUT, 1 - HELD_OUT]
    return np.searchsorted(bounds, places, side="right").astype(np.uint8)


def _place(text: str) -> float:
    """Map a string to a number in [0, 1), evenly and the same on every machine."""
    # 48 bits: the quotient is exact in float64, so no rounding can reach 1.
    digest = hashlib.blake2b(text.encode(), digest_size=6, person=b"moldiff-split").digest()
    return int.from_bytes(digest, "big") / 2**48

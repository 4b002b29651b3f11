"""How different molecules are from each other and from the training set, by Tanimoto similarity.

Fingerprints are Morgan, radius 2, 2,048 bits, without chirality, from RDKit's MorganGenerator. They are kept
packed, 256 bytes a molecule, and compared in chunks: memory grows with the molecules, never with the pairs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from rdkit import Chem, DataStructs, rdBase
from rdkit.Chem import rdFingerprintGenerator
from scipy import sparse

__all__ = [
    "N_BITS",
    "RADIUS",
    "internal_diversity",
    "largest_other",
    "max_similarity",
    "mean_similarity",
    "morgan_fingerprints",
    "nearest_similarity",
]

RADIUS = 2
N_BITS = 2048

Packed: TypeAlias = npt.NDArray[np.uint8]

# A (2048, 512) float32 block stays in the processor's cache, which makes 512 the fastest of the widths tried;
# a comparison of 1,024 by 512 molecules takes 2 MB.
_QUERIES = 1024
_TARGETS = 512


def morgan_fingerprints(smiles: Sequence[str], *, bits: int = N_BITS) -> Packed:
    """Return packed fingerprints, (N, bits / 8) uint8; the lowest bit of a byte is the first of its eight.

    A row without any bit marks text that is no molecule: each atom of a molecule sets at least one.

    Args:
        smiles: (N,) SMILES, canonical or not.
        bits: Length of the fingerprints, a multiple of 8.

    Example:
        >>> prints = morgan_fingerprints(["CCO", "OCC", "not a molecule"])
        >>> prints.shape, bool((prints[0] == prints[1]).all()), int(prints[2].sum())
        ((3, 256), True, 0)
    """
    maker = rdFingerprintGenerator.GetMorganGenerator(radius=RADIUS, fpSize=bits)
    packed = np.zeros((len(smiles), bits // 8), dtype=np.uint8)
    with rdBase.BlockLogs():
        for row, text in enumerate(smiles):
            molecule = Chem.MolFromSmiles(text)
            if molecule is not None:
                content = DataStructs.BitVectToBinaryText(maker.GetFingerprint(molecule))
                packed[row] = np.frombuffer(content, dtype=np.uint8)
    return packed


def internal_diversity(smiles: Sequence[str]) -> float:
    """Return the mean of 1 - Tanimoto over all pairs of different rows, between 0 and 1.

    Denominator: the n (n - 1) / 2 pairs of the n valid rows. A repeated molecule is a pair at distance 0, so
    give distinct molecules to measure the set and all valid rows to measure the sample. NaN below two rows.

    Args:
        smiles: (N,) SMILES; rows that are no molecule are left out.

    Example:
        >>> internal_diversity(["CCO", "OCC"])
        0.0
        >>> internal_diversity(["C", "O", ""])
        1.0
    """
    packed = _present(morgan_fingerprints(smiles))
    n = len(packed)
    if n < 2:
        return math.nan
    total = sum(float(block.sum(dtype=np.float64)) for _, _, block in _similarities(packed, packed))
    return max(0.0, 1.0 - (total - n) / (n * (n - 1)))  # each row is once compared with itself: similarity 1


def max_similarity(smiles: Sequence[str], fingerprints: Packed) -> npt.NDArray[np.float64]:
    """Return the Tanimoto similarity of each molecule to the nearest of a reference set, (N,) in [0, 1].

    Args:
        smiles: (N,) SMILES; rows that are no molecule give NaN.
        fingerprints: (M, 256) uint8 from ``morgan_fingerprints`` of the training molecules, M >= 1; rows
            without a bit are left out.

    Raises:
        ValueError: If the fingerprints have another width or type, or none has a bit.

    Example:
        >>> training = morgan_fingerprints(["CCO", "CCN"])
        >>> max_similarity(["OCC", "CCCO", ""], training).round(3).tolist()
        [1.0, 0.556, nan]
    """
    if fingerprints.ndim != 2 or fingerprints.shape[1] != N_BITS // 8 or fingerprints.dtype != np.uint8:
        expected = f"(M, {N_BITS // 8}) uint8"
        raise ValueError(f"fingerprints must be {expected}, got {fingerprints.shape} {fingerprints.dtype}")
    targets = _present(fingerprints)
    if len(targets) == 0:
        raise ValueError("the nearest molecule of an empty reference set is not defined")
    packed = morgan_fingerprints(smiles)
    valid = packed.any(axis=1)
    similarity = np.full(len(packed), math.nan)
    similarity[valid] = nearest_similarity(packed[valid], targets)
    return similarity


def nearest_similarity(queries: Packed, targets: Packed) -> npt.NDArray[np.float64]:
    """Return the Tanimoto similarity of each fingerprint to the nearest of others, (N,) in [0, 1].

    Args:
        queries: (N, W) uint8, each with a bit.
        targets: (M, W) uint8, each with a bit.
    """
    nearest = np.zeros(len(queries), dtype=np.float64)
    for rows, _, block in _similarities(queries, targets):
        nearest[rows] = np.maximum(nearest[rows], block.max(axis=1))
    return nearest


def largest_other(packed: Packed) -> npt.NDArray[np.float64]:
    """Return the Tanimoto similarity of each fingerprint to the nearest other row, (N,) in [0, 1]; N >= 2.

    Args:
        packed: (N, W) uint8, each with a bit.
    """
    nearest = np.zeros(len(packed), dtype=np.float64)
    for rows, columns, block in _similarities(packed, packed):
        itself = np.arange(rows.start, rows.stop)[:, None] == np.arange(columns.start, columns.stop)
        nearest[rows] = np.maximum(nearest[rows], np.where(itself, 0.0, block).max(axis=1))
    return nearest


def mean_similarity(queries: Packed, targets: Packed, *, power: int = 1) -> npt.NDArray[np.float64]:
    """Return the power mean of each fingerprint's similarities to all targets, (N,) in [0, 1].

    Args:
        queries: (N, W) uint8, each with a bit.
        targets: (M, W) uint8, each with a bit, M >= 1.
        power: 1 for the mean, 2 for the root mean square.
    """
    total = np.zeros(len(queries), dtype=np.float64)
    for rows, _, block in _similarities(queries, targets):
        total[rows] += (block**power).sum(axis=1, dtype=np.float64)
    mean: npt.NDArray[np.float64] = (total / len(targets)) ** (1 / power)
    return mean


def _similarities(queries: Packed, targets: Packed) -> Iterator[tuple[slice, slice, npt.NDArray[np.float32]]]:
    """Yield rows of the queries, rows of the targets and their similarities, until each pair was seen."""
    for start in range(0, len(queries), _QUERIES):
        left = _bits(queries[start : start + _QUERIES])
        # A molecule sets some twenty to fifty bits: the sparse product skips the rest.
        rows = sparse.csr_array(left)
        left_bits = left.sum(axis=1, dtype=np.float32)[:, None]
        for place in range(0, len(targets), _TARGETS):
            right = _bits(targets[place : place + _TARGETS])
            common = rows @ np.ascontiguousarray(right.T)
            union = left_bits + right.sum(axis=1, dtype=np.float32) - common
            yield slice(start, start + len(left)), slice(place, place + len(right)), common / union


def _bits(packed: Packed) -> npt.NDArray[np.float32]:
    return np.unpackbits(packed, axis=1, bitorder="little").astype(np.float32)


def _present(packed: Packed) -> Packed:
    return packed[packed.any(axis=1)]

"""What molecules are put together from: BRICS fragments and ring systems, counted and compared."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

from rdkit import rdBase
from rdkit.Chem.rdmolfiles import MolToSmiles
from rdkit.Chem.rdmolops import FragmentOnBRICSBonds
from rdkit.Chem.Scaffolds.MurckoScaffold import GetScaffoldForMol

from moldiff.chem.standardise import parse

__all__ = ["cosine_similarity", "fragment_counts", "scaffold_counts"]

RINGS = 2
"""Rings of a scaffold that counts, at least."""


def fragment_counts(smiles: Sequence[str]) -> Counter[str]:
    """Return how often each BRICS fragment occurs (Degen et al. 2008, doi 10.1002/cmdc.200800178).

    Args:
        smiles: Molecules; what RDKit cannot read is left out.

    Example:
        >>> sorted(fragment_counts(["CCOC(C)=O"]).items())
        [('[1*]C(C)=O', 1), ('[3*]O[3*]', 1), ('[4*]CC', 1)]
    """
    counts: Counter[str] = Counter()
    for mol in parse(smiles):
        if mol is not None:
            counts.update(MolToSmiles(FragmentOnBRICSBonds(mol)).split("."))
    return counts


def scaffold_counts(smiles: Sequence[str]) -> Counter[str]:
    """Return how often each Bemis-Murcko scaffold of at least two rings occurs.

    Args:
        smiles: Molecules; what RDKit cannot read is left out.

    Example:
        >>> scaffold_counts(["CCc1ccc2ccccc2c1", "c1ccc2ccccc2c1", "Cc1ccccc1"])
        Counter({'c1ccc2ccccc2c1': 2})
    """
    counts: Counter[str] = Counter()
    with rdBase.BlockLogs():
        for mol in parse(smiles):
            scaffold = None if mol is None else GetScaffoldForMol(mol)
            if scaffold is not None and scaffold.GetRingInfo().NumRings() >= RINGS:
                counts[MolToSmiles(scaffold)] += 1
    return counts


def cosine_similarity(first: Mapping[str, int], second: Mapping[str, int]) -> float:
    """Return the cosine of the angle between two tables of counts, NaN where one is empty.

    Example:
        >>> cosine_similarity({"a": 3, "b": 4}, {"a": 6, "b": 8}), cosine_similarity({"a": 1}, {"b": 1})
        (1.0, 0.0)
    """
    product = sum(count * second.get(name, 0) for name, count in first.items())
    lengths = (math.sqrt(sum(count**2 for count in counts.values())) for counts in (first, second))
    size = math.prod(lengths)
    return product / size if size else math.nan

"""Ring systems of a set of molecules: Bemis-Murcko scaffolds, and how many of them there are."""

from __future__ import annotations

from collections.abc import Sequence

from rdkit import rdBase
from rdkit.Chem.rdchem import Mol
from rdkit.Chem.rdmolfiles import MolToSmiles
from rdkit.Chem.Scaffolds.MurckoScaffold import GetScaffoldForMol

from moldiff.chem.standardise import parse

__all__ = ["murcko_scaffolds", "scaffold_of"]


def murcko_scaffolds(smiles: Sequence[str]) -> list[str]:
    """Return the scaffold of each molecule: its rings and the chains between them.

    Bemis and Murcko 1996, doi 10.1021/jm9602928, as RDKit has it: atoms and bond orders kept, and what is
    double-bonded to rings and chains; mirror images share a scaffold.

    Args:
        smiles: (N,) SMILES, canonical or not.

    Returns:
        (N,) canonical SMILES; "" for a molecule without a ring and for text that is no molecule.

    Example:
        >>> murcko_scaffolds(["CCc1ccccc1", "O=C1CCCC1C", "CCO", "C1"])
        ['c1ccccc1', 'O=C1CCCC1', '', '']
    """
    return ["" if molecule is None else scaffold_of(molecule) for molecule in parse(smiles)]


def scaffold_of(molecule: Mol) -> str:
    """Return the scaffold of one molecule as canonical SMILES, "" for one without a ring."""
    with rdBase.BlockLogs():
        return str(MolToSmiles(GetScaffoldForMol(molecule), isomericSmiles=False))

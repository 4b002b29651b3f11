"""SMARTS patterns, read or refused."""

from __future__ import annotations

from rdkit import rdBase
from rdkit.Chem.rdchem import Mol
from rdkit.Chem.rdmolfiles import MolFromSmarts

from moldiff.errors import InputError


def read_smarts(text: str) -> Mol:
    """Return the pattern that a SMARTS text stands for.

    Args:
        text: The pattern; what follows a space would pass for its name, so there may be none.

    Raises:
        InputError: If RDKit cannot read it, or it has no atom.

    Example:
        >>> read_smarts("[CX3]=[OX1]").GetNumAtoms()
        2
    """
    with rdBase.BlockLogs():
        pattern = None if " " in text or not text.isascii() else MolFromSmarts(text)
    if pattern is None or not pattern.GetNumAtoms():
        shown = repr(text if len(text) <= 80 else text[:77] + "...")
        raise InputError(f"{shown} is not readable as SMARTS; expected a pattern such as [CX3]=[OX1]")
    return pattern

"""Filters by what a molecule is made of: elements, rings, substructures, unpaired electrons."""

from __future__ import annotations

import re

from rdkit.Chem.rdchem import GetPeriodicTable, Mol

from moldiff.chem.molecule_filter import MoleculeFilter, check_plain, shown, value_of
from moldiff.chem.smarts import read_smarts
from moldiff.errors import InputError, did_you_mean

ELEMENTS = tuple(GetPeriodicTable().GetElementSymbol(number) for number in range(1, 119))
"""Symbols of the elements, by atomic number from 1."""


class Elements(MoleculeFilter):
    """Removes molecules with an atom of any element but those named; hydrogen is always allowed.

    Args:
        text: ``elements=`` and symbols with commas between them.

    Raises:
        InputError: Another text, or a symbol that no element has.

    Example:
        >>> from rdkit.Chem import MolFromSmiles
        >>> Elements("elements=C,N,O").failed([MolFromSmiles("CCO"), MolFromSmiles("CCS")]).tolist()
        [False, True]
    """

    usage = "elements=C,N,O,F"
    removes = "molecules with any other element; hydrogen is always allowed"
    source = "the molecular formula"

    def __init__(self, text: str) -> None:
        symbols = [part.strip() for part in value_of(text, self.usage).split(",")]
        for symbol in symbols:
            if symbol not in ELEMENTS:
                raise InputError(f"filter {shown(text)}: {_no_element(symbol)}")
        super().__init__("elements=" + ",".join(dict.fromkeys(symbols)))
        self._allowed = frozenset(symbols) | {"H"}

    def rejects(self, mol: Mol) -> bool:
        """Tell whether an atom is of another element."""
        return any(atom.GetSymbol() not in self._allowed for atom in mol.GetAtoms())


class RingSizes(MoleculeFilter):
    """Removes molecules with a ring of any size but those named; molecules without a ring pass.

    Rings are those of RDKit's symmetrised smallest set: naphthalene has two rings of six, not one of ten.

    Args:
        text: ``ring-sizes=`` and whole numbers from 3 with commas between them.

    Raises:
        InputError: Another text, or a size that no ring has.

    Example:
        >>> from rdkit.Chem import MolFromSmiles
        >>> rings = [MolFromSmiles(smiles) for smiles in ("c1ccc2ccccc2c1", "C1CC1", "CCO")]
        >>> RingSizes("ring-sizes=5,6").failed(rings).tolist()
        [False, True, False]
    """

    usage = "ring-sizes=5,6"
    removes = "molecules with a ring of any other size; those without a ring pass"
    source = "RDKit's symmetrised smallest set of rings"

    def __init__(self, text: str) -> None:
        parts = [part.strip() for part in value_of(text, self.usage).split(",")]
        for part in parts:
            if not re.fullmatch("[0-9]{1,3}", part) or int(part) < 3:
                raise InputError(
                    f"filter {shown(text)}: expected ring sizes from 3 to 999, got {shown(part)}"
                )
        self._allowed = frozenset(map(int, parts))
        super().__init__("ring-sizes=" + ",".join(map(str, sorted(self._allowed))))

    def rejects(self, mol: Mol) -> bool:
        """Tell whether a ring has another size."""
        return any(len(ring) not in self._allowed for ring in mol.GetRingInfo().AtomRings())


class Contains(MoleculeFilter):
    """Removes molecules without a substructure.

    Stereo marks in the pattern count. Hydrogens that a SMILES leaves unwritten match ``[OH]``, not ``[H]O``.

    Args:
        text: ``contains=`` and a SMARTS pattern.

    Raises:
        InputError: Another text, or a pattern that RDKit cannot read.

    Example:
        >>> from rdkit.Chem import MolFromSmiles
        >>> Contains("contains=[CX4][OH]").failed([MolFromSmiles("CCO"), MolFromSmiles("COC")]).tolist()
        [False, True]
    """

    usage = "contains=[CX3]=[OX1]"
    removes = "molecules without this substructure"
    source = "a SMARTS pattern of one's own"

    def __init__(self, text: str) -> None:
        smarts = value_of(text, self.usage)
        try:
            self._pattern = read_smarts(smarts)
        except InputError as error:
            raise InputError(f"filter {shown(text)}: {error}") from None
        super().__init__(f"{self.usage.partition('=')[0]}={smarts}")

    def rejects(self, mol: Mol) -> bool:
        """Tell whether the substructure is missing."""
        return not mol.HasSubstructMatch(self._pattern, useChirality=True)


class Avoids(Contains):
    """Removes molecules with a substructure.

    Args:
        text: ``avoids=`` and a SMARTS pattern, read as by :class:`Contains`.

    Raises:
        InputError: Another text, or a pattern that RDKit cannot read.

    Example:
        >>> from rdkit.Chem import MolFromSmiles
        >>> Avoids("avoids=C#N").failed([MolFromSmiles("CC#N"), MolFromSmiles("CCN")]).tolist()
        [True, False]
    """

    usage = "avoids=C#N"
    removes = "molecules with this substructure"

    def rejects(self, mol: Mol) -> bool:
        """Tell whether the substructure is there."""
        return not super().rejects(mol)


class NoRadicals(MoleculeFilter):
    """Removes molecules with an atom short of bonds: radicals, carbenes, nitrenes.

    Args:
        text: ``no-radicals``, nothing else.

    Raises:
        InputError: Another text.

    Example:
        >>> from rdkit.Chem import MolFromSmiles
        >>> NoRadicals("no-radicals").failed([MolFromSmiles("CC[O]"), MolFromSmiles("CCO")]).tolist()
        [True, False]
    """

    usage = "no-radicals"
    removes = "molecules with an atom short of bonds: radicals, carbenes, nitrenes"
    source = "RDKit's count of radical electrons"

    def __init__(self, text: str) -> None:
        check_plain(text, self.usage)
        super().__init__(text)

    def rejects(self, mol: Mol) -> bool:
        """Tell whether an atom has an unpaired electron."""
        return any(atom.GetNumRadicalElectrons() for atom in mol.GetAtoms())


def _no_element(symbol: str) -> str:
    """Say that there is no such element, with the nearest of the same initial, since symbols are short."""
    near = [name for name in ELEMENTS if name[0] == symbol[:1].upper()]
    help_ = did_you_mean(symbol, near) if near else "; expected symbols such as C, N or Cl"
    return f"no element has the symbol {shown(symbol)}{help_}"

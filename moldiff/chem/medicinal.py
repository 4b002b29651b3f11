"""The filters that MOSES was made with: medicinal chemistry, PAINS, elements, charges, ring sizes."""

from __future__ import annotations

from functools import cache

from rdkit.Chem.rdchem import Mol
from rdkit.Chem.rdmolops import AddHs

from moldiff.chem.alerts import Pains
from moldiff.chem.molecule_filter import MoleculeFilter, check_plain
from moldiff.chem.smarts import read_smarts

_SOURCE = "Polykovskiy et al. 2020, doi 10.3389/fphar.2020.565644"

PATTERNS = {
    "MCF1": "[#6]=&!@[#6]-[#6]#[#7]",
    "MCF2": "[#6]=&!@[#6]-[#16](=[#8])=[#8]",
    "MCF3": "[#6]=&!@[#6&!H0]-&!@[#6](=[#8])-&!@[#7]",
    "MCF4": "[H]C([H])([#6])[F,Cl,Br,I]",
    "MCF5": "[#6]1-[#8]-[#6]-1",
    "MCF6": "[#6]-[#7]=[#6]=[#8]",
    "MCF7": "[#6&!H0]=[#8]",
    "MCF8": "[#6](=&!@[#7&!H0])-&!@[#6,#7,#8,#16]",
    "MCF9": "[#6]1-[#7]-[#6]-1",
    "MCF10": "[#6]~&!@[#7]~&!@[#7]~&!@[#6]",
    "MCF11": "[#7]=&!@[#7]",
    "MCF12": "[H][#6]-1=[#6]([H])-[#6]=[#6](-*)-[#8]-1",
    "MCF13": "[H][#6]-1=[#6]([H])-[#6]=[#6](-*)-[#16]-1",
    "MCF14": "[#17,#35,#53]-c(:*):[!#1!#6]:*",
    "MCF15": "[H][#7]([H])-[#6]-1=[#6]-[#6]=[#6]-[#6]=[#6]-1",
    "MCF16": "[#16]~[#16]",
    "MCF17": "[#7]~&!@[#7]~&!@[#7]",
    "MCF18": "[#7]-&!@[#6&!H0&!H1]-&!@[#7]",
    "MCF19": "[#6&!H0](-&!@[#8])-&!@[#8]",
    "MCF20": "[#35].[#35].[#35]",
    "MCF21": "[#17].[#17].[#17].[#17]",
    "MCF22": "[#9].[#9].[#9].[#9].[#9].[#9].[#9]",
}
"""The medicinal chemistry filters of MOSES as SMARTS, for molecules whose hydrogens are atoms."""

ELEMENTS = frozenset(["H", "C", "N", "S", "O", "F", "Cl", "Br"])
"""What a molecule of MOSES is made of."""

LARGEST_RING = 7
"""Atoms of the largest ring of a molecule of MOSES."""


class Mcf(MoleculeFilter):
    """The medicinal chemistry filters of MOSES.

    Args:
        text: ``MCF``.

    Raises:
        InputError: Another text.

    Example:
        >>> from rdkit.Chem import MolFromSmiles
        >>> Mcf("MCF").failed([MolFromSmiles("C1CO1"), MolFromSmiles("CCO")]).tolist()
        [True, False]
        >>> Mcf("MCF").describe(MolFromSmiles("C1CO1"))
        ['MCF5']
    """

    usage = "MCF"
    removes = "groups that medicinal chemists avoid: the 22 patterns of MOSES"
    source = _SOURCE

    def __init__(self, text: str) -> None:
        check_plain(text, self.usage)
        super().__init__(text)

    def rejects(self, mol: Mol) -> bool:
        """Tell whether any pattern matches."""
        whole = AddHs(mol)
        return any(whole.HasSubstructMatch(pattern) for pattern in _patterns().values())

    def describe(self, mol: Mol) -> list[str]:
        """Return the names of the patterns that match."""
        whole = AddHs(mol)
        return [name for name, pattern in _patterns().items() if whole.HasSubstructMatch(pattern)]


class MosesRules(MoleculeFilter):
    """All that the molecules of MOSES passed: MCF, PAINS, elements, no charges, no ring above seven atoms.

    Args:
        text: ``MOSES``.

    Raises:
        InputError: Another text.

    Example:
        >>> from rdkit.Chem import MolFromSmiles
        >>> rules = MosesRules("MOSES")
        >>> rules.failed([MolFromSmiles(text) for text in ("CC[NH3+]", "C1CCCCCCC1", "CCI", "CCN")]).tolist()
        [True, True, True, False]
    """

    usage = "MOSES"
    removes = "what MOSES leaves out: MCF, PAINS, charges, rare elements, rings above seven atoms"
    source = _SOURCE

    def __init__(self, text: str) -> None:
        check_plain(text, self.usage)
        super().__init__(text)

    def rejects(self, mol: Mol) -> bool:
        """Tell whether any rule is broken."""
        return bool(self.describe(mol))

    def describe(self, mol: Mol) -> list[str]:
        """Return which rules are broken; alerts by their names."""
        found = [*Mcf("MCF").describe(mol), *Pains("PAINS").describe(mol)]
        atoms = list(mol.GetAtoms())
        odd = sorted({atom.GetSymbol() for atom in atoms} - ELEMENTS)
        found += [f"element {symbol}" for symbol in odd]
        found += ["charge"] if any(atom.GetFormalCharge() for atom in atoms) else []
        largest = max(map(len, mol.GetRingInfo().AtomRings()), default=0)
        return [*found, *([f"ring of {largest}"] if largest > LARGEST_RING else [])]


@cache
def _patterns() -> dict[str, Mol]:
    return {name: read_smarts(text) for name, text in PATTERNS.items()}

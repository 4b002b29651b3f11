"""SMILES in, RDKit molecules and canonical SMILES out, without RDKit's log on the terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import joblib
from rdkit import rdBase
from rdkit.Chem.MolStandardize import rdMolStandardize
from rdkit.Chem.rdchem import Mol
from rdkit.Chem.rdmolfiles import MolFromSmiles, MolToSmiles

LONGEST = 5000
"""Characters of the longest SMILES that a :class:`Standardiser` takes: longer ones are no small molecules."""

_ROUNDS = 12
_CHUNK = 500


def parse(smiles: Iterable[str]) -> Iterator[Mol | None]:
    """Parse and sanitise SMILES one by one.

    Args:
        smiles: SMILES strings; what is not :func:`legible` (None, NaN of a table) counts as unparsable.

    Yields:
        The molecule, or None where RDKit refuses the string or it names no atom.

    Example:
        >>> [mol is not None for mol in parse(["CCO", "C1CC", ""])]
        [True, False, False]
    """
    # The block must not span a yield: it would silence RDKit for whoever consumes the iterator.
    for text in smiles:
        with rdBase.BlockLogs():
            mol = MolFromSmiles(legible(text))
        yield mol if mol is not None and mol.GetNumAtoms() else None


def canonical(smiles: Sequence[str]) -> list[str]:
    """Return RDKit's canonical SMILES of each entry, "" where there is none.

    Repeated strings are parsed once.

    Args:
        smiles: SMILES strings of any form.

    Example:
        >>> canonical(["OCC", "C(C", "C1=CC=CC=C1"])
        ['CCO', '', 'c1ccccc1']
    """
    distinct = list(dict.fromkeys(smiles))
    mols = zip(distinct, parse(distinct), strict=True)
    named = {text: "" if mol is None else MolToSmiles(mol) for text, mol in mols}
    return [named[text] for text in smiles]


def legible(cell: object) -> str:
    """Return a cell of a table as RDKit may be asked to read it, "" where it holds no SMILES.

    RDKit would read "C" out of "Cé", and raise for characters that no file holds.

    Example:
        >>> legible(" CCO "), legible("Cé"), legible(None)
        ('CCO', '', '')
    """
    return cell.strip() if isinstance(cell, str) and cell.isascii() and len(cell) <= LONGEST else ""


class Standardiser:
    """One way of drawing each molecule, so that the same molecule is the same row.

    The steps are those of RDKit's MolStandardize, in this order. Together they are repeated until nothing
    changes any more, so that what is standardised stays as it is when it is standardised again.

    Args:
        cleanup: Remove atom map numbers, take bonds to metals apart, draw functional groups in one way (nitro
            groups, sulfoxides ...), and put charges on the strongest acids.
        largest_fragment: Keep the largest fragment, which leaves out counterions and solvents.
        neutralise: Add and remove hydrogen ions until the molecule has no charge, as far as that goes.
        tautomer: Take RDKit's canonical tautomer. Slow, some ten molecules a second; it may move or lose
            stereocentres next to what moves.

    Example:
        >>> texts, changes = Standardiser(neutralise=True)(["CC(=O)O[Na]", "OCC", "C1CC"])
        >>> texts
        ['CC(=O)O', 'CCO', '']
        >>> changes
        {'metal bonds cut': 1, 'fragments left out': 1, 'charges neutralised': 1}
    """

    def __init__(
        self,
        *,
        cleanup: bool = True,
        largest_fragment: bool = True,
        neutralise: bool = False,
        tautomer: bool = False,
    ) -> None:
        self.cleanup = cleanup
        self.largest_fragment = largest_fragment
        self.neutralise = neutralise
        self.tautomer = tautomer

    def __call__(self, smiles: Sequence[object], *, n_jobs: int = 1) -> tuple[list[str], dict[str, int]]:
        """Standardise molecules.

        Args:
            smiles: B cells of a table; what is no SMILES string of at most 5,000 characters is no molecule.
            n_jobs: Processes, in joblib's counting (-1: all cores).

        Returns:
            B canonical SMILES, "" where there is no molecule, and how many of them each kind of change
            befell. Another spelling of the same molecule is no change; kinds that did not occur are left out.
        """
        cells = [legible(cell) for cell in smiles]
        distinct = list(dict.fromkeys(cells))
        if n_jobs == 1 or len(distinct) <= _CHUNK:
            found = self._chunk(distinct)
        else:
            chunks = [distinct[start : start + _CHUNK] for start in range(0, len(distinct), _CHUNK)]
            run = joblib.Parallel(n_jobs=n_jobs)
            found = [
                row for rows in run(joblib.delayed(self._chunk)(chunk) for chunk in chunks) for row in rows
            ]
        named = dict(zip(distinct, found, strict=True))
        rows = [named[text] for text in cells]
        counts = {kind: sum(kind in kinds for _, kinds in rows) for kind in self._kinds()}
        return [text for text, _ in rows], {kind: count for kind, count in counts.items() if count}

    def _kinds(self) -> list[str]:
        chosen = {"cleanup": self.cleanup, "largest_fragment": self.largest_fragment}
        chosen |= {"neutralise": self.neutralise, "tautomer": self.tautomer}
        return [kind for option, kinds in _STEPS.items() if chosen[option] for kind in kinds]

    def _chunk(self, smiles: Sequence[str]) -> list[tuple[str, frozenset[str]]]:
        """Return each molecule with the kinds of its changes; takes and gives what crosses processes."""
        # RDKit's objects read their tables of patterns when they are made, and cannot cross processes.
        makers = {kind: make for kinds in _STEPS.values() for kind, make in kinds.items()}
        steps = {kind: makers[kind]() for kind in self._kinds()}
        with rdBase.BlockLogs():
            return [_settle(text, steps) for text in smiles]


def _without_numbers(mol: Mol) -> Mol:
    """Return the molecule without atom map numbers, which reaction schemes carry and SELFIES loses."""
    plain = Mol(mol)
    for atom in plain.GetAtoms():
        atom.SetAtomMapNum(0)
    return plain


_Step = Callable[[Mol], Mol]
_STEPS: dict[str, dict[str, Callable[[], _Step]]] = {
    "cleanup": {
        "atom numbers removed": lambda: _without_numbers,
        "metal bonds cut": lambda: rdMolStandardize.MetalDisconnector().Disconnect,
        "groups redrawn": lambda: rdMolStandardize.Normalizer().normalize,
        "charges moved": lambda: rdMolStandardize.Reionizer().reionize,
    },
    "largest_fragment": {"fragments left out": lambda: rdMolStandardize.LargestFragmentChooser().choose},
    "neutralise": {"charges neutralised": lambda: rdMolStandardize.Uncharger().uncharge},
    "tautomer": {"tautomers changed": lambda: rdMolStandardize.TautomerEnumerator().Canonicalize},
}
"""For each option the kinds of change that it brings, in the order of the steps."""


def _settle(text: str, steps: dict[str, _Step]) -> tuple[str, frozenset[str]]:
    """Apply the steps until the molecule stays as it is.

    Molecules that would go round in a circle take the first of its members in the order of strings: the same
    one wherever they enter it.
    """
    kinds: set[str] = set()
    path = canonical([text])
    while path[-1] and len(path) <= _ROUNDS:
        after = _once(path[-1], steps, kinds)
        if after in path:
            return min(path[path.index(after) :]), frozenset(kinds)
        path.append(after)
    return "", frozenset()


def _once(text: str, steps: dict[str, _Step], kinds: set[str]) -> str:
    """Return the canonical SMILES after every step, and add the kinds of the changes."""
    mol = MolFromSmiles(text)
    text = MolToSmiles(mol)
    for kind, step in steps.items():
        try:
            after = MolToSmiles(step(mol))
            again = None if after == text else MolFromSmiles(after)
        except (ValueError, RuntimeError):  # RDKit's sanitisation errors are ValueErrors
            continue
        # A step that leaves no molecule behind (an aromatic ion without its charge) is left out.
        if again is not None and again.GetNumAtoms():
            kinds.add(kind)
            mol, text = again, after
    return text

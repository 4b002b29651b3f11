"""Gaps between frontier orbitals by GFN2-xTB, a method that neither trained nor labelled anything here.

GFN2-xTB is a semi-empirical tight-binding method (Bannwarth, Ehlert and Grimme 2019, doi
10.1021/acs.jctc.8b01176), computed by tblite, which has to be installed: ``pip install 'moldiff[xtb]'``. Its
gaps lie on another scale than those of QM9 (B3LYP), so ranks are what can be compared.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem, rdBase
from rdkit.Chem import Descriptors, rdDistGeom, rdForceFieldHelpers, rdmolops

from moldiff.errors import InputError

BOHR = 0.529177210903
"""Of a bohr in angstrom (CODATA 2018)."""

FIELD_STEPS = 2000
"""Of the force field, at most."""

NOTHING, UNPLACED = "no molecule", "no conformer"
UNCONVERGED, GAPLESS = "no convergence of the charges", "no occupied or no empty orbital"


@dataclass(frozen=True)
class Gap:
    """What the calculation gave for one molecule.

    Args:
        value: Gap in hartree between the highest occupied and the lowest empty orbital; NaN if it failed.
        failure: Why, "" if it did not.
        relaxed: Whether the force field came to an end; else the geometry is the best that it reached.
        unpaired: Number of electrons without a partner.
    """

    value: float = float("nan")
    failure: str = ""
    relaxed: bool = False
    unpaired: int = 0


def check_installed() -> None:
    """Raise InputError if tblite is missing."""
    if find_spec("tblite") is None:
        raise InputError("GFN2-xTB needs tblite, which is not installed: pip install 'moldiff[xtb]'")


def description() -> dict[str, str]:
    """Return what a record says of the method."""
    return {
        "method": "GFN2-xTB single point, tblite",
        "tblite": version("tblite"),
        "geometry": "one conformer by ETKDGv3 with a fixed seed, optimised with MMFF94",
    }


def gaps(smiles: Sequence[str], seed: int = 0) -> list[Gap]:
    """Return the gaps of molecules; repeats are computed once.

    Args:
        smiles: N canonical SMILES, "" where there is none.
        seed: Of the conformers.

    Raises:
        InputError: If tblite is missing.
    """
    check_installed()
    found = {text: gap(text, seed) for text in dict.fromkeys(smiles)}
    return [found[text] for text in smiles]


def gap(smiles: str, seed: int = 0) -> Gap:
    """Return the gap of one molecule.

    Args:
        smiles: The molecule.
        seed: Of its conformer.
    """
    with rdBase.BlockLogs():
        bare = Chem.MolFromSmiles(smiles) if smiles else None
        if bare is None:
            return Gap(failure=NOTHING)
        molecule = Chem.AddHs(bare)
        unpaired = int(Descriptors.NumRadicalElectrons(molecule))
        if not _embed(molecule, seed):
            return Gap(failure=UNPLACED, unpaired=unpaired)
        relaxed = _relax(molecule)
    levels = _levels(molecule, unpaired)
    if levels is None:
        return Gap(failure=UNCONVERGED, relaxed=relaxed, unpaired=unpaired)
    energies, electrons = levels
    # The highest orbital that holds an electron is the highest of the majority spin.
    occupied = (electrons + unpaired) // 2
    if not 0 < occupied < len(energies):
        return Gap(failure=GAPLESS, relaxed=relaxed, unpaired=unpaired)
    return Gap(float(energies[occupied] - energies[occupied - 1]), "", relaxed, unpaired)


def summary(found: Sequence[Gap]) -> dict[str, Any]:
    """Return how many calculations came to an end, and why the others did not."""
    done = [each for each in found if not each.failure]
    return {
        "molecules": len(found),
        "computed": len(done),
        "failures": dict(Counter(each.failure for each in found if each.failure)),
        "not_relaxed": sum(not each.relaxed for each in done),
        "open_shell": sum(each.unpaired > 0 for each in done),
    }


def _embed(molecule: Chem.Mol, seed: int) -> bool:
    """Give a molecule with hydrogens a conformer; tell whether there is one."""
    settings: Any = rdDistGeom.ETKDGv3()
    settings.randomSeed = seed
    if rdDistGeom.EmbedMolecule(molecule, settings) < 0:
        settings.useRandomCoords = True
        rdDistGeom.EmbedMolecule(molecule, settings)
    return bool(molecule.GetNumConformers())


def _relax(molecule: Chem.Mol) -> bool:
    """Optimise the conformer in place with MMFF94; tell whether that came to an end."""
    return bool(rdForceFieldHelpers.MMFFOptimizeMolecule(molecule, maxIters=FIELD_STEPS) == 0)


def _levels(molecule: Chem.Mol, unpaired: int) -> tuple[NDArray[np.float64], int] | None:
    """Return orbital energies in hartree and the number of electrons, or None without convergence."""
    from tblite.exceptions import TBLiteRuntimeError
    from tblite.interface import Calculator

    numbers = np.array([atom.GetAtomicNum() for atom in molecule.GetAtoms()])
    places = molecule.GetConformer().GetPositions() / BOHR
    charge = float(rdmolops.GetFormalCharge(molecule))
    try:
        calculator = Calculator("GFN2-xTB", numbers, places, charge, unpaired)
        calculator.set("verbosity", 0)
        result = calculator.singlepoint()
    except TBLiteRuntimeError:
        return None
    return np.asarray(result.get("orbital-energies")), round(float(result.get("orbital-occupations").sum()))

"""QM9: molecules of up to nine heavy atoms (C, N, O, F) with properties from density functional theory."""

from __future__ import annotations

from importlib.resources import as_file, files

import pandas as pd

from moldiff.datasets.table import MoleculeTable

UNITS = {"mu": "D", "alpha": "bohr^3", "homo": "hartree", "lumo": "hartree", "gap": "hartree"}
"""Dipole moment, isotropic polarizability, frontier orbital energies and their gap, B3LYP/6-31G(2df,p)."""

CITATION = (
    "R. Ramakrishnan, P. O. Dral, M. Rupp, O. A. von Lilienfeld, Scientific Data 1, 140022 (2014), "
    "doi:10.1038/sdata.2014.22; L. Ruddigkeit, R. van Deursen, L. C. Blum, J.-L. Reymond, "
    "J. Chem. Inf. Model. 52, 2864 (2012), doi:10.1021/ci300415d"
)


def qm9() -> MoleculeTable:
    """Return the embedded QM9 table: 130,744 molecules with mu, alpha, homo, lumo and gap.

    The 3,054 molecules that QM9 marks as uncharacterised are left out, and molecules with the same canonical
    SMILES are one row with the median of their labels. ``moldiff.datasets.build_qm9`` makes the file.
    """
    with as_file(files("moldiff.datasets") / "data" / "qm9_core5.parquet") as path:
        frame = pd.read_parquet(path)
    return MoleculeTable(
        "qm9", frame["smiles"].tolist(), frame[list(UNITS)], dict(UNITS), CITATION, "CC0 1.0"
    )

"""Make ``data/qm9_core5.parquet`` from the PyPI package qm9pack: ``python -m moldiff.datasets.build_qm9``.

The wheel (104 MB) holds QM9 as comma-separated files, without the 3,054 molecules that QM9 marks as
uncharacterised. Energies are in hartree there, the dipole moment in debye, the polarizability in bohr^3; they
are kept so. SMILES are made canonical with the installed RDKit, molecules that then coincide become one row
with the median of their labels, and rows keep the order of QM9's index.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

import pandas as pd
from rdkit import Chem

from moldiff.datasets.build_source import Wheel, build

WHEEL = Wheel(
    "qm9pack==1.0.3",
    "qm9pack-*.whl",
    "1d88c2988007c6778e717ee3224cf511bd60e10732ebe3b7ed500ea5af05c9f0",
)
MEMBERS = [f"qm9pack/data/qm9_part{part}.csv" for part in (1, 2, 3)]
COLUMNS = {
    "Dipole_debye": "mu",
    "Polarizability_bohr3": "alpha",
    "HOMO_au": "homo",
    "LUMO_au": "lumo",
    "HOMO_LUMO_gap_au": "gap",
}
DEFAULT_OUT = Path(__file__).parent / "data" / "qm9_core5.parquet"


def read(wheel: Path) -> pd.DataFrame:
    """Return the molecules of the wheel in the order of QM9's index, with SMILES and ``COLUMNS``."""
    parts = []
    with zipfile.ZipFile(wheel) as archive:
        for member in MEMBERS:
            with archive.open(member) as stream:
                parts.append(pd.read_csv(stream, usecols=["Index", "SMILES", *COLUMNS]))
    return pd.concat(parts).sort_values("Index", kind="stable").drop(columns="Index")


def merge(frame: pd.DataFrame) -> pd.DataFrame:
    """Make SMILES canonical and merge molecules that coincide, by the median of each label.

    Args:
        frame: Columns SMILES and those of ``COLUMNS``.

    Returns:
        Columns smiles, mu, alpha, homo, lumo, gap (float32), each molecule at the place of its first row.
    """
    labels = frame.rename(columns=COLUMNS)[list(COLUMNS.values())]
    smiles = [Chem.CanonSmiles(text) for text in frame["SMILES"]]
    merged = labels.groupby(pd.Index(smiles, name="smiles"), sort=False).median()
    return merged.astype("float32").reset_index()


def main() -> None:
    """Build the table and say what came out."""
    build(WHEEL, read, merge, out=DEFAULT_OUT, description=(__doc__ or "").splitlines()[0])


if __name__ == "__main__":
    main()

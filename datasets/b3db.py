"""B3DB: drug-like molecules, and whether they cross the blood-brain barrier."""

from __future__ import annotations

from importlib.resources import as_file, files

import pandas as pd

from moldiff.datasets.columns import read_column
from moldiff.datasets.table import MoleculeTable

UNITS = {"logBB": "1", "BBB": "class"}
"""log10 of the ratio of concentrations in brain and blood; BBB+ crosses the barrier, BBB- does not."""

CITATION = (
    "F. Meng, Y. Xi, J. Huang, P. W. Ayers, A curated diverse molecular database of blood-brain barrier "
    "permeability with chemical descriptors, Scientific Data 8, 289 (2021), doi:10.1038/s41597-021-01069-5"
)


def b3db() -> MoleculeTable:
    """Return the embedded B3DB table: 7,805 molecules with BBB, 1,058 of them with logBB.

    logBB is a number, and missing for most; BBB is a class, BBB+ or BBB-. The molecules are as B3DB draws
    them. ``moldiff.datasets.build_b3db`` makes the file.
    """
    with as_file(files("moldiff.datasets") / "data" / "b3db.parquet") as path:
        frame = pd.read_parquet(path)
    labels = {name: read_column(frame[name]) for name in UNITS}
    values = pd.DataFrame({name: column.values for name, column in labels.items()})
    classes = {name: column.classes for name, column in labels.items() if column.classes}
    return MoleculeTable("b3db", frame["smiles"].tolist(), values, dict(UNITS), CITATION, "CC0 1.0", classes)

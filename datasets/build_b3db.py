"""Make ``data/b3db.parquet`` from the PyPI package qc-b3db: ``python -m moldiff.datasets.build_b3db``.

The wheel (78 MB) holds B3DB as tab-separated files: 7,807 molecules that cross the blood-brain barrier
(BBB+) or do not (BBB-), 1,058 of them with the logarithm of the ratio of their concentrations in brain and
blood, logBB; and these 1,058 once more, some of them as other salts and ions. The table of classes is taken,
since it has both labels. SMILES are made canonical with the installed RDKit; two that it cannot parse are
left out. The 175 further molecules of ``B3DB_classification_external.tsv``, which come from DrugBank, are
not taken.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pandas as pd

from moldiff.chem.standardise import canonical
from moldiff.datasets.build_source import Wheel, build
from moldiff.errors import InputError

WHEEL = Wheel(
    "qc-b3db==1.1.1",
    "qc_[bB]3[dD][bB]-*.whl",
    "c929f601951e4b0ed56326c94d2cdc2f6b0c24711fbc1e0d7f67e88e330fc959",
)
CLASSES = "B3DB/B3DB_classification.tsv"
NUMBERS = "B3DB/B3DB_regression.tsv"
DEFAULT_OUT = Path(__file__).parent / "data" / "b3db.parquet"


def read(wheel: Path) -> pd.DataFrame:
    """Return SMILES, logBB and BBB of the table of classes, in its order.

    Raises:
        InputError: If the two tables of the wheel do not have the same logBB for the same InChI.
    """
    with zipfile.ZipFile(wheel) as archive:
        with archive.open(CLASSES) as stream:
            classes = pd.read_csv(stream, sep="\t", index_col="Inchi")
        with archive.open(NUMBERS) as stream:
            numbers = pd.read_csv(stream, sep="\t", index_col="Inchi")["logBB"]
    known = classes["logBB"].dropna()
    if set(known.index) != set(numbers.index) or not np.array_equal(known, numbers.loc[known.index]):
        raise InputError(f"{CLASSES} and {NUMBERS} of {wheel.name} differ in logBB: expected the same values")
    return classes.rename(columns={"BBB+/BBB-": "BBB"})[["SMILES", "logBB", "BBB"]].reset_index(drop=True)


def merge(frame: pd.DataFrame) -> pd.DataFrame:
    """Make SMILES canonical and leave out what is no molecule.

    Args:
        frame: Columns SMILES, logBB, BBB.

    Returns:
        Columns smiles, logBB (NaN for most) and BBB (text).

    Raises:
        InputError: If two rows are the same molecule, for which there is no rule because it does not happen.
    """
    table = frame.assign(smiles=canonical(list(frame["SMILES"])))
    table = table.loc[table["smiles"] != "", ["smiles", "logBB", "BBB"]].reset_index(drop=True)
    if table["smiles"].duplicated().any():
        raise InputError("two rows are the same molecule: expected 7,805 different ones")
    return table


def main() -> None:
    """Build the table and say what came out."""
    build(WHEEL, read, merge, out=DEFAULT_OUT, description=(__doc__ or "").splitlines()[0])


if __name__ == "__main__":
    main()

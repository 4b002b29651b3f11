"""Tables of molecules with measured properties, and how they are split.

``DATASETS`` maps the name of a table to the function that loads it; a new table is one file and one line.
"""

if __name__ != "moldiff.datasets":
    raise ImportError("this folder is the package moldiff.datasets: import it by that name")

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from moldiff.datasets.b3db import b3db
from moldiff.datasets.columns import Column, find_smiles, read_column
from moldiff.datasets.measured import cache_folder, with_properties
from moldiff.datasets.qm9 import qm9
from moldiff.datasets.reading import READERS, read_frame
from moldiff.datasets.splits import split
from moldiff.datasets.table import MoleculeTable
from moldiff.errors import InputError, did_you_mean

__all__ = [
    "DATASETS",
    "READERS",
    "Column",
    "MoleculeTable",
    "cache_folder",
    "find_smiles",
    "load",
    "open_table",
    "read_column",
    "read_frame",
    "split",
    "with_properties",
]

DATASETS: dict[str, Callable[[], MoleculeTable]] = {"qm9": qm9, "b3db": b3db}


def open_table(source: str) -> MoleculeTable | pd.DataFrame:
    """Return the table of a name, or what a file holds.

    Args:
        source: A key of :data:`DATASETS`, or a path.

    Raises:
        InputError: If there is no such table or file, or the file cannot be read.

    Example:
        >>> len(open_table("b3db"))
        7805
    """
    if source in DATASETS:
        return load(source)
    path = Path(source)
    if not path.suffix and not path.exists():
        raise InputError(f"'{source}' is neither a data set nor a file{did_you_mean(source, DATASETS)}")
    return read_frame(path)


def load(name: str) -> MoleculeTable:
    """Return the table of that name.

    Raises:
        InputError: If there is no such table; the message names the nearest one.

    Example:
        >>> table = load("qm9")
        >>> len(table), table.smiles[:3], table.units["mu"]
        (130744, ['C', 'N', 'O'], 'D')
    """
    if name not in DATASETS:
        raise InputError(f"unknown data set '{name}'{did_you_mean(name, DATASETS)}")
    return DATASETS[name]()

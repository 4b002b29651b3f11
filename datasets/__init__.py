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
from moldiff.datasets.packed import PackedTable, pack
from moldiff.datasets.packed_folder import INDEX, read_packed
from moldiff.datasets.qm9 import qm9
from moldiff.datasets.reading import READERS, read_frame
from moldiff.datasets.sources import SOURCES, prepared_folder
from moldiff.datasets.splits import split
from moldiff.datasets.table import MoleculeTable
from moldiff.errors import InputError, did_you_mean

__all__ = [
    "DATASETS",
    "READERS",
    "SOURCES",
    "Column",
    "MoleculeTable",
    "PackedTable",
    "cache_folder",
    "find_smiles",
    "load",
    "open_table",
    "pack",
    "read_column",
    "read_frame",
    "read_packed",
    "split",
    "with_properties",
]

DATASETS: dict[str, Callable[[], MoleculeTable]] = {"qm9": qm9, "b3db": b3db}


def open_table(source: str) -> MoleculeTable | PackedTable | pd.DataFrame:
    """Return the table of a name, or what a file or a folder that was prepared holds.

    Args:
        source: A key of :data:`DATASETS` or of :data:`SOURCES`, or a path.

    Raises:
        InputError: If there is no such table or file, it was not prepared, or it cannot be read.

    Example:
        >>> len(open_table("b3db"))
        7805
    """
    if source in DATASETS:
        return load(source)
    if source in SOURCES:
        if not prepared_folder(source).exists():
            raise InputError(
                f"{source} is not prepared on this machine: run `moldiff data prepare {source}` first"
            )
        return read_packed(prepared_folder(source))
    path = Path(source)
    if (path / INDEX).exists():
        return read_packed(path)
    if not path.suffix and not path.exists():
        near = did_you_mean(source, [*DATASETS, *SOURCES])
        raise InputError(f"'{source}' is neither a data set nor a file{near}")
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

"""Molecules of a bulk generation on disk: a Parquet file for each chunk, and one for what is kept of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from moldiff.datasets.pieces import marks_of
from moldiff.errors import InputError
from moldiff.files import remove_leftovers, whole_file, write_json
from moldiff.records import first_difference

ABOUT = b"moldiff"
"""Where a file says what it is, in its metadata."""


class Shards:
    """The files of one run, numbered by chunks.

    Args:
        folder: Where they are.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as place:
        ...     shards = Shards(Path(place))
        ...     shards.write(3, pd.DataFrame({"smiles": ["C", "CC"]}), {"proposed": 9})
        ...     shards.about(3), shards.about(4), len(shards.marks(3)), shards.rows(3)
        ({'proposed': 9}, None, 2, 2)
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, index: int) -> Path:
        """Return where a chunk's file is."""
        return self.folder / f"part-{index:08d}.parquet"

    def write(self, index: int, frame: pd.DataFrame, about: Mapping[str, Any]) -> None:
        """Write a file, whole or not at all."""
        table = pa.Table.from_pandas(frame, preserve_index=False)
        table = table.replace_schema_metadata({ABOUT: json.dumps(about)})
        with whole_file(self.path(index)) as part:
            pq.write_table(table, part)

    def about(self, index: int) -> dict[str, Any] | None:
        """Return what a file says of itself; None where there is none that is whole."""
        try:
            metadata = pq.read_metadata(self.path(index)).metadata or {}
            found = json.loads(metadata[ABOUT])
        except (OSError, pa.ArrowException, KeyError, ValueError):
            return None
        return dict(found)

    def rows(self, index: int) -> int:
        """Return how many molecules a file has."""
        found: int = pq.read_metadata(self.path(index)).num_rows
        return found

    def marks(self, index: int) -> NDArray[np.uint64]:
        """Return hashes of a file's molecules, in order."""
        return marks_of(pq.read_table(self.path(index), columns=["smiles"])["smiles"].to_pylist())

    def read(self, index: int) -> pd.DataFrame:
        """Return a file's molecules."""
        return pq.read_table(self.path(index)).to_pandas()

    def remove(self, start: int = 0) -> None:
        """Remove all files from a number on, and what was half written."""
        for path in self.folder.glob("part-*.parquet"):
            if int(path.stem.removeprefix("part-")) >= start:
                path.unlink(missing_ok=True)
        for path in self.folder.glob(".part-*-????????.parquet"):
            path.unlink(missing_ok=True)


def claim(path: Path, settings: Mapping[str, Any]) -> None:
    """Write down what decides a run, or refuse to go on with one that was decided otherwise.

    Every process of a run calls it; they write the same.

    Args:
        path: A JSON file.
        settings: As JSON takes them.

    Raises:
        InputError: If the file says something else.
    """
    settings = json.loads(json.dumps(settings))
    try:
        before = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        remove_leftovers(path)
        write_json(path, settings)
        return
    name = first_difference(before, settings)
    if name is not None:
        raise InputError(
            f"{path.parent} holds a run with {name} {before.get(name)}, not {settings.get(name)}: give the "
            "same settings to go on with it, or another folder"
        )

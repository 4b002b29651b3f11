"""Packed tables on disk: arrays that are mapped into memory, and what they are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moldiff.chem.tokenizer import SelfiesTokenizer
from moldiff.datasets.packed import Condition, PackedTable
from moldiff.datasets.token_rows import TokenRows
from moldiff.errors import InputError
from moldiff.files import write_json

INDEX = "packed.json"
"""What the arrays are; written last, so that a folder without it is no packed table."""

FORMAT = 1

ARRAYS = {"flat": "<u1", "lengths": "<u2", "values": "<f4", "keys": "<u8", "part": "<u1"}
"""Arrays of a packed table and their types; each is a file of this name, ``.bin``, without a header."""


def array_file(folder: Path, name: str) -> Path:
    """Return where an array is."""
    return folder / f"{name}.bin"


def write_index(
    folder: Path,
    *,
    tokens: tuple[str, ...],
    conditions: tuple[Condition, ...],
    about: Mapping[str, Any],
) -> None:
    """Say what the arrays of a folder are: the last step of writing it.

    Args:
        folder: It holds the arrays.
        tokens: The symbols that the ids stand for.
        conditions: What the columns of ``values`` are.
        about: What else to keep: name, citation, licence, counts.
    """
    sizes = {name: array_file(folder, name).stat().st_size for name in ARRAYS}
    stored = {"format_version": FORMAT, **about, "tokens": list(tokens)}
    stored |= {"conditions": [asdict(entry) for entry in conditions], "bytes": sizes}
    write_json(folder / INDEX, stored)


def read_index(folder: Path) -> dict[str, Any]:
    """Return what is known of a packed table.

    Raises:
        InputError: If the folder holds none, or one of another version.
    """
    try:
        found = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        version = found["format_version"]
    except OSError as error:
        raise InputError(
            f"{folder} is no prepared table: its {INDEX} cannot be read ({error.strerror})"
        ) from None
    except (ValueError, KeyError, TypeError):
        raise InputError(f"{folder / INDEX} is damaged: prepare the table again") from None
    if version != FORMAT:
        raise InputError(
            f"{folder} was prepared in format {version}, this moldiff reads {FORMAT}: prepare it again"
        )
    return dict(found)


def is_whole(folder: Path) -> bool:
    """Tell whether a folder holds a packed table with all of its files."""
    try:
        sizes = read_index(folder)["bytes"]
        return all(array_file(folder, name).stat().st_size == sizes[name] for name in ARRAYS)
    except (InputError, OSError, KeyError, TypeError):
        return False


def read_packed(folder: str | Path) -> PackedTable:
    """Open a packed table; its arrays are mapped, not read.

    Raises:
        InputError: If the folder holds none, one of another version, or one that is damaged.
    """
    place = Path(folder)
    index = read_index(place)
    try:
        arrays = {name: _mapped(place, name, index["bytes"][name]) for name in ARRAYS}
        stored = [{**entry, "classes": tuple(entry["classes"])} for entry in index["conditions"]]
        conditions = tuple(Condition(**entry) for entry in stored)
        return PackedTable(
            name=index["name"],
            tokens=SelfiesTokenizer(index["tokens"]).tokens,
            ids=TokenRows(arrays["flat"], arrays["lengths"]),
            conditions=conditions,
            values=arrays["values"].reshape(len(arrays["keys"]), len(conditions)),
            keys=arrays["keys"],
            part=arrays["part"],
            citation=index["citation"],
            licence=index["licence"],
            orders=index.get("orders", 1),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{place} is damaged ({error}): prepare the table again") from None


def _mapped(folder: Path, name: str, size: int) -> NDArray[Any]:
    """Return an array as a private map of its file: pages come when they are read."""
    path, kind = array_file(folder, name), np.dtype(ARRAYS[name])
    found = path.stat().st_size if path.exists() else 0
    if found != size:
        raise ValueError(f"{path.name} has {found:,} bytes instead of {size:,}")
    if not size:
        return np.zeros(0, kind)
    # Copy-on-write: torch takes no read-only arrays, and nothing of ours is ever written back.
    return np.memmap(path, dtype=kind, mode="c")

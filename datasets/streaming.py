"""Tables that are too large to hold: read a piece at a time."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from moldiff.datasets.reading import (
    MOLECULE,
    UNPACKING,
    read_frame,
    refusing_no_table,
    separator_of,
    table_suffix,
    with_names,
)
from moldiff.errors import InputError

PIECE = 20_000
"""Rows of a piece."""


def read_pieces(path: str | Path, *, rows: int = PIECE) -> Iterator[pd.DataFrame]:
    r"""Read a table in pieces, each as :func:`moldiff.datasets.read_frame` would read it.

    Separated text, lines of SMILES and Parquet are held one piece at a time, gzipped or not; an SDF is read
    whole.

    Args:
        path: The file.
        rows: Rows of a piece.

    Yields:
        The rows in order; the index counts them from 0.

    Raises:
        InputError: If there is no such file, or it cannot be read to its end, or holds no row.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "three.smi"
        ...     written = path.write_text("CCO\nC\nCO\n")
        ...     [(piece.index[0], list(piece["smiles"])) for piece in read_pieces(path, rows=2)]
        [(0, ['CCO', 'C']), (2, ['CO'])]
    """
    place, start = Path(path), 0
    suffix = table_suffix(place)
    pieces: Iterator[pd.DataFrame]
    if suffix == ".sdf" or not place.is_file():
        whole = read_frame(place)
        pieces = (whole.iloc[first : first + rows] for first in range(0, len(whole), rows))
    else:
        pieces = _PIECES[suffix](place, rows)
    try:
        for piece in pieces:
            yield with_names(piece).set_axis(range(start, start + len(piece)), axis=0)
            start += len(piece)
        if not start:
            raise InputError("it holds no row")
    except InputError as error:
        raise InputError(f"cannot read {place}: {error}") from None
    except UnicodeDecodeError as error:
        raise InputError(f"cannot read {place}: it is not text in UTF-8 ({error.reason})") from None
    except UNPACKING as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"cannot read {place}: after row {start:,}: {reason}") from None


def count_rows(path: str | Path) -> int | None:
    """Return how many rows a table has, where its format says so; None if it would have to be read."""
    place = Path(path)
    return pq.ParquetFile(place).metadata.num_rows if place.suffix.lower() == ".parquet" else None


def _opened(path: Path) -> IO[bytes]:
    """Open a file, unpacked if it is gzipped."""
    with path.open("rb") as stream:
        packed = stream.read(2) == b"\x1f\x8b"
    if not packed and path.suffix.lower() == ".gz":
        raise InputError("it is named .gz, but is not gzipped")
    return gzip.open(path, "rb") if packed else path.open("rb")  # type: ignore[return-value]


def _text(path: Path) -> io.TextIOWrapper:
    return io.TextIOWrapper(_opened(path), encoding="utf-8-sig", newline="")


def _separated(path: Path, rows: int) -> Iterator[pd.DataFrame]:
    with _text(path) as stream:
        heading = next((line for line in stream if line.strip()), "")
    separator = separator_of(heading, "\t" if table_suffix(path) == ".tsv" else ",")
    settings = {"sep": separator, "dtype": str, "keep_default_na": False, "index_col": False}
    with _text(path) as stream:
        with refusing_no_table(separator):
            pieces = pd.read_csv(stream, chunksize=rows, **settings)
        while True:
            with refusing_no_table(separator):
                piece = next(pieces, None)
            if piece is None:
                return
            yield piece


def _lines(path: Path, rows: int) -> Iterator[pd.DataFrame]:
    found: list[str] = []
    with _text(path) as stream:
        for number, line in enumerate(stream):
            words = line.split(maxsplit=1)
            if not words or (number == 0 and "smiles" in words[0].casefold()):
                continue
            found.append(words[0])
            if len(found) == rows:
                yield pd.DataFrame({MOLECULE: found}, dtype=object)
                found = []
    if found:
        yield pd.DataFrame({MOLECULE: found}, dtype=object)


def _batches(path: Path, rows: int) -> Iterator[pd.DataFrame]:
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=rows):
                yield batch.to_pandas()
    except (pa.ArrowException, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise InputError(f"it is no Parquet file that pyarrow can read ({reason})") from None


_PIECES = {".csv": _separated, ".tsv": _separated, ".smi": _lines, ".parquet": _batches}

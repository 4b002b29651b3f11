"""Tables of molecules from files: comma- or tab-separated, SMILES, SDF and Parquet, each also gzipped."""

from __future__ import annotations

import gzip
import io
import re
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from rdkit import rdBase
from rdkit.Chem.rdmolfiles import ForwardSDMolSupplier, MolToSmiles

from moldiff.errors import InputError, did_you_mean

MOLECULE = "smiles"
"""Column of the molecules in tables that are read from .smi and .sdf, which name no columns."""

_GZIP = b"\x1f\x8b"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
UNPACKING = (OSError, EOFError, zlib.error)
"""What gzip raises for files that are cut off or damaged."""


def read_frame(path: str | Path) -> pd.DataFrame:
    r"""Read a table from a file, as it stands there.

    The format is told by the suffix, one of :data:`READERS`, with or without ``.gz`` behind it. Cells of text
    formats stay text. In ``.smi`` the first word of a line is the molecule, the rest its name. In ``.sdf``
    the molecule is that of the block, and the tags are the other columns; a record that cannot be read is an
    empty cell, so that rows keep their numbers.

    Args:
        path: The file.

    Returns:
        A row a molecule; the names of the columns are text, and all different.

    Raises:
        InputError: If there is no such file, or it cannot be read, or holds no row.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "two.smi"
        ...     written = path.write_text("CCO ethanol\nC methane\n")
        ...     read_frame(path)
          smiles     name
        0    CCO  ethanol
        1      C  methane
    """
    place = Path(path)
    reader = READERS[table_suffix(place)]
    try:
        frame = with_names(reader(_content(place)))
    except InputError as error:
        raise InputError(f"cannot read {place}: {error}") from None
    except UNPACKING as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"cannot read {place}: {reason}") from None
    if not len(frame):
        raise InputError(f"cannot read {place}: it holds no row")
    return frame


def with_names(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table with the names of its columns as text without spaces around it.

    Raises:
        InputError: If two have the same name.
    """
    named = frame.set_axis([str(name).strip() for name in frame.columns], axis=1)
    twice = named.columns[named.columns.duplicated()]
    if len(twice):
        raise InputError(f"two columns are named '{twice[0]}': rename one")
    return named


def table_suffix(path: Path) -> str:
    """Return the suffix that tells the format, such as ".csv" of "a.csv.gz".

    Raises:
        InputError: If no format has such a suffix.
    """
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes[-1:] == [".gz"]:
        suffixes.pop()
    suffix = suffixes[-1] if suffixes else ""
    if suffix not in READERS:
        raise InputError(
            f"cannot read {path}: expected a file named {', '.join(READERS)} (or that and .gz), got "
            f"'{path.name}'{did_you_mean(suffix, READERS) if suffix else ''}"
        )
    return suffix


def _content(path: Path) -> bytes:
    """Return the bytes of a file, unpacked if they are gzipped."""
    if not path.exists():
        raise InputError("there is no such file")
    if not path.is_file():
        raise InputError("it is a folder" if path.is_dir() else "it is no regular file")
    content = path.read_bytes()
    if content.startswith(_GZIP):
        return gzip.decompress(content)
    if path.suffix.lower() == ".gz":
        raise InputError("it is named .gz, but is not gzipped")
    return content


def _decoded(content: bytes) -> str:
    """Return the text of a file in UTF-8."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        found = "UTF-16" if content.startswith(_UTF16) else f"byte {content[error.start]:#04x}"
        raise InputError(
            f"it is not text in UTF-8 ({found} at position {error.start}): save it as UTF-8"
        ) from None


def _separated(content: bytes, usual: str) -> pd.DataFrame:
    """Read a table whose first line names the columns."""
    text = _decoded(content)
    separator = separator_of(re.split(r"[\r\n]", text.lstrip(), maxsplit=1)[0], usual)
    with refusing_no_table(separator):
        return pd.read_csv(
            io.StringIO(text, newline=""),
            sep=separator,
            dtype=str,
            keep_default_na=False,
            index_col=False,
        )


def separator_of(heading: str, usual: str) -> str:
    """Return what separates the names in a first line: ``usual``, unless something else does so oftener."""
    return max([usual, ",", "\t", ";"], key=re.sub('"[^"]*"', "", heading).count)


@contextmanager
def refusing_no_table(separator: str) -> Iterator[None]:
    """Turn what pandas says of a text that is no table into errors that say what to mend."""
    try:
        with warnings.catch_warnings():
            # Otherwise pandas would cut off what the first line has no name for, with a warning alone.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            yield
    except pd.errors.EmptyDataError:
        raise InputError("it is empty") from None
    except pd.errors.ParserWarning:
        raise InputError("its lines have more cells than its first line has column names") from None
    except UnicodeDecodeError:
        raise
    except (ValueError, OverflowError) as error:  # pandas' ParserError is a ValueError
        reason = str(error).partition("C error: ")[2] or str(error)
        raise InputError(f"it is no table separated by {_SPOKEN[separator]} ({reason.strip()})") from None


_SPOKEN = {",": "commas", "\t": "tabs", ";": "semicolons"}


def _smiles_lines(content: bytes) -> pd.DataFrame:
    """Read lines of a molecule and its name; a first line of column names is left out."""
    rows = [line.split(maxsplit=1) for line in _decoded(content).splitlines() if line.strip()]
    if rows and "smiles" in rows[0][0].casefold():
        rows = rows[1:]
    names = [row[1].strip() if len(row) > 1 else "" for row in rows]
    frame = pd.DataFrame({MOLECULE: [row[0] for row in rows]}, dtype=object)
    return frame.assign(name=names) if any(names) else frame


def _blocks(content: bytes) -> pd.DataFrame:
    """Read the records of an SDF: the block's molecule and title, then the tags."""
    # Blank lines at the end would pass for a record that cannot be read.
    stream = io.BytesIO(_decoded(content).rstrip().encode() + b"\n")
    records = []
    with rdBase.BlockLogs():
        for mol in ForwardSDMolSupplier(stream):
            record = {} if mol is None else {_renamed(tag): mol.GetProp(tag) for tag in mol.GetPropNames()}
            if mol is not None and mol.GetProp("_Name"):
                record = {"name": mol.GetProp("_Name"), **record}
            records.append({MOLECULE: "" if mol is None else MolToSmiles(mol), **record})
    frame = pd.DataFrame(records, dtype=object)
    if not len(frame) or not frame[MOLECULE].any():
        raise InputError("none of its records is a molecule that RDKit can read")
    return frame


def _renamed(tag: str) -> str:
    """Keep a tag from standing in the place of the block's molecule."""
    return f"{tag} tag" if tag.strip() == MOLECULE else tag


def _parquet(content: bytes) -> pd.DataFrame:
    """Read a Parquet file."""
    try:
        table = pq.read_table(pa.BufferReader(content))
        return table.to_pandas(ignore_metadata=True)
    except (pa.ArrowException, ValueError, KeyError, TypeError, OverflowError) as error:
        reason = str(error).partition("\n")[0]
        raise InputError(f"it is no Parquet file that pyarrow can read ({reason})") from None


READERS: dict[str, Callable[[bytes], pd.DataFrame]] = {
    ".csv": lambda content: _separated(content, ","),
    ".tsv": lambda content: _separated(content, "\t"),
    ".smi": _smiles_lines,
    ".sdf": _blocks,
    ".parquet": _parquet,
}
"""Formats by suffix."""

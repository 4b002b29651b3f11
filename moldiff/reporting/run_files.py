"""The files of a run: found, and read as what a report shows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from moldiff.errors import InputError
from moldiff.files import write_json
from moldiff.output import FORMATS, OutputFiles
from moldiff.reporting.checking import checked, read_json
from moldiff.reporting.record import RunRecord
from moldiff.reporting.run import AGAIN, Run, cells, read_cells

RECORD = "run.json"

READERS: dict[str, Callable[[Path], pd.DataFrame]] = {
    "csv": read_cells,
    "parquet": lambda path: cells(pd.read_parquet(path)),
}
"""How a table is read, by the suffix of its file: as cells of text."""


def run_record(place: Path) -> Path | None:
    """Return the record of a run; None if a folder holds none.

    Args:
        place: The output folder; or where several runs share one, the table or the record of one of them.

    Raises:
        InputError: If a file is of no run, or a folder holds several.
    """
    if place.is_file():
        record = place if place.name.endswith(RECORD) else OutputFiles.at(place).record
        if not record.is_file():
            raise InputError(f"there is no {record.name} beside {place}: expected the table of a run")
        return record
    if (place / RECORD).is_file():
        return place / RECORD
    found = sorted(place.glob(f"*-{RECORD}"))
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise InputError(f"{place} holds several runs ({names}): name one of these files")
    return found[0] if found else None


def read_run(record: Path, *, shown: int) -> tuple[OutputFiles, Run]:
    """Return the files of a run and what they hold.

    Args:
        record: Its record.
        shown: How many molecules are drawn, at most.

    Raises:
        InputError: If a file is missing, damaged, or of another version.
    """
    content = checked(RunRecord, read_json(record, AGAIN), str(record))
    files = _files(record, content.files)
    filtered = _table(files.filtered, record) if files.filtered.name in content.files else None
    return files, Run(content, _table(files.table, record), filtered, shown)


def list_report(files: OutputFiles) -> None:
    """Have the record list the report among its files, so that the next run may replace it."""
    stored = read_json(files.record, AGAIN)
    if files.report.name in stored["files"]:
        return
    stored["files"].insert(-1, files.report.name)
    write_json(files.record, stored)


def _files(record: Path, names: Sequence[str]) -> OutputFiles:
    """Return the files of a run; which table it is its record says.

    Raises:
        InputError: If it lists none.
    """
    stem = record.name.removesuffix(RECORD).removesuffix("-")
    for name in map(Path, names):
        kind = name.suffix.removeprefix(".").lower()
        if kind in FORMATS and name.stem == (stem or "molecules"):
            return (
                OutputFiles.at(record.with_name(name.name)) if stem else OutputFiles.at(record.parent, kind)
            )
    raise InputError(f"{record} lists no table of molecules among its files{AGAIN}")


def _table(path: Path, record: Path) -> pd.DataFrame:
    """Return a table that the record lists.

    Raises:
        InputError: If it is gone or damaged.
    """
    if not path.is_file():
        raise InputError(f"{path} is gone, and {record.name} lists it{AGAIN}")
    try:
        return READERS[path.suffix.removeprefix(".").lower()](path)
    except (OSError, ValueError, pd.errors.ParserError) as error:  # pyarrow's errors are of these kinds
        reason = str(error).partition("\n")[0]
        raise InputError(f"{path} cannot be read ({reason:.80}){AGAIN}") from None

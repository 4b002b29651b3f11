"""From an output folder to what a report shows."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from moldiff.errors import InputError
from moldiff.files import whole_file
from moldiff.output import FORMATS, OutputFiles
from moldiff.reporting.page import page
from moldiff.reporting.record import AGAIN, checked
from moldiff.reporting.run import MOST, Run, cells, read_cells

RECORD = "run.json"

MADE = "expected a folder that `moldiff generate` has written"

READERS: dict[str, Callable[[Path], pd.DataFrame]] = {
    "csv": read_cells,
    "parquet": lambda path: cells(pd.read_parquet(path)),
}
"""How a table is read, by the suffix of its file: as cells of text."""


def write_report(place: str | Path, output: str | Path | None = None, *, shown: int = MOST) -> Path:
    """Write the page of an output folder, whole or not at all.

    Args:
        place: The folder; or where several runs share one, the table or the record of one of them.
        output: The file to write; ``report.html`` beside the record unless given.
        shown: How many molecules are drawn, at most.

    Returns:
        The file.

    Raises:
        InputError: If there is no run, a file of it is missing, damaged or of another version, or the page
            cannot be written.
    """
    record = run_record(Path(place))
    files, run = read_run(record, shown=shown)
    target = files.report if output is None else Path(output)
    if target.is_dir():
        raise InputError(f"cannot write {target}: it is a folder, expected the name of a file")
    if output is None and target.exists() and target.name not in run.record.files:
        raise InputError(
            f"{target} is there already, and {record.name} does not say that a run wrote it: give another "
            "name with -o"
        )
    html = page({"run": run})
    try:
        with whole_file(target) as part:
            part.write_text(html, encoding="utf-8")
        if output is None:
            list_report(files)
    except OSError as error:
        raise InputError(
            f"cannot write {target}: {error.strerror or error}; name another file with -o"
        ) from error
    return target


def run_record(place: Path) -> Path:
    """Return the record of a run.

    Args:
        place: The output folder; or where several runs share one, the table or the record of one of them.

    Raises:
        InputError: If there is none, or there are several.
    """
    if not place.exists():
        raise InputError(f"there is no {place}: {MADE}")
    if place.is_file():
        record = place if place.name.endswith(RECORD) else OutputFiles.at(place).record
        if not record.is_file():
            raise InputError(f"there is no {record.name} beside {place}: {MADE}")
        return record
    if (place / RECORD).is_file():
        return place / RECORD
    found = sorted(place.glob(f"*-{RECORD}"))
    if not found:
        raise InputError(f"{place} holds no {RECORD}: {MADE}, or finish the run that is under way in it")
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise InputError(f"{place} holds several runs ({names}): name one of these files")
    return found[0]


def read_run(record: Path, *, shown: int) -> tuple[OutputFiles, Run]:
    """Return the files of a run and what they hold.

    Args:
        record: Its record.
        shown: How many molecules are drawn, at most.

    Raises:
        InputError: If a file is missing, damaged, or of another version.
    """
    content = checked(_json(record), str(record))
    files = _files(record, content.files)
    filtered = _table(files.filtered, record) if files.filtered.name in content.files else None
    return files, Run(content, _table(files.table, record), filtered, shown)


def list_report(files: OutputFiles) -> None:
    """Put the report among the files that the record lists, so that the next run may replace it."""
    stored = _json(files.record)
    if files.report.name in stored["files"]:
        return
    stored["files"].insert(-1, files.report.name)
    with whole_file(files.record) as part:
        part.write_text(json.dumps(stored, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) else f"no JSON: {error!s:.80}"
        raise InputError(f"{path} cannot be read ({reason}){AGAIN}") from None


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

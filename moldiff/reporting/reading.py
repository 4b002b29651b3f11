"""From an output folder to the page that shows all that it holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from moldiff.errors import InputError
from moldiff.files import whole_file
from moldiff.output import OutputFiles
from moldiff.reporting.checking import checked, read_json
from moldiff.reporting.frontier_record import FrontierRecord
from moldiff.reporting.page import MARK, Content, page
from moldiff.reporting.run import MOST
from moldiff.reporting.run_files import list_report, read_run, run_record
from moldiff.reporting.tuning_record import Search, TuningRecord

REPORT = "report.html"

PRESET = "preset.toml"

MADE = "expected a folder that `moldiff generate`, `moldiff pareto` or `moldiff tune` has written"


def _sweep(path: Path) -> FrontierRecord:
    return checked(FrontierRecord, read_json(path, FrontierRecord.FORMAT.again), str(path))


def _search(path: Path) -> Search:
    record = checked(TuningRecord, read_json(path, TuningRecord.FORMAT.again), str(path))
    try:
        return Search(record, path.with_name(PRESET).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):  # people take presets elsewhere
        return Search(record, None)


RECORDS: dict[str, tuple[str, Callable[[Path], Content]]] = {
    "frontier.json": ("frontier", _sweep),
    "tuning.json": ("tuning", _search),
}
"""Records beside those of runs: by file their kind, and how they are read."""


@dataclass(frozen=True)
class Held:
    """What an output folder holds.

    Attributes:
        contents: What a page shows, by kind.
        report: Where the page belongs.
        run: Files of the run, if there is one.
    """

    contents: dict[str, Content]
    report: Path
    run: OutputFiles | None = None


def write_report(place: str | Path, output: str | Path | None = None, *, shown: int = MOST) -> Path:
    """Write the page of an output folder, whole or not at all.

    Args:
        place: The folder; or one record in it; or where several runs share one, the table of one of them.
        output: The file to write; ``report.html`` beside the record unless given.
        shown: How many molecules are drawn, at most.

    Returns:
        The file.

    Raises:
        InputError: If there is nothing to show, a file is missing, damaged or of another version, or the page
            cannot be written.
    """
    held = read_held(Path(place), shown=shown)
    target = held.report if output is None else Path(output)
    if target.is_dir():
        raise InputError(f"cannot write {target}: it is a folder, expected the name of a file")
    if output is None and not _ours(target):
        raise InputError(
            f"{target} is there already, and moldiff did not write it: give another name with -o"
        )
    html = page(held.contents)
    try:
        with whole_file(target) as part:
            part.write_text(html, encoding="utf-8")
        if output is None and held.run is not None:
            list_report(held.run)
    except OSError as error:
        raise InputError(
            f"cannot write {target}: {error.strerror or error}; name another file with -o"
        ) from error
    return target


def read_held(place: Path, *, shown: int) -> Held:
    """Return what an output folder holds.

    Args:
        place: The folder; or one record in it; or where several runs share one, the table of one of them.
        shown: How many molecules are drawn, at most.

    Raises:
        InputError: If it holds nothing of moldiff, or a file is missing, damaged or of another version.
    """
    if not place.exists():
        raise InputError(f"there is no {place}: {MADE}")
    contents: dict[str, Content] = {}
    files = None
    record = None if place.name in RECORDS else run_record(place)
    if record is not None:
        files, contents["run"] = read_run(record, shown=shown)
    for name, (kind, read) in RECORDS.items():
        path = place / name if place.is_dir() else place
        if path.name == name and path.is_file():
            contents[kind] = read(path)
    if not contents:
        names = " or ".join(["run.json", *RECORDS])
        raise InputError(f"{place} holds no {names}: {MADE}, or finish what is under way in it")
    folder = place if place.is_dir() else place.parent
    return Held(contents, folder / REPORT if files is None else files.report, files)


def _ours(path: Path) -> bool:
    """Tell whether a page may be replaced: there is none, or moldiff has written it."""
    try:
        with path.open(encoding="utf-8", errors="replace") as stream:
            return MARK in stream.read(4096)
    except OSError:  # writing will say what is wrong, if anything is
        return True

"""The files of a generation: molecules as a table and as an SDF, the record of the run, and its report."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pandas as pd

from moldiff.chem.sdf import sdf_records
from moldiff.errors import InputError, did_you_mean
from moldiff.files import remove_leftovers, whole_file

FORMATS: dict[str, Callable[[pd.DataFrame, Path], None]] = {
    "csv": lambda frame, path: frame.to_csv(path, index=False),
    "parquet": lambda frame, path: frame.to_parquet(path, index=False),
}
"""How a table is written, by the suffix of its file."""


def write_sdf(table: pd.DataFrame, path: Path) -> None:
    """Write the molecules of a table as an SDF: see ``moldiff.chem.sdf``."""
    with path.open("w", encoding="utf-8", newline="\n") as stream:
        stream.writelines(sdf_records(table))


@dataclass(frozen=True)
class OutputFiles:
    """Where the files of one generation are.

    Attributes:
        table: The molecules.
        sdf: The same as structures.
        filtered: The molecules that a filter took out; written only where there are filters.
        report: A page that shows them.
        record: The run.
        chunks: Folder of the finished chunks of a run that is under way.

    Example:
        >>> OutputFiles.at("out").table.as_posix(), OutputFiles.at("out/mine.parquet").record.as_posix()
        ('out/molecules.csv', 'out/mine-run.json')
    """

    table: Path
    sdf: Path
    filtered: Path
    report: Path
    record: Path
    chunks: Path

    @classmethod
    def at(cls, path: str | Path, format: str | None = None) -> Self:  # noqa: A002 - pandas' and RDKit's word
        """Return the files for a folder, or for the name of a table.

        Args:
            path: A folder; or the file of the table, such as ``mine.parquet``, beside which the others are
                called ``mine-molecules.sdf``, ``mine-filtered.parquet`` and ``mine-run.json``.
            format: A key of :data:`FORMATS`; that of the suffix, or csv for a folder, unless given.

        Raises:
            InputError: If the format is unknown, or the suffix is of another one.
        """
        place = Path(path)
        suffix = place.suffix.removeprefix(".").lower()
        if format is not None and format not in FORMATS:
            raise InputError(f"unknown format '{format}'{did_you_mean(format, FORMATS)}")
        if suffix not in FORMATS or _is_folder(place):
            kind = format or "csv"
            fixed = (f"molecules.{kind}", "molecules.sdf", f"filtered.{kind}", "report.html", "run.json")
            return cls(*(place / name for name in (*fixed, ".chunks")))
        if format not in (None, suffix):
            raise InputError(
                f"'{place}' is the name of a {suffix} table, and the format asked for is {format}"
            )
        stem = place.stem
        others = ("molecules.sdf", f"filtered.{suffix}", "report.html", "run.json")
        names = [*(f"{stem}-{name}" for name in others), f".{stem}-chunks"]
        return cls(place, *(place.with_name(name) for name in names))

    @property
    def written(self) -> tuple[Path, ...]:
        """The files that a finished run may leave."""
        return self.table, self.sdf, self.filtered, self.report, self.record

    def check(self, *, overwrite: bool = False) -> None:
        """Refuse to replace files that no run has written; what cannot be looked at, ``prepare`` refuses.

        Args:
            overwrite: Whether to replace them all the same.

        Raises:
            InputError: If there are such files.
        """
        with suppress(OSError):
            for path in self.written:
                self._check(path, overwrite)

    def prepare(self, *, overwrite: bool = False) -> None:
        """Make the folder, see that the files can be written, and remove what a killed run left half done.

        Args:
            overwrite: Whether to replace files that no run has written.

        Raises:
            InputError: If the files cannot be written, or there are such files of someone else.
        """
        folder = self.table.parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=folder).close()
            for path in self.written:
                self._check(path, overwrite)
                remove_leftovers(path)
        except OSError as error:
            raise InputError(f"cannot write to the folder {folder}: {error.strerror}") from error

    def _check(self, path: Path, overwrite: bool) -> None:
        """Refuse to replace what no run has written."""
        if _is_folder(path):
            raise InputError(f"cannot write {path}: there is a folder of that name")
        if path.exists() and not (overwrite or path.name in self._earlier() or self.chunks.exists()):
            raise InputError(
                f"{path} is there already, and {self.record.name} does not say that a run wrote it: "
                "give another place, or --overwrite to replace it"
            )

    def save(
        self,
        table: pd.DataFrame,
        record: dict[str, Any],
        *,
        filtered: pd.DataFrame | None = None,
        sdf: bool = True,
        page: Callable[[dict[str, Any]], str] | None = None,
    ) -> list[Path]:
        """Write the files, each whole or not at all, and return them.

        The record of an earlier run goes first and the new one comes last, so that it never stands beside the
        molecules of another run.

        Args:
            table: The molecules.
            record: The run, as JSON takes it.
            filtered: What the filters took out; None without filters.
            sdf: Whether to write the SDF.
            page: From the record, files and all, to the HTML of the report; None to write none.
        """
        tables = {self.table: table} if filtered is None else {self.table: table, self.filtered: filtered}
        shown = [*([self.sdf] if sdf else []), *([self.report] if page else [])]
        fresh = [*tables, *shown, self.record]
        full = {"files": [path.name for path in fresh], **record}
        text = json.dumps(full, indent=1, ensure_ascii=False, allow_nan=False)
        outdated = self._earlier() - set(full["files"])
        with ExitStack() as parts:
            for path, frame in tables.items():
                FORMATS[path.suffix.removeprefix(".").lower()](frame, parts.enter_context(whole_file(path)))
            if sdf:
                write_sdf(table, parts.enter_context(whole_file(self.sdf)))
            if page:
                html = page(full)
                parts.enter_context(whole_file(self.report)).write_text(html, encoding="utf-8")
            self.record.unlink(missing_ok=True)
        for name in outdated:
            self.table.with_name(name).unlink(missing_ok=True)
        with whole_file(self.record) as part:
            part.write_text(text + "\n", encoding="utf-8")
        return fresh

    def _earlier(self) -> set[str]:
        """Return what the record of an earlier run says that it wrote, of the names that a run may write."""
        try:
            found = json.loads(self.record.read_text(encoding="utf-8"))["files"]
            names = {name for name in found if isinstance(name, str)}
        except (OSError, ValueError, LookupError, TypeError, RecursionError):
            return set()
        tables = [path.with_suffix(f".{kind}") for path in (self.table, self.filtered) for kind in FORMATS]
        return names & {path.name for path in (*tables, *self.written)}


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # a name that no disk takes, or a place where nobody may look: writing will say so
        return False

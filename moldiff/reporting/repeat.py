"""The last part of a page: what it takes to do the same again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from moldiff.reporting.checking import Record
from moldiff.reporting.frontier_record import FrontierRecord
from moldiff.reporting.run import Run
from moldiff.reporting.tuning_record import Search
from moldiff.reporting.wording import setting_text


def repeat(run: Run) -> dict[str, Any]:
    """Return what the template ``repeat.html`` shows of a run."""
    note = "The same versions on the same kind of machine give the same molecules."
    return _repeat(run.record, run.record.settings, note, run.record.files)


def repeat_sweep(record: FrontierRecord) -> dict[str, Any]:
    """Return what it shows of a sweep."""
    note = (
        "The command draws what the folder does not hold yet. The same versions on the same kind of machine "
        "give the same molecules."
    )
    return _repeat(record, record.settings, note)


def repeat_search(search: Search) -> dict[str, Any]:
    """Return what it shows of a search."""
    note = (
        "The command draws the trials that the study does not hold yet; with one worker the same versions on "
        "the same kind of machine try the same settings."
    )
    return _repeat(search.record, search.record.settings, note)


def _repeat(
    record: Record, settings: Mapping[str, Any], note: str, files: Sequence[str] = ()
) -> dict[str, Any]:
    return {
        "command": record.command,
        "in_python": record.command.startswith("generator."),
        "model": setting_text(settings.get("model")),
        "note": note,
        "settings": {name: setting_text(value) for name, value in settings.items()},
        "versions": record.versions,
        "machine": record.machine,
        "files": files,
    }

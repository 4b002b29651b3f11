"""The last part of a page: what it takes to do the run again."""

from __future__ import annotations

from typing import Any

from moldiff.reporting.run import Run
from moldiff.reporting.wording import setting_text


def repeat(run: Run) -> dict[str, Any]:
    """Return what the template ``repeat.html`` shows of a run."""
    record = run.record
    return {
        "command": record.command,
        "in_python": not record.command.startswith("moldiff "),
        "model": setting_text(record.settings.get("model")),
        "settings": {name: setting_text(value) for name, value in record.settings.items()},
        "versions": record.versions,
        "machine": record.machine,
        "files": record.files,
    }

"""What an output folder says of its run, checked before anything is shown."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from moldiff.chem.goals import Goal
from moldiff.chem.statistics import PropertyStatistics
from moldiff.errors import InputError

FORMAT_VERSION = 1
"""Of ``run.json``: raised when a key that a report needs changes its meaning."""

AGAIN = ": take it from a copy, or run `moldiff generate` again"
"""The way out where a record cannot be used."""

Number = Annotated[float, Field(allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class BinsEntry(_Part):
    """``moldiff.chem.distribution.Bins`` as JSON."""

    low: Number
    width: Annotated[Number, Field(gt=0)]
    counts: Annotated[list[Count], Field(min_length=1, max_length=200)]
    known: Count


class GoalEntry(_Part):
    """``moldiff.judging.GoalSummary`` as JSON."""

    goal: str
    property: str
    source: str | None
    unit: str
    direction: str | None
    threshold: Number | None
    valid: Count
    error_valid: Number | None
    hits_valid: Count | None
    error_returned: Number | None


class Counts(_Part):
    """Molecules at each stage; None where it was not told."""

    proposed: Count
    valid: Count
    unique: Count
    novel: Count | None
    hits: Count | None
    unique_hits: Count | None
    novel_hits: Count | None
    filtered: Count
    capped: Count
    candidates: Count
    returned: Count


class RunRecord(_Part):
    """``run.json``, with what a report needs of it.

    Example:
        >>> checked({"format_version": 2, "versions": {"moldiff": "9.0"}}, "run.json")
        Traceback (most recent call last):
        moldiff.errors.InputError: run.json was written by moldiff 9.0 in format 2, ...: update moldiff
    """

    format_version: int
    files: list[str]
    goals: list[GoalEntry]
    settings: dict[str, Any]
    counts: Counts
    filters: dict[str, Count]
    cost: dict[str, Number | None]
    scorers: dict[str, dict[str, Any]]
    unmeasured: list[str]
    notes: list[str]
    versions: dict[str, str]
    machine: str
    command: str
    training: dict[str, dict[str, Any]]

    def statistics(self, name: str) -> PropertyStatistics | None:
        """Return the training statistics of a property, None where the record has none.

        Raises:
            InputError: If they are damaged.
        """
        entry = self.training.get(name)
        if entry is None:
            return None
        return PropertyStatistics.from_dict({key: value for key, value in entry.items() if key != "bins"})

    def bins(self, name: str) -> BinsEntry | None:
        """Return the training values of a property in bins, None where the record has none."""
        stored = self.training.get(name, {}).get("bins")
        return None if stored is None else BinsEntry.model_validate(stored)

    def goal(self, entry: GoalEntry) -> Goal | None:
        """Return a goal as it was judged, None where it cannot be read."""
        statistics = self.statistics(entry.property)
        try:
            goal = Goal.parse(entry.goal)
            return goal if statistics is None else goal.resolve(statistics)
        except (InputError, ValueError):
            return None


def checked(stored: object, name: str) -> RunRecord:
    """Return a record that was read from JSON.

    Args:
        stored: What was read.
        name: Of the file, for messages.

    Raises:
        InputError: If another version wrote it, or it is damaged.
    """
    if not isinstance(stored, dict):
        raise InputError(f"{name} is no record of a run: expected an object{AGAIN}")
    version = stored.get("format_version")
    if version != FORMAT_VERSION:
        raise InputError(f"{name} {_other_version(stored, version)}")
    try:
        record = RunRecord.model_validate(stored)
        for entry in record.training:
            record.statistics(entry), record.bins(entry)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise InputError(f"{name} is damaged at {place or 'bins'} ({first['msg']}){AGAIN}") from None
    except InputError as error:
        raise InputError(f"{name} is damaged ({error}){AGAIN}") from None
    return record


def _other_version(stored: dict[Any, Any], version: object) -> str:
    versions = stored.get("versions")
    by = versions.get("moldiff") if isinstance(versions, dict) else None
    writer = f"moldiff {by}" if isinstance(by, str) else "another program"
    form = "without a format version" if version is None else f"in format {version!r:.20}"
    newer = isinstance(version, int) and version > FORMAT_VERSION
    way_out = "update moldiff" if newer else "run `moldiff generate` again with the settings in it"
    return f"was written by {writer} {form}, and this version reads format {FORMAT_VERSION}: {way_out}"

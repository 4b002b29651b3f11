"""What an output folder says of its run, checked before anything is shown."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, ValidationError

from moldiff.chem.goals import Goal
from moldiff.chem.statistics import PropertyStatistics
from moldiff.errors import InputError
from moldiff.reporting.checking import Count, Format, Number, Part, Record

FORMAT_VERSION = 1
"""Of ``run.json``: raised when a key that a report needs changes its meaning."""


class BinsEntry(Part):
    """``moldiff.chem.distribution.Bins`` as JSON."""

    low: Number
    width: Annotated[Number, Field(gt=0)]
    counts: Annotated[list[Count], Field(min_length=1, max_length=200)]
    known: Count


class GoalEntry(Part):
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


class Counts(Part):
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


class RunRecord(Record):
    """``run.json``, with what a report needs of it.

    Example:
        >>> from moldiff.reporting.checking import checked
        >>> checked(RunRecord, {"format_version": 2, "versions": {"moldiff": "9.0"}}, "run.json")
        Traceback (most recent call last):
        moldiff.errors.InputError: run.json was written by moldiff 9.0 in format 2, ...: update moldiff
    """

    FORMAT = Format("a run", FORMAT_VERSION, "moldiff generate")

    files: list[str]
    goals: list[GoalEntry]
    settings: dict[str, Any]
    counts: Counts
    filters: dict[str, Count]
    cost: dict[str, Number | None]
    scorers: dict[str, dict[str, Any]]
    unmeasured: list[str]
    notes: list[str]
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

    def check(self) -> None:
        """Refuse statistics of training that are damaged."""
        for name in self.training:
            self.statistics(name)
            try:
                self.bins(name)
            except ValidationError as error:
                raise InputError(f"bins of {name}: {error.errors()[0]['msg']}") from None

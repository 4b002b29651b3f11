"""What ``tuning.json`` says of a search, checked before anything is shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from moldiff.errors import InputError
from moldiff.reporting.checking import Count, Format, IntervalEntry, Number, Part, Record

COMPLETE, PRUNED = "complete", "pruned"
"""States of trials: drawn in full, and given up after some seeds."""


class GoalsEntry(Part):
    """What was asked for; what is judged by, unless it is the same."""

    name: str
    ask: Annotated[list[str], Field(min_length=1)]
    aim: Annotated[list[str], Field(default_factory=list)]


class ObjectiveEntry(Part):
    """What counts, and whether more (1) or less (-1) of it is wanted."""

    name: str
    text: str
    sign: Literal[1, -1]


class TrialEntry(Part):
    """One way to draw that was tried.

    Attributes:
        values: Of the objectives; of a pruned trial what it had until then, None where it had nothing.
        kept_limits: Whether it kept all of them.
        figures: A number a seed.
    """

    number: Count
    state: str
    values: dict[str, Number | None] | None
    kept_limits: bool
    settings: dict[str, Any]
    figures: dict[str, list[Number | None]]

    def value(self, objective: str) -> float | None:
        """Return what it gave."""
        return None if self.values is None else self.values.get(objective)

    def mean(self, figure: str) -> float | None:
        """Return the mean of a figure over its seeds, None where one of them has none."""
        known = [value for value in self.figures.get(figure, []) if value is not None]
        return sum(known) / len(known) if known and len(known) == len(self.figures[figure]) else None

    @property
    def counts(self) -> bool:
        """Whether it may win."""
        return self.state == COMPLETE and self.kept_limits


class ComparedEntry(Part):
    """A figure of the winner and of what it is to replace, on fresh seeds."""

    winner: Number | None
    base: Number | None
    difference: IntervalEntry


class ComparisonEntry(Part):
    """The winner against what it is to replace, for some goals."""

    goals: Annotated[list[str], Field(min_length=1)]
    tuned: bool
    figures: dict[str, ComparedEntry]


class TuningRecord(Record):
    """``tuning.json``, with what a report needs of it.

    Example:
        >>> from moldiff.reporting.checking import checked
        >>> checked(TuningRecord, [], "tuning.json")
        Traceback (most recent call last):
        moldiff.errors.InputError: tuning.json is no record of a search: expected an object: ...
    """

    FORMAT = Format("a search", 1, "moldiff tune")

    kind: Literal["tuning"]
    problem: GoalsEntry
    model: str
    objectives: Annotated[list[ObjectiveEntry], Field(min_length=1)]
    limits: list[str]
    space: dict[str, Any]
    n: Annotated[int, Field(ge=1)]
    seeds: list[int]
    fresh_seeds: list[int]
    search_seed: int
    study: str
    storage: str
    precision: str
    seconds: Number
    trials: list[TrialEntry]
    front: list[int]
    winner: TrialEntry | None
    base: dict[str, Any]
    comparisons: list[ComparisonEntry]

    @property
    def settings(self) -> dict[str, Any]:
        """What holds for all trials."""
        return {
            "model": self.model,
            "objectives": [objective.name for objective in self.objectives],
            "limits": self.limits,
            "n": self.n,
            "seeds": self.seeds,
            "fresh seeds": self.fresh_seeds,
            "seed of the search": self.search_seed,
            "study": self.study,
            "storage": self.storage,
            "precision": self.precision,
            "held against": self.base or "the defaults of generate",
            "seconds of the last call": self.seconds,
            **{f"space: {name}": value for name, value in self.space.items()},
        }

    def check(self) -> None:
        """Refuse trials that are gone, or have not what counts."""
        numbers = {trial.number for trial in self.trials}
        named = [*self.front, *([] if self.winner is None else [self.winner.number])]
        gone = [number for number in named if number not in numbers]
        if gone:
            raise InputError(f"trial {gone[0]} is gone")
        names = [objective.name for objective in self.objectives]
        for trial in self.trials:
            lacking = [name for name in names if trial.state == COMPLETE and trial.value(name) is None]
            if lacking:
                raise InputError(f"trial {trial.number} has no {lacking[0]}")
        for comparison in self.comparisons:
            lacking = [name for name in names if comparison.tuned and name not in comparison.figures]
            if lacking:
                raise InputError(f"the comparison has no {lacking[0]}")


@dataclass(frozen=True)
class Search:
    """What a report of a search shows.

    Attributes:
        record: ``tuning.json``.
        preset: ``preset.toml``; None where it is not beside the record.
    """

    record: TuningRecord
    preset: str | None

    @property
    def title(self) -> str:
        """What was tuned, in a line."""
        return f"Tuning for {self.record.problem.name}"

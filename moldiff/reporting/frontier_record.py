"""What ``frontier.json`` says of a sweep, checked before anything is shown."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from moldiff.errors import InputError
from moldiff.reporting.checking import Count, Format, IntervalEntry, Number, Part, Record

OneOrMore = Annotated[int, Field(ge=1)]


class FigureEntry(Part):
    """What a figure is, with its denominator or unit."""

    text: str


class ArmEntry(Part):
    """One way to draw, and what it gave on some seeds."""

    label: str
    model: str
    settings: dict[str, Any]
    n: OneOrMore
    seeds: Annotated[list[int], Field(min_length=1)]
    frontier: bool
    figures: dict[str, IntervalEntry]
    examples: list[str]

    def value(self, figure: str) -> float | None:
        """Return a figure, None where it has none."""
        return self.figures[figure].value

    @property
    def told(self) -> str:
        """The label without the model."""
        return self.label.removeprefix(self.model).strip() or "the model's own settings"


class ModelEntry(Part):
    """The frontier of a model, and how much it dominates."""

    model: str
    frontier: list[str]
    hypervolume: IntervalEntry
    to_published: IntervalEntry | None
    to_others: dict[str, IntervalEntry]


class PublishedEntry(Part):
    """A result of others in the same axes."""

    name: str
    novel: Number
    mean: Number
    source: str
    n: OneOrMore
    apart: bool
    dominated_by: list[str]


class ContrastEntry(Part):
    """Arms held against others.

    Attributes:
        arms: Settings of the one side.
        against: Of the other.
        pairs: Settings that both sides have, over which the differences are means.
        over: What the intervals of the differences are over.
        differences: With all other settings equal, by figure.
        ratio: Of the hypervolumes, each side at its best.
    """

    name: str
    arms: dict[str, Any]
    against: dict[str, Any]
    pairs: Count
    over: Literal["seeds", "trainings"]
    differences: dict[str, IntervalEntry]
    ratio: IntervalEntry


class ProblemEntry(Part):
    """What was asked for, and what every arm gave.

    Attributes:
        figure: Of the axis: how well the goals are met.
        sign: 1 where more of it is better, -1 where less is.
        average: The figure over the training molecules; None where nobody knows.
        class_average: The same over those that meet the goals.
        arms: What is told: those of the frontiers on fresh seeds where there are any.
        tried: All arms on the seeds that they were chosen by, where ``arms`` are told on others.
    """

    name: str
    ask: Annotated[list[str], Field(min_length=1)]
    aim: Annotated[list[str], Field(min_length=1)]
    quantity: Annotated[str, Field(alias="property")]
    unit: str
    figure: str
    sign: Literal[1, -1]
    average: Number | None = None
    class_average: Number | None = None
    arms: list[ArmEntry]
    arms_tried: Count
    models: list[ModelEntry]
    published: list[PublishedEntry]
    tried: Annotated[list[ArmEntry], Field(default_factory=list)]
    contrasts: Annotated[list[ContrastEntry], Field(default_factory=list)]

    @property
    def compared(self) -> list[str]:
        """The figures of which contrasts show the difference."""
        return ["novel", "novel_hits", self.figure, "distance", "nfe"]

    @property
    def groups(self) -> list[str]:
        """The models, each of which has a frontier."""
        return [*dict.fromkeys(arm.model for arm in (*self.arms, *self.tried))]

    def frontier(self, group: str) -> list[ArmEntry]:
        """Return the arms of a model's frontier."""
        return [arm for arm in self.arms if arm.model == group and arm.frontier]


class FrontierRecord(Record):
    """``frontier.json``, with what a report needs of it.

    Example:
        >>> from moldiff.reporting.checking import checked
        >>> checked(FrontierRecord, {"format_version": 0}, "frontier.json")
        Traceback (most recent call last):
        moldiff.errors.InputError: frontier.json was written by another program in format 0, ...: run ...
    """

    FORMAT = Format("a sweep", 1, "moldiff pareto")

    kind: Literal["frontier"]
    seconds: Number
    seeds: list[int]
    fresh_seeds: list[int]
    least_novel: Count
    precision: str
    figures: Annotated[dict[str, FigureEntry], Field(default_factory=dict)]
    problems: Annotated[list[ProblemEntry], Field(min_length=1)]

    @property
    def title(self) -> str:
        """What was asked for, in a line."""
        names = [problem.name for problem in self.problems]
        return f"Frontier of {', '.join(names[:-1])}{' and ' if names[1:] else ''}{names[-1]}"

    @property
    def settings(self) -> dict[str, Any]:
        """What holds for all arms."""
        return {
            "seeds": self.seeds,
            "fresh seeds": self.fresh_seeds,
            "least novel molecules of a frontier arm": self.least_novel,
            "precision": self.precision,
            "seconds of the last call": self.seconds,
        }

    def text(self, figure: str) -> str:
        """Return what a figure is."""
        entry = self.figures.get(figure)
        return figure.replace("_", " ") if entry is None else entry.text

    def check(self) -> None:
        """Refuse problems of which arms or figures are gone."""
        for problem in self.problems:
            needed = [*NEEDED, problem.figure]
            for arm in (*problem.arms, *problem.tried):
                lacking = [name for name in needed if name not in arm.figures]
                if lacking:
                    raise InputError(f"arm '{arm.label}' of '{problem.name}' has no figure '{lacking[0]}'")
            for entry in problem.models:
                there = {arm.label for arm in problem.frontier(entry.model)}
                gone = [label for label in entry.frontier if label not in there]
                if gone:
                    raise InputError(f"arm '{gone[0]}' of '{problem.name}' is gone")
            for contrast in problem.contrasts:
                lacking = [name for name in needed if name not in contrast.differences]
                if lacking:
                    raise InputError(f"contrast '{contrast.name}' has no figure '{lacking[0]}'")


NEEDED = ("novel", "novel_hits", "hit_rate", "diversity", "distance", "fidelity", "nfe", "seconds")
"""Figures that a report shows of every arm, beside that of the axis."""

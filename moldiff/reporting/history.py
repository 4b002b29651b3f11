"""Every trial of a search in its order, and the best so far."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from moldiff.reporting.axis import Axis, Tick
from moldiff.reporting.figure_text import figure_text
from moldiff.reporting.tuning_record import PRUNED, ObjectiveEntry, TrialEntry
from moldiff.reporting.wording import setting_text

WIDTH, HEIGHT = 640, 280
"""Of the drawing, in pixels at its natural size."""

LEFT, RIGHT, TOP, BOTTOM = 54, 630, 10, 250
"""Edges of the area inside the axes."""

FRAME = {"width": WIDTH, "height": HEIGHT, "left": LEFT, "right": RIGHT, "top": TOP, "bottom": BOTTOM}
"""All of it, as the template takes it."""


@dataclass(frozen=True)
class Point:
    """One trial.

    Attributes:
        x: Where.
        y: Likewise.
        kind: kept, missed or pruned.
        says: What it was.
    """

    x: float
    y: float
    kind: str
    says: str


@dataclass(frozen=True)
class History:
    """The trials of a search by one of its objectives.

    Args:
        objective: The objective.
        trials: All of them.

    Example:
        >>> told = {"state": "complete", "kept_limits": True, "settings": {"gamma": 2}, "figures": {}}
        >>> values = [{"novel": value} for value in (4.0, 2.0, 9.0)]
        >>> trials = [TrialEntry(number=n, values=entry, **told) for n, entry in enumerate(values)]
        >>> history = History(ObjectiveEntry(name="novel", text="novel molecules", sign=1), trials)
        >>> [point.says for point in history.points][0], history.best
        ('trial 0: 4; gamma = 2', 'M59.0 175.9H342.0H625.0V22.9')
    """

    objective: ObjectiveEntry
    trials: list[TrialEntry]

    @property
    def points(self) -> list[Point]:
        """The trials that have a value."""
        return [
            Point(
                self._across.at(trial.number),
                self._up.at(value),
                _kind(trial),
                _says(trial, figure_text(self.objective.name, value)),
            )
            for trial, value in self._valued
        ]

    @property
    def best(self) -> str:
        """The path of the best value so far; "" where no trial counts."""
        path, reached = "", None
        for trial, value in self._valued:
            at = self._across.at(trial.number)
            if reached is not None:
                path += f"H{at}"
            if trial.counts and (reached is None or self.objective.sign * (value - reached) > 0):
                path += f"V{self._up.at(value)}" if path else f"M{at} {self._up.at(value)}"
                reached = value
        return path

    @property
    def across(self) -> list[Tick]:
        """Marks of the axis of trials."""
        return [tick for tick in self._across.ticks(8) if "." not in tick.text]

    @property
    def up(self) -> list[Tick]:
        """Marks of the axis of values."""
        return self._up.ticks(5)

    @cached_property
    def _valued(self) -> list[tuple[TrialEntry, float]]:
        trials = sorted(self.trials, key=lambda trial: trial.number)
        return [(trial, value) for trial in trials if (value := trial.value(self.objective.name)) is not None]

    @cached_property
    def _across(self) -> Axis:
        last = max((trial.number for trial, _ in self._valued), default=0)
        return Axis(0, max(1, last), LEFT + 5, RIGHT - 5)

    @cached_property
    def _up(self) -> Axis:
        ends = (BOTTOM, TOP) if self.objective.sign > 0 else (TOP, BOTTOM)
        return Axis.over([value for _, value in self._valued], *ends)


def _kind(trial: TrialEntry) -> str:
    if trial.state == PRUNED:
        return PRUNED
    return "kept" if trial.counts else "missed"


def _says(trial: TrialEntry, value: str) -> str:
    """Return what a trial was."""
    became = ""
    if trial.state == PRUNED:
        seeds = max(map(len, trial.figures.values()), default=0)
        became = f", given up after {seeds} seed{'' if seeds == 1 else 's'}"
    elif not trial.kept_limits:
        became = ", misses a limit"
    return f"trial {trial.number}: {value}{became}; {setting_text(trial.settings)}"

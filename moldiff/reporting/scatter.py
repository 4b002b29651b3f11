"""All arms of a problem as marks: how well they meet the goals against what they keep and cost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from moldiff.reporting.axis import Axis, Tick
from moldiff.reporting.frontier_record import ArmEntry, ProblemEntry, PublishedEntry

WIDTH, HEIGHT = 640, 430
"""Of the drawing, in pixels at its natural size."""

LEFT, RIGHT, TOP, BOTTOM = 54, 630, 10, 400
"""Edges of the area inside the axes."""

FRAME = {"width": WIDTH, "height": HEIGHT, "left": LEFT, "right": RIGHT, "top": TOP, "bottom": BOTTOM}
"""All of it, as the template takes it."""

AGAINST = ("novel", "hit_rate", "diversity", "nfe", "seconds")
"""Figures for the other axis. Frontiers are of the first, and published points lie on it alone."""

COSTS = ("nfe", "seconds")

TICKS = 6

SHAPES = (
    "M-5 0A5 5 0 1 0 5 0A5 5 0 1 0-5 0Z",
    "M-4.4-4.4H4.4V4.4H-4.4Z",
    "M0-6 6 0 0 6-6 0Z",
    "M0-5.6 5.4 4.2H-5.4Z",
    "M0 5.6 5.4-4.2H-5.4Z",
    "M-2-5.4H2V-2H5.4V2H2V5.4H-2V2H-5.4V-2H-2Z",
    "M-5.6-1.8 0-6 5.6-1.8 3.5 4.9H-3.5Z",
)
"""Paths around 0, a model each: circle, square, diamond, triangles, cross, pentagon."""

STAR = "M0-7.2 1.8-2.3 6.9-2.2 2.8.9 4.2 5.8 0 3-4.2 5.8-2.8.9-6.9-2.2-1.8-2.3Z"
CROSS = "M-5-5 5 5M-5 5 5-5"
"""Published points, and those that are shown apart."""


KINDS = {
    "tried": "one of all arms tried",
    "other": "not on the frontier",
    "front": "on the frontier of its model",
    "published": "published",
    "apart": "published, made in another way: shown apart",
}
"""What a mark may be, in the order of painting: what matters most comes last."""


@dataclass(frozen=True)
class Mark:
    """One mark.

    Attributes:
        entry: What it stands for.
        kind: A key of ``KINDS``.
        colour: Class of its model's colour; "" for none.
        shape: Number of its path, or a word for one that no model has.
        values: On the other axes by name, None where it has none.
        bars: Ends of the intervals there, likewise; none for arms that are not of a frontier.
        y: Its height in the drawing.
        reach: Ends of the interval of the height, in the drawing.
    """

    entry: ArmEntry | PublishedEntry
    kind: str
    colour: str
    shape: str
    values: dict[str, float | None]
    bars: dict[str, tuple[float, float] | None]
    y: float
    reach: tuple[float, float] | None


def colour_and_shape(number: int) -> tuple[int, int]:
    """Return which colour and which shape a model has, of as many of each as ``SHAPES``.

    Models beyond the colours take each colour with another shape.

    Example:
        >>> colour_and_shape(1), colour_and_shape(8)
        ((1, 1), (1, 2))
    """
    again, colour = divmod(number, len(SHAPES))
    return colour, (number + again) % len(SHAPES)


def look(number: int) -> tuple[str, str]:
    """Return class of the colour and number of the shape of a model.

    Example:
        >>> look(1), look(8)
        (('m1', '1'), ('m1', '2'))
    """
    colour, shape = colour_and_shape(number)
    return f"m{colour}", str(shape)


@dataclass(frozen=True)
class Scatter:
    """The drawing of one problem.

    Example:
        >>> problem = ProblemEntry(
        ...     name="rings", ask=["rings>3"], aim=["rings>3"], property="rings", unit="1", sign=1, arms=[],
        ...     figure="mean_novel", arms_tried=0, models=[], published=[], tried=[],
        ... )
        >>> scatter = Scatter(problem)
        >>> scatter.marks, scatter.n, scatter.axes["novel"].at(0.0)
        ([], 1, 54.0)
    """

    problem: ProblemEntry

    @cached_property
    def n(self) -> int:
        """Proposals that counts are of: where arms differ, those of all are taken for so many."""
        return max((arm.n for arm in (*self.problem.arms, *self.problem.tried)), default=1)

    @cached_property
    def marks(self) -> list[Mark]:
        """All marks, in the order of painting."""
        arms = [
            self._arm(arm, kind)
            for kind, arms in (("tried", self.problem.tried), ("", self.problem.arms))
            for arm in arms
            if arm.value(self.problem.figure) is not None
        ]
        published = [self._published(entry) for entry in self.problem.published]
        order = list(KINDS)
        return sorted([*arms, *published], key=lambda mark: order.index(mark.kind))

    @property
    def undrawn(self) -> int:
        """Arms without the figure of the axis: they have no novel molecule."""
        return sum(
            arm.value(self.problem.figure) is None for arm in (*self.problem.arms, *self.problem.tried)
        )

    @cached_property
    def axes(self) -> dict[str, Axis]:
        """The other axes by figure; those that no arm has a value of are left out."""
        found = {}
        for name in AGAINST:
            values = [self._value(arm, name) for arm in self._drawn]
            known = [value for value in values if value is not None]
            if name == "novel":
                known += [entry.novel * self.n / entry.n for entry in self.problem.published]
            if known or name == "novel":
                found[name] = Axis.over(known, LEFT, RIGHT, zero=name == "novel", cost=name in COSTS)
        return found

    @cached_property
    def up(self) -> Axis:
        """The axis of the figure that says how well goals are met: better is higher."""
        problem = self.problem
        values = [value for arm in self._drawn if (value := arm.value(problem.figure)) is not None]
        values += [entry.mean for entry in problem.published]
        ends = (BOTTOM, TOP) if problem.sign > 0 else (TOP, BOTTOM)
        return Axis.over(values, *ends)

    @property
    def joined(self) -> Iterator[tuple[str, str]]:
        """Yield for each model its colour and the path that joins its frontier."""
        for number, group in enumerate(self.problem.groups):
            places = sorted(
                (self.axes["novel"].at(self._value(arm, "novel") or 0.0), self._height(arm))
                for arm in self.problem.frontier(group)
                if arm.value(self.problem.figure) is not None
            )
            if len(places) > 1:
                yield look(number)[0], "M" + " ".join(f"{x:g} {y:g}" for x, y in places)

    def bars(self, mark: Mark) -> str:
        """Return the path of the intervals of a mark, against novel molecules; "" without any."""
        ends, value = mark.bars["novel"], mark.values["novel"]
        if ends is None or mark.reach is None or value is None:
            return ""
        (left, right), x = map(self.axes["novel"].at, ends), self.axes["novel"].at(value)
        return f"M{left:g} {mark.y:g}H{right:g}M{x:g} {mark.reach[0]:g}V{mark.reach[1]:g}"

    def ticks(self, name: str) -> list[Tick]:
        """Return the marks of one of the other axes."""
        return self.axes[name].ticks(TICKS)

    @property
    def rows(self) -> list[Tick]:
        """The marks of the axis upwards."""
        return self.up.ticks(TICKS)

    @cached_property
    def _drawn(self) -> list[ArmEntry]:
        arms = (*self.problem.tried, *self.problem.arms)
        return [arm for arm in arms if arm.value(self.problem.figure) is not None]

    def _arm(self, arm: ArmEntry, kind: str) -> Mark:
        kind = kind or ("front" if arm.frontier else "other")
        colour, shape = look(self.problem.groups.index(arm.model))
        front = kind == "front"
        return Mark(
            arm,
            kind,
            colour,
            shape,
            {name: self._value(arm, name) for name in self.axes},
            {name: self._ends(arm, name) if front else None for name in self.axes},
            self._height(arm),
            self._reach(arm) if front else None,
        )

    def _published(self, entry: PublishedEntry) -> Mark:
        values = {name: entry.novel * self.n / entry.n if name == "novel" else None for name in self.axes}
        kind, shape = ("apart", "cross") if entry.apart else ("published", "star")
        height = self.up.at(entry.mean)
        return Mark(entry, kind, "", shape, values, dict.fromkeys(self.axes), height, None)

    def _value(self, arm: ArmEntry, name: str) -> float | None:
        value = arm.value(name)
        return value if value is None or name != "novel" else value * self.n / arm.n

    def _ends(self, arm: ArmEntry, name: str) -> tuple[float, float] | None:
        entry = arm.figures[name]
        scale = self.n / arm.n if name == "novel" else 1.0
        if entry.low is None or entry.high is None:
            return None
        return entry.low * scale, entry.high * scale

    def _height(self, arm: ArmEntry) -> float:
        return self.up.at(arm.value(self.problem.figure) or 0.0)

    def _reach(self, arm: ArmEntry) -> tuple[float, float] | None:
        entry = arm.figures[self.problem.figure]
        return (
            None
            if entry.low is None or entry.high is None
            else (self.up.at(entry.low), self.up.at(entry.high))
        )

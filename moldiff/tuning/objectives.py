"""What counts in a search: figures with a direction, and limits that settings have to keep."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from moldiff.errors import InputError, did_you_mean
from moldiff.guidance.methods import needs_predictor
from moldiff.metrics import hypervolume
from moldiff.settings import check_keywords
from moldiff.sweep.figures import FIGURES
from moldiff.sweep.problem import Problem

DEFAULT = "novel_hits"
"""What counts unless told: what one takes home of a number of proposals, which repeating oneself or the
training molecules does not raise."""

SWEPT = "hypervolume"
STRENGTHS = (1.0, 2.0, 3.0)
"""Of the guidance, over which the hypervolume is taken."""


@dataclass(frozen=True)
class Objective:
    """A figure that is to be as large, or as small, as can be.

    Attributes:
        text: What it is.
        sign: 1 where more of it is wanted, -1 where less is; 0 where that is as the goals say.
    """

    text: str
    sign: int = 0


OBJECTIVES: dict[str, Objective] = {
    **{name: Objective(figure.text, figure.sign) for name, figure in FIGURES.items() if figure.sign},
    "mean_novel": Objective(FIGURES["mean_novel"].text),
    "mean_all": Objective(FIGURES["mean_all"].text),
    SWEPT: Objective(
        "area that the points (novel of proposed molecules, figure of the goal) of strengths 1, 2 and 3 "
        "dominate, above no novel molecule at the average of training",
        1,
    ),
}
"""All that a search may be for."""


def direction(name: str, problem: Problem) -> int:
    """Return whether more (1) or less (-1) of an objective is wanted.

    Raises:
        InputError: If there is no such objective, or it has no better direction for the goals.

    Example:
        >>> direction("novel_hits", Problem("rings", ("rings>=4",)))
        1
        >>> direction("mean_novel", Problem("logP", ("logP=1",)))
        Traceback (most recent call last):
        moldiff.errors.InputError: objective 'mean_novel': 'logP' wants neither more nor less of it; ...
    """
    if name not in OBJECTIVES:
        raise InputError(f"unknown objective '{name}'{did_you_mean(name, OBJECTIVES)}")
    figure, wanted = problem.axis
    if OBJECTIVES[name].sign:
        return OBJECTIVES[name].sign
    if figure == "mean_novel":
        return wanted
    raise InputError(
        f"objective '{name}': '{problem.name}' wants neither more nor less of it; take novel_hits or "
        "error_novel"
    )


def check_objectives(names: Sequence[str], problem: Problem) -> None:
    """Refuse objectives that do not exist or come twice.

    Raises:
        InputError: Naming the first.
    """
    for name in names:
        direction(name, problem)
    if not names or len(set(names)) < len(names):
        raise InputError(f"expected objectives that differ, got {', '.join(names) or 'none'}")


@dataclass(frozen=True)
class Limit:
    """A figure that settings have to keep at or above (below) a number.

    Attributes:
        figure: One of ``FIGURES``.
        least: Whether the bound is the least that will do, or the most.
        bound: The number.

    Example:
        >>> limit = Limit.parse("novelty>=0.5")
        >>> limit.excess({"novelty": 0.4}), limit.excess({"novelty": 0.75}), str(limit)
        (0.2, -0.5, 'novelty>=0.5')
    """

    figure: str
    least: bool
    bound: float

    @classmethod
    def parse(cls, text: str) -> Limit:
        """Return the limit of a text such as "novelty>=0.5" or "nfe<=40".

        Raises:
            InputError: If it is no such text, or there is no such figure.
        """
        found = re.fullmatch(r"\s*(\w+)\s*(>=|<=)\s*(\S+)\s*", text)
        try:
            number = float(found[3]) if found else math.nan
        except ValueError:
            number = math.nan
        if not found or not math.isfinite(number):
            raise InputError(f"expected a limit such as novelty>=0.5 or nfe<=40, got '{text}'")
        check_keywords([found[1]], FIGURES, "figure")
        return cls(found[1], found[2] == ">=", number)

    def excess(self, figures: Mapping[str, float]) -> float:
        """Return by how much figures miss the limit, as a share of it; 0 or less where they keep it.

        A figure that is not there misses it by far.
        """
        value = figures[self.figure]
        if math.isnan(value):
            return MISSING
        away = (self.bound - value) * (1 if self.least else -1)
        return round(away / (abs(self.bound) or 1.0), 9)

    def __str__(self) -> str:
        return f"{self.figure}{'>=' if self.least else '<='}{self.bound:g}"


MISSING = 1000.0
"""By how much a figure that is not there misses a limit."""


def strength(method: str) -> str:
    """Return the setting that says how strongly a guidance steers."""
    return "gamma_classifier" if needs_predictor(method) else "gamma"


def arms(settings: Mapping[str, Any], method: str, objectives: Sequence[str]) -> list[dict[str, Any]]:
    """Return the settings that are drawn for an arm: with several strengths where the hypervolume counts.

    Args:
        settings: Of the arm.
        method: The guidance that serves it.
        objectives: What counts.

    Example:
        >>> arms({"steps": 32}, "cfg", ["hypervolume"])[0]
        {'steps': 32, 'gamma': 1.0}
    """
    if SWEPT not in objectives:
        return [dict(settings)]
    return [{**settings, strength(method): value} for value in STRENGTHS]


def together(rows: Sequence[Mapping[str, Any]], problem: Problem, n: int, average: float) -> dict[str, float]:
    """Return the figures of what was drawn for an arm with one seed: the mean of each, and the hypervolume.

    Args:
        rows: Figures, one for each of ``arms``.
        problem: The goals.
        n: Proposals of a sample.
        average: The figure of the problem's axis over the training molecules.
    """
    found = {name: float(np.mean([row[name] for row in rows])) for name in FIGURES}
    name, sign = problem.axis
    points = [(row["novel"] / n, sign * row[name]) for row in rows if not math.isnan(row[name])]
    found[SWEPT] = hypervolume(points, (0.0, sign * average)) if math.isfinite(average) else math.nan
    return found

"""Pictures of frontiers: the figure of the axis against novel molecules, hits, diversity and cost."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from moldiff.chem.properties import PROPERTIES
from moldiff.files import whole_file
from moldiff.reporting.scatter import colour_and_shape
from moldiff.sweep.results import ArmResult, ProblemResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#1b1b1b")
"""Okabe and Ito's, told apart with any colour vision."""

MARKERS = "osD^vPX"

AGAINST = {
    "novel": "distinct novel molecules",
    "hit_rate": "hits of all proposals",
    "diversity": "diversity of the novel molecules",
    "nfe": "network rows a proposal",
    "seconds": "seconds a sample",
}
"""Figures on the other axis, a panel each, and what they are called; published points lie on the first."""

FORMATS = ("png", "svg")


def write(told: ProblemResult, tried: ProblemResult, folder: Path) -> list[Path]:
    """Draw a problem's frontiers as PNG and SVG.

    Args:
        told: What the frontiers are told by.
        tried: All arms, on the seeds that they were chosen by.
        folder: Where to.

    Returns:
        The files, none where no arm has enough novel molecules.
    """
    if not told.eligible():
        return []
    picture, places = draw(told, tried), []
    name = re.sub(r"[^\w.-]+", "-", told.problem.name).strip("-")
    for suffix in FORMATS:
        places.append(folder / f"frontier-{name}.{suffix}")
        with whole_file(places[-1]) as part:
            picture.savefig(part, dpi=150)
    return places


def draw(told: ProblemResult, tried: ProblemResult) -> Figure:
    """Return the picture: every arm as a faint point, those of a model's frontier filled and joined."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13.0, 7.0), layout="constrained")
    grid = figure.add_gridspec(2, 4)
    small = [grid[row, column] for row in (0, 1) for column in (2, 3)]
    panels = [figure.add_subplot(place) for place in (grid[:, :2], *small)]
    for axes, other in zip(panels, AGAINST, strict=True):
        _panel(axes, told, tried, other)
        axes.spines[["top", "right"]].set_visible(False)
    _publish(panels[0], told)
    panels[0].legend(frameon=False, fontsize=8)
    return figure


def _panel(axes: Axes, told: ProblemResult, tried: ProblemResult, other: str) -> None:
    name, sign = told.problem.axis
    first = other == next(iter(AGAINST))
    for number, group in enumerate(tried.groups):
        colour, marker = _look(number)
        x, y = _means(tried.eligible(group), other, name)
        axes.plot(x, y, marker, color=colour, markersize=3.5, markerfacecolor="none", alpha=0.45)
        best = told.frontier(group)
        x, y = _means(best, other, name)
        if first:
            width, height = _bars(best, other), _bars(best, name)
            axes.errorbar(x, y, height, width, "none", ecolor=colour, elinewidth=0.7)
        axes.plot(x, y, marker, linestyle="-" if first else "none", color=colour, linewidth=1.1, label=group)
    axes.set_xlabel(AGAINST[other])
    if sign < 0:
        axes.invert_yaxis()
    if first:
        unit = PROPERTIES[told.problem.quantity].unit
        shown = "" if unit == "1" else f" ({unit})"
        mean = f"mean {told.problem.quantity} of novel molecules{shown}"
        axes.set_ylabel(
            mean if name == "mean_novel" else "mean error of novel molecules (training deviations)"
        )


def _look(number: int) -> tuple[str, str]:
    """Return colour and marker of a model, chosen as on the page of the sweep."""
    colour, shape = colour_and_shape(number)
    return COLOURS[colour], MARKERS[shape]


def _means(arms: Sequence[ArmResult], *names: str) -> list[NDArray[np.float64]]:
    """Return the mean of figures over seeds, (N,) each."""
    return [np.array([entry.mean(name) for entry in arms]) for name in names]


def _bars(arms: Sequence[ArmResult], name: str) -> NDArray[np.float64]:
    """Return what an interval is wide on both sides, (2, N): nothing where there is none."""
    found = [entry.interval(name) for entry in arms]
    sides = [[each.value - each.low for each in found], [each.high - each.value for each in found]]
    bars: NDArray[np.float64] = np.nan_to_num(np.array(sides, dtype=np.float64))
    return bars


def _publish(axes: Axes, result: ProblemResult) -> None:
    """Draw what others have published, per the proposals of these arms."""
    n = result.proposals
    for apart, marker in ((False, "*"), (True, "x")):
        points = [entry for entry in result.published if entry.apart == apart]
        if points:
            axes.scatter(
                [entry.novel * n / entry.n for entry in points],
                [entry.mean for entry in points],
                marker=marker,
                s=60,
                color="#555555",
                zorder=3,
                label="published, made otherwise" if apart else "published",
            )

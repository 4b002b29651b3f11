"""The part of a page with the histograms: what came against the goal and the training molecules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from moldiff.chem.goals import Goal
from moldiff.chem.statistics import PropertyStatistics
from moldiff.measuring import UNCERTAINTY
from moldiff.reporting.histogram import FRAME, Histogram
from moldiff.reporting.run import Run
from moldiff.reporting.wording import decimals, number_text, short_name, unit_text


@dataclass(frozen=True)
class Chart:
    """A histogram with what stands around it.

    Attributes:
        name: The property.
        unit: Its unit; "" for none.
        wish: The goal on it; "" without one.
        predicted: Whether the values are predictions.
        histogram: What is drawn.
        returned: What is said of the molecules returned.
        training: What is said of the training molecules; "" where nothing is known.
    """

    name: str
    unit: str
    wish: str
    predicted: bool
    histogram: Histogram
    returned: str
    training: str


def properties(run: Run) -> dict[str, Any] | None:
    """Return what the template ``properties.html`` shows of a run; None if it has no values.

    Goals come first, in their order, then what else the model or the run knows.
    """
    wishes = {entry.property: wish for entry, wish in zip(run.record.goals, run.wishes, strict=True)}
    goals = {entry.property: run.record.goal(entry) for entry in run.record.goals}
    charts, alike = [], []
    for name in dict.fromkeys([*wishes, *run.record.training]):
        values = run.numbers(name)
        if np.isnan(values).all():
            continue
        chart = _chart(run, name, goals.get(name), wishes.get(name, ""))
        if chart is None:
            alike.append(f"{name} ({number_text(float(np.nanmax(values)))})")
        else:
            charts.append(chart)
    if not charts and not alike:
        return None
    return {
        "charts": charts,
        "frame": FRAME,
        "alike": alike,
        "wished": bool(wishes),
        "total": len(run.table),
        "kept": max(
            (chart.histogram.training.known for chart in charts if chart.histogram.training), default=0
        ),
    }


def _chart(run: Run, name: str, goal: Goal | None, wish: str) -> Chart | None:
    """Return the histogram of one property, None if there is nothing to see."""
    values, statistics = run.numbers(name), run.record.statistics(name)
    bounds = None if goal is None else goal.bounds()
    histogram = Histogram.of(values, statistics, run.record.bins(name), bounds)
    if histogram is None:
        return None
    unit = unit_text(statistics.unit) if statistics else ""
    known = int((~np.isnan(values)).sum())
    said = [] if known == len(values) else [f"{known:,} of {len(values):,} have a value"]
    if not (statistics and statistics.classes):
        said.append(f"median {_with_unit(_middle(float(np.nanmedian(values)), statistics), unit)}")
    if goal is not None:
        said.append(f"{int(goal.hit(values).sum()):,} of {len(values):,} meet the goal")
        said += ["which lies beyond this axis"] if histogram.band is None else []
    if histogram.beyond:
        said.append(f"{histogram.beyond:,} beyond this axis")
    predicted = name + UNCERTAINTY in run.table
    wish = wish.replace(name, short_name(name))
    return Chart(
        name, unit, wish, predicted, histogram, ", ".join(said), _of_training(statistics, histogram, unit)
    )


def _of_training(statistics: PropertyStatistics | None, histogram: Histogram, unit: str) -> str:
    """Return what is said of the training values of a property."""
    if statistics is None or statistics.classes:
        return ""
    low, middle, high = (_middle(statistics.quantiles[q], statistics) for q in ("0.05", "0.5", "0.95"))
    whose = "training" if histogram.training is not None else f"grey line, {statistics.source}"
    return f"{whose}: median {_with_unit(middle, unit)}, middle 90% {low} to {_with_unit(high, unit)}"


def _middle(value: float, statistics: PropertyStatistics | None) -> str:
    # The median of whole numbers may lie between two of them.
    return number_text(value, None if statistics and statistics.integer else decimals(statistics))


def _with_unit(text: str, unit: str) -> str:
    return f"{text} {unit}" if unit else text

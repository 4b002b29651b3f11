"""The picture of a predictor's calibration: how often its intervals hold, and how far off it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from moldiff.benchmarks.chart import COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SHOWN = ("gap", "mu", "logP", "QED", "rings", "heavy_atoms")
"""Properties with a colour of their own; the others are grey."""

OTHERS, GREY = "others", "#b8b8b8"


def calibration_picture(figures: pd.DataFrame) -> Figure:
    """Draw coverage of the 90% intervals, and error over the standard deviation, against the noise level.

    Args:
        figures: What ``calibration_table`` returned, and a column error_in_sd.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10.5, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    molecules = int(figures["molecules"].max())
    _curves(left, figures, "coverage")
    left.axhspan(0.85, 0.95, color=COLOURS[3], alpha=0.12, linewidth=0)
    left.axhline(0.9, color=COLOURS[0], linewidth=0.8, linestyle="--")
    left.set_ylim(0.8, 1.0)
    left.set_yticks([0.8, 0.85, 0.9, 0.95, 1.0])
    left.set_ylabel("share of labels within the 90% interval")
    left.set_title(f"Coverage on {molecules:,} test molecules; band .85 to .95", fontsize=10, loc="left")
    _curves(right, figures.dropna(subset="error_in_sd"), "error_in_sd")
    right.set_ylim(bottom=0)
    right.set_ylabel("mean absolute error / standard deviation")
    right.set_title("Error of the stated value", fontsize=10, loc="left")
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_xlabel("noise level (0: the finished molecule, 1: nothing of it)")
        axes.set_xlim(0, 1)
    # Of the left panel: a property that is the same in all molecules has no curve on the right.
    handles, names = left.get_legend_handles_labels()
    order = sorted(range(len(names)), key=lambda place: names[place].endswith(OTHERS))
    figure.legend(
        [handles[i] for i in order],
        [names[i] for i in order],
        loc="outside right center",
        frameon=False,
        fontsize=9,
    )
    return figure


def _curves(axes: Axes, figures: pd.DataFrame, column: str) -> None:
    """Draw one line a property, the grey ones below."""
    groups = dict(iter(figures.groupby("property", sort=False)))
    shown = [name for name in SHOWN if name in groups]
    grey = [name for name in groups if name not in shown]
    for number, name in enumerate(grey):
        label = f"{len(grey)} {OTHERS}" if number == 0 else None
        axes.plot(groups[name]["level"], groups[name][column], color=GREY, linewidth=1, label=label)
    for colour, name in zip(COLOURS[1:], shown, strict=False):
        axes.plot(
            groups[name]["level"],
            groups[name][column],
            "o-",
            color=colour,
            linewidth=1.4,
            markersize=3.5,
            label=name.replace("_", " "),
        )

"""Pictures of what was measured, from the result files: nothing is drawn from a model here.

It takes --controllability and --steps, files that these benchmarks wrote, and draws what it is given:

    python -m moldiff.benchmarks.chart --steps benchmarks/results/steps.json -o docs/pictures
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console

from moldiff.benchmarks.common import run
from moldiff.errors import InputError
from moldiff.files import whole_file
from moldiff.models.checkpoint import read_json

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#1b1b1b", "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Okabe and Ito's, told apart with any colour vision; the first is for ancestral sampling."""


def parser() -> argparse.ArgumentParser:
    """Return the options."""
    found = argparse.ArgumentParser(description="Pictures from result files.")
    found.add_argument("--controllability", type=Path, help="JSON file of that benchmark")
    found.add_argument("--steps", type=Path, help="JSON file of that benchmark")
    found.add_argument("--model", help="which model of the first file; its first unless given")
    found.add_argument(
        "-o", "--output", type=Path, default=Path("docs/pictures"), help="folder of the PNG files"
    )
    return found


def main(words: Sequence[str]) -> None:
    """Draw the pictures whose result files are given."""
    given = parser().parse_args(words)
    if given.controllability is None and given.steps is None:
        raise InputError("expected --controllability or --steps, a result file to draw")
    if given.controllability is not None:
        models = read_json(given.controllability)["results"]
        sweep = models.get(given.model or next(iter(models)), {}).get("sweep")
        if sweep is None:
            raise InputError(
                f"{given.controllability} holds no sweep of that model: run it with --parts sweep"
            )
        save(attained(sweep), given.output / "attained.png")
    if given.steps is not None:
        save(steps(read_json(given.steps)["results"]["samplers"]), given.output / "steps.png")


def save(figure: Figure, path: Path) -> None:
    """Write a picture, whole or not at all."""
    with whole_file(path) as part:
        figure.savefig(part, dpi=150)
    Console().print(f"written to {path}", highlight=False)


def attained(sweep: dict[str, Any]) -> Figure:
    """Draw attained against asked values: every proposal, medians, and the middle 90%.

    Args:
        sweep: Entry of the controllability benchmark: property, unit, std, asked, attained.
    """
    figure, (axes,) = _figure(1, width=5.2)
    asked, values = np.array(sweep["asked"]), [np.array(each) for each in sweep["attained"]]
    spread = 0.2 * float(np.diff(asked).min()) if len(asked) > 1 else 0.1
    # The points of a column lie beside each other, in an order that a reader can draw again.
    shift = np.random.default_rng(0)
    x = np.concatenate(
        [at + shift.uniform(-spread, spread, len(each)) for at, each in zip(asked, values, strict=True)]
    )
    axes.scatter(
        x, np.concatenate(values), s=4, alpha=0.25, color=COLOURS[1], linewidths=0, label="a proposal"
    )
    low, middle, high = np.array([np.quantile(each, [0.05, 0.5, 0.95]) for each in values]).T
    axes.fill_between(asked, low, high, color=COLOURS[1], alpha=0.12, linewidth=0, label="middle 90%")
    axes.plot(asked, middle, "o-", color=COLOURS[1], markersize=4, label="median")
    axes.plot(asked, asked, "--", color=COLOURS[0], linewidth=1, label="as asked")
    unit = "" if sweep["unit"] == "1" else f" ({sweep['unit']})"
    axes.set_xlabel(f"{sweep['property']} asked for{unit}")
    axes.set_ylabel(f"{sweep['property']} attained{unit}")
    axes.legend(frameon=False, fontsize=8)
    return figure


def steps(entries: Sequence[dict[str, Any]]) -> Figure:
    """Draw Wasserstein figure, hit rate and novelty against the number of steps, with intervals where known.

    Args:
        entries: Of the benchmark of steps; of several seeds the first is drawn.
    """
    figure, panels = _figure(3, width=13.0)
    left, middle, right = panels
    first = [entry for entry in entries if entry["seed"] == entries[0]["seed"]]
    _curves(left, first, lambda entry: entry["wasserstein"])
    _curves(middle, first, lambda entry: entry["aim"]["hit_rate"])
    # Of distinct molecules there is no interval.
    _curves(right, first, lambda entry: {"value": entry["aim"]["novelty_table"], "low": None, "high": None})
    left.set_ylabel("distance to held-out QM9 (standard deviations)")
    middle.set_ylabel('share of proposals that meet "rings>=4"')
    right.set_ylabel("novel of the distinct molecules for that goal")
    for axes in panels:
        axes.set_xlabel("steps T")
        axes.set_xscale("log", base=2)
        ticks = sorted({entry["steps"] for entry in first})
        axes.set_xticks(ticks, [str(each) for each in ticks])
    left.set_ylim(bottom=0)
    right.legend(frameon=False, fontsize=8)
    return figure


def _curves(
    axes: Axes, entries: Sequence[dict[str, Any]], figure: Callable[[dict[str, Any]], dict[str, float | None]]
) -> None:
    """Draw one line a sampler."""
    names = list(dict.fromkeys(entry["sampler"] for entry in entries))
    for number, name in enumerate(names):
        own = [entry for entry in entries if entry["sampler"] == name]
        found = [figure(entry) for entry in own]
        value = np.array([each["value"] for each in found])
        # A basic bootstrap interval may lie on one side of its figure: bars have no negative length.
        low, high = (np.array([each[end] for each in found], dtype=float) for end in ("low", "high"))
        below, above = (np.nan_to_num(np.maximum(bar, 0.0)) for bar in (value - low, high - value))
        axes.errorbar(
            [entry["steps"] for entry in own],
            value,
            yerr=[below, above],
            fmt="o--" if number == 0 else "o-",
            color=COLOURS[number % len(COLOURS)],
            markersize=4,
            linewidth=1.2,
            capsize=2,
            label=name,
        )


def _figure(panels: int, *, width: float) -> tuple[Figure, list[Axes]]:
    """Return a figure with panels side by side."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, 4.0), layout="constrained")
    axes = [figure.add_subplot(1, panels, number + 1) for number in range(panels)]
    for each in axes:
        each.spines[["top", "right"]].set_visible(False)
    return figure, axes


if __name__ == "__main__":
    run(main)

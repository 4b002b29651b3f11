"""Pictures of what was measured, from the result files: nothing is drawn from a model here.

It takes files that other benchmarks wrote, each by the benchmark's name, and draws what it is given:

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
    for name in PICTURES:
        found.add_argument(f"--{name}", type=Path, help="JSON file of that benchmark")
    found.add_argument("--model", help="which model of --controllability; its first unless given")
    found.add_argument(
        "-o", "--output", type=Path, default=Path("docs/pictures"), help="folder of the PNG files"
    )
    return found


def main(words: Sequence[str]) -> None:
    """Draw the pictures whose result files are given."""
    given = parser().parse_args(words)
    asked = [name for name in PICTURES if getattr(given, name) is not None]
    if not asked:
        raise InputError(f"expected a result file to draw: --{' or --'.join(PICTURES)}")
    for name in asked:
        file, draw = PICTURES[name]
        save(draw(read_json(getattr(given, name))["results"], given), given.output / file)


def save(figure: Figure, path: Path) -> None:
    """Write a picture, whole or not at all."""
    with whole_file(path) as part:
        figure.savefig(part, dpi=150)
    Console().print(f"written to {path}", highlight=False)


def chosen_sweep(models: dict[str, Any], given: argparse.Namespace) -> Figure:
    """Draw the sweep of one model of the controllability benchmark.

    Raises:
        InputError: If there is none.
    """
    sweep = models.get(given.model or next(iter(models)), {}).get("sweep")
    if sweep is None:
        raise InputError(f"{given.controllability} holds no sweep of that model: run it with --parts sweep")
    return attained(sweep)


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


def training(results: dict[str, Any]) -> Figure:
    """Draw FCD to the MOSES test set along a training run, against the minutes that it took.

    Args:
        results: Of the MOSES benchmark, with a curve.

    Raises:
        InputError: If it was run without ``--curve``.
    """
    points = sorted(results["curve"], key=lambda point: float(point["tokens"]))
    if not points:
        raise InputError("that MOSES benchmark holds no curve: run it with --curve")
    figure, (axes,) = _figure(1, width=5.2)
    minutes = [60 * point["training hours"] for point in points]
    axes.plot(minutes, [point["FCD/Test"] for point in points], "o-", color=COLOURS[1], markersize=4)
    axes.axhline(results["targets"]["FCD/Test"], linestyle="--", color=COLOURS[0], linewidth=1, label="aim")
    axes.legend(frameon=False, fontsize=8)
    axes.set_xlabel("training (minutes of the machine)")
    axes.set_ylabel("FCD to the MOSES test set")
    axes.set_yscale("log")
    return figure


def throughput(results: dict[str, Any]) -> Figure:
    """Draw molecules a second against canvas length, rows of a chunk and steps: medians, least and most.

    Args:
        results: Of the benchmark of throughput.
    """
    names = {"length": "canvas length", "rows": "rows of a chunk", "steps": "steps T"}
    figure, panels = _figure(len(names), width=13.0)
    for axes, (axis, name) in zip(panels, names.items(), strict=True):
        own = sorted((row for row in results["sweep"] if row["axis"] == axis), key=lambda row: int(row[axis]))
        x, value, least, most = (
            np.array([row[key] for row in own]) for key in (axis, "per_second", "least", "most")
        )
        bars = [np.maximum(value - least, 0.0), np.maximum(most - value, 0.0)]
        axes.errorbar(x, value, yerr=bars, fmt="o-", color=COLOURS[1], markersize=4, capsize=2)
        axes.set_xlabel(name)
        axes.set_title(", ".join(f"{each} {own[0][each]}" for each in names if each != axis), fontsize=10)
        axes.set_ylim(bottom=0)
        if axis != "length":
            axes.set_xscale("log", base=2)
        axes.set_xticks(x, [str(each) for each in x])
    panels[0].set_ylabel("molecules a second")
    return figure


def denovo(results: dict[str, Any]) -> Figure:
    """Draw quality against diversity: unguided molecules beside published models, those with goals apart.

    Args:
        results: Of the benchmark of molecules de novo.
    """
    figure, panels = _figure(2, width=9.0)
    colours: dict[str, str] = {}
    for axes, kind, title in zip(
        panels, ("free", "goals"), ("asked for nothing", "asked for max QED, min SA"), strict=True
    ):
        own = [arm for arm in results["arms"] if arm["kind"] == kind]
        for name in dict.fromkeys(arm["sampler"] for arm in own):
            colour = colours.setdefault(name, COLOURS[1 + len(colours)])
            drawn = [arm for arm in own if arm["sampler"] == name]
            points = [(arm["diversity"], arm["quality"]) for arm in drawn]
            axes.plot(*zip(*points, strict=True), "o", color=colour, label=name)
            for arm, point in zip(drawn, points, strict=True):
                label = f"T {arm['temperature']:g}" + (f", γ {arm['gamma']:g}" if "gamma" in arm else "")
                axes.annotate(
                    label, point, (0, 6), textcoords="offset points", ha="center", fontsize=7, color=colour
                )
        axes.margins(0.15)
        axes.set_title(title, fontsize=10)
        axes.set_xlabel("diversity")
    for number, name in enumerate(dict.fromkeys(point["model"] for point in results["published"])):
        points = [(row["diversity"], row["quality"]) for row in results["published"] if row["model"] == name]
        panels[0].plot(
            *zip(*sorted(points), strict=True), "x--", color=COLOURS[-1 - number], linewidth=1, label=name
        )
    panels[0].set_ylabel("quality")
    for axes in panels:
        axes.legend(frameon=False, fontsize=8)
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


Draw = Callable[[dict[str, Any], argparse.Namespace], "Figure"]

PICTURES: dict[str, tuple[str, Draw]] = {
    "controllability": ("attained.png", chosen_sweep),
    "steps": ("steps.png", lambda results, _: steps(results["samplers"])),
    "moses": ("moses-training.png", lambda results, _: training(results)),
    "throughput": ("throughput.png", lambda results, _: throughput(results)),
    "denovo": ("denovo.png", lambda results, _: denovo(results)),
}
"""Name of a benchmark to the file of its picture, and what draws it from the results."""


if __name__ == "__main__":
    run(main)

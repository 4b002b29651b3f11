"""Choose sampler, gamma and temperature on goals and a seed that no report uses.

Every cell of the grid sampler x gamma x temperature is asked for the tuning aims: the 25th and 75th
percentile of five properties and of a pair, and ranges other than the reported "rings>=4". The choice is the
cell with the least mean error, in training standard deviations over all valid proposals, among those whose
uniqueness, expected at 1,000 proposals, is at least 0.95. The reported goal stands beside it and decides
nothing.

Cells are kept in a CSV file beside the JSON file as soon as they are finished; the same command goes on.

    python -m moldiff.benchmarks.choose --model qm9 -o benchmarks/results/choose.json
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from moldiff.benchmarks.aims import PAIR, PROPERTIES, value_aims
from moldiff.benchmarks.common import Record, options, run, show
from moldiff.benchmarks.samples import Model
from moldiff.chem.aims import Aim
from moldiff.chem.properties import measure
from moldiff.errors import InputError
from moldiff.files import whole_file
from moldiff.sweep.arm import write_sampler

GRID = ("sampler", "gamma", "temperature")
GAMMAS = (1.0, 1.5, 2.0, 3.0, 5.0)
TEMPERATURES = (0.5, 0.7, 0.85, 1.0)
RANGES = ("rings=3", "rings>=5", "1<=logP<=2", "max QED", "min SA")
REPORTED = "rings>=4"
TUNING_SEED = 90_001
"""Of no report: they count from 0."""

LEAST_UNIQUENESS = 0.95
PROPOSALS = 1000
"""At which uniqueness is expected to be at least the least."""


def parser() -> argparse.ArgumentParser:
    """Return the options."""
    found = options("Choose sampler, gamma and temperature.", n=128, seeds=[TUNING_SEED])
    found.add_argument("--samplers", nargs="+", help="with their knobs; the model's own")
    found.add_argument("--gammas", type=float, nargs="+", default=list(GAMMAS))
    found.add_argument("--temperatures", type=float, nargs="+", default=list(TEMPERATURES))
    found.add_argument("--properties", nargs="+", default=list(PROPERTIES))
    found.add_argument("--percentiles", type=int, nargs="+", default=[25, 75])
    found.add_argument("--ranges", nargs="*", default=list(RANGES))
    found.add_argument("--reported-n", type=int, default=1024, help=f"proposals for {REPORTED} in a cell")
    # Chunks of the size of the samples: the surplus of a larger one would be drawn for nothing.
    found.set_defaults(chunk=128)
    return found


def main(words: Sequence[str]) -> None:
    """Run the benchmark, or go on with it."""
    given = parser().parse_args(words)
    record = Record("choose", words, given)
    model = Model(given.model[0], given)
    cells = _Cells(model, given)
    cells.fill()
    table = summary(cells.rows)
    results = {"chosen": choice(table), "grid": table.to_dict("records"), "cells": len(cells.rows)}
    report(table, results["chosen"])
    record.write(results, models={model.name: model.describe()}, sampling=cells.settings)


class _Cells:
    """One row for each cell of the grid and each aim, in memory and on disk.

    Args:
        model: The model.
        given: Parsed options.

    Attributes:
        rows: What is finished.
        settings: What all cells share.

    Raises:
        InputError: If the file holds cells of another model or other settings.
    """

    def __init__(self, model: Model, given: argparse.Namespace) -> None:
        self.model, self.given, self.seed = model, given, given.seeds[0]
        self.path: Path = given.output.with_suffix(".csv")
        statistics = model.generator.statistics_
        groups = [*((name,) for name in given.properties), PAIR]
        values = [aim for names in groups for aim in value_aims(statistics, names, given.percentiles)]
        self.aims = [*values, *(Aim.parse(text) for text in given.ranges)]
        self.known = model.known()
        shared = model.proposer(seed=self.seed).settings
        self.samplers = given.samplers or [write_sampler(shared["sampler"], shared["knobs"])]
        self.settings = {name: value for name, value in shared.items() if name not in (*GRID, "knobs")}
        text = json.dumps({**model.describe(), **self.settings}, sort_keys=True)
        self.signature = hashlib.sha256(text.encode()).hexdigest()[:16]
        self.rows = self._read()

    def fill(self) -> None:
        """Draw what is missing, and say how long the rest will take."""
        grid = itertools.product(self.samplers, self.given.gammas, self.given.temperatures)
        asked = [(aim, self.given.n, "choice") for aim in self.aims]
        asked.append((Aim.parse(REPORTED), self.given.reported_n, "reported"))
        wanted = {(*cell, aim.name, n): (aim, purpose) for cell in grid for aim, n, purpose in asked}
        done = {_key(row) for row in self.rows}
        missing = [key for key in wanted if key not in done]
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns) as progress:
            # Proposals, not cells: the cells of the reported goal are larger.
            task = progress.add_task("proposals", total=sum(key[-1] for key in missing))
            for key in missing:
                (aim, purpose), n = wanted[key], key[-1]
                cell = dict(zip(GRID, key[: len(GRID)], strict=True))
                self.rows.append({**cell, "purpose": purpose, **self._cell(aim, n, **cell)})
                self._write()
                progress.advance(task, n)
        self.rows = [row for row in self.rows if _key(row) in wanted]

    def _cell(self, aim: Aim, n: int, **changes: Any) -> dict[str, Any]:
        """Return the figures of one aim at one sampler, gamma and temperature."""
        statistics = self.model.generator.statistics_
        sample = self.model.sample(n, aim.goals, seed=self.seed, **changes)
        values = measure(sample.smiles, aim.names)
        counts = sample.counts(self.known, aim.hits(values, statistics))
        names = (
            "proposed",
            "valid",
            "unique",
            "hits",
            "novel_table",
            "novel_hits_training",
            "novel_hits_table",
        )
        return {
            "aim": aim.name,
            "error": float(np.nanmean(aim.errors(values, statistics))) if counts["valid"] else np.nan,
            **{name: counts[name] for name in names},
            "nfe_per_proposal": sample.costs["nfe_per_proposal"],
            "proposals_per_second": sample.costs["proposals_per_second"],
            "signature": self.signature,
        }

    def _read(self) -> list[dict[str, Any]]:
        if not self.path.exists():
            return []
        frame = pd.read_csv(self.path)
        if not {"signature", *GRID} <= set(frame) or set(frame["signature"]) - {self.signature}:
            raise InputError(
                f"{self.path} holds cells of another model or other settings: move it, or write elsewhere"
            )
        rows: list[dict[str, Any]] = frame.to_dict("records")
        return rows

    def _write(self) -> None:
        with whole_file(self.path) as part:
            pd.DataFrame(self.rows).to_csv(part, index=False)


def _key(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in (*GRID, "aim", "proposed"))


def extrapolated_uniqueness(uniqueness: float, n: float, to: int) -> float:
    """Return what uniqueness a larger sample has at least, in expectation, from that of n proposals.

    Repeats among n rows grow as n (n - 1) / 2 as long as no molecule comes more than twice, and more slowly
    afterwards, so the share of repeated rows grows at most as n - 1.

    Example:
        >>> round(extrapolated_uniqueness(0.99, 251, 1001), 3)
        0.96
    """
    return max(0.0, 1.0 - (1.0 - uniqueness) * max(1.0, (to - 1) / max(1.0, n - 1)))


def summary(rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """Return one row for each cell of the grid: means over the tuning aims, and the reported goal.

    Args:
        rows: Finished cells; ``purpose`` says what decides ("choice") and what does not ("reported").
    """
    found = []
    for names, cell in pd.DataFrame(rows).groupby(list(GRID), sort=False):
        tuning, other = cell[cell["purpose"] == "choice"], cell[cell["purpose"] == "reported"]
        pooled = tuning["unique"].sum() / max(1, tuning["valid"].sum())
        line = {
            **dict(zip(GRID, names, strict=True)),
            "error": tuning["error"].mean(),
            "hit_rate": tuning["hits"].sum() / max(1, tuning["proposed"].sum()),
            "novel_hits": tuning["novel_hits_table"].sum() / max(1, tuning["proposed"].sum()),
            "nfe_per_proposal": tuning["nfe_per_proposal"].mean(),
            "uniqueness": pooled,
            "least_uniqueness": (tuning["unique"] / tuning["valid"].clip(lower=1)).min(),
            "uniqueness_1000": extrapolated_uniqueness(pooled, tuning["proposed"].mean(), PROPOSALS),
        }
        for _, row in other.iterrows():
            line |= {
                f"{REPORTED} hit_rate": row["hits"] / row["proposed"],
                f"{REPORTED} novel_hits_training": int(row["novel_hits_training"]),
                f"{REPORTED} novel_hits_table": int(row["novel_hits_table"]),
                f"{REPORTED} uniqueness": row["unique"] / max(1, row["valid"]),
            }
        found.append(line)
    return pd.DataFrame(found)


def choice(table: pd.DataFrame) -> dict[str, Any]:
    """Return the row with the least error among those with enough different molecules, or among all."""
    enough = table[table["uniqueness_1000"] >= LEAST_UNIQUENESS]
    chosen = (enough if len(enough) else table).sort_values("error", kind="stable").iloc[0]
    return {**{name: chosen[name] for name in GRID}, "enough": bool(len(enough))}


def report(table: pd.DataFrame, chosen: dict[str, Any]) -> None:
    """Print the grid and the choice."""
    title = f"Means over the tuning aims, and {REPORTED} beside them (which decides nothing)"
    show(title, table.astype(object).to_dict("records"))
    words = ", ".join(f"{name} {chosen[name]}" for name in GRID)
    Console().print(f"chosen: {words}", highlight=False)


if __name__ == "__main__":
    run(main)

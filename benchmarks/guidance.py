"""Families against guidances on QM9's labels: what each finds of a class, at what cost.

Every arm of ``arms.py`` is asked for one of its two classes, more than 3 rings or QED above the 90th
percentile of the table, by every guidance at every strength; the conditions know nothing else, and the
predictors were trained on the same classes. Of the first proposals, none left out: how many are unique, novel
(not among all molecules of the table, held-out ones included) and novel hits, the mean of rings or QED, sizes
and costs.

Cells are kept in a CSV file as they finish, and a command that was stopped goes on after them:

    python -m moldiff.benchmarks.guidance --arms benchmarks/weights --seeds 0 1 2 3 4 -o FILE.json
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from moldiff.benchmarks.arms import thresholds
from moldiff.benchmarks.common import Record, options, run, show
from moldiff.benchmarks.samples import TABLE, Model, Sample
from moldiff.chem.properties import measure
from moldiff.datasets import load, with_properties
from moldiff.errors import InputError
from moldiff.files import whole_file
from moldiff.guidance import GUIDANCE, needs_predictor
from moldiff.metrics import KnownMolecules, TrainingKeys, count_set
from moldiff.models.families import FAMILIES
from moldiff.models.predictor_noise import noise_of

LABELS: dict[str, str] = {"rings": "rings_top", "QED": "qed_top"}
"""The property whose mean is told, and the class that is asked for."""

GAMMAS = (1.0, 2.0, 3.0, 5.0, 8.0)

DEAR = {("udlm", "cbg"): ((1.0, 3.0), 1, 256)}
"""Family and guidance that cost about a second a molecule: the strengths, seeds and proposals to afford."""


@dataclass(frozen=True)
class Cell:
    """One sample of one arm.

    Attributes:
        family: A key of ``FAMILIES``.
        method: A key of ``GUIDANCE``.
        gamma: Strength of the guidance, of conditions or of the predictor.
        label: Property that the class is about.
        seed: Of the sample.
        steps: T; 0 where the family takes one for each position.
        temperature: Divides the logits.
        n: Proposals.
    """

    family: str
    method: str
    gamma: float
    label: str
    seed: int
    steps: int
    temperature: float
    n: int


KEY = [entry.name for entry in fields(Cell)]
GROUP = [name for name in KEY if name != "seed"]


def parser() -> argparse.ArgumentParser:
    """Return the options."""
    found = options("Families against guidances on QM9's labels.", n=1024, models=True)
    found.add_argument("--arms", type=Path, required=True, help="folder of the arms and their predictors")
    found.add_argument("--families", nargs="+", choices=list(FAMILIES), default=list(FAMILIES))
    found.add_argument("--methods", nargs="+", choices=list(GUIDANCE), default=list(GUIDANCE))
    found.add_argument("--gammas", nargs="+", type=float, default=list(GAMMAS))
    found.add_argument("--labels", nargs="+", choices=list(LABELS), default=list(LABELS))
    found.set_defaults(steps=32, temperature=1.0)
    return found


def main(words: Sequence[str]) -> None:
    """Draw and judge every cell that the table does not hold yet."""
    given = parser().parse_args(words)
    record = Record("guidance", words, given)
    cells, place = list(plan(given)), given.output.with_suffix(".csv")
    table = finished(place)
    judge = Judge()
    arms = {name: Model(str(given.arms / name), given) for name in given.families}
    done = {tuple(row) for row in table[KEY].itertuples(index=False)}
    for cell in cells:
        if astuple(cell) not in done:
            sample = draw(arms[cell.family], cell, given.arms)
            table = pd.concat([table, pd.DataFrame([judge(cell, sample)])])
            with whole_file(place) as part:
                table.to_csv(part, index=False, float_format="%.6g")
    asked = pd.DataFrame([asdict(cell) for cell in cells])
    rows = asked.merge(table, on=KEY).to_dict("records")
    results = summary(rows)
    report(results)
    about = {name: arm.describe() for name, arm in arms.items()}
    record.write({"cells": results, "class_means": judge.class_means}, models=about)


def plan(given: argparse.Namespace) -> Iterator[Cell]:
    """Yield the cells that the options ask for, the first seed of all of them first."""
    grid = itertools.product(
        enumerate(given.seeds), given.families, given.methods, given.gammas, given.labels
    )
    for (place, seed), family, method, gamma, label in grid:
        gammas, seeds, most = DEAR.get((family, method), (given.gammas, len(given.seeds), given.n))
        if gamma in gammas and place < seeds:
            steps = 0 if FAMILIES[family].steps is None else given.steps
            n = min(most, given.n)
            yield Cell(family, method, gamma, label, seed, steps, given.temperature, n)


def draw(arm: Model, cell: Cell, arms: Path) -> Sample:
    """Return the first proposals of a cell."""
    strength: dict[str, Any] = {"gamma": cell.gamma}
    if needs_predictor(cell.method):
        predictor = arms / f"predictor-{noise_of(cell.family)}"
        strength = {"predictor": predictor, "method_knobs": {"gamma_classifier": cell.gamma}}
    return arm.sample(
        cell.n,
        [f"{LABELS[cell.label]}=top"],
        seed=cell.seed,
        label=" ".join(map(str, astuple(cell))),
        method=cell.method,
        temperature=cell.temperature,
        steps=cell.steps or None,
        chunk=min(cell.n, 256),
        **strength,
    )


class Judge:
    """What a sample is worth: counts, means and costs."""

    @cached_property
    def known(self) -> KnownMolecules:
        """The molecules that are not novel: all of the table."""
        return TrainingKeys.build(load(TABLE).smiles)

    @cached_property
    def values(self) -> pd.DataFrame:
        """The table's values of the two properties."""
        return with_properties(load(TABLE), list(LABELS))

    @cached_property
    def thresholds(self) -> dict[str, float]:
        """What a hit has to exceed."""
        return thresholds(self.values)

    @property
    def class_means(self) -> dict[str, float]:
        """Mean of each property over the molecules of its class."""
        found = self.thresholds.items()
        return {name: float(self.values[name][self.values[name] > limit].mean()) for name, limit in found}

    def __call__(self, cell: Cell, sample: Sample) -> dict[str, Any]:
        """Return the figures of a cell."""
        values = measure(sample.smiles, [cell.label, "heavy_atoms"])
        value = values[cell.label].to_numpy()
        hit = value > self.thresholds[cell.label]
        counts = count_set(sample.smiles, self.known, hit=hit, canonical=True)
        distinct = ~pd.Series(sample.smiles).duplicated().to_numpy() & (np.array(sample.smiles) != "")
        novel = distinct & ~self.known.contains(sample.smiles)
        return {
            **asdict(cell),
            "valid": counts.valid,
            "unique": counts.unique,
            "novel": counts.novel,
            "hits": counts.hits,
            "novel_hits": counts.novel_hits,
            "fidelity": float(sample.faithful.mean()),
            "mean_novel": float(value[novel].mean()) if novel.any() else np.nan,
            "mean_all": float(np.nanmean(value)),
            "heavy_atoms": float(np.nanmean(values["heavy_atoms"])),
            "nfe": sample.costs["nfe_per_proposal"],
            "nfe_predictor": sample.costs["nfe_predictor_per_proposal"],
            "unguided": sample.costs["unguided_tokens_per_proposal"],
            "seconds": sample.costs["seconds"],
        }


def finished(place: Path) -> pd.DataFrame:
    """Return the cells of an earlier command.

    Raises:
        InputError: If the file holds something else.
    """
    if not place.is_file():
        return pd.DataFrame(columns=KEY)
    try:
        return pd.read_csv(place).astype({entry.name: entry.type for entry in fields(Cell)})
    except (ValueError, KeyError) as error:
        raise InputError(f"{place} holds no cells of this benchmark: move it, or name another") from error


def summary(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the means over seeds of every cell, with their standard deviations where there are several."""
    found = []
    for key, group in pd.DataFrame(rows).groupby(GROUP, sort=False):
        figures = group.drop(columns=KEY)
        means = {name: float(value) for name, value in figures.mean().items()}
        spread = (
            {f"{name}_sd": float(value) for name, value in figures.std(ddof=1).items()}
            if len(group) > 1
            else {}
        )
        found.append({**dict(zip(GROUP, key, strict=True)), "seeds": len(group), **means, **spread})
    return found


def report(results: Sequence[Mapping[str, Any]]) -> None:
    """Print a table a label."""
    figures = ("unique", "novel", "novel_hits", "fidelity", "mean_novel", "mean_all", "heavy_atoms")
    costs = ("nfe", "nfe_predictor", "seconds")
    columns = [name for name in (*GROUP, "seeds", *figures, *costs) if name != "label"]
    for label in LABELS:
        rows = [{name: row[name] for name in columns} for row in results if row["label"] == label]
        if rows:
            show(f"{label}: first n proposals, means over seeds", rows)


if __name__ == "__main__":
    run(main)

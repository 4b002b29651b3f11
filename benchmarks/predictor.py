"""How right a predictor is about QM9's test part: without noise, and at every noise level.

Without noise: balanced accuracy of two labels, more than 3 rings and QED strictly above the 90th percentile
of the whole table, and the error of seven properties against the random forests of ``forest.json``. A label
is read off the law of its property (P(rings >= 4), P(QED > threshold)), or of a predictor of the label itself
(``--classes``), and decided at probability one half and at the label's share in the training part; the second
is what maximises balanced accuracy where probabilities are right. With noise: error and coverage of the 90%
intervals, which were calibrated on the validation part, as a table (.csv) and a picture (.png, .svg).

    python -m moldiff.benchmarks.predictor --predictor A --classes B C -o benchmarks/results/predictor.json
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats
from torch import Tensor

from moldiff.benchmarks.arms import CLASSES, RINGS, classes, thresholds
from moldiff.benchmarks.chart import save
from moldiff.benchmarks.common import Record, checksum, run, show
from moldiff.benchmarks.predictor_chart import calibration_picture
from moldiff.chem.tokenizer import SelfiesTokenizer
from moldiff.datasets import load, split, with_properties
from moldiff.files import whole_file
from moldiff.metrics import Interval, mean_interval
from moldiff.models.checkpoint import read_json
from moldiff.models.predictor_folder import SavedPredictor, load_predictor
from moldiff.models.predictor_heads import Law
from moldiff.training.calibration import HeldOut, calibration_table
from moldiff.training.data import ResidentTokens

TABLE = "qm9"
TARGETS = {"rings_top": 0.98, "qed_top": 0.93}
"""Least balanced accuracy of each label."""

BETTER_THAN_FOREST = 5
COVERAGE = (0.85, 0.95)
RESAMPLES = 2000

Flags = NDArray[np.bool_]

Answer: TypeAlias = tuple[Law, Tensor, Tensor, Tensor]
"""Law, parameters, labels and knots: see ``Answers.of``."""


def parser() -> argparse.ArgumentParser:
    """Return the options."""
    found = argparse.ArgumentParser(description="How right a predictor is about QM9's test part.")
    found.add_argument("--predictor", type=Path, required=True, help="predictor folder")
    found.add_argument("--classes", type=Path, nargs="*", default=[], help="predictors of the two labels")
    found.add_argument(
        "--forest",
        type=Path,
        default=Path("benchmarks/results/forest.json"),
        help="what the benchmark of forests wrote",
    )
    found.add_argument("--seeds", type=int, nargs=1, default=[0])
    found.add_argument("-o", "--output", type=Path, required=True, help="JSON file to write")
    return found


def main(words: Sequence[str]) -> None:
    """Run the benchmark."""
    given = parser().parse_args(words)
    record = Record("predictor", words, given)
    forest = read_json(given.forest)
    predictors = {str(folder): load_predictor(folder) for folder in [given.predictor, *given.classes]}
    saved = predictors[str(given.predictor)]
    part = TestPart.read(saved.properties, given.seeds[0])
    labels = [row for name, own in predictors.items() for row in label_figures(name, own, part)]
    errors = error_figures(saved, part, forest["results"]["properties"])
    figures = calibration_table(saved.network, part.held_out(saved)[0])
    figures["error_in_sd"] = figures["error"] / figures["property"].map(part.stds)
    results = {
        "labels": labels,
        "errors": errors,
        "better_than_forest": sum(row["better"] for row in errors),
        "coverage": coverage_summary(figures),
        "calibration": figures.to_dict("records"),
    }
    stem = given.output.with_name(f"{given.output.stem}-calibration")
    with whole_file(stem.with_suffix(".csv")) as table:
        figures.to_csv(table, index=False, float_format="%.5g")
    for suffix in (".png", ".svg"):
        save(calibration_picture(figures), stem.with_suffix(suffix))
    print_report(results)
    about = {name: describe(Path(name), own) for name, own in predictors.items()}
    origin = {name: forest[name] for name in ("command", "machine")}
    record.write(results, predictors=about, forest={**origin, **forest["results"]["setup"]})


@dataclass(frozen=True)
class TestPart:
    """The test part of QM9, with labels.

    Args:
        smiles: N canonical SMILES.
        values: N rows, a column a property; the two labels among them.
        shares: Of each label in the training part.
        stds: Of each property in the training part; NaN where it is constant.
        threshold: QED above which a molecule is on top.
        seed: Of the noise and of the bootstrap.
    """

    __test__ = False  # pytest would take the name for a test

    smiles: list[str]
    values: pd.DataFrame
    shares: dict[str, float]
    stds: dict[str, float]
    threshold: float
    seed: int = 0

    @classmethod
    def read(cls, properties: Sequence[str], seed: int = 0) -> TestPart:
        """Return the test part with these properties and the two labels."""
        table = load(TABLE)
        names = ["QED", *(name for name in properties if name not in CLASSES)]
        values = pd.concat([with_properties(table, names), classes(table).labels], axis=1)
        part = split(table.smiles)
        numbers = values.drop(columns="smiles")
        train, test = numbers[part == "train"], values[part == "test"].reset_index(drop=True)
        return cls(
            smiles=list(test.pop("smiles")),
            values=test,
            shares={label: float(train[label].mean()) for label in CLASSES},
            stds=train.std(ddof=0).replace(0.0, np.nan).to_dict(),
            threshold=thresholds(values)["QED"],
            seed=seed,
        )

    def answers(self, saved: SavedPredictor) -> tuple[dict[str, Answer], NDArray[np.intp]]:
        """Return what a predictor says of each property without noise, and the row of each answer."""
        held_out, order = self.held_out(saved)
        found = held_out.ask(saved.network, 0.0).of(saved.network)
        return dict(zip(saved.properties, found, strict=True)), order

    def held_out(self, saved: SavedPredictor) -> tuple[HeldOut, NDArray[np.intp]]:
        """Return the molecules as a predictor reads them, and the row of each in the order of its answers."""
        ids = SelfiesTokenizer(saved.tokens).encode(self.smiles)
        y = self.values[saved.properties].to_numpy(dtype=np.float64)
        data = ResidentTokens(ids, y, step=saved.canvas_step)
        order = data.canvases.argsort(stable=True).numpy()
        return HeldOut(saved.noise, saved.codec, data, seed=self.seed), order


def label_figures(name: str, saved: SavedPredictor, part: TestPart) -> list[dict[str, Any]]:
    """Return how well a predictor without noise tells the two labels.

    Args:
        name: Of the predictor.
        saved: The predictor.
        part: The molecules.
    """
    answers, order = part.answers(saved)
    goals = {"rings_top": ("rings", RINGS + 1.0), "qed_top": ("QED", part.threshold)}
    rows = []
    for label, goal in goals.items():
        source, low, high = (label, 1.0, 1.0) if label in saved.properties else (*goal, np.inf)
        if source not in answers:
            continue
        law, parameters, _, _ = answers[source]
        chance = law.log_prob(parameters, low, high).exp().numpy()
        top = part.values[label].to_numpy()[order] == 1.0
        cuts = {"at_half": 0.5, "at_base_rate": part.shares[label]}
        row = {"predictor": name, "label": label, "read_from": source, "target": TARGETS[label]}
        row |= {"base_rate": part.shares[label], "tops": int(top.sum()), "molecules": len(top)}
        rows.append(row | {where: decided(top, chance > cut, part.seed) for where, cut in cuts.items()})
    return rows


def decided(top: Flags, said: Flags, seed: int) -> dict[str, Any]:
    """Return balanced accuracy, sensitivity and specificity of decisions.

    Args:
        top: (N,) what holds.
        said: (N,) what was said.
        seed: Of the bootstrap, which draws anew from either class.
    """
    right = [said[top].astype(float), 1.0 - said[~top]]
    shares = [float(each.mean()) if len(each) else float("nan") for each in right]
    figures = {"sensitivity": shares[0], "specificity": shares[1]}
    value = 0.5 * sum(shares)
    if min(len(each) for each in right) < 2:
        return {"balanced_accuracy": Interval(value, float("nan"), float("nan")), **figures}
    found = stats.bootstrap(
        right,
        lambda first, second, axis: 0.5 * (first.mean(axis) + second.mean(axis)),
        n_resamples=RESAMPLES,
        batch=100,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return {"balanced_accuracy": Interval(value, float(found.low), float(found.high)), **figures}


def error_figures(
    saved: SavedPredictor, part: TestPart, forests: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Return the errors without noise of the properties that there are forests of.

    Args:
        saved: The predictor.
        part: The molecules.
        forests: Their errors on the same molecules.
    """
    answers, _ = part.answers(saved)
    rows = []
    for forest in forests:
        name = forest["property"]
        if name not in answers:
            continue
        law, parameters, y, _ = answers[name]
        off = law.error(law.summary(parameters)[0], y).double().numpy()
        error = mean_interval(off, generator=np.random.default_rng(part.seed))
        theirs = Interval(**forest["error"])
        row = {"property": name, "std": part.stds[name], "molecules": len(off), "error": error}
        row |= {"forest": theirs, "ratio": error.value / theirs.value, "better": error.value < theirs.value}
        rows.append(row)
    return rows


def coverage_summary(figures: pd.DataFrame) -> dict[str, Any]:
    """Return least and most coverage of each property, and where it lies outside of what is allowed."""
    low, high = COVERAGE
    outside = figures[~figures["coverage"].between(low, high)]
    by_property = figures.groupby("property", sort=False)["coverage"].agg(["min", "max"])
    return {
        "allowed": COVERAGE,
        "cells": len(figures),
        "outside": outside[["property", "level", "coverage"]].to_dict("records"),
        "properties": by_property.to_dict("index"),
    }


def describe(folder: Path, saved: SavedPredictor) -> dict[str, Any]:
    """Return what identifies a predictor: noise, size, checksum of the weights, tokens trained on."""
    return {
        "noise": saved.config["noise"],
        "digits": saved.codec.digits,
        "parameters": sum(weight.numel() for weight in saved.network.parameters()),
        "sha256": checksum(folder),
        "tokens": saved.config["training"]["report"]["tokens"],
    }


def print_report(results: Mapping[str, Any]) -> None:
    """Print labels, errors and coverage."""
    rows = [
        {
            "predictor": row["predictor"],
            "label": row["label"],
            "at one half": row["at_half"]["balanced_accuracy"],
            "at the base rate": row["at_base_rate"]["balanced_accuracy"],
            "at least": row["target"],
        }
        for row in results["labels"]
    ]
    show("Balanced accuracy on the test part, without noise", rows)
    columns = ("property", "error", "forest", "ratio")
    errors = [{name: row[name] for name in columns} for row in results["errors"]]
    better = f"{results['better_than_forest']} of {len(errors)} below, wanted {BETTER_THAN_FOREST}"
    show(f"Mean absolute error on the test part, without noise: {better}", errors)
    coverage = results["coverage"]
    outside = f"{len(coverage['outside'])} of {coverage['cells']}"
    rows = [
        {"property": name, "least": row["min"], "most": row["max"]}
        for name, row in coverage["properties"].items()
    ]
    show(f"Coverage: {outside} outside {COVERAGE}", rows)


if __name__ == "__main__":
    run(main)

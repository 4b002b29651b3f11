"""Fine-tuning on an assay: do molecules that are asked for high activity look more active to a judge?

Each table is halved at random. A model goes on from ``--model`` on the first half; a random forest on Morgan
fingerprints learns the second, and judges: it never saw a molecule that the model was shown. How far it can
be believed is its R2 on the first half. Of the fine-tuned model the first proposals asked for the 90th
percentile of the first half stand beside as many that were asked for nothing; no filter, no selection.

    python -m moldiff.benchmarks.assays --model druglike --tables bace.csv:pIC50 lipophilicity.csv:logD \
        -o benchmarks/results/assays.json
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from sklearn.ensemble import RandomForestRegressor
from sklearn.metrics import r2_score

from moldiff.benchmarks.common import Record, options, run, show
from moldiff.benchmarks.forest import fingerprints, grown
from moldiff.benchmarks.samples import Model
from moldiff.datasets import MoleculeTable, PackedTable, open_table
from moldiff.errors import InputError
from moldiff.generator import MoleculeGenerator
from moldiff.metrics import Interval, count_set, max_similarity, mean_interval, morgan_fingerprints
from moldiff.packed_intake import take_in
from moldiff.sweep.sample import Sample

TARGET = 0.5
"""Of the assay's standard deviation: by how much the mean of those asked for is to exceed the others."""

Values = NDArray[np.float64]


def parser() -> argparse.ArgumentParser:
    """Return the options."""
    found = options("Fine-tuning on an assay, judged from its other half.", n=1000)
    found.add_argument("--tables", nargs="+", required=True, metavar="TABLE:COLUMN")
    found.add_argument("--percentile", type=float, default=90, help="of the first half, asked for")
    found.add_argument("--tokens", type=float, help="canvas tokens of fine-tuning; by the table unless given")
    found.add_argument("--batch-tokens", type=int)
    found.add_argument(
        "--models", type=Path, help="folder that keeps what was trained; a stopped run goes on"
    )
    found.add_argument("--trees", type=int, default=300, help="of the judge")
    found.add_argument("--no-compile-training", dest="compiled_training", action="store_false")
    return found


def main(words: Sequence[str]) -> None:
    """Run the benchmark."""
    given = parser().parse_args(words)
    assays = [Assay.read(text) for text in given.tables]  # all of them before hours of training
    record = Record("assays", words, given)
    entries = [measured(assay, given, seed) for assay in assays for seed in given.seeds]
    show("Mean activity of the first proposals by the judge", [row(entry) for entry in entries])
    record.write({"target": TARGET, "assays": entries})


@dataclass(frozen=True)
class Assay:
    """A table of molecules and one measured column.

    Attributes:
        name: Of the table.
        column: What was measured.
        table: Molecules, standardised, without repeats.
    """

    name: str
    column: str
    table: MoleculeTable

    @classmethod
    def read(cls, text: str) -> Assay:
        """Return the assay of "TABLE:COLUMN".

        Raises:
            InputError: If there is no such table or column, or it holds no numbers.
        """
        place, _, column = text.rpartition(":")
        if not place:
            raise InputError(f"expected TABLE:COLUMN, such as bace.csv:pIC50, got {text}")
        taken = take_in(open_table(place), [column])
        if isinstance(taken.table, PackedTable) or column not in taken.table.labels:
            raise InputError(f"{text}: an assay is a table that was not prepared, with a column of its own")
        if column in taken.table.classes:
            raise InputError(f"{text} holds classes, and an assay is judged by its numbers")
        return cls(Path(place).stem, column, taken.table)

    @property
    def values(self) -> Values:
        """(N,) what was measured."""
        found: Values = self.table.labels[self.column].to_numpy()
        return found

    def halves(self, seed: int) -> tuple[MoleculeTable, MoleculeTable]:
        """Return the rows that have a value in two halves, at random."""
        rows = np.random.default_rng(seed).permutation(np.flatnonzero(np.isfinite(self.values)))
        middle = len(rows) // 2
        return self.table.take(rows[:middle]), self.table.take(rows[middle:])


class Judge:
    """A random forest on Morgan counts that says how active molecules are.

    Args:
        table: What it learns from.
        column: Of activities.
        trees: How many.
        seed: Of the forest.
    """

    def __init__(self, table: MoleculeTable, column: str, trees: int, seed: int) -> None:
        self.column = column
        y = table.labels[column].to_numpy()
        self.forest: RandomForestRegressor = grown(fingerprints(table.smiles), y, trees, seed)

    def __call__(self, smiles: Sequence[str]) -> Values:
        """Return the activities (N,) of valid molecules."""
        found: Values = self.forest.predict(fingerprints(smiles))
        return found

    def r2(self, table: MoleculeTable) -> float:
        """Return the share of the variance of other molecules' activities that it explains."""
        return float(r2_score(table.labels[self.column], self(table.smiles)))


def measured(assay: Assay, given: argparse.Namespace, seed: int) -> dict[str, Any]:
    """Return the figures of one assay and one seed: of the halves, fine-tuning and drawing."""
    shown, hidden = assay.halves(seed)
    judge = Judge(hidden, assay.column, given.trees, seed)
    goal = f"{assay.column}={np.percentile(shown.labels[assay.column], given.percentile):.6g}"
    with nullcontext(given.models) if given.models else TemporaryDirectory() as place:
        model = tuned(shown, assay.column, Path(place) / f"{assay.name}-{seed}", given, seed)
        samples = {
            name: model.sample(given.n, goals, seed=seed, label=f"{assay.name}, {name}, seed {seed}")
            for name, goals in {"asked": [goal], "free": []}.items()
        }
    judged = {name: judge([text for text in sample.smiles if text]) for name, sample in samples.items()}
    deviation = float(np.nanstd(assay.values))
    return {
        "assay": assay.name,
        "column": assay.column,
        "seed": seed,
        "shown": len(shown),
        "hidden": len(hidden),
        "deviation": deviation,
        "goal": goal,
        "judge_r2": judge.r2(shown),
        **{name: figures(sample, judged[name], shown, seed) for name, sample in samples.items()},
        "gain": difference(judged["asked"], judged["free"], deviation, seed),
    }


def tuned(shown: MoleculeTable, column: str, folder: Path, given: argparse.Namespace, seed: int) -> Model:
    """Return a model that went on on these molecules, in a folder."""
    recipe = {"tokens": given.tokens, "batch_tokens": given.batch_tokens, "seed": seed}
    generator = MoleculeGenerator(init=given.model[0], **recipe)
    generator.fit(shown, properties=[column], folder=folder, compiled=given.compiled_training, progress=False)
    return Model(str(folder), given)


def figures(sample: Sample, judged: Values, shown: MoleculeTable, seed: int) -> dict[str, Any]:
    """Return counts of a sample, its mean activity, and how near it is to what the model was shown."""
    counts = count_set(sample.smiles, canonical=True)
    valid = [text for text in sample.smiles if text]
    return {
        "proposed": counts.proposed,
        "valid": counts.valid,
        "unique": counts.unique,
        "uniqueness": counts.uniqueness,
        "mean": mean_interval(judged, generator=np.random.default_rng(seed)),
        "shown": len(set(valid) & set(shown.smiles)),
        "nearest": float(max_similarity(valid, morgan_fingerprints(shown.smiles)).mean()),
        "examples": list(dict.fromkeys(valid))[:8],
    }


def difference(first: Values, second: Values, unit: float, seed: int) -> Interval:
    """Return by how many units the mean of one sample exceeds that of another, by bootstrap of both."""
    value = float(first.mean() - second.mean()) / unit
    found = stats.bootstrap(
        (first, second),
        lambda a, b, axis: (np.mean(a, axis=axis) - np.mean(b, axis=axis)) / unit,
        n_resamples=2000,
        batch=100,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return Interval(value, float(found.low), float(found.high), 0.95)


def row(entry: dict[str, Any]) -> dict[str, Any]:
    """Return an entry as a line of the table on screen."""
    return {
        "assay": entry["assay"],
        "seed": entry["seed"],
        "asked for": entry["goal"],
        "judge R2": entry["judge_r2"],
        "asked": entry["asked"]["mean"],
        "free": entry["free"]["mean"],
        "gain / SD": entry["gain"],
        "uniqueness": entry["asked"]["uniqueness"],
    }


if __name__ == "__main__":
    run(main)

"""Random forests on Morgan fingerprints: what a predictor of finished molecules is held against.

One scikit-learn forest a property, trained on the training part and measured on the test part. Whether the
fingerprints are counts or bits is chosen on the validation part, with few molecules and trees; a split looks
at a third of the bits (Breiman's rule for regression). The forests grow by one tree a round, and the file is
written after every round: a run that is stopped leaves whole forests of fewer trees.

    python -m moldiff.benchmarks.forest -o benchmarks/results/forest.json
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem
from rdkit.Chem import rdFingerprintGenerator
from scipy import sparse
from sklearn.ensemble import RandomForestRegressor

from moldiff.benchmarks.common import Record, run, show
from moldiff.datasets import load, split, with_properties
from moldiff.metrics import mean_interval

PROPERTIES = ("gap", "logP", "QED", "homo", "lumo", "mu", "alpha")
KINDS = ("counts", "bits")
RADIUS, BITS = 2, 2048
FEATURES = 1 / 3
"""Share of the bits that a split looks at."""

Values = NDArray[np.float64]


def parser() -> argparse.ArgumentParser:
    """Return the options."""
    found = argparse.ArgumentParser(description="Random forests on Morgan fingerprints of QM9.")
    found.add_argument("--properties", nargs="+", default=list(PROPERTIES))
    found.add_argument("--trees", type=int, default=8, help="of every forest")
    found.add_argument("--molecules", type=int, help="to train on; the whole training part unless given")
    found.add_argument("--choice-trees", type=int, default=3, help="trees for the choice of fingerprints")
    found.add_argument("--choice-molecules", type=int, default=10_000, help="molecules for that choice")
    found.add_argument("--seeds", type=int, nargs=1, default=[0])
    found.add_argument("-o", "--output", type=Path, required=True, help="JSON file to write")
    return found


def main(words: Sequence[str]) -> None:
    """Run the benchmark."""
    given = parser().parse_args(words)
    record = Record("forest", words, given)
    parts = read_parts(given.properties, given.molecules, given.seeds[0])
    choice = choose(parts, given)
    show(
        f"Choice of fingerprints: {choice['molecules']:,} molecules, {choice['trees']} trees", choice["tried"]
    )
    setup = {
        "forest": "scikit-learn RandomForestRegressor, one a property",
        "scikit-learn": version("scikit-learn"),
        "fingerprint": f"Morgan {choice['chosen']}, radius {RADIUS}, {BITS} bits",
        "max_features": FEATURES,
        "training_molecules": len(parts["train"].smiles),
    }
    forests = [Forest(name, column, parts, choice["chosen"]) for column, name in enumerate(given.properties)]
    for tree in range(given.trees):
        for forest in forests:
            forest.grow(seed=given.seeds[0] * 1_000_003 + tree)
        figures = [forest.figures() for forest in forests]
        record.write({"setup": {**setup, "trees": tree + 1}, "choice": choice, "properties": figures})
    show(f"Forests of {given.trees} trees on the test part", [_row(entry) for entry in figures])


@dataclass
class Part:
    """One part of the table.

    Args:
        smiles: N canonical SMILES.
        y: (N, P) float64.
    """

    smiles: list[str]
    y: Values

    def __post_init__(self) -> None:
        self.counts = fingerprints(self.smiles)

    def fingerprints(self, kind: str) -> sparse.csr_array:
        """Return counts or bits (N, 2048)."""
        return self.counts if kind == "counts" else (self.counts > 0).astype(np.float32)


def read_parts(names: Sequence[str], molecules: int | None, seed: int) -> dict[str, Part]:
    """Return the parts of QM9: train, validation, test.

    Args:
        names: Properties.
        molecules: Of the training part, chosen at random; None for all.
        seed: Of that choice.
    """
    table = load("qm9")
    y, part = with_properties(table, names)[list(names)].to_numpy(), split(table.smiles)
    rows = {name: np.flatnonzero(part == name) for name in ("train", "validation", "test")}
    if molecules is not None and molecules < len(rows["train"]):
        rows["train"] = np.random.default_rng(seed).choice(rows["train"], molecules, replace=False)
    return {name: Part([table.smiles[i] for i in own], y[own]) for name, own in rows.items()}


def fingerprints(smiles: Sequence[str]) -> sparse.csr_array:
    """Return how often each of the 2,048 hashed environments occurs: (N, 2048) float32.

    Args:
        smiles: N molecules.
    """
    maker = rdFingerprintGenerator.GetMorganGenerator(radius=RADIUS, fpSize=BITS)
    rows: list[dict[int, int]] = [
        maker.GetCountFingerprint(Chem.MolFromSmiles(text)).GetNonzeroElements() for text in smiles
    ]
    ends = np.cumsum([0, *(len(row) for row in rows)])
    places = np.array([place for row in rows for place in row], dtype=np.int32)
    values = np.array([count for row in rows for count in row.values()], dtype=np.float32)
    return sparse.csr_array((values, places, ends.astype(np.int32)), shape=(len(rows), BITS))


def choose(parts: dict[str, Part], given: argparse.Namespace) -> dict[str, Any]:
    """Return what was tried for the fingerprints on the validation part, and the better kind.

    Args:
        parts: All parts.
        given: Parsed options.
    """
    train, validation = parts["train"], parts["validation"]
    count = min(given.choice_molecules, len(train.smiles))
    rows = np.sort(np.random.default_rng(given.seeds[0]).choice(len(train.smiles), count, replace=False))
    tried: list[dict[str, Any]] = []
    for kind in KINDS:
        own, other = train.fingerprints(kind)[rows], validation.fingerprints(kind)
        errors = {}
        for column, name in enumerate(given.properties):
            y = train.y[rows, column]
            found = grown(own, y, given.choice_trees, given.seeds[0]).predict(other)
            errors[name] = float(np.abs(found - validation.y[:, column]).mean() / train.y[:, column].std())
        tried.append({"fingerprint": kind, "mean": float(np.mean(list(errors.values()))), **errors})
    best = min(tried, key=lambda entry: float(entry["mean"]))
    what = "mean absolute error on the validation part, in training standard deviations"
    return {
        "molecules": count,
        "trees": given.choice_trees,
        "error": what,
        "tried": tried,
        "chosen": best["fingerprint"],
    }


class Forest:
    """The forest of one property, as far as it has grown.

    Args:
        name: The property.
        column: Its column in the labels.
        parts: All parts.
        kind: Of the fingerprints.
    """

    def __init__(self, name: str, column: int, parts: dict[str, Part], kind: str) -> None:
        self.name = name
        self.x = {part: own.fingerprints(kind) for part, own in parts.items()}
        self.y = {part: own.y[:, column] for part, own in parts.items()}
        self.totals = {part: np.zeros(len(self.y[part])) for part in ("validation", "test")}
        self.by_trees: list[float] = []
        self.seconds = 0.0

    def grow(self, seed: int) -> None:
        """Add a tree."""
        started = time.process_time()
        tree = grown(self.x["train"], self.y["train"], 1, seed)
        self.seconds += time.process_time() - started
        for part, total in self.totals.items():
            total += tree.predict(self.x[part])
        self.by_trees.append(float(self._off("validation", len(self.by_trees) + 1).mean()))

    def figures(self) -> dict[str, Any]:
        """Return error and cost of the trees so far."""
        off = self._off("test", len(self.by_trees))
        return {
            "property": self.name,
            "error": mean_interval(off, generator=np.random.default_rng(0)),
            "std": float(self.y["train"].std()),
            "molecules": len(off),
            "validation_error_by_trees": self.by_trees,
            "cpu_seconds": round(self.seconds, 1),
        }

    def _off(self, part: str, trees: int) -> Values:
        """Return the absolute errors (N,) of a part."""
        off: Values = np.abs(self.totals[part] / trees - self.y[part])
        return off


def grown(x: sparse.csr_array, y: Values, trees: int, seed: int) -> RandomForestRegressor:
    """Return a forest.

    Args:
        x: (N, 2048) fingerprints.
        y: (N,) labels.
        trees: How many.
        seed: Of the forest.
    """
    forest = RandomForestRegressor(trees, max_features=FEATURES, random_state=seed)
    return forest.fit(sparse.csc_array(x), y)


def _row(entry: dict[str, Any]) -> dict[str, Any]:
    columns = ("property", "error", "molecules", "cpu_seconds")
    return {**{name: entry[name] for name in columns}, "error / SD": entry["error"].value / entry["std"]}


if __name__ == "__main__":
    run(main)

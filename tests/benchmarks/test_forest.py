import json

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import rdFingerprintGenerator

from moldiff.benchmarks import forest
from moldiff.datasets import load, split

WORDS = ["--properties", "mu", "gap", "--trees", "3", "--choice-trees", "1", "--choice-molecules", "200"]


@pytest.fixture
def small(monkeypatch, places):
    whole = load("qm9")
    table = whole.take(range(0, len(whole), 100))
    monkeypatch.setattr(forest, "load", lambda name: table)
    return table


@pytest.fixture
def written(small, tmp_path):
    path = tmp_path / "forest.json"
    forest.main([*WORDS, "-o", str(path)])
    return json.loads(path.read_text())


def test_fingerprints_are_those_of_rdkit():
    smiles = ["CCO", "C1CC2CC1C2O", "CC(C)(C)C"]
    maker = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
    expected = np.stack([maker.GetCountFingerprintAsNumPy(Chem.MolFromSmiles(text)) for text in smiles])
    part = forest.Part(smiles, np.zeros((3, 1)))
    np.testing.assert_array_equal(part.fingerprints("counts").toarray(), expected)
    np.testing.assert_array_equal(part.fingerprints("bits").toarray(), expected > 0)
    assert expected.max() > 1


def test_forests_are_better_than_the_mean_and_say_what_they_took(written, small):
    results = written["results"]
    train = split(small.smiles) == "train"
    test = split(small.smiles) == "test"
    assert results["setup"]["training_molecules"] == train.sum()
    assert results["setup"]["trees"] == 3
    assert "scikit-learn" in results["setup"]
    assert [entry["property"] for entry in results["properties"]] == ["mu", "gap"]
    gap = results["properties"][1]
    values = small.labels["gap"].to_numpy()
    plain = np.abs(values[test] - values[train].mean()).mean()
    assert gap["error"]["low"] < gap["error"]["value"] < 0.7 * plain
    assert gap["std"] == pytest.approx(values[train].std())
    assert gap["molecules"] == test.sum()
    assert gap["validation_error_by_trees"][2] < gap["validation_error_by_trees"][0]
    assert gap["cpu_seconds"] > 0


def test_the_better_fingerprints_on_the_validation_part_are_taken(written):
    choice = written["results"]["choice"]
    means = {entry["fingerprint"]: entry["mean"] for entry in choice["tried"]}
    assert set(means) == {"counts", "bits"}
    assert choice["chosen"] == min(means, key=means.get)
    assert choice["chosen"] in written["results"]["setup"]["fingerprint"]
    assert choice["molecules"] == 200


def test_a_run_that_is_stopped_leaves_whole_forests_of_fewer_trees(small, tmp_path, monkeypatch):
    grow = forest.Forest.grow

    def stopped(self, seed):
        if self.name == "gap" and len(self.by_trees) == 2:
            raise KeyboardInterrupt
        grow(self, seed)

    monkeypatch.setattr(forest.Forest, "grow", stopped)
    path = tmp_path / "forest.json"
    with pytest.raises(KeyboardInterrupt):
        forest.main([*WORDS, "-o", str(path)])
    results = json.loads(path.read_text())["results"]
    assert results["setup"]["trees"] == 2
    assert [len(entry["validation_error_by_trees"]) for entry in results["properties"]] == [2, 2]


def test_trees_differ_and_their_mean_is_the_forest(small):
    parts = forest.read_parts(["gap"], 300, 0)
    assert len(parts["train"].smiles) == 300
    grown = forest.Forest("gap", 0, parts, "counts")
    grown.grow(0)
    first = grown.totals["test"].copy()
    grown.grow(1)
    second = grown.totals["test"] - first
    assert np.abs(first - second).max() > 0
    off = np.abs(0.5 * (first + second) - parts["test"].y[:, 0]).mean()
    assert grown.figures()["error"].value == pytest.approx(off)

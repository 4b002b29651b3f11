"""The protocol on a tiny model: what is chosen on what, and what stands beside it."""

import argparse
import gzip

import numpy as np
import pytest

from moldiff.benchmarks import moses
from moldiff.chem.standardise import canonical
from moldiff.datasets import load, split
from moldiff.errors import InputError
from moldiff.preparing import Preparation
from moldiff.sweep.sample import Sample


@pytest.fixture(autouse=True)
def no_network(fake_activations, monkeypatch):
    """No test here asks ChemNet itself."""
    monkeypatch.setattr(moses, "activations", fake_activations)


@pytest.fixture(scope="module")
def smiles():
    table = load("qm9")
    return [table.smiles[i] for i in range(0, len(table), 300)]


@pytest.fixture(scope="module")
def prepared(smiles, tmp_path_factory):
    folder = tmp_path_factory.mktemp("moses")
    path = folder / "train.smi"
    path.write_text("\n".join(smiles) + "\n")
    Preparation(path, ["logP"])(folder / "packed")
    return folder / "packed"


def test_settings_are_chosen_on_molecules_that_training_left_out(prepared, smiles):
    left_out = [name for name, part in zip(smiles, split(smiles), strict=True) if part == "validation"]
    assert sorted(moses.validation(prepared, 1000)) == sorted(canonical(left_out))
    assert len(left_out) > 3
    assert moses.validation(prepared, 3) == moses.validation(prepared, 1000)[:: len(left_out) // 3]


def test_a_table_that_is_not_there_is_said(tmp_path):
    with pytest.raises(InputError, match="moldiff data prepare moses"):
        moses.validation(tmp_path / "none", 10)


def test_elements_that_moses_has_not_are_counted_a_molecule_once():
    sample = Sample(["CP", "CPP", "", "CCl", "C[SeH]"], np.array([1, 1, 0, 1, 1], bool), {}, {}, 5, 0.0)
    found = moses.oddities(sample)
    assert found["other_elements"] == {"P": 2, "Se": 1}
    assert found["fidelity"].value == pytest.approx(4 / 5)


def test_what_was_truncated_does_not_count_where_that_is_asked():
    sample = Sample(["C", "CC", ""], np.array([True, False, False]), {}, {}, 3, 0.0)
    for only, expected in ((False, ["C", "CC", ""]), (True, ["C"])):
        assert moses.judged(sample, argparse.Namespace(only_faithful=only)) == expected


def test_published_rows_have_every_figure():
    names = set(moses.PUBLISHED["CharRNN"])
    assert all(set(row) == names for row in moses.PUBLISHED.values())
    assert moses.PUBLISHED["CharRNN"]["Novelty"] == 0.8419
    assert moses.PUBLISHED["JTN-VAE"]["Filters"] == 0.976


def test_the_protocol_on_a_tiny_model(prepared, smiles, tiny_model, tmp_path, run_benchmark):
    for name in ("test", "scaffolds"):
        with gzip.open(tmp_path / f"{name}.csv.gz", "wt") as stream:
            stream.write("SMILES\n" + "\n".join(smiles[:60]) + "\n")
    words = ["--model", str(tiny_model), "-n", "48", "--choice-n", "24", "--chunk", "24"]
    words += ["--precision", "fp32", "--temperatures", "0.5", "1", "--step-counts", "2", "4"]
    words += ["--train", str(prepared), "--test", str(tmp_path / "test.csv.gz")]
    words += ["--test-scaffolds", str(tmp_path / "scaffolds.csv.gz"), "--curve", str(tiny_model)]
    results = run_benchmark(moses, *words)["results"]
    assert len(results["tried"]) == 4
    best = min(results["tried"], key=lambda way: way["FCD"])
    assert results["chosen"] == {name: best[name] for name in ("temperature", "sampler", "steps")}
    figures = {figure["name"]: figure["value"] for figure in results["figures"]}
    assert figures["valid"] == 1
    assert set(moses.TARGETS) <= set(figures)
    assert results["judged"] == 48
    (point,) = results["curve"]
    assert point["tokens"] > 1e5
    assert point["FCD/Test"] > 0

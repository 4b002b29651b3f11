"""Quality and diversity by hand, and the benchmark on a tiny model."""

import json

import numpy as np
import pytest
from rdkit.Chem import MolFromSmiles
from rdkit.Chem.QED import qed

from moldiff.benchmarks import denovo
from moldiff.sweep.sample import Sample


def test_quality_is_over_all_proposals():
    good, plain = "CC(=O)Nc1ccc(C)cc1", "CCO"
    assert qed(MolFromSmiles(good)) >= 0.6 > qed(MolFromSmiles(plain))
    smiles = [good, good, plain, "", "c1ccccc1"]
    sample = Sample(smiles, np.array([1, 1, 1, 0, 1], bool), {}, {"nfe_per_proposal": 3.0}, 5, 0.0)
    found = denovo.figures(sample)
    assert found["quality"] == pytest.approx(1 / 5)
    assert found["validity"] == pytest.approx(4 / 5)
    assert found["uniqueness"] == pytest.approx(3 / 4)
    assert found["fidelity"] == pytest.approx(4 / 5)
    assert 0.5 < found["diversity"] < 1


def test_goals_stand_apart(tmp_path, tiny_model, capsys):
    path = tmp_path / "found.json"
    words = ["--model", str(tiny_model), "-n", "32", "--seeds", "0", "1", "--steps", "4", "--chunk", "32"]
    words += ["--temperatures", "1", "--gammas", "2", "--samplers", "ancestral", "--goal-temperatures", "0.7"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(denovo, "GOALS", ("max logP",))  # the tiny model knows neither QED nor SA
        denovo.main([*words, "-o", str(path)])
    record = json.loads(path.read_text())
    free, asked = record["results"]["arms"]
    assert (free["kind"], asked["kind"], asked["gamma"]) == ("free", "goals", 2.0)
    assert "gamma" not in free
    assert (free["temperature"], asked["temperature"]) == (1.0, 0.7)
    assert free["sampler"] == asked["sampler"] == "ancestral"
    assert free["seeds"] == 2
    assert free["quality_sd"] >= 0
    assert {row["model"] for row in record["results"]["published"]} == set(denovo.PUBLISHED)
    out = capsys.readouterr().out
    assert out.index("Asked for nothing") < out.index("Asked for max logP")


def test_arms_without_goals_alone(tmp_path, tiny_model):
    words = ["--model", str(tiny_model), "-n", "16", "--seeds", "0", "--steps", "2", "--chunk", "16"]
    words += ["--temperatures", "1", "--gammas", "--samplers", "entropy:rounds=1"]
    denovo.main([*words, "-o", str(tmp_path / "found.json")])
    (arm,) = json.loads((tmp_path / "found.json").read_text())["results"]["arms"]
    assert (arm["kind"], arm["sampler"]) == ("free", "entropy:rounds=1")

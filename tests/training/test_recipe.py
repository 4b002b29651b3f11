"""The recipe refuses what would mix two runs or two models, and says what to type again."""

from pathlib import Path

import pandas as pd
import pytest
import torch

from moldiff.datasets import MoleculeTable
from moldiff.errors import InputError
from moldiff.generator import MoleculeGenerator
from moldiff.models.checkpoint import load_model
from moldiff.training.recipe import Recipe

QUIET = {"compiled": False, "progress": False, "accelerator": "cpu", "precision": "fp32"}
SMILES = ["C" * n + tail for n in range(1, 9) for tail in ("", "O", "N", "F")]
TINY = {"width": 16, "depth": 1, "heads": 1, "condition_width": 16, "batch_tokens": 64, "tokens": 200.0}


def table() -> MoleculeTable:
    labels = pd.DataFrame({"a": [float(len(text)) for text in SMILES], "b": [1.0, 2.0] * (len(SMILES) // 2)})
    return MoleculeTable("few", SMILES, labels, {"a": "1", "b": "1"})


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("recipe") / "model"
    Recipe(**TINY).train(table(), ["a"], folder, **QUIET)
    return folder


def test_a_run_is_not_continued_with_other_properties(trained):
    with pytest.raises(InputError, match=r"properties \['a'\], not \['b'\].*another folder"):
        Recipe(**TINY).train(table(), ["b"], trained, **QUIET)


def test_a_run_is_not_continued_with_another_shape(trained):
    with pytest.raises(InputError, match="width 16, not 32"):
        Recipe(**{**TINY, "width": 32}).train(table(), ["a"], trained, **QUIET)


def test_a_run_is_not_continued_with_other_batches(trained):
    with pytest.raises(InputError, match="batch_tokens 64, not 4096"):
        Recipe(**{**TINY, "batch_tokens": None}).train(table(), ["a"], trained, **QUIET)


def test_a_run_is_prolonged_by_more_tokens(trained):
    model = Recipe(**{**TINY, "tokens": 400.0}).train(table(), ["a"], trained, **QUIET)
    assert model.config["training"]["report"]["tokens"] >= 300


def test_a_run_takes_about_the_tokens_it_was_given(tmp_path):
    recipe = Recipe(**{**TINY, "tokens": 1000.0})
    report = recipe.train(table(), ["a"], tmp_path / "m", **QUIET).config["training"]["report"]
    assert report["tokens"] == pytest.approx(1000, rel=0.1)


def test_models_along_the_way_are_models_and_change_nothing(tmp_path):
    recipe = Recipe(**{**TINY, "tokens": 1000.0})
    recipe.train(table(), ["a"], tmp_path / "m", snapshots=3, **QUIET)
    found = sorted((tmp_path / "m" / "training").glob("after-*"), key=lambda path: int(path.name[6:]))
    assert len(found) == 3
    for path, share in zip(found, (0.25, 0.5, 0.75), strict=True):
        report = load_model(path).config["training"]["report"]
        assert report["tokens"] == int(path.name[6:]) == pytest.approx(1000 * share, abs=64)
    last = load_model(tmp_path / "m").network
    assert_same(last, recipe.train(table(), ["a"], tmp_path / "alone", **QUIET).network.bfloat16().float())
    with pytest.raises(AssertionError):
        assert_same(load_model(found[2]).network, last)
    assert MoleculeGenerator.from_pretrained(found[0]).chemistry_.known.contains(["CC"]).all()


def assert_same(first, second):
    for (name, weight), other in zip(first.named_parameters(), second.parameters(), strict=True):
        assert torch.equal(weight, other), name


def test_the_command_spells_out_what_differs_from_the_defaults():
    from moldiff.datasets import load

    qm9 = load("qm9")
    assert Recipe(family="mdlm", tokens=5e7).command(qm9, ["logP"]) == (
        "moldiff train qm9 --property logP --family mdlm --tokens 5e+07 -o MODEL"
    )
    assert Recipe().command(table(), ["a"]).startswith("MoleculeGenerator.fit")

"""A small table in place of QM9, and a model of random weights on it."""

import json

import numpy as np
import pytest
import torch

from moldiff.benchmarks import samples
from moldiff.chem.properties import PROPERTIES
from moldiff.datasets import load
from moldiff.metrics import TrainingKeys
from moldiff.models.checkpoint import SavedModel, save_model, write_json
from moldiff.training.recipe import Recipe

NAMES = ["logP", "TPSA", "QED", "SA", "fsp3", "rings", "heavy_atoms"]


@pytest.fixture(scope="session")
def table():
    whole = load("qm9")
    return whole.take(np.random.default_rng(0).choice(len(whole), 600, replace=False))


def make_model(folder, table, family):
    recipe = Recipe(family=family, width=16, depth=2, heads=2, condition_width=8)
    assert set(NAMES) <= set(PROPERTIES)
    prepared = recipe.prepare(table, NAMES)
    network = recipe.network(prepared)
    generator = torch.Generator().manual_seed(0)
    for weight in network.parameters():
        weight.data = 0.2 * torch.randn(weight.shape, generator=generator)
    config = {"family": family, "canvas_step": 4, "network": recipe.network_keywords(prepared)}
    statistics = {entry.name: entry.to_dict() for entry in prepared.statistics}
    write_json(folder / "properties.json", statistics)
    TrainingKeys(np.unique(prepared.keys)).save(folder / "train_keys.bin")
    model = SavedModel(network, prepared.codec, prepared.canvas, config)
    save_model(folder, model, list(prepared.tokenizer.tokens))
    return str(folder)


@pytest.fixture(scope="session")
def places(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield tmp_path_factory.mktemp("models")


@pytest.fixture(scope="session")
def prime(places, table):
    return make_model(places / "small-prime", table, "prime")


@pytest.fixture(scope="session")
def mdlm(places, table):
    return make_model(places / "small-mdlm", table, "mdlm")


@pytest.fixture
def small_table(monkeypatch, table):
    monkeypatch.setattr(samples, "open_table", lambda name: table)


@pytest.fixture
def run_benchmark(tmp_path, small_table):
    """Run a benchmark's main and return what it wrote."""

    def run(module, *words, output="out.json"):
        module.main([*words, "-o", str(tmp_path / output)])
        text = (tmp_path / output).read_text()
        return json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))

    return run

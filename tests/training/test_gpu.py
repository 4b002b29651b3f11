"""Training on a GPU: as everywhere else, but for speed. Skipped where there is none."""

import json

import numpy as np
import pandas as pd
import pytest
import torch

from moldiff.datasets import MoleculeTable
from moldiff.models.checkpoint import load_model
from moldiff.training.data import ResidentTokens
from moldiff.training.predicting import PredictorRecipe
from moldiff.training.recipe import Recipe

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")

SIZES = {"width": 32, "depth": 2, "heads": 2, "condition_width": 16}


@pytest.fixture(scope="module")
def table():
    smiles = ["C" * n + tail for n in range(1, 12) for tail in ("", "O", "N", "F", "C1CC1")]
    labels = pd.DataFrame({"a": [float(len(text)) for text in smiles]})
    return MoleculeTable("few", smiles, labels, {"a": "1"})


@pytest.mark.parametrize("family", ["prime", "mdlm", "udlm", "ar"])
def test_a_gpu_trains_every_family_into_a_model_that_any_machine_opens(tmp_path, table, family):
    recipe = Recipe(family=family, tokens=6e4, batch_tokens=512, **SIZES)
    trained = recipe.train(table, ["a"], tmp_path / "model", accelerator="gpu", progress=False)
    loss = pd.read_csv(tmp_path / "model" / "training" / "loss.csv")["loss"]
    assert loss.iloc[-1] < 0.9 * loss.iloc[0]
    config = json.loads((tmp_path / "model" / "config.json").read_text())
    assert torch.cuda.get_device_name() in config["training"]["machine"]
    assert {weight.device.type for weight in trained.network.parameters()} == {"cpu"}
    read = load_model(tmp_path / "model")
    z = torch.full((2, int(trained.canvas.sizes[0]), trained.codec.digits), 0)
    y, t = torch.full((2, 1), 5.0), torch.full((2,), 0.5)
    assert torch.allclose(read.network.float()(z, y, t), trained.network.float()(z, y, t), atol=0.05)


def test_a_gpu_trains_predictors(tmp_path, table):
    recipe = PredictorRecipe(tokens=3e4, width=32, depth=2, condition_width=16)
    prepared = Recipe(family="prime", batch_tokens=512).prepare(table, ["a"])
    recipe.train(prepared, table, tmp_path / "p", command="", accelerator="gpu", progress=False)
    figures = pd.read_csv(tmp_path / "p" / "calibration.csv")
    assert figures["error"].iloc[0] < table.labels["a"].std()


def test_a_gpu_gets_the_batches_of_a_processor():
    ids = [np.arange(1, 2 + n % 9, dtype=np.uint8) for n in range(200)]
    here, there = (ResidentTokens(ids, np.arange(200.0)[:, None], step=4, batch_tokens=64) for _ in range(2))
    there.to(torch.device("cuda"))
    for step in (0, 1, 40, 41, 100):
        for mine, other in zip(here.batch(step), there.batch(step), strict=True):
            assert other.device.type == "cuda"
            assert torch.equal(mine, other.cpu())

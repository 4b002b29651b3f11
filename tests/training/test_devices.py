"""Training on several devices is the training of one."""

import json
import os
import subprocess
import sys

import pandas as pd
import pytest
import torch

from moldiff.errors import InputError
from moldiff.models.checkpoint import load_model
from moldiff.training.recipe import Recipe

SCRIPT = '''
"""Train a few steps: python script.py FOLDER DEVICES TOKENS STOP, and end without a word at step STOP."""
import os, sys
import pandas as pd
from moldiff.datasets import MoleculeTable
from moldiff.training.module import DenoisingModule
from moldiff.training.recipe import Recipe
from pathlib import Path

folder, devices, tokens, stop = sys.argv[1:]
step = DenoisingModule.training_step

def stopping(self, batch, index):
    if self.global_step == int(stop):
        os._exit(9)
    return step(self, batch, index)

DenoisingModule.training_step = stopping
smiles = ["C" * n + tail for n in range(1, 12) for tail in ("", "O", "N", "F", "C1CC1")]
labels = pd.DataFrame({"a": [float(len(text)) for text in smiles]})
table = MoleculeTable("few", smiles, labels, {"a": "1"})
recipe = Recipe(width=16, depth=2, heads=2, condition_width=16, batch_tokens=140, tokens=float(tokens))
recipe.train(table, ["a"], Path(folder), compiled=False, progress=False, accelerator="cpu",
             precision="fp32", devices=int(devices), checkpoint_every=20)
'''


@pytest.fixture(scope="module")
def train(tmp_path_factory):
    place = tmp_path_factory.mktemp("devices")
    (place / "script.py").write_text(SCRIPT)

    def run(name, devices, tokens=9e3, stop=-1):
        words = [sys.executable, place / "script.py", place / name, devices, tokens, stop]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        done = subprocess.run(
            list(map(str, words)), capture_output=True, text=True, timeout=300, env=environment, check=False
        )
        assert done.returncode == (9 if stop >= 0 else 0), done.stderr
        return place / name

    return run


@pytest.fixture(scope="module")
def alone(train):
    return train("alone", 1)


def weights(folder):
    return load_model(folder).network.state_dict()


def compare(folder, alone):
    ours, theirs = (pd.read_csv(each / "training" / "loss.csv") for each in (folder, alone))
    assert ours[["step", "tokens"]].equals(theirs[["step", "tokens"]])
    assert len(ours) >= 1
    assert (ours["loss"] - theirs["loss"]).abs().max() < 1e-3
    for name, value in weights(folder).items():
        # Written in bfloat16.
        torch.testing.assert_close(value, weights(alone)[name], atol=0.02, rtol=0.02)
    reports = [json.loads((each / "config.json").read_text())["training"] for each in (folder, alone)]
    assert reports[0]["report"]["tokens"] == reports[1]["report"]["tokens"]
    bounds = [each["validation"]["token_bound"]["nats"] for each in reports]
    assert bounds[0] == pytest.approx(bounds[1], rel=0.01)


@pytest.mark.slow
def test_two_processes_learn_what_one_learns(train, alone):
    """The same global batch and noise: 11 rows of some canvases, which two processes share unevenly."""
    compare(train("two", 2), alone)


@pytest.mark.slow
@pytest.mark.parametrize(("first", "then"), [(2, 1), (1, 2)])
def test_a_run_goes_on_with_another_number_of_devices(train, alone, first, then):
    name = f"{first}-{then}"
    train(name, first, stop=47)
    compare(train(name, then), alone)


def test_more_devices_than_molecules_of_a_batch_are_refused(monkeypatch):
    from types import SimpleNamespace

    from moldiff.training.module import DenoisingModule

    data = SimpleNamespace(groups={4: None, 8: None}, rows_per_batch=lambda canvas: 16 // canvas)
    module = SimpleNamespace(data=data, trainer=SimpleNamespace(world_size=3))
    with pytest.raises(InputError, match="a batch of 2 molecules cannot be shared by 3 devices"):
        DenoisingModule.on_train_start(module)
    module.trainer.world_size = 2
    DenoisingModule.on_train_start(module)


def test_recipes_say_nothing_of_devices():
    assert not {"devices", "accelerator"} & {*Recipe().__dict__}

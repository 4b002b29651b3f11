"""Training that is killed at any moment and started again ends as if nothing had happened."""

import os
import random
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest
from soak import KILLS

from moldiff.datasets import load

SCRIPT = """
import sys, torch
from pathlib import Path
from moldiff.datasets import load
from moldiff.training.recipe import Recipe
torch.set_num_threads(1)
table = load("qm9")
recipe = Recipe(width=32, depth=1, heads=1, condition_width=32, tokens=4e5, batch_tokens=1024)
quiet = {"compiled": False, "progress": False, "accelerator": "cpu", "precision": "fp32"}
few = table.take(range(0, len(table), 200))
recipe.train(few, ["rings"], Path(sys.argv[1]), checkpoint_every=20, **quiet)
"""

pytestmark = pytest.mark.slow


def start(folder):
    words = [sys.executable, "-W", "ignore", "-c", SCRIPT, str(folder)]
    return subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def finish(folder):
    process = start(folder)
    _, said = process.communicate()
    assert process.returncode == 0, said


def killed(folder, rng):
    """Train, and kill at a random moment once there is something to lose; False if it was too late."""
    process = start(folder)
    before = stamp(folder)
    while process.poll() is None and stamp(folder) == before:
        time.sleep(0.01)
    time.sleep(rng.uniform(0, 0.6))
    if process.poll() is not None:
        return False
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    return True


def stamp(folder):
    checkpoint = folder / "training" / "last.ckpt"
    return checkpoint.stat().st_mtime_ns if checkpoint.exists() else None


def test_killed_and_resumed_training_is_the_same_to_the_bit(tmp_path):
    assert len(load("qm9")) > 0  # measured here, so that what is killed is training
    finish(tmp_path / "whole")
    rng, kills = random.Random(0), 0
    folder = tmp_path / "killed"
    while kills < KILLS:
        early = killed(folder, rng)
        kills += early
        # Its end may come before we do, or before the process is gone: one run more.
        if not early or (folder / "config.json").exists():
            check_same(tmp_path / "whole", folder)
            folder = tmp_path / f"killed-{len(list(tmp_path.iterdir()))}"
    finish(folder)
    check_same(tmp_path / "whole", folder)


def check_same(whole, parts):
    """The same files, with the same bytes where they do not hold times."""
    assert (whole / "training" / "loss.csv").read_bytes() == (parts / "training" / "loss.csv").read_bytes()
    curves = [pd.read_csv(run / "training" / "curve.csv").drop(columns="seconds") for run in (whole, parts)]
    pd.testing.assert_frame_equal(*curves)
    for name in ("model.safetensors", "vocab.json", "properties.json", "train_keys.bin"):
        assert (whole / name).read_bytes() == (parts / name).read_bytes(), name
    assert {path.name for path in whole.rglob("*")} == {path.name for path in parts.rglob("*")}

"""A run on two devices that is told to end does so, with all its processes, and goes on later."""

import os
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import pandas as pd
import pytest
from lightning.pytorch import Trainer

from moldiff.termination import EndOnSigterm


def started(words):
    return subprocess.Popen(
        [sys.executable, "-m", "moldiff", *words, "--no-progress"],
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def is_alone(group):
    """Tell whether no process of a group is left."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False


def ended(process, happened):
    """Send SIGTERM to the first process alone once something happened; return what all of them said."""
    try:
        until = time.monotonic() + 300
        while not happened():
            assert process.poll() is None, process.stderr.read()
            assert time.monotonic() < until, "it did not happen in time"
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        said = process.communicate(timeout=60)[1]
        until = time.monotonic() + 60
        while not is_alone(process.pid):
            assert time.monotonic() < until, "a process is left"
            time.sleep(0.05)
    finally:
        if not is_alone(process.pid):
            os.killpg(process.pid, signal.SIGKILL)
    return said


def rows(folder):
    return [pd.read_parquet(path)["smiles"].tolist() for path in sorted((folder / "molecules").glob("*"))]


@pytest.mark.slow
def test_drawing_in_bulk_ends_and_goes_on(tmp_path, tiny_model):
    words = ["generate", "--model", str(tiny_model), "--steps", "4", "--chunk", "16", "--device", "cpu"]
    proposed = tmp_path / "out" / "proposed"
    many = started([*words, "-n", "100000", "--devices", "2", "-o", str(tmp_path / "out")])
    assert "Traceback" not in ended(many, lambda: len(list(proposed.glob("part-*"))) >= 4)
    assert many.returncode == -signal.SIGTERM
    for folder in ("out", "calm"):
        process = started([*words, "-n", "100", "--devices", "1", "-o", str(tmp_path / folder)])
        assert process.wait(300) == 0, process.stderr.read()
    assert rows(tmp_path / "out") == rows(tmp_path / "calm")


@pytest.mark.slow
def test_training_on_two_devices_ends(tmp_path):
    table = tmp_path / "chains.smi"
    table.write_text("".join("C" * length + end + "\n" for length in range(1, 30) for end in "FNO"))
    words = ["train", str(table), "--property", "rings", "--width", "32", "--depth", "1", "--heads", "1"]
    words += ["--condition-width", "32", "--tokens", "1e8", "--batch-tokens", "1024", "--no-compile"]
    words += ["--accelerator", "cpu", "--devices", "2", "-o", str(tmp_path / "model")]
    loss = tmp_path / "model" / "training" / "loss.csv"
    process = started(words)
    ended(process, lambda: loss.exists() and loss.read_text().count("\n") > 1)
    assert process.returncode == -signal.SIGTERM


@pytest.mark.parametrize("start", ["on_train_start", "on_predict_start"])
def test_a_handler_of_the_program_is_asked_as_before(start):
    told, children = [], []
    launcher = SimpleNamespace(kill=children.append)
    before = signal.signal(signal.SIGTERM, lambda number, _: told.append(number))
    try:
        callback = EndOnSigterm()
        trainer = SimpleNamespace(strategy=SimpleNamespace(launcher=launcher))
        getattr(callback, start)(trainer, None)
        assert told == []
        os.kill(os.getpid(), signal.SIGTERM)
        assert (told, children) == ([signal.SIGTERM], [signal.SIGTERM])
        assert signal.getsignal(signal.SIGTERM) is callback.before
    finally:
        signal.signal(signal.SIGTERM, before)


def test_one_process_has_no_launcher():
    trainer = Trainer(accelerator="cpu", devices=1, logger=False, enable_checkpointing=False)
    assert trainer.strategy.launcher is None

"""Bulk generation: the same molecules on any number of devices, whatever interrupts it."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
import torch

from moldiff import cli
from moldiff.bulk import Bulk
from moldiff.drawer import Drawer
from moldiff.errors import InputError
from moldiff.generator import MoleculeGenerator
from moldiff.shards import Shards

SETTINGS = {"steps": 4, "chunk": 32, "seed": 3}


@pytest.fixture
def make(tiny_model):
    def made(device, n=100, **settings):
        generator = MoleculeGenerator.from_pretrained(tiny_model, device=str(device))
        return generator.run(n, settings.pop("goals", ()), **SETTINGS, **settings)

    return made


def molecules(folder):
    parts = [pd.read_parquet(path) for path in sorted((folder / "molecules").glob("part-*.parquet"))]
    return pd.concat(parts, ignore_index=True)


def bulk(folder, n, make, **settings):
    return Bulk(folder, n, lambda device: make(device, **settings), accelerator="cpu")


def test_the_first_different_molecules_come_in_order(tmp_path, make):
    record = bulk(tmp_path, 100, make)()
    found = molecules(tmp_path)
    run = make("cpu", n=100)
    names = [
        name
        for chunk in range(record["cost"]["chunks"])
        for name in run.chemistry.tokenizer.decode(run.proposer(chunk).ids)
    ]
    expected = list(dict.fromkeys(name for name in names if name))[:100]
    assert found["smiles"].tolist() == expected
    assert record["counts"]["returned"] == 100
    assert record["counts"]["proposed"] == 32 * record["cost"]["chunks"] == len(names)
    assert record["counts"]["valid"] == sum(map(bool, names))
    assert record["cost"]["nfe_per_proposal"] > 0
    assert json.loads((tmp_path / "run.json").read_text())["counts"] == record["counts"]
    assert not (tmp_path / "proposed").exists()
    columns = make("cpu").plan.chemistry.finished(
        make("cpu").chemistry.table(run.proposer(0).ids, run.targets).assign(unique=True, filters_failed=""),
        run.targets,
    )
    assert list(found.columns) == list(columns.columns)


def test_a_run_that_was_stopped_goes_on(tmp_path, make, monkeypatch):
    whole = tmp_path / "whole"
    bulk(whole, 150, make)()
    drawn, draw = [], Drawer._draw

    def stopping(self, index):
        if len(drawn) == 3:
            raise KeyboardInterrupt
        drawn.append(index)
        return draw(self, index)

    monkeypatch.setattr(Drawer, "_draw", stopping)
    with pytest.raises((KeyboardInterrupt, SystemExit)):
        bulk(tmp_path / "parts", 150, make)()
    assert drawn == [0, 1, 2]
    assert not (tmp_path / "parts" / "molecules").exists()
    # What was cut short counts for nothing.
    path = Shards(tmp_path / "parts" / "proposed").path(1)
    path.write_bytes(path.read_bytes()[:-10])
    again = []
    monkeypatch.setattr(Drawer, "_draw", lambda self, index: again.append(index) or draw(self, index))
    bulk(tmp_path / "parts", 150, make)()
    assert again[0] == 1
    assert not {0, 2} & {*again}
    pd.testing.assert_frame_equal(molecules(tmp_path / "parts"), molecules(whole))


def test_a_finished_run_can_be_prolonged_and_cut(tmp_path, make):
    bulk(tmp_path / "long", 200, make)()
    for n in (40, 200, 90):
        bulk(tmp_path / "changing", n, make)()
        assert len(molecules(tmp_path / "changing")) == n
        expected = molecules(tmp_path / "long").head(n)
        pd.testing.assert_frame_equal(molecules(tmp_path / "changing"), expected)


def test_what_was_drawn_is_not_drawn_again(tmp_path, make, monkeypatch):
    drawn, draw = [], Drawer._draw
    monkeypatch.setattr(Drawer, "_draw", lambda self, index: drawn.append(index) or draw(self, index))
    first = bulk(tmp_path, 100, make)()
    chunks = first["cost"]["chunks"]
    assert drawn == list(range(chunks))
    assert bulk(tmp_path, 100, make)() == json.loads((tmp_path / "run.json").read_text())
    assert len(drawn) == chunks
    record = bulk(tmp_path, 200, make)()
    # Of the first run only what n cut off is drawn again.
    cut = [index for index in drawn[chunks:] if index < chunks]
    assert len(cut) <= 2
    assert drawn[chunks:] == [*cut, *range(chunks, record["cost"]["chunks"])]
    bulk(tmp_path / "whole", 200, make)()
    pd.testing.assert_frame_equal(molecules(tmp_path), molecules(tmp_path / "whole"))
    assert record["counts"] == json.loads((tmp_path / "whole" / "run.json").read_text())["counts"]


def test_hits_alone(tmp_path, make):
    record = bulk(tmp_path, 30, make, goals=["rings>=1"], only_hits=True, filters=["elements=C,O"])()
    found = molecules(tmp_path)
    assert (found["rings"] >= 1).all()
    assert found["hit"].all()
    assert not found["smiles"].str.contains("N|F").any()
    assert record["counts"]["kept"] >= len(found) == 30
    assert record["cost"]["chunks"] > 1


def test_what_was_truncated_is_left_out_where_that_is_wished(tmp_path, make):
    bulk(tmp_path / "every", 40, make)()
    bulk(tmp_path / "whole", 40, make, only_faithful=True)()
    assert molecules(tmp_path / "every")["truncated"].any()
    assert not molecules(tmp_path / "whole")["truncated"].any()


def test_the_limit_ends_it(tmp_path, make):
    record = bulk(tmp_path, 10_000, make, max_proposals=64)()
    assert record["counts"]["proposed"] == 64
    assert record["counts"]["returned"] == len(molecules(tmp_path)) < 64
    assert "64 proposals gave" in record["notes"][-1]


def test_other_settings_are_another_run(tmp_path, make):
    bulk(tmp_path, 20, make)()
    with pytest.raises(InputError, match=r"holds a run with gamma 2.0, not 1.0|gamma"):
        bulk(tmp_path, 20, make, gamma=1.0)
    with pytest.raises(InputError, match="goals"):
        bulk(tmp_path, 20, make, goals=["rings>=1"])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"diverse": True}, "diverse picks from molecules in memory"),
        ({"scaffold_cap": 2}, "a scaffold cap counts molecules in memory"),
        ({"workers": 2}, "devices take the place of workers"),
    ],
)
def test_what_needs_memory_is_refused(tmp_path, make, settings, message):
    with pytest.raises(InputError, match=message):
        bulk(tmp_path / "out", 20, make, **settings)
    assert not (tmp_path / "out").exists()
    with pytest.raises(InputError, match="n must be from 1 to"):
        bulk(tmp_path / "out", 0, make)


def generate(capsys, *words):
    with pytest.raises(SystemExit) as stop:
        cli.main(["generate", *map(str, words)])
    out, err = capsys.readouterr()
    return stop.value.code, out, err


def test_through_the_command_line(capsys, tmp_path, tiny_model):
    words = ["--model", tiny_model, "-n", 50, "--steps", 4, "--chunk", 32, "--devices", 1, "--device", "cpu"]
    code, out, err = generate(capsys, *words, "-o", tmp_path / "out")
    assert (code, err) == (0, "")
    assert out.startswith("50 different molecules of ")
    assert len(molecules(tmp_path / "out")) == 50
    assert "--devices 1" in json.loads((tmp_path / "out" / "run.json").read_text())["command"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--devices", "0"], "--devices must be a number of at least 1 or auto, got '0'"),
        (["--devices", "2", "--format", "csv"], "--format is not for --devices"),
        (["--devices", "2", "--overwrite"], "--overwrite is not for --devices"),
        (["--devices", "2", "--device", "tpu"], "must be cpu or cuda, got 'tpu'"),
        (["--devices", "2", "--diverse"], "diverse picks from molecules in memory"),
        (["--devices", "2", "-o", "a.csv"], "the output is a folder"),
    ],
)
def test_wrong_input(capsys, tmp_path, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    code, _, err = generate(capsys, "-n", 10, *words)
    assert code == 2
    assert message in err
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_more_processes_than_chunks(tmp_path, tiny_model, make):
    words = [
        "generate",
        "--model",
        str(tiny_model),
        "-n",
        "20",
        "--steps",
        "4",
        "--chunk",
        "32",
        "--seed",
        "3",
    ]
    words += ["--device", "cpu", "--no-progress", "--devices", "2", "-o", str(tmp_path / "two")]
    done = subprocess.run(
        [sys.executable, "-m", "moldiff", *words], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("20 different molecules of 32 proposals in 1 chunks")
    bulk(tmp_path / "one", 20, make)()
    pd.testing.assert_frame_equal(molecules(tmp_path / "two"), molecules(tmp_path / "one"))


@pytest.mark.slow
def test_two_processes_killed_at_random_lose_and_double_nothing(tmp_path, tiny_model):
    """Against one process that nobody disturbs: the same molecules, in the same order."""
    words = ["generate", "--model", str(tiny_model), "-n", "300", "--steps", "4", "--chunk", "16"]
    words += ["--device", "cpu", "--no-progress"]

    def start(devices, folder):
        command = [sys.executable, "-m", "moldiff", *words, "--devices", devices, "-o", str(folder)]
        return subprocess.Popen(
            command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )

    calm = start("1", tmp_path / "calm")
    assert calm.wait(timeout=300) == 0, calm.stderr.read()
    rng = np.random.default_rng(0)
    shaken, kills = tmp_path / "shaken", 0
    while kills < 3:
        process = start("2", shaken)
        begun = len(list((shaken / "proposed").glob("part-*"))) if shaken.exists() else 0
        deadline = time.monotonic() + 120
        wanted = begun + int(rng.integers(1, 6))
        while process.poll() is None and time.monotonic() < deadline:
            if shaken.exists() and len(list((shaken / "proposed").glob("part-*"))) >= wanted:
                break
            time.sleep(0.01)
        if process.poll() is not None:
            assert process.returncode == 0, process.stderr.read()
            break
        time.sleep(float(rng.random()) * 0.05)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        kills += 1
    assert kills >= 2
    end = start("2", shaken)
    assert end.wait(timeout=300) == 0, end.stderr.read()
    found, expected = molecules(shaken), molecules(tmp_path / "calm")
    assert found["smiles"].is_unique
    pd.testing.assert_frame_equal(found, expected)
    assert not (shaken / "proposed").exists()
    assert torch.distributed.is_available()


def test_a_full_disk_is_said_and_what_is_finished_is_kept(capsys, tmp_path, tiny_model, monkeypatch):
    write = Shards.write

    def full(self, index, frame, about):
        if index == 2:
            raise OSError(28, "No space left on device")
        write(self, index, frame, about)

    words = ["--model", tiny_model, "-n", 120, "--steps", 4, "--chunk", 32, "--devices", 1, "--device", "cpu"]
    monkeypatch.setattr(Shards, "write", full)
    code, _, err = generate(capsys, *words, "-o", tmp_path / "out")
    assert code == 1
    assert "No space left on device; what is finished is kept" in err
    assert len(list((tmp_path / "out" / "proposed").glob("part-*"))) == 2
    monkeypatch.setattr(Shards, "write", write)
    code, out, _ = generate(capsys, *words, "-o", tmp_path / "out")
    assert code == 0
    assert out.startswith("120 different molecules")

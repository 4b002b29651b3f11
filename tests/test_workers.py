"""Worker processes draw what one process draws, and end with it."""

import pickle
import signal
import subprocess
import sys
import time
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from moldiff.chunks import ChunkFolder
from moldiff.errors import RunError
from moldiff.generator import MoleculeGenerator
from moldiff.workers import AHEAD, Worker, _ahead, _answer, in_order

FAST = {"steps": 3, "chunk": 16}


@pytest.fixture(scope="module")
def generator(tiny_model):
    return MoleculeGenerator.from_pretrained(tiny_model, device="cpu", precision="fp32")


@pytest.fixture(scope="module")
def proposer(generator):
    return generator.proposer(generator.targets(["rings>=1"]), seed=3, **FAST)


def test_two_workers_draw_what_one_process_draws(generator, tmp_path):
    asked = {"n": 60, "goals": ["rings>=1"], **FAST}
    alone = generator.generate(output=tmp_path / "one", **asked)
    shared = generator.generate(output=tmp_path / "two", workers=2, **asked)
    assert alone.counts == shared.counts
    assert shared.cost["chunks"] > 2
    assert shared.cost["workers"] == 2
    one, two = ((tmp_path / name / "molecules.csv").read_bytes() for name in ("one", "two"))
    assert one == two


def test_chunks_on_disk_are_not_drawn_and_start_no_worker(proposer, tmp_path, monkeypatch):
    folder = ChunkFolder(tmp_path, rows=16, tokens=len(proposer.sampler.process.codec.codes))
    folder.claim({})
    for index, chunk in enumerate(islice(in_order(proposer, 0, folder=folder), 3)):
        assert np.array_equal(chunk.ids, proposer(index).ids)

    def start(*_, **__):
        raise AssertionError("no process is needed")

    monkeypatch.setattr(subprocess, "Popen", start)
    stored = list(islice(in_order(proposer, 1, folder=folder, workers=2), 2))
    assert np.array_equal(stored[1].ids, proposer(2).ids)


def test_no_more_is_drawn_ahead_than_fits():
    class Now:
        """Threads that draw at once."""

        def submit(self, draw, index):
            submitted.append(index)
            return self

        def result(self):
            return submitted[len(taken)]

    submitted, taken = [], []
    for chunk in islice(_ahead(None, Now(), 5, 4), 6):
        taken.append(chunk)
        assert len(submitted) - len(taken) <= 3
    assert taken == [5, 6, 7, 8, 9, 10]
    assert AHEAD >= 1


def test_a_worker_that_dies_is_an_error(proposer):
    worker = Worker(pickle.dumps(proposer), 1)
    worker.process.kill()
    try:
        with pytest.raises(RunError, match=r"ended early .* fewer --workers"):
            worker(0)
    finally:
        worker.close()


def test_an_error_of_a_worker_is_told(proposer, monkeypatch):
    def fail(self, index):
        raise ValueError("no such chunk")

    monkeypatch.setattr(type(proposer), "__call__", fail)
    assert _answer(proposer, 0) == "ValueError: no such chunk"


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="no such list of processes here")
def test_workers_end_with_their_master(tiny_model, tmp_path):
    words = [
        "generate",
        "--model",
        str(tiny_model),
        "-o",
        str(tmp_path / "out"),
        "-n",
        "100000",
        "--workers",
        "2",
    ]
    with subprocess.Popen(
        [sys.executable, "-m", "moldiff", *words, "--chunk", "16", "--steps", "2", "--no-progress"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as master:
        try:
            wait_for(lambda: list((tmp_path / "out").glob(".chunks/chunk-*.npz")))
            staff = children(master.pid)
            assert len(staff) == 2
        finally:
            master.send_signal(signal.SIGKILL)
    wait_for(lambda: not any(alive(worker) for worker in staff))


def wait_for(happened, seconds=120):
    until = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.05)


def alive(process):
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def children(parent):
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            fields = (place / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == parent:
            found.append(int(place.name))
    return found

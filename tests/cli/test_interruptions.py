"""Runs that are stopped in any way end, when they go on, as if they had never been stopped."""

import json
import random
import signal
import subprocess
import sys
import time
from functools import partial

import pandas as pd
import pytest
from soak import KILLS

from moldiff import cli

FAST = ["--chunk", "16", "--steps", "4", "--precision", "fp32", "--device", "cpu", "--no-progress"]
CHUNKS = 24
LIMIT = ["-n", "5000", "--max-proposals", str(CHUNKS * 16), "--goal", "rings>=1", "--filter", "no-radicals"]


@pytest.fixture
def words(tiny_model):
    return ["generate", "--model", str(tiny_model), *LIMIT, *FAST]


def run(words, folder):
    """Run the verb in this process; return its exit code."""
    with pytest.raises(SystemExit) as stop:
        cli.main([*words, "-o", str(folder)])
    return stop.value.code


def started(words, folder, **keywords):
    """Run the verb in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "moldiff", *words, "-o", str(folder)],
        # A background job of a shell ignores SIGINT, and so would its children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        text=True,
        **keywords,
    )


def finished_chunks(folder):
    return sorted(folder.glob(".chunks/chunk-*.npz"))


def has_chunks(folder, number):
    return len(finished_chunks(folder)) >= number


def wait_for(happened, process):
    """Wait until something happened, or the process ended before."""
    until = time.monotonic() + 300
    while not happened() and process.poll() is None:
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.002)


RESULT = ["filtered.csv", "molecules.csv", "molecules.sdf", "report.html", "run.json"]


def assert_same_result(folder, whole):
    assert sorted(path.name for path in folder.iterdir()) == RESULT
    for name in RESULT[:3]:
        assert (folder / name).read_bytes() == (whole / name).read_bytes()
    one, other = (json.loads((place / "run.json").read_text()) for place in (folder, whole))
    for name in ("counts", "goals", "settings", "filters", "unmeasured"):
        assert one[name] == other[name]
    assert one["counts"]["proposed"] == CHUNKS * 16


def killed_when(words, folder, happened, delay):
    """Run the verb until something happened and a little longer; return what it said."""
    with started(words, folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        wait_for(happened, process)
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        said = process.communicate()[1]
    assert process.returncode in (-signal.SIGKILL, 0), said
    return said


@pytest.mark.parametrize("seed", range(KILLS // 2))
def test_killed_at_random_moments_it_ends_as_if_never_killed(words, tmp_path, capsys, seed):
    chance = random.Random(seed)
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert run(words, whole) == 0
    first = partial(has_chunks, killed, chance.randint(1, CHUNKS - 8))
    assert killed_when(words, killed, first, chance.uniform(0, 0.05)) == ""
    before = len(finished_chunks(killed))
    assert before
    assert [path.name for path in killed.iterdir()] == [".chunks"]

    def ending():
        return any(killed.glob(".molecules-*")) or (killed / "molecules.csv").exists()

    said = killed_when(words, killed, ending, chance.uniform(0, 0.2))
    assert f"going on after {before} finished chunks" in said
    if (killed / "run.json").exists():
        # A record stands only beside the whole result.
        for name in RESULT[:3]:
            assert (killed / name).read_bytes() == (whole / name).read_bytes()
    else:
        assert len(finished_chunks(killed)) == CHUNKS
    assert run(words, killed) == 0
    assert_same_result(killed, whole)


def test_ctrl_c_in_a_real_process(words, tmp_path, capsys):
    folder = tmp_path / "out"
    with started(words, folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        wait_for(partial(has_chunks, folder, 2), process)
        process.send_signal(signal.SIGINT)
        try:
            out, err = process.communicate(timeout=300)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    assert process.returncode == 130
    assert "Traceback" not in err
    kept = len(finished_chunks(folder))
    assert err == f"stopped: the same command goes on after {kept} finished chunks\n"
    assert "note: stopped after" in out
    assert 2 <= kept < CHUNKS
    record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    assert record["counts"]["proposed"] in (kept * 16, (kept - 1) * 16)  # the last may not have been judged
    assert len(pd.read_csv(folder / "molecules.csv")) == record["counts"]["returned"]
    assert run(words, folder) == 0
    assert f"going on after {kept} finished chunks" in capsys.readouterr().err
    assert run(words, tmp_path / "whole") == 0
    assert_same_result(folder, tmp_path / "whole")


@pytest.fixture
def stop_in_chunk(monkeypatch):
    from moldiff.proposing import Proposer

    original = Proposer.__call__

    def choose(number):
        def draw(self, index):
            if index == number:
                raise KeyboardInterrupt
            return original(self, index)

        monkeypatch.setattr(Proposer, "__call__", draw)

    return choose


def test_interrupt_keeps_the_finished_chunks(words, tmp_path, capsys, stop_in_chunk):
    stop_in_chunk(2)
    assert run(words, tmp_path) == 130
    out, err = capsys.readouterr()
    record = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))
    assert record["counts"]["proposed"] == 32
    assert len(pd.read_csv(tmp_path / "molecules.csv")) == record["counts"]["candidates"]
    assert "note: stopped after 32 proposals" in out
    assert "stopped: the same command goes on after 2 finished chunks" in err
    assert len(finished_chunks(tmp_path)) == 2


def test_interrupt_before_the_first_chunk_writes_nothing(words, tmp_path, capsys, stop_in_chunk):
    stop_in_chunk(0)
    assert run(words, tmp_path) == 130
    assert capsys.readouterr().out == ""
    assert list(tmp_path.iterdir()) == []


def test_interrupt_while_it_goes_on_loses_nothing(words, tmp_path, monkeypatch, stop_in_chunk):
    from moldiff.chemistry import Chemistry

    stop_in_chunk(2)
    assert run(words, tmp_path) == 130

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Chemistry, "table", stop)
    assert run(words, tmp_path) == 130
    assert len(finished_chunks(tmp_path)) == 2


def test_other_settings_in_the_same_folder(words, tmp_path, capsys, stop_in_chunk):
    stop_in_chunk(1)
    assert run(words, tmp_path) == 130
    capsys.readouterr()
    assert run([*words, "--seed", "7"], tmp_path) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err == (
        f"error: {tmp_path} holds an unfinished run with seed 0, not 7: give the same settings to go on with "
        "it, another folder, or --overwrite to begin anew\n"
    )
    assert len(finished_chunks(tmp_path)) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="the size of files cannot be limited so")
def test_a_full_disk_in_a_real_process(words, tmp_path, capsys):
    import resource

    def limit():
        # As on a disk that is full: room for chunks, but not for the table.
        resource.setrlimit(resource.RLIMIT_FSIZE, (6000, 6000))

    folder = tmp_path / "out"
    command = [sys.executable, "-m", "moldiff", *words, "-o", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, preexec_fn=limit)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"error: cannot write to the folder {folder}: File too large; what is finished is kept, and the same "
        "command goes on from there\n"
    )
    assert [path.name for path in folder.iterdir()] == [".chunks"]
    assert len(finished_chunks(folder)) == CHUNKS
    assert run(words, folder) == 0
    assert f"going on after {CHUNKS} finished chunks" in capsys.readouterr().err
    assert sorted(path.name for path in folder.iterdir()) == RESULT

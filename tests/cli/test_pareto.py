import json
import os
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest

from moldiff import cli

FAST = ["-n", "16", "--steps", "4", "--precision", "fp32", "--device", "cpu", "--no-progress"]


@pytest.fixture
def call(capsys):
    def run(*words):
        with pytest.raises(SystemExit) as stop:
            cli.main(["pareto", *(str(word) for word in words)])
        out, err = capsys.readouterr()
        return stop.value.code, out, err

    return run


@pytest.fixture
def words(tiny_model, tmp_path):
    return ["--model", tiny_model, "--goal", "rings>=1", "-o", tmp_path / "sweep", "--seed", "0", *FAST]


def test_options_make_a_grid(words, tmp_path, call):
    code, out, err = call(*words, "--gamma", "0", "--gamma", "2", "--temperature", "0.8")
    assert (code, err) == (0, "")
    table = pd.read_csv(tmp_path / "sweep" / "frontier.csv")
    assert table["gamma"].tolist() == [0.0, 2.0]
    assert set(table["temperature"]) == {0.8}
    assert "rings>=1: no arm has 50 novel molecules" in out
    assert f"written to {tmp_path / 'sweep'}: frontier.csv, frontier.json" in out
    assert "report.html" in out.split(": ")[-1]
    assert "rings&gt;=1" in (tmp_path / "sweep" / "report.html").read_text(encoding="utf-8")
    record = json.loads((tmp_path / "sweep" / "frontier.json").read_text())
    assert record["command"].startswith("moldiff pareto --goal 'rings>=1'")
    assert "--gamma 0.0 --gamma 2.0" in record["command"]


def test_contrasts_of_a_plan_are_told(tiny_model, tmp_path, call):
    (tmp_path / "plan.toml").write_text(
        f"""
        n = 32
        seeds = [0, 1]
        least_novel = 1
        precision = "fp32"
        device = "cpu"
        problem = [{{ name = "rings", ask = "rings>=1" }}]
        grid = [{{ model = "{tiny_model}", temperature = [0.8, 1.0], steps = 4 }}]
        contrast = [{{ name = "heat", arms = {{ temperature = 1.0 }}, against = {{ temperature = 0.8 }} }}]
        """
    )
    code, out, err = call(tmp_path / "plan.toml", "-o", tmp_path / "sweep", "--no-progress")
    assert (code, err) == (0, "")
    assert (
        "rings: differences with all other settings equal, ratios with each at its best\nheat: novel " in out
    )
    assert " (1 setting, over seeds); hypervolume ratio " in out
    assert "heat" in (tmp_path / "sweep" / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--gamma", "-1"], "gamma must be a number from 0"),
        (["--sampler", "lop"], "did you mean 'loop'"),
        (["--method", "particles"], "asks a scorer"),
        (["--fresh-seed", "0"], "0 is among both"),
        (["--budget", "0"], "the budget must be minutes above 0"),
        (["--goal", "ring>=1"], "did you mean 'rings'"),
    ],
)
def test_bad_input_is_one_message_and_nothing_is_written(words, tmp_path, call, more, message):
    code, out, err = call(*words, *more)
    assert (code, out) == (2, "")
    assert message in " ".join(err.split())
    assert not (tmp_path / "sweep").exists()


def test_neither_plan_nor_goal(call):
    code, _, err = call("--gamma", "1")
    assert code == 2
    assert "expected a plan file, or a goal" in err


def test_a_plan_stands_alone(call, tmp_path):
    code, _, err = call(tmp_path / "plan.toml", "--gamma", "1")
    assert code == 2
    assert "write gamma into the file" in err


def test_a_folder_of_another_problem(words, tmp_path, call):
    assert call(*words, "--gamma", "1")[0] == 0
    plan = tmp_path / "plan.toml"
    other = ["n = 16", 'precision = "fp32"', "[[problem]]", 'name = "rings>=1"', 'ask = "rings>=2"']
    plan.write_text("\n".join([*other, "[[grid]]", f'model = "{words[1]}"', "steps = 4"]))
    before = (tmp_path / "sweep" / "cells.csv").read_bytes()
    code, _, err = call(plan, "-o", tmp_path / "sweep", "--no-progress")
    assert code == 2
    assert "another problem rings>=1" in " ".join(err.split())
    assert (tmp_path / "sweep" / "cells.csv").read_bytes() == before


@pytest.mark.slow
def test_a_sweep_that_was_killed_goes_on(words, tmp_path, call):
    gammas = [word for gamma in range(12) for word in ("--gamma", str(gamma / 4))]
    line = [sys.executable, "-m", "moldiff", "pareto", *map(str, words), *gammas]
    process = subprocess.Popen(line, start_new_session=True, stdout=subprocess.DEVNULL)
    cells = tmp_path / "sweep" / "cells.csv"
    while not cells.exists() or len(pd.read_csv(cells)) < 2:
        assert process.poll() is None, "it ended before it was killed"
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    kept = pd.read_csv(cells)
    assert len(kept) < 12
    assert call(*words, *gammas)[0] == 0
    again = pd.read_csv(cells)
    assert len(again) == 12
    pd.testing.assert_frame_equal(again.iloc[: len(kept)], kept)


@pytest.fixture
def bench(capsys):
    def run(*words):
        with pytest.raises(SystemExit) as stop:
            cli.main(["bench", *(str(word) for word in words)])
        out, err = capsys.readouterr()
        return stop.value.code, out, err

    return run


def test_plans_that_come_along_are_listed(bench):
    names = [
        "ablations",
        "canvas",
        "families",
        "guidance",
        "predictors",
        "quick",
        "ranges",
        "remasking",
        "value",
    ]
    assert bench() == (0, "".join(f"qm9-{name}\n" for name in names), "")


def test_a_plan_by_name_looks_for_its_models_here(bench, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, _, err = bench("qm9-families", "-o", tmp_path / "sweep")
    assert (code, "no model at benchmarks/weights" in err) == (2, True)
    code, _, err = bench("qm9-family")
    assert (code, "did you mean 'qm9-families'" in err) == (2, True)

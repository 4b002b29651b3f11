"""Methods, predictors and scorers on the command line: what is written and said, and what is refused."""

import json
import re
import shutil

import numpy as np
import pandas as pd
import pytest

from moldiff import cli
from moldiff.chem.properties import measure
from moldiff.guidance import GUIDANCE, SELECTIONS
from moldiff.metrics.diversity import max_similarity, morgan_fingerprints
from moldiff.models.checkpoint import read_json, write_json
from moldiff.proposing import Proposer


@pytest.fixture(autouse=True)
def wide_screen(monkeypatch):
    monkeypatch.setenv("COLUMNS", "250")


@pytest.fixture
def generate(tiny_model, tmp_path, capsys):
    """Run the verb on the tiny model; return exit code, stdout, stderr and the output folder."""

    def call(*words, folder=tmp_path / "out"):
        fast = ["--steps", "4", "--chunk", "8", "--precision", "fp32", "--device", "cpu", "--no-progress"]
        with pytest.raises(SystemExit) as stop:
            cli.main(["generate", "--model", str(tiny_model), "-o", str(folder), *fast, "-n", "4", *words])
        out, err = capsys.readouterr()
        return stop.value.code, out, err, folder

    return call


def record_in(folder):
    return json.loads((folder / "run.json").read_text(encoding="utf-8"))


LENGTHS = ["--goal", "max my_scores:lengths"]
FEW = ["--oracle-calls", "48", "--method-knob", "moves=2"]


def test_a_scorer_of_the_working_folder(generate, my_scores, processes):
    code, out, err, folder = generate("--goal", "max my_scores:lengths", *FEW)
    assert (code, err) == (0, "")
    table, record = pd.read_csv(folder / "molecules.csv"), record_in(folder)
    assert table["my_scores:lengths"].tolist() == [float(len(text)) for text in table["smiles"]]
    assert table["smiles"].tolist() == sorted(my_scores(), key=len, reverse=True)[:4]
    assert len(my_scores()) == 48
    why = "the model was not trained on it and no predictor knows it"
    served = f"max my_scores:lengths: steered by the scores of molecules (metropolis): {why}"
    assert record["settings"]["served"] == [served]
    assert f"method: {served}" in out
    assert "my_scores:lengths: 48 of 48 oracle calls" in out
    assert all(process.poll() is not None for process in processes)
    # Its scores are on disk now.
    assert generate("--goal", "max my_scores:lengths", *FEW)[0] == 0
    assert record_in(folder)["scorers"]["my_scores:lengths"]["asked"] == 0
    assert generate("--goal", "max my_scores:lengths", *FEW, "--oracle", "cache=false")[0] == 0
    assert record_in(folder)["scorers"]["my_scores:lengths"]["asked"] == 48
    assert len(my_scores()) == 96


@pytest.mark.parametrize("scorer", ["prints", "forks"])
def test_what_a_scorer_does_besides_stays_with_it(generate, my_scores, processes, scorer):
    code, out, err, folder = generate("--goal", f"max my_scores:{scorer}", *FEW)
    assert (code, err) == (0, "")
    assert out.count("scoring") == out.count("from a child") == out.count("warning") == 0
    assert len(pd.read_csv(folder / "molecules.csv")) == 4
    assert all(process.poll() is not None for process in processes)


def test_failures_of_a_scorer_are_notes(generate, my_scores):
    code, out, _, folder = generate("--goal", "max my_scores:picky", *FEW)
    entry = record_in(folder)["scorers"]["my_scores:picky"]
    assert code == 0
    assert 0 < entry["failed"] == len(entry["reasons"]) < 48
    assert f"note: my_scores:picky has no number for {entry['failed']} of 48 molecules, such as" in out


def test_similar_to_a_molecule(generate):
    code, out, _, folder = generate("--similar-to", "CCCO", *FEW)
    table = pd.read_csv(folder / "molecules.csv")
    assert code == 0
    np.testing.assert_allclose(
        table["similarity"], max_similarity(list(table["smiles"]), morgan_fingerprints(["CCCO"]))
    )
    assert record_in(folder)["settings"]["scorers"]["similarity"]["scorer"] == "similarity to CCCO"
    assert "max similarity: steered" in out


def test_substructures_and_conditions_together(generate):
    words = ["--contains", "[OX2H]", "--contains", "[CX4]", "--goal", "rings>=1", "--method", "particles"]
    code, out, _, folder = generate(*words, "--oracle-calls", "48", "--method-knob", "n=4")
    table, record = pd.read_csv(folder / "molecules.csv"), record_in(folder)
    assert code == 0
    assert {"contains", "contains_2", "rings", "hit"} <= set(table)
    assert record["settings"]["selection_knobs"]["n"] == 4
    # RDKit measures rings, so that particles go by them, too.
    assert [goal["source"] for goal in record["goals"]] == ["scored"] * 3
    assert "rings: 48 of 48 oracle calls" in out


@pytest.mark.parametrize("method", [*GUIDANCE, *SELECTIONS])
def test_every_method_by_name(generate, tiny_predictor, method):
    goal, knobs = "max TPSA" if method in SELECTIONS else "logP>=2", []
    if method in SELECTIONS:
        knobs = ["--oracle-calls", "32", "--method-knob", "moves=2" if method == "metropolis" else "n=4"]
    elif method != "cfg":
        knobs = ["--method-knob", "gamma_classifier=3", "--max-proposals", "8"]
    words = ["--method", method, "--goal", goal, "--predictor", str(tiny_predictor), *knobs]
    code, out, err, folder = generate(*words)
    settings = record_in(folder)["settings"]
    assert (code, err) == (0, "")
    assert settings["method"] == method
    assert settings["selection" if method in SELECTIONS else "guidance"] == method
    assert settings["predictor"] == "tiny"
    assert f"method: {goal}: " in out
    assert f"({method})" in out
    assert ("predictor rows" in out) == (method in GUIDANCE and method != "cfg")
    assert ("oracle calls" in out) == (method in SELECTIONS)


def test_predicted_goals_are_told_as_such(generate, tiny_predictor):
    code, out, _, folder = generate("--goal", "max gap", "--predictor", str(tiny_predictor))
    table = pd.read_csv(folder / "molecules.csv")
    assert code == 0
    assert (table["gap_uncertainty"] > 0).all()
    assert "max gap, predicted (>=" in out
    assert "note: gap is predicted, not measured: mean absolute error " in out
    assert not any(line.startswith("not measured: ") for line in out.splitlines())


def test_hits_of_a_scorer_alone(generate, my_scores):
    code, _, _, folder = generate("--goal", "my_scores:lengths>=8", "--only-hits", *FEW)
    assert code == 0
    assert all(len(text) >= 8 for text in pd.read_csv(folder / "molecules.csv")["smiles"])
    code, _, err, folder = generate("--goal", "my_scores:lengths>=800", "--only-hits", *FEW)
    assert code == 1
    assert err.startswith("error: none of ")
    assert "loosen the goals, or raise --gamma, --steps or --oracle-calls" in err
    assert len(pd.read_csv(folder / "molecules.csv")) == 0


def test_ctrl_c_keeps_what_was_scored(generate, my_scores, processes, monkeypatch, tmp_path):
    words = [*LENGTHS, *FEW, "--oracle", "cache=false"]
    whole = generate(*words, folder=tmp_path / "whole")[3]
    draw = Proposer.__call__

    def stop(self, index):
        if index == 2:
            raise KeyboardInterrupt
        return draw(self, index)

    with monkeypatch.context() as patch:
        patch.setattr(Proposer, "__call__", stop)
        code, out, err, folder = generate(*words)
    assert (code, err) == (130, "stopped: the same command goes on after 2 finished chunks\n")
    assert re.search("note: stopped after [0-9]+ of 48 oracle calls", out)
    scored = pd.read_csv(folder / "molecules.csv")["my_scores:lengths"]
    assert len(scored) == 4
    assert scored.notna().all()
    assert all(process.poll() is not None for process in processes)
    code, _, err, _ = generate(*words)
    assert (code, err) == (0, "going on after 2 finished chunks\n")
    assert (folder / "molecules.csv").read_bytes() == (whole / "molecules.csv").read_bytes()
    assert record_in(folder)["scorers"] == record_in(whole)["scorers"]
    assert all(process.poll() is not None for process in processes)


def test_progress_of_a_steered_run_is_that_of_its_calls(generate, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich takes it for a terminal
    code, _, err, _ = generate("--goal", "max TPSA", *FEW, "--progress")
    assert code == 0
    assert "oracle calls" in err
    assert "molecules" not in err


def test_the_smallest_run(generate):
    code, out, _, folder = generate("--goal", "max TPSA", "--oracle-calls", "16", "-n", "16")
    assert code == 0
    table = pd.read_csv(folder / "molecules.csv")
    np.testing.assert_allclose(table["TPSA"], measure(list(table["smiles"]), ["TPSA"])["TPSA"])
    assert len(table) == 16
    assert "TPSA: 16 of 16 oracle calls" in out


QED = ["--goal", "max QED"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--goal", "max toxicity"], "unknown property 'toxicity'"),
        (["--goal", "max QED", "--goal", "min QED"], "two goals on 'QED'"),
        ([*QED, "--method", "cfg"], "method 'cfg' cannot serve 'max QED': use auto or particles"),
        ([*QED, "--method", "cbg"], "method 'cbg' cannot serve 'max QED': use auto or particles"),
        (["--goal", "mu=2", "--method", "cbg"], "'cbg' has no goal to serve: 'mu'; there is no predictor"),
        (["--goal", "mu=2", "--method", "particles"], "'particles' has no goal to serve: 'mu'; it needs a"),
        (["--method", "metropolis"], "method 'metropolis' has no goal to serve: there is none"),
        ([*QED, "--method", "metropolys"], "unknown method 'metropolys': did you mean 'metropolis'?"),
        (["--goal", "max absent:scorer"], "no module 'absent' is in the working folder"),
        (["--goal", "max my_scores:lengthz"], "has no function 'lengthz': did you mean 'lengths'?"),
        (["--goal", "max my_scores:not_a_function"], "is no function but an object of type int"),
        (["--goal", "my_scores:lengths=long"], "a scorer gives numbers"),
        (["--similar-to", "C1CC"], "not readable as a molecule"),
        (["--contains", "[OH"], "[OH"),
        ([*LENGTHS, "--workers", "2"], "draws in one process"),
        ([*LENGTHS, "--oracle", "wokers=2"], "unknown oracle setting 'wokers': did you mean 'workers'?"),
        ([*LENGTHS, "--oracle", "workers"], "expected name=value"),
        ([*LENGTHS, "--oracle", "workers=two"], "workers must be a whole number"),
        ([*LENGTHS, "--oracle", "timeout=0"], "timeout must be a number of seconds above 0"),
        ([*LENGTHS, "--oracle", "timeout=long"], "timeout must be a number of seconds above 0"),
        ([*LENGTHS, "--oracle", "cache=3"], "cache must be true, false or the name of a folder"),
        ([*LENGTHS, "--oracle-calls", "0"], "oracle_calls must be at least 16"),
        ([*LENGTHS, "--oracle-calls", "1"], "oracle_calls must be at least 16"),
        ([*QED, "--method-knob", "strenth=2"], "unknown method knob 'strenth': did you mean 'strength'?"),
        ([*QED, "--method-knob", "strength=-1"], "strength must be a finite number of at least 0"),
        ([*QED, "--method-knob", "strength=nan"], "strength must be a finite number of at least 0"),
        ([*QED, "--method", "particles", "--method-knob", "n=1"], "n must be at least 2, got 1"),
        ([*QED, "--method", "best-of", "--method-knob", "n=1"], "n must be at least 2, got 1"),
        (["--goal", "rings=1", "--predictor", "no/such"], "no/such"),
    ],
)
def test_wrong_input_is_one_message_and_leaves_what_is_there(generate, my_scores, processes, words, message):
    _, _, _, folder = generate("--goal", "rings>=1")
    before = {path: path.read_bytes() for path in folder.rglob("*")}
    code, out, err, _ = generate(*words)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert message in err
    assert err.count("\n") == 1
    assert {path: path.read_bytes() for path in folder.rglob("*")} == before
    assert all(process.poll() is not None for process in processes)


CBG = ["--goal", "rings>=1", "--method", "cbg-topk"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([*CBG, "--method-knob", "k=0"], "k must be a whole number of at least 1, got 0"),
        ([*CBG, "--method-knob", "k=1000"], "k must be at most 30, the number of tokens, got 1000"),
        ([*CBG, "--method-knob", "gamma_classifier=-1"], "gamma_classifier must be a finite number"),
        ([*CBG, "--method-knob", "gamma_classifier=nan"], "gamma_classifier must be a finite number"),
        ([*CBG, "--method-knob", "gamma_classifier=inf"], "gamma_classifier must be a finite number"),
        ([*CBG, "--gamma", "-1"], "gamma must be a number from 0"),
        ([*CBG, "--gamma", "nan"], "gamma must be a number from 0"),
        (["--goal", "max QED", "--method", "cbg"], "'cbg' cannot serve 'max QED'"),
        (["--goal", "max gap", "--method", "cfg"], "'cfg' cannot serve 'max gap': use auto or cbg"),
        (["--goal", "max gap", "--method", "best-of"], "'best-of' has no goal to serve: 'gap'"),
    ],
)
def test_wrong_settings_of_a_predictor(generate, tiny_predictor, words, message):
    code, out, err, folder = generate(*words, "--predictor", str(tiny_predictor))
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1
    assert not folder.exists()


def test_predictors_of_other_models(generate, tiny_predictor, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(tiny_predictor, other, ignore=shutil.ignore_patterns("training"))
    vocab = read_json(other / "vocab.json")
    write_json(other / "vocab.json", {**vocab, "tokens": [*vocab["tokens"][:-1], "[Br]"]})
    code, out, err, folder = generate("--goal", "rings>=1", "--predictor", str(other))
    assert (code, out) == (2, "")
    assert "the predictor has another vocabulary" in err
    write_json(other / "vocab.json", vocab)
    write_json(other / "config.json", {**read_json(other / "config.json"), "noise": "uniform"})
    code, out, err, folder = generate("--goal", "rings>=1", "--predictor", str(other))
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert not folder.exists()


@pytest.mark.parametrize(
    ("scorer", "reason"),
    [
        ("nothing", "the scorer gave None"),
        ("texts", "the scorer gave the text 'high'"),
        ("hangs", "the scorer took more than 0.3 s"),
    ],
)
def test_a_scorer_without_any_number_is_a_failure(generate, my_scores, processes, scorer, reason):
    _, _, _, folder = generate("--goal", "rings>=1")
    before = {path: path.read_bytes() for path in folder.rglob("*")}
    words = ["--oracle-calls", "16", "--oracle", "timeout=0.3", "--oracle", "retries=0"]
    code, out, err, _ = generate("--goal", f"max my_scores:{scorer}", *words)
    assert (code, out) == (1, "")
    assert err.startswith(
        f"error: scorer 'my_scores:{scorer}' has no number for any of the first 2 molecules"
    )
    assert reason in err
    assert err.count("\n") == 1
    assert {path: path.read_bytes() for path in folder.rglob("*")} == before
    assert all(process.poll() is not None for process in processes)


def test_an_output_of_others_stays(generate, my_scores, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "molecules.csv").write_text("mine")
    code, _, err, folder = generate(*LENGTHS, *FEW)
    assert code == 2
    assert "molecules.csv is there already" in err
    assert (folder / "molecules.csv").read_text() == "mine"
    assert my_scores() == []

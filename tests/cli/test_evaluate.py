import json
import shlex

import pandas as pd
import pytest

from moldiff import cli
from moldiff.datasets import DATASETS, load

TABLE = "name,smiles,selfies\na,CCO,[C][C][O]\nb,OCC,[F][F][F]\nc,C1CC,[C]\nd,c1ccccc1,\ne,CCBr,[C][C][Br]\n"


@pytest.fixture(autouse=True)
def surroundings(monkeypatch, tmp_path, tiny_model):
    """A cache of its own, and for QM9 the part of it that the tiny model (trained before) learnt from."""
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    few = load("qm9").take(range(0, 130744, 40))
    monkeypatch.setitem(DATASETS, "qm9", lambda: few)


@pytest.fixture
def evaluate(tmp_path, capsys):
    """Run the verb in a folder with a table; return exit code, stdout and stderr."""
    (tmp_path / "five.csv").write_text(TABLE)

    def call(*words, file="five.csv"):
        with pytest.raises(SystemExit) as stop:
            cli.main(["evaluate", str(tmp_path / file), *words])
        out, err = capsys.readouterr()
        return stop.value.code, out, err

    return call


def test_screen_says_every_figure_with_its_denominator(evaluate):
    code, out, err = evaluate("--goal", "heavy_atoms>=3")
    assert (code, err) == (0, "")
    lines = {line.split(":")[0].split("  ")[1].strip(): line for line in out.splitlines() if line[:2] == "  "}
    assert "80.0%" in lines["validity"]
    assert "5 proposed rows" in lines["validity"]
    assert "75.0%" in lines["uniqueness"]
    assert "4 valid rows" in lines["uniqueness"]
    assert "60.0%" in lines["fidelity"]
    assert "1 distinct molecules with a ring" in lines["scaffolds"]
    assert "80.0%" in lines["heavy_atoms>=3"]
    assert "5 rows of" in out
    assert "column 'smiles' (by its name)" in out
    assert "note: novelty is not stated" in out


def test_record(evaluate, tmp_path):
    report = tmp_path / "deep" / "report.json"
    code, out, _ = evaluate("-o", str(report), "--goal", "rings>=1", "--goal", "logP<=2", "--seed", "4")
    record = json.loads(report.read_text(encoding="utf-8"))
    assert code == 0
    assert f"figures written to {report}" in out
    assert record["file"] == str(tmp_path / "five.csv")
    assert record["column"] == "smiles"
    assert record["settings"]["seed"] == 4
    assert record["sets"]["fidelity"]["count"] == 3
    assert {"moldiff", "rdkit", "torch"} <= set(record["versions"])
    assert "Python" in record["machine"]
    words = shlex.split(record["command"])
    assert words[:2] == ["moldiff", "evaluate"]
    before = report.read_bytes()
    with pytest.raises(SystemExit):
        cli.main(words[1:])
    assert report.read_bytes() == before  # the command that stands in a record writes that record


def test_model_and_bounds_of_every_row(evaluate, tiny_model, tmp_path):
    code, out, _ = evaluate(
        "--model",
        str(tiny_model),
        "--device",
        "cpu",
        "--draws",
        "2",
        "--per-molecule",
        str(tmp_path / "b.csv"),
    )
    assert code == 0
    assert "not among the" in out
    assert "training molecules of tiny" in out
    assert "-log p of 3 of 5 rows under the model, without conditions" in out
    assert "not scored: 1 of 5 rows, symbol outside the model's vocabulary" in out
    assert "beside" in out
    assert "validation part of qm9" in out
    bounds = pd.read_csv(tmp_path / "b.csv")
    assert bounds["row"].tolist() == [0, 1, 2, 3, 4]
    assert bounds["smiles"].tolist() == ["CCO", "CCO", "C1CC", "c1ccccc1", "CCBr"]
    assert bounds["token_bound"].notna().tolist() == [True, True, False, True, False]
    assert bounds["excluded"][4] == "symbol outside the model's vocabulary: [Br]"


def test_reference_file(evaluate, tmp_path):
    (tmp_path / "known.smi").write_text("CCO\nC1CC1\nCCCC\nc1ccncc1\n")
    code, out, _ = evaluate("--reference", str(tmp_path / "known.smi"))
    assert code == 0
    assert "not among the 4 known.smi" in out
    assert "beside 4 of known.smi" in out
    assert "mean distance" in out


def test_column_of_smiles(evaluate):
    assert "column 'name' (as asked)" in evaluate("--smiles", "name")[1]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--goal", "ringz>=1"], "did you mean 'rings'"),
        (["--goal", "max QED"], "give --model or --reference"),
        (["--reference", "qm8"], "no file or data set 'qm8'"),
        (["--model", "no/such"], "no model at no/such"),
        (["--per-molecule", "b.csv"], "take --model"),
        (["--draws", "0"], "draws must be from 1"),
        (["--seed", "-1"], "seed must be from 0"),
        (["--jobs", "0"], "n_jobs must be at least 1"),
        (["--smiles", "smile"], "no column 'smile': did you mean 'smiles'"),
    ],
)
def test_wrong_input_is_one_message_and_no_file(evaluate, tmp_path, words, message):
    code, out, err = evaluate(*words, "-o", str(tmp_path / "r.json"))
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert message in err
    assert err.count("\n") == 1
    assert not (tmp_path / "r.json").exists()


def test_a_file_that_is_not_there(evaluate):
    code, _, err = evaluate(file="six.csv")
    assert code == 2
    assert "there is no such file" in err


def test_outputs_that_would_replace_something(evaluate, tiny_model, tmp_path):
    for words, message in [
        (["-o", str(tmp_path / "five.csv")], "named twice"),
        (["-o", str(tmp_path)], "it is a folder"),
        (["-o", str(tmp_path / "five.csv" / "r.json")], "no folder that can be written to"),
        (
            ["-o", str(tmp_path / "x"), "--per-molecule", str(tmp_path / "x"), "--model", str(tiny_model)],
            "named twice",
        ),
    ]:
        code, _, err = evaluate(*words)
        assert code == 2
        assert message in err
    assert (tmp_path / "five.csv").read_text() == TABLE


def test_a_full_disk_is_a_failure_that_leaves_no_file(evaluate, monkeypatch, tmp_path):
    def full(*_, **__):
        raise OSError(28, "No space left on device", "r.json")

    monkeypatch.setattr("pathlib.Path.write_text", full)
    code, _, err = evaluate("-o", str(tmp_path / "out" / "r.json"))
    assert code == 1
    assert "could not be written: No space left on device" in err
    assert list((tmp_path / "out").iterdir()) == []


def test_progress_goes_to_stderr(evaluate, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "reading molecules" not in evaluate("--no-progress")[2]
    code, out, _ = evaluate("--progress")
    assert code == 0
    assert "reading molecules" not in out


def test_a_protocol_with_copies_of_its_files(evaluate, tmp_path, monkeypatch):
    pytest.importorskip("fcd_torch", reason="the extra moses is not installed")
    for name in ("test", "scaffolds", "train"):
        (tmp_path / f"{name}.smi").write_text("CCO\nCCN\nc1ccc2ccccc2c1\nCC(=O)NC1CC1\n")
    report = tmp_path / "report.json"
    words = ["--test", str(tmp_path / "test.smi"), "--test-scaffolds", str(tmp_path / "scaffolds.smi")]
    code, out, err = evaluate("--protocol", "moses", *words, "-o", str(report))
    assert (code, err) == (0, "")
    assert "moses: 5 molecules" in out
    assert "FCD/TestSF" in out
    assert "note: 5 molecules are fewer than the 30,000" in out
    record = json.loads(report.read_text(encoding="utf-8"))
    figures = {figure["name"]: figure for figure in record["figures"]}
    assert figures["valid"]["value"] == 0.8
    assert figures["Novelty"]["value"] is None
    assert record["command"].startswith("moldiff evaluate")
    assert "--protocol moses" in record["command"]
    code, out, err = evaluate("--protocol", "guacamol", "--train", str(tmp_path / "train.smi"))
    assert (code, err) == (0, "")
    assert "KL divergence" in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--protocol", "mosses"], "unknown protocol 'mosses': did you mean 'moses'"),
        (["--test", "a.smi"], "--test is for --protocol"),
        (["--protocol", "moses", "--model", "qm9"], "--model has no say in a protocol"),
        (["--protocol", "guacamol", "--test", "a.smi"], "--test is not for the protocol guacamol"),
        (["--protocol", "guacamol"], "give their file with --train"),
        (["--protocol", "moses", "--test", "none.smi"], "cannot read none.smi: there is no such file"),
    ],
)
def test_wrong_input_of_protocols(evaluate, words, message):
    code, out, err = evaluate(*words)
    assert (code, out) == (2, "")
    assert message in err

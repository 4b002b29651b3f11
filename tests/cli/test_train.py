import json
import shlex
from dataclasses import fields
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from moldiff import cli
from moldiff.bundled import model_folder
from moldiff.cli.train import RECIPE
from moldiff.datasets import load
from moldiff.models.checkpoint import load_model
from moldiff.models.predictor_folder import load_predictor
from moldiff.training.recipe import Recipe


@pytest.fixture
def trained(monkeypatch):
    """Catch what the verb would train, and stand in for the model."""
    calls = []

    bounds = {"token_bound": {"nats": 13.25, "standard_error": 0.125}}
    model = SimpleNamespace(config={"training": {"validation": bounds}})

    def train(self, table, properties, folder, **running):
        calls.append((self, table, properties, folder, running))
        return model

    monkeypatch.setattr(Recipe, "train", train)
    return calls


def run(capsys, *words):
    with pytest.raises(SystemExit) as stop:
        cli.main(["train", *words])
    out, err = capsys.readouterr()
    return stop.value.code, out, err


def test_what_is_not_given_is_left_to_the_recipe(trained, capsys, tmp_path):
    code, out, err = run(capsys, "qm9", "-o", str(tmp_path / "m"))
    [(recipe, table, properties, folder, running)] = trained
    assert (code, err) == (0, "")
    assert recipe == Recipe()
    assert folder == tmp_path / "m"
    assert running == {
        "compiled": True,
        "progress": True,
        "n_jobs": 1,
        "command": "moldiff train qm9 -o MODEL",
    }
    assert {"logP", "rings", "mu", "gap"} < set(properties)
    assert len(table) == 130744
    assert out.splitlines()[:2] == ["qm9: 130,744 rows", "kept 130,744 molecules; dropped: no row"]
    assert out.endswith(f"token_bound: 13.25 ± 0.12 nats per molecule\nmodel written to {tmp_path / 'm'}\n")


def test_options_reach_the_recipe(trained, capsys, tmp_path):
    values = {
        "family": "prime",
        "digits": 3,
        "code": "shuffled",
        "canvas_step": 8,
        "tokens": 1e6,
        "width": 64,
        "depth": 2,
        "heads": 2,
        "condition_width": 16,
        "batch_tokens": 512,
        "lr": 1e-3,
        "muon_lr": 0.0,
        "seed": 5,
    }
    words = [word for name, value in values.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    words += ["--property", "logP", "--property", "mu", "--devices", "2", "--precision", "fp32"]
    code, _, err = run(capsys, "qm9", "-o", str(tmp_path), *words, "--no-compile", "--no-progress")
    assert (code, err) == (0, "")
    [(recipe, _, properties, _, running)] = trained
    assert recipe == Recipe(**values)
    assert properties == ["logP", "mu"]
    expected = {"devices": 2, "precision": "fp32", "compiled": False, "progress": False, "n_jobs": 1}
    command = shlex.split(running.pop("command"))
    assert running == expected
    # The card's command has the same options, in its own order.
    assert command[:3] == ["moldiff", "train", "qm9"]
    assert command[command.index("--muon-lr") + 1] == "0"
    assert {word for word in command if word.startswith("--")} == {
        f"--{name.replace('_', '-')}" for name in [*values, "property"]
    }


def test_every_keyword_of_the_recipe_is_an_option():
    assert set(RECIPE) == {entry.name for entry in fields(Recipe)}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["qm8"], "'qm8' is neither a data set nor a file: did you mean 'qm9'?"),
        (["none.csv", "--property", "x"], "cannot read none.csv: there is no such file"),
        (["b3db", "--neutralise"], "the molecules of b3db are taken as they are"),
        (["b3db", "--smiles", "mol"], "the molecules of b3db are taken as they are"),
        (["b3db", "--property", "BB"], "'BB' is neither a column of the table nor a known property"),
        (["qm9", "--family", "prim"], "unknown family 'prim': did you mean 'prime'?"),
        (["qm9", "--precision", "bf17"], "unknown precision 'bf17': did you mean 'bf16'?"),
        (["qm9", "--devices", "many"], "--devices must be a number"),
        (["qm9", "--devices", "0"], "--devices must be a number"),
        (["qm9", "--tokens", "0"], "tokens must be above 0"),
        (["qm9", "--family", "mdlm", "--digits", "2"], "family mdlm has one digit a token"),
    ],
)
def test_wrong_input(trained, capsys, tmp_path, words, message):
    code, out, err = run(capsys, *words, "-o", str(tmp_path / "m"))
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1
    assert not trained
    assert not (tmp_path / "m").exists()


TABLE = """Structure,logS,active,id
OCC,0.5,yes,a1
CCO,0.7,yes,a2
C1,1.0,no,a3
CC(=O)[O-].[Na+],,no,a4
CC,,,a5
"""


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text(TABLE, encoding="utf-8")
    return path


def test_a_table_of_ones_own(trained, capsys, tmp_path, table):
    folder = tmp_path / "m"
    words = [str(table), "--property", "logS", "--property", "active", "-o", str(folder)]
    code, out, err = run(capsys, *words)
    assert code == 0
    listed = folder / "training" / "dropped.csv"
    assert out.splitlines()[:5] == [
        "mine.csv: 5 rows, molecules in column 'Structure' (by its name)",
        "kept 2 molecules; dropped: 1 repeated, 1 not a molecule, 1 no label",
        "standardised: 1 fragments left out",
        "labels: logS (numeric; 1 values); active (class, no or yes; 2 values)",
        f"dropped rows are listed in {listed}",
    ]
    assert err.startswith("note: 2 molecules are few")
    [(_, taken, properties, _, _)] = trained
    assert (taken.name, taken.smiles, properties) == ("mine.csv", ["CCO", "CC(=O)[O-]"], ["logS", "active"])
    assert listed.read_text(encoding="utf-8").splitlines()[1].startswith("2,CCO,repeated")


@pytest.mark.parametrize(
    ("words", "smiles"),
    [
        (["--neutralise"], ["CCO", "CC(=O)O"]),
        (["--no-standardise"], ["CCO", "CC(=O)[O-].[Na+]"]),
        (["--tautomer", "--smiles", "Structure"], ["CCO", "CC(=O)[O-]"]),
    ],
)
def test_options_of_standardising(trained, capsys, tmp_path, table, words, smiles):
    code, _, _ = run(capsys, str(table), "--property", "active", "-o", str(tmp_path / "m"), *words)
    assert code == 0
    assert trained[0][1].smiles == smiles


def test_a_file_without_property_lists_what_there_is(trained, capsys, tmp_path, table):
    code, out, err = run(capsys, str(table), "-o", str(tmp_path / "m"))
    assert (code, out) == (2, "")
    assert "--property: the columns of" in err
    assert (
        "are logS (numeric), active (no or yes), id (a1 or a2 or a3 or a4 or a5) beside the molecules" in err
    )
    assert "RDKit measures logP, QED" in err
    assert not trained


def test_output_is_needed(trained, capsys):
    code, _, err = run(capsys, "qm9")
    assert code == 2
    assert "--output" in err


@pytest.mark.slow
def test_from_data_to_molecules_through_the_command_line(capsys, tmp_path):
    model, out = tmp_path / "model", tmp_path / "out"
    small = ["--tokens", "6e4", "--width", "32", "--depth", "1", "--heads", "1", "--condition-width", "32"]
    words = ["--property", "logP", "--property", "rings", *small, "--no-compile", "--no-progress"]
    code, text, _ = run(capsys, "qm9", *words, "-o", str(model))
    assert code == 0
    assert "token_bound" in text
    assert "marginal_bound" in text
    names = {
        "config.json",
        "model.safetensors",
        "vocab.json",
        "properties.json",
        "train_keys.bin",
        "README.md",
    }
    assert names <= {path.name for path in model.iterdir()}
    command = "moldiff train qm9 --property logP --property rings --tokens 60000 --width 32"
    assert command in (model / "README.md").read_text(encoding="utf-8")
    with pytest.raises(SystemExit) as stop:
        cli.main(
            ["generate", "--model", str(model), "-n", "10", "--steps", "8", "--no-progress", "-o", str(out)]
        )
    assert stop.value.code == 0
    assert json.loads((out / "run.json").read_text(encoding="utf-8"))["counts"]["returned"] == 10


def test_a_predictor_through_the_command_line(capsys, tmp_path):
    rows = "".join(f"{'C' * n}{end},{n}.5\n" for n in range(1, 31) for end in ("O", "N", "F", "C1CC1"))
    (tmp_path / "mine.csv").write_text(f"smiles,logS\n{rows}")
    small = ["--tokens", "2e4", "--batch-tokens", "512", "--width", "32", "--depth", "1", "--heads", "1"]
    words = [str(tmp_path / "mine.csv"), "--property", "logS", "--property", "rings", "--predictor", *small]
    code, text, _ = run(capsys, *words, "--no-compile", "--no-progress", "-o", str(tmp_path / "p"))
    assert code == 0, text
    assert text.endswith(f"errors by noise level: {tmp_path / 'p' / 'calibration.csv'}\n")
    saved = load_predictor(tmp_path / "p")
    assert saved.properties == ["logS", "rings"]
    assert saved.config["training"]["recipe"]["width"] == 32
    figures = pd.read_csv(tmp_path / "p" / "calibration.csv")
    assert set(figures["property"]) == {"logS", "rings"}


@pytest.mark.parametrize("words", [["--shown", "1"], ["--init", "somewhere"], ["--snapshots", "2"]])
def test_a_predictor_refuses_what_is_for_models(trained, capsys, tmp_path, words):
    code, _, err = run(capsys, "qm9", "--predictor", *words, "-o", str(tmp_path / "p"))
    assert (code, trained) == (2, [])
    assert f"{words[0]} is for models that generate: leave it out with --predictor" in err
    assert not (tmp_path / "p").exists()


MINE = """smiles,logS
CCO,0.5
CCF,0.1
OCC,0.7
not smiles,1
CCBr,0.2
CCCCCCCCCCCCCCCCCCCCCCCCCCCCCC,3
CC(=O)C,
"""


def test_a_predictor_for_a_model_through_the_command_line(capsys, tmp_path):
    chains = "".join(f"{'C' * n}{end},{n}.5\n" for n in range(1, 12) for end in ("O", "N", "C1CC1"))
    (tmp_path / "mine.csv").write_text(MINE + chains)
    small = ["--tokens", "2e3", "--batch-tokens", "256", "--width", "16", "--depth", "1", "--heads", "1"]
    words = [str(tmp_path / "mine.csv"), "--property", "logS", "--predictor", "--for", "qm9-prime", *small]
    code, text, _ = run(capsys, *words, "--no-compile", "--no-progress", "-o", str(tmp_path / "p"))
    assert code == 0, text
    said = "2 repeated, 1 not a molecule, 1 symbol outside the model's vocabulary, 1 too long, 1 no label"
    assert f"kept 34 molecules; dropped: {said}" in text
    listed = pd.read_csv(tmp_path / "p" / "training" / "dropped.csv")
    assert listed["row"].tolist() == sorted(listed["row"])
    ours = listed.set_index("row").loc[[5, 6]]
    assert ours["smiles"].tolist() == ["CCBr", "C" * 30]
    assert ours["detail"].tolist() == ["[Br]", "32 positions; the model has up to 24"]
    saved, model = load_predictor(tmp_path / "p"), load_model(model_folder("qm9-prime"))
    tokens = json.loads((model_folder("qm9-prime") / "vocab.json").read_text())["tokens"]
    saved.check("prime", tokens, model.codec, model.network.max_length)
    command = "moldiff train mine.csv --predictor --for qm9-prime --property logS --tokens 2000"
    assert command in (tmp_path / "p" / "README.md").read_text()
    # The card's command can be run: what it lists is what was given.
    given = shlex.split(saved.config["training"]["command"])
    assert set(small) - {"2e3"} < set(given)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--for", "qm9"], "--for names the model that a predictor is for: add --predictor"),
        (["--predictor", "--for", "qm8"], "unknown model 'qm8'"),
        (["--predictor", "--for", "qm9", "--family", "ar"], "--for takes the family from the model"),
        (["--predictor", "--for", "qm9", "--digits", "1"], "--for takes the digits from the model"),
        (["--predictor", "--for", "qm9", "--code", "chemistry"], "--for takes the code from the model"),
        (["--init", "qm8"], "unknown model 'qm8'"),
        (["--init", "qm9", "--width", "64"], "--init takes the width from the model: leave --width out"),
        (["--init", "qm9", "--family", "ar"], "--init takes the family from the model"),
        (
            ["--predictor", "--for", "qm9", "--canvas-step", "4"],
            "--for takes the canvas-step from the model: leave --canvas-step out",
        ),
    ],
)
def test_for_what_it_cannot_be_for(trained, capsys, tmp_path, words, message):
    code, out, err = run(capsys, "qm9", *words, "-o", str(tmp_path / "p"))
    assert (code, out, trained) == (2, "", [])
    assert message in err
    assert not (tmp_path / "p").exists()


def test_a_model_that_can_write_none_of_the_molecules(trained, capsys, tmp_path):
    (tmp_path / "mine.csv").write_text("smiles,logS\nCCBr,1\nCBr,2\n")
    words = [str(tmp_path / "mine.csv"), "--property", "logS", "--predictor", "--for", "qm9"]
    code, _, err = run(capsys, *words, "-o", str(tmp_path / "p"))
    assert code == 2
    assert "can write none of the 2 molecules of mine.csv (2 symbol outside the model's vocabulary)" in err
    assert not (tmp_path / "p").exists()


@pytest.mark.slow
def test_from_a_table_with_classes_to_molecules(capsys, tmp_path):
    table = load("b3db").take(range(0, 7805, 20))
    names = np.array([*table.classes["BBB"]])
    frame = pd.DataFrame({"SMILES": table.smiles, "BBB": names[table.labels["BBB"].astype(int)]})
    path = tmp_path / "bbb.tsv.gz"
    frame.to_csv(path, sep="\t", index=False)
    model, out = tmp_path / "model", tmp_path / "out"
    small = ["--tokens", "2e4", "--width", "32", "--depth", "1", "--heads", "1", "--condition-width", "32"]
    words = ["--property", "BBB", "--property", "logP", *small, "--no-compile", "--no-progress"]
    code, text, _ = run(capsys, str(path), *words, "-o", str(model))
    assert code == 0
    assert "labels: BBB (class, BBB+ or BBB-;" in text
    stored = json.loads((model / "properties.json").read_text(encoding="utf-8"))
    assert stored["BBB"]["classes"] == ["BBB+", "BBB-"]
    assert "classes" not in stored["logP"]
    ask = ["generate", "--model", str(model), "-n", "5", "--steps", "4", "--no-progress", "-o", str(out)]
    with pytest.raises(SystemExit) as stop:
        cli.main([*ask, "--goal", "BBB=BBB+", "--goal", "logP<=6"])
    assert stop.value.code == 0
    goals = json.loads((out / "run.json").read_text(encoding="utf-8"))["goals"]
    assert [goal["goal"] for goal in goals] == ["BBB=BBB+", "logP<=6"]
    capsys.readouterr()
    with pytest.raises(SystemExit) as stop:
        cli.main([*ask, "--goal", "max BBB"])
    assert stop.value.code == 2
    assert "BBB is a class: expected BBB=BBB+ or BBB=BBB-" in capsys.readouterr().err


def test_a_prepared_table_and_a_predictor_of_it(capsys, tmp_path, monkeypatch):
    """From a file to a model and to a predictor for it, without the file in memory."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    chains = "".join(f"{'C' * n}{end},{n}.5\n" for n in range(1, 31) for end in ("O", "N", "C1CC1"))
    (tmp_path / "mine.csv").write_text(f"smiles,logS\n{chains}")
    for name, symbol in (("made", "CCF,1\n"), ("wider", "CCBr,1\nCCCBr,2\n")):
        (tmp_path / "mine.csv").write_text(f"smiles,logS\n{chains}{symbol}")
        words = [str(tmp_path / "mine.csv"), "-o", str(tmp_path / name)]
        with pytest.raises(SystemExit) as stop:
            cli.main(["data", "prepare", *words, "--property", "logS", "--property", "rings"])
        assert stop.value.code == 0
    small = ["--tokens", "2e3", "--batch-tokens", "256", "--width", "16", "--depth", "1", "--heads", "1"]
    small += ["--no-compile", "--no-progress"]
    model = str(tmp_path / "model")
    capsys.readouterr()
    code, text, _ = run(capsys, str(tmp_path / "made"), "--property", "rings", *small, "-o", model)
    assert code == 0, text
    assert text.startswith("mine: 91 molecules, prepared; conditions: rings\n")
    assert list(json.loads((tmp_path / "model" / "properties.json").read_text())) == ["rings"]
    words = ["--predictor", "--for", model, *small, "-o", str(tmp_path / "p")]
    code, text, err = run(capsys, str(tmp_path / "wider"), *words)
    assert code == 0, err
    assert "note: 2 molecules are left out: symbol outside the model's vocabulary, [Br]" in err
    assert load_predictor(tmp_path / "p").properties == ["logS", "rings"]
    code, _, err = run(capsys, str(tmp_path / "made"), "--property", "logP", *small, "-o", model)
    assert code == 2
    assert "mine was prepared without 'logP'" in err

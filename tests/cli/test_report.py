import json
import shlex

import pandas as pd
import pytest

from moldiff import cli
from moldiff.generator import MoleculeGenerator

FAST = ["--steps", "6", "--chunk", "48", "--precision", "fp32", "--device", "cpu", "--no-progress"]


@pytest.fixture
def call(capsys):
    def run(*words):
        with pytest.raises(SystemExit) as stop:
            cli.main([str(word) for word in words])
        out, err = capsys.readouterr()
        return stop.value.code, out, err

    return run


@pytest.fixture
def folder(tiny_model, tmp_path, call):
    words = [
        "--goal",
        "rings>=1",
        "--goal",
        "logP=1±0.5",
        "-n",
        "12",
        "--seed",
        "2",
        "--filter",
        "no-radicals",
    ]
    code, _, _ = call("generate", "--model", tiny_model, "-o", tmp_path / "out", *FAST, *words)
    assert code == 0
    return tmp_path / "out"


def test_the_page_is_written_again(folder, call):
    written = (folder / "report.html").read_bytes()
    (folder / "report.html").unlink()
    code, out, err = call("report", folder)
    assert (code, err) == (0, "")
    assert out == f"written to {folder / 'report.html'}\n"
    assert (folder / "report.html").read_bytes() == written


def test_another_file_with_fewer_molecules(folder, tmp_path, call):
    code, out, _ = call("report", folder, "-o", tmp_path / "few.html", "--molecules", "5")
    assert (code, out) == (0, f"written to {tmp_path / 'few.html'}\n")
    assert (tmp_path / "few.html").read_text(encoding="utf-8").count('<li class="card"') == 5


def test_training_molecules_come_from_the_model(folder):
    record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    assert list(record["training"]) == ["logP", "rings", "mu"]
    bins = record["training"]["rings"]["bins"]
    assert bins["known"] > 1000
    assert 0.99 < sum(bins["counts"]) / bins["known"] <= 1
    html = (folder / "report.html").read_text(encoding="utf-8")
    assert f"Grey: share of {bins['known']:,} training molecules" in html
    assert "not measured: mu" in html


@pytest.mark.parametrize("place", ["no/such/folder", "."])
def test_a_place_without_a_run_is_wrong_input(tmp_path, call, place):
    code, out, err = call("report", tmp_path / place)
    assert (code, out) == (2, "")
    assert "expected a folder that `moldiff generate`, `moldiff pareto` or `moldiff tune` has written" in err
    assert err.count("\n") == 1


def test_the_command_gives_the_same_molecules_again(folder, tmp_path, call):
    record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    words = shlex.split(record["command"])
    assert words[:2] == ["moldiff", "generate"]
    assert "--threads" not in words  # nobody gave it
    elsewhere = [word if word != str(folder) else str(tmp_path / "again") for word in words[1:]]
    assert elsewhere != words[1:]
    code, _, _ = call(*elsewhere)
    assert code == 0
    tables = [pd.read_csv(place / "molecules.csv") for place in (folder, tmp_path / "again")]
    pd.testing.assert_frame_equal(*tables)


def test_the_call_gives_the_same_molecules_again(tiny_model, tmp_path):
    generator = MoleculeGenerator.from_pretrained(tiny_model, device="cpu", precision="fp32")
    settings = {"steps": 6, "chunk": 48, "sampler": "cap", "knobs": {"eta": 0.1}, "seed": 5}
    first = generator.generate(9, ["rings>=1"], output=tmp_path, filters="no-radicals", **settings)
    record = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))
    assert record["command"] == first.command
    again = eval(record["command"], {"generator": generator})
    pd.testing.assert_frame_equal(again.table, first.table)
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "In Python, where <code>generator</code> is a <code>MoleculeGenerator</code>" in html


def test_no_report(tiny_model, tmp_path, call):
    code, out, _ = call("generate", "--model", tiny_model, "-o", tmp_path, *FAST, "-n", "3", "--no-report")
    assert code == 0
    assert "report.html" not in out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["molecules.csv", "molecules.sdf", "run.json"]

"""What both generators are judged by; the other one itself where it is installed."""

import argparse
import json

import numpy as np
import pytest

from moldiff.benchmarks import rival
from moldiff.errors import InputError

GIVEN = argparse.Namespace(n=4, property="heavy_atoms")


def test_figures_are_over_the_first_proposals():
    samples = {2.0: ["CC", "CC", "", "CCO"], 5.0: ["CCCCC", "C", "", ""]}
    found = rival.judge(lambda value, n: samples[value][:n], {"10%": 2.0, "90%": 5.0}, GIVEN, {"CC", "C"})
    assert found["validity"] == pytest.approx(5 / 8)
    assert found["uniqueness"] == pytest.approx(4 / 5)
    assert found["novelty"] == pytest.approx(2 / 4)
    assert found["error 10%"] == pytest.approx(np.mean([0, 0, 1]))
    assert found["error 90%"] == pytest.approx(np.mean([0, 4]))


def test_training_molecules_are_drawn_without_repeats(tmp_path):
    path = tmp_path / "few.smi"
    path.write_text("CCO\nOCC\nCC\nCCC\nC1\n")
    found = rival.chosen(path, 3, 0)
    assert sorted(found) == ["CC", "CCC", "CCO"]
    assert rival.chosen(path, 2, 1) == rival.chosen(path, 2, 1)
    with pytest.raises(InputError, match="holds 3 molecules, fewer than --rows 4"):
        rival.chosen(path, 4, 0)


def test_both_run(tmp_path):
    pytest.importorskip("torch_molecule", reason="torch-molecule is not installed")
    path = tmp_path / "few.smi"
    path.write_text("".join(f"{'C' * n}{end}\n" for n in range(2, 12) for end in ("O", "N", "F", "CO")))
    words = [
        "--table",
        str(path),
        "--rows",
        "30",
        "--tokens",
        "2e3",
        "--width",
        "16",
        "--depth",
        "1",
        "-n",
        "6",
    ]
    words += ["--heads", "2", "-n", "6"]
    words += ["--rival-width", "16", "--rival-depth", "1", "--rival-heads", "2", "--no-compile"]
    rival.main([*words, "-o", str(tmp_path / "found.json")])
    ours, theirs = json.loads((tmp_path / "found.json").read_text())["results"]["generators"]
    assert theirs["training s"] <= ours["training s"] + 5
    assert ours["parameters"] > 0
    assert 0 <= theirs["validity"] <= 1

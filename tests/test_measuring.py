"""Where values come from: a scorer before RDKit, RDKit before a predictor."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from moldiff.chem.properties import measure
from moldiff.measuring import Measuring

SMILES = ["CCO", "", "C1CC1"]


class Guess:
    """A predictor of gap and logP: the length of the text, within one."""

    def __init__(self):
        self.asked = []

    properties = ("gap", "logP")

    def __call__(self, smiles, names):
        self.asked.append((list(smiles), list(names)))
        values = pd.DataFrame({name: [float(len(text)) or np.nan for text in smiles] for name in names})
        return values, values * 0 + 1


def lengths(smiles):
    return np.array([float(len(text)) if text else np.nan for text in smiles])


def test_each_name_has_one_source():
    measuring = Measuring({"size": lengths}, Guess())
    sources = {name: measuring.source(name) for name in ("size", "rings", "logP", "gap", "mu")}
    assert sources == {
        "size": "scored",
        "rings": "measured",
        "logP": "measured",
        "gap": "predicted",
        "mu": None,
    }
    assert Measuring({"logP": lengths}, Guess()).source("logP") == "scored"
    assert Measuring().source("gap") is None


def test_values_come_from_their_sources_and_predicted_ones_say_how_far_off_they_are():
    guess = Guess()
    frame = Measuring({"size": lengths}, guess)(SMILES, ["gap", "size", "mu", "logP"])
    assert sorted(frame) == ["gap", "gap_uncertainty", "logP", "size"]
    np.testing.assert_array_equal(frame["size"], [3, np.nan, 5])
    np.testing.assert_array_equal(frame["gap"], [3, np.nan, 5])
    np.testing.assert_array_equal(frame["gap_uncertainty"], [1, np.nan, 1])
    np.testing.assert_allclose(frame["logP"], measure(SMILES, ["logP"])["logP"])
    assert guess.asked == [(SMILES, ["gap"])]


def test_a_predictor_is_not_asked_for_what_others_give():
    guess = Guess()
    Measuring({}, guess)(SMILES, ["logP", "rings"])
    assert guess.asked == []


@pytest.mark.parametrize("prediction", [None, Guess()])
def test_no_molecule_and_no_name_are_tables_too(prediction):
    measuring = Measuring({"size": lengths}, prediction)
    assert measuring([], ["size", "rings", "gap"]).shape[0] == 0
    assert measuring(SMILES, []).shape == (3, 0)


def test_judging_and_reports_load_no_torch():
    code = "import sys, moldiff.generation; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"

"""Halves that share nothing, a judge that knows one of them, and the protocol on a tiny model."""

import numpy as np
import pandas as pd
import pytest

from moldiff.benchmarks import assays
from moldiff.chem.properties import measure
from moldiff.errors import InputError


@pytest.fixture(scope="module")
def path(table, tmp_path_factory):
    found = tmp_path_factory.mktemp("assay") / "heavy.csv"
    chosen = table.smiles[:120]
    activity = 0.7 * measure(chosen, ["logP"])["logP"] + 5
    pd.DataFrame({"smiles": chosen, "pX": activity, "kind": ["ab"[i % 2] for i in range(120)]}).to_csv(
        found, index=False
    )
    return found


def test_halves_share_no_molecule_and_leave_out_what_was_not_measured(path):
    assay = assays.Assay.read(f"{path}:pX")
    assay.table.labels.loc[[3, 5], "pX"] = np.nan
    shown, hidden = assay.halves(0)
    assert (len(shown), len(hidden)) == (59, 59)
    assert not set(shown.smiles) & set(hidden.smiles)
    assert np.isfinite([*shown.labels["pX"], *hidden.labels["pX"]]).all()
    assert assay.halves(1)[0].smiles != shown.smiles


def test_the_judge_explains_molecules_that_it_has_not_seen(path):
    shown, hidden = assays.Assay.read(f"{path}:pX").halves(0)
    judge = assays.Judge(hidden, "pX", 50, seed=0)
    assert 0.2 < judge.r2(shown) < judge.r2(hidden) < 1
    broken = shown.take(range(len(shown)))
    broken.labels["pX"] = np.random.default_rng(0).permutation(broken.labels["pX"])
    assert judge.r2(broken) < 0.2


def test_a_gain_is_in_standard_deviations():
    first, second = np.array([3.0, 5.0, 4.0] * 40), np.array([1.0, 2.0, 3.0] * 40)
    found = assays.difference(first, second, 4.0, seed=0)
    assert found.value == pytest.approx(0.5)
    assert 0.4 < found.low < 0.5 < found.high < 0.6


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("pX", "expected TABLE:COLUMN"),
        ("{path}:kind", "holds classes"),
        ("{path}:pIX", "pIX"),
        ("{path}:logP", "a column of its own"),
    ],
)
def test_tables_that_are_no_assay_are_refused(path, text, words):
    with pytest.raises(InputError, match=words):
        assays.Assay.read(text.format(path=path))


def test_the_protocol_on_a_tiny_model(path, tiny_model, run_benchmark):
    words = ["--model", str(tiny_model), "--tables", f"{path}:pX", "--tokens", "4e3", "--batch-tokens", "512"]
    words += ["-n", "24", "--steps", "4", "--chunk", "24", "--trees", "5", "--precision", "fp32"]
    record = run_benchmark(assays, *words, "--no-compile-training")
    (entry,) = record["results"]["assays"]
    assert entry["shown"] + entry["hidden"] == 120
    assert entry["asked"]["proposed"] == entry["free"]["proposed"] == 24
    assert entry["goal"].startswith("pX=")
    assert entry["gain"]["value"] == pytest.approx(
        (entry["asked"]["mean"]["value"] - entry["free"]["mean"]["value"]) / entry["deviation"]
    )

"""Samples that are kept: drawn once, read afterwards, and told apart by what decides them."""

import numpy as np
import pytest

from moldiff.benchmarks import moses
from moldiff.benchmarks.kept import KeptSamples
from moldiff.benchmarks.samples import Model
from moldiff.errors import InputError


@pytest.fixture
def model(tiny_model):
    words = ["--model", str(tiny_model), "--precision", "fp32", "--chunk", "8", "--steps", "2", "-o", "none"]
    return Model(str(tiny_model), moses.parser().parse_args(words))


def test_a_sample_is_drawn_once_and_read_as_it_was(model, tmp_path, monkeypatch):
    first = KeptSamples(tmp_path)(model, 12, seed=0, label="", temperature=1.0)
    monkeypatch.setattr(model, "sample", None)
    again = KeptSamples(tmp_path)(model, 12, seed=0, label="", temperature=1.0)
    assert again.smiles == first.smiles
    assert np.array_equal(again.faithful, first.faithful)
    assert (again.costs, again.drawn, list(again.spelled)) == (first.costs, first.drawn, list(first.spelled))


@pytest.mark.parametrize("other", [{"n": 11}, {"seed": 1}, {"temperature": 0.5}, {"sampler": "ancestral"}])
def test_another_sample_is_another_file(model, tmp_path, other):
    usual = {"n": 12, "seed": 0, "temperature": 1.0}
    for given in (usual, {**usual, **other}):
        KeptSamples(tmp_path)(model, given.pop("n"), label="", **given)
    assert len(list(tmp_path.iterdir())) == 2


def test_a_damaged_file_is_said(model, tmp_path):
    KeptSamples(tmp_path)(model, 4, seed=0, label="")
    (path,) = tmp_path.iterdir()
    path.write_text(path.read_text()[:100])
    with pytest.raises(InputError, match="remove it"):
        KeptSamples(tmp_path)(model, 4, seed=0, label="")


def test_nothing_is_kept_without_a_folder(model):
    assert len(KeptSamples(None)(model, 4, seed=0, label="").smiles) == 4

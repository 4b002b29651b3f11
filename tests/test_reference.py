"""References by name, file, table and list; and what a model was trained on."""

import pandas as pd
import pytest

from moldiff.chem.properties import PROPERTIES, measure
from moldiff.datasets import DATASETS, MoleculeTable, load, split
from moldiff.errors import InputError
from moldiff.metrics.keys import TrainingKeys
from moldiff.reference import (
    Reference,
    background,
    read_molecules,
    reference_from,
    training_references,
)

SMILES = ["CCO", "C", "CCO", "c1ccccc1"]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def few(monkeypatch):
    """A data set of some molecules of every part of the split."""
    table = load("qm9")
    part = split(table.smiles)
    rows = [row for name in ("train", "validation", "test") for row in (part == name).nonzero()[0][:30]]
    few = table.take(rows)
    monkeypatch.setitem(DATASETS, "few", lambda: few)
    return few


def test_rows_of_a_file_are_kept_as_they_are(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("id,SELFIES,Smiles\n1,[C],C\n2,,C1C\n3,[C],C\n4,[O],\n")
    found = read_molecules(path)
    assert found.smiles == ["C", "C1C", "C", ""]
    assert found.selfies == ["[C]", "", "[C]", "[O]"]
    assert (found.column, found.found) == ("Smiles", "by its name")
    assert read_molecules(path, "SELFIES").smiles == found.selfies


def test_a_file_without_selfies(tmp_path):
    (tmp_path / "a.smi").write_text("CCO ethanol\nbad\n")
    found = read_molecules(tmp_path / "a.smi")
    assert (found.smiles, found.selfies) == (["CCO", "bad"], None)


def test_molecules_of_a_reference_are_looked_up_and_measured_once_each():
    reference = Reference("mine", SMILES)
    assert len(reference) == 4
    assert reference.distinct == ["CCO", "C", "c1ccccc1"]
    assert reference.contains(["C", "CC", ""]).tolist() == [True, False, False]
    pd.testing.assert_frame_equal(reference.values(), measure(SMILES, list(PROPERTIES)))
    assert len(reference.fingerprints()) == 3


def test_ways_to_name_a_reference(tmp_path, few, monkeypatch):
    (tmp_path / "few").write_text("no table")
    (tmp_path / "b.csv").write_text("smiles\nOCC\nC1C\nCCO\n")
    monkeypatch.chdir(tmp_path)
    assert reference_from("few").smiles == few.smiles
    assert reference_from("b.csv") == Reference("b.csv", ["CCO", "CCO"])
    assert reference_from(tmp_path / "b.csv").name == "b.csv"
    assert reference_from(["OCC", None, "Cé"]).smiles == ["CCO"]
    assert reference_from(MoleculeTable("t", ["C"], pd.DataFrame(index=[0]))) == Reference("t", ["C"])


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("qm8", "no file or data set 'qm8': did you mean 'qm9'"),
        ("no/such.csv", "there is no such file"),
        ([], "holds no molecule in 0 rows"),
        (["C1"], "holds no molecule in 1 rows"),
    ],
)
def test_references_of_no_use(source, message):
    with pytest.raises(InputError, match=message):
        reference_from(source)


def test_training_molecules_are_those_whose_keys_the_model_has(few):
    part = split(few.smiles)
    learnt = [text for text, name in zip(few.smiles, part, strict=True) if name == "train"][:10]
    training, held_out = training_references("few", TrainingKeys.build(learnt))
    assert training.smiles == learnt
    assert held_out.smiles == [t for t, name in zip(few.smiles, part, strict=True) if name == "validation"]
    assert "few" in training.name


def test_molecules_that_were_trained_on_are_not_held_out(few):
    known = TrainingKeys.build(few.smiles[:31])  # the training part, and the first of the validation part
    training, held_out = training_references("few", known)
    assert training.smiles == few.smiles[:31]
    assert held_out.smiles == few.smiles[31:60]


@pytest.mark.parametrize("data", ["table", None, 3, ["few"]])
def test_data_that_is_not_at_hand(data):
    assert training_references(data, TrainingKeys.build(["C"])) == (None, None)


def test_a_table_of_the_same_name_is_not_taken_for_the_data_set(few):
    assert training_references("few", TrainingKeys.build(["CCCCCCCCCCCCCCCCl"])) == (None, None)


def test_background_of_a_model_and_of_a_reference(few):
    known = TrainingKeys.build(few.smiles[:30])
    alone = background(None, model="mine", keys=known, data="few")
    assert list(alone.known) == ["training molecules of mine"]
    assert (len(alone.reference), len(alone.nearest), alone.notes) == (30, 30, [])
    both = background(["C"], model="mine", keys=known, data="few")
    assert list(both.known) == ["training molecules of mine", "reference"]
    assert (both.reference.smiles, len(both.nearest)) == (["C"], 30)
    foreign = background(["C"], model="mine", keys=known, data="elsewhere")
    assert foreign.nearest is foreign.reference
    assert foreign.notes == ["the training molecules of mine are not at hand, only their keys"]
    nothing = background(None)
    assert (nothing.known, nothing.reference, nothing.nearest, len(nothing.notes)) == ({}, None, None, 2)

"""Nearness to the training molecules, which a model knows by their keys alone."""

import pytest

from moldiff.datasets import MoleculeTable
from moldiff.errors import InputError
from moldiff.metrics.diversity import max_similarity, morgan_fingerprints
from moldiff.metrics.keys import TrainingKeys
from moldiff.similarity import TrainingMolecules

TRAINED = ["CCO", "c1ccccc1", "CCN"]
KNOWN = TrainingKeys.build(TRAINED)


@pytest.fixture
def table(tmp_path):
    """The table with a molecule that was held out, drawn in another way."""
    path = tmp_path / "mine.csv"
    path.write_text("smiles\nOCC\nC1=CC=CC=C1\nNCC\nCCCl\n")
    return path


def test_only_training_molecules_count(table):
    training = TrainingMolecules(KNOWN, "mine", table)
    asked = ["CCCl", "CCO", "Cc1ccccc1"]
    assert training.nearest(asked).tolist() == max_similarity(asked, morgan_fingerprints(TRAINED)).tolist()
    assert training.nearest(["CCCl"])[0] < 1
    assert training.notes == []


def test_missing_molecules_are_said(table):
    table.write_text("smiles\nOCC\n")
    training = TrainingMolecules(KNOWN, "mine", table)
    assert training.nearest(["CCO"]).tolist() == [1.0]
    assert "similarity is to 1 of the 3 training molecules" in training.notes[0]


def test_data_sets_are_found_by_the_name_in_the_model(monkeypatch):
    import moldiff.reference

    rows = [*TRAINED, "CCCl", "CC"]
    held_out = {"CCCl": "validation"}
    monkeypatch.setitem(moldiff.reference.DATASETS, "toy", None)
    monkeypatch.setattr("moldiff.reference.load", lambda name: MoleculeTable(name, rows, rows_of(rows)))
    monkeypatch.setattr(
        "moldiff.reference.split",
        lambda smiles: __import__("numpy").array([held_out.get(s, "train") for s in smiles]),
    )
    training = TrainingMolecules(KNOWN, "toy")
    assert training.nearest(["CCO", "c1ccccc1"]).tolist() == [1.0, 1.0]
    assert training.nearest(["CCCl"])[0] < 1
    assert training.notes == []


def rows_of(rows):
    import pandas as pd

    return pd.DataFrame(index=range(len(rows)))


def test_not_at_hand():
    training = TrainingMolecules(KNOWN, "mine")
    assert training.found is None
    with pytest.raises(InputError, match="not at hand, only their keys: give the table"):
        _ = training.nearest
    with pytest.raises(InputError, match="compares with the training molecules"):
        training.bind(["similarity<=0.5"])


def test_the_table_of_another_model(table):
    training = TrainingMolecules(TrainingKeys.build(["CCCCC"]), "mine", table)
    with pytest.raises(InputError, match="trained on no molecule of"):
        _ = training.nearest


def test_filters_get_the_molecules(table):
    (bound,) = TrainingMolecules(KNOWN, "mine", table).bind("similarity<=0.5")
    from rdkit.Chem import MolFromSmiles

    assert bound.failed([MolFromSmiles("CCO"), MolFromSmiles("C#N")]).tolist() == [True, False]


def test_nothing_is_looked_for_without_need(tmp_path):
    training = TrainingMolecules(KNOWN, "mine", tmp_path / "there is none.csv")
    assert [each.text for each in training.bind(["MW <= 500", "PAINS", "MW<=500"])] == ["MW<=500", "PAINS"]
    with pytest.raises(InputError):
        _ = training.nearest

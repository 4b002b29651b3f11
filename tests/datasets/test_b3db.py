from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rdkit import Chem

from moldiff.chem.tokenizer import SelfiesTokenizer
from moldiff.datasets import load

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"


@pytest.fixture(scope="module")
def table():
    return load("b3db")


@pytest.fixture(scope="module")
def frame(table):
    return table.labels.assign(smiles=table.smiles).set_index("smiles")


def shared(name):
    path = DATA / name
    if not path.exists():
        pytest.skip(f"the data sets are not at hand: no file {path}")
    return pd.read_parquet(path).set_index("smiles")


def test_rows(table):
    assert len(table) == 7805
    assert table.labels["logBB"].notna().sum() == 1058
    assert table.classes == {"BBB": ("BBB+", "BBB-")}
    assert table.labels["BBB"].value_counts().to_dict() == {0.0: 4956, 1.0: 2849}


def test_molecules_are_canonical_and_all_can_be_trained_on(table):
    assert all(Chem.CanonSmiles(text) == text for text in table.smiles[::97])
    sample = table.smiles[::20]
    assert len(SelfiesTokenizer.fit(sample).encode(sample)) == len(sample)


def test_known_drugs(frame):
    # Caffeine and diazepam cross the barrier, mannitol does not.
    assert frame.loc["Cn1c(=O)c2c(ncn2C)n(C)c1=O", "BBB"] == 0
    assert frame.loc["CN1C(=O)CN=C(c2ccccc2)c2cc(Cl)ccc21", "BBB"] == 0
    assert frame.loc[Chem.CanonSmiles("OC[C@@H](O)[C@@H](O)[C@H](O)[C@H](O)CO"), "BBB"] == 1
    # B3DB calls BBB+ what has logBB >= -1.
    known = frame.dropna()
    assert (known.loc[known["logBB"] > -1, "BBB"] == 0).all()
    assert (known.loc[known["logBB"] < -1, "BBB"] == 1).all()


def test_the_table_of_numbers_as_another_made_it(frame):
    other = shared("b3db_regression.parquet")
    common = other.index.intersection(frame.index)
    # The other 33 are drawn as salts and ions there.
    assert (len(other), len(common)) == (1058, 1025)
    np.testing.assert_allclose(frame.loc[common, "logBB"], other.loc[common, "logBB"], atol=1e-6)


def test_the_table_of_classes_as_another_made_it(frame):
    other = shared("b3db_classification.parquet")
    assert set(other.index) == set(frame.index)
    assert (frame.loc[other.index, "BBB"] == 1 - other["bbb"]).all()

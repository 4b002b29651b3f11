"""The scorers that come with moldiff, and how one's own are named."""

import numpy as np
import pytest
from rdkit import Chem, DataStructs
from rdkit.Chem import rdFingerprintGenerator

from moldiff.errors import InputError
from moldiff.scoring.scorers import Contained, Measured, Scorer, Similarity, load_scorer

MOLECULES = ["CCO", "c1ccccc1O", "C1CC1", "OCC(O)CO", "CC(C)Cc1ccc(cc1)C(C)C(=O)O"]


def test_similarity_is_tanimoto_of_morgan_fingerprints():
    maker = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
    prints = [maker.GetFingerprint(Chem.MolFromSmiles(smiles)) for smiles in MOLECULES]
    expected = DataStructs.BulkTanimotoSimilarity(prints[1], prints)
    scorer = Similarity("Oc1ccccc1")
    np.testing.assert_allclose(scorer(MOLECULES), expected, rtol=1e-6)
    assert scorer.name == "similarity to Oc1ccccc1"
    assert np.isnan(scorer([""])).all()


def test_substructures_are_contained_or_counted():
    assert Contained("[OX2H]")(MOLECULES) == [1.0, 1.0, 0.0, 1.0, 1.0]
    assert Contained("[OX2H]", count=True)(MOLECULES) == [1.0, 1.0, 0.0, 3.0, 1.0]
    assert Contained("C1CC1", count=True)(["C1CC1"]) == [1.0], "a ring is one place, not six"
    assert Contained("[C@H](O)(N)C")(["C[C@H](O)N", "C[C@@H](O)N"]) == [0.0, 1.0]
    assert np.isnan(Contained("C")(["", "C1CC"])).all()


def test_measured_properties_are_scorers():
    assert Measured("rings")(["C1CC1", "CCO"]) == [1.0, 0.0]
    with pytest.raises(InputError, match=r"unknown property 'qqed': did you mean 'QED'\?"):
        Measured("qqed")


@pytest.mark.parametrize("smiles", ["", "C1CC", "not a molecule", "Cé"])
def test_a_molecule_that_cannot_be_read_is_refused(smiles):
    with pytest.raises(InputError, match="not readable as a molecule; expected SMILES"):
        Similarity(smiles)


def test_a_pattern_that_cannot_be_read_is_refused():
    with pytest.raises(InputError, match=r"'\[C' is not readable as SMARTS"):
        Contained("[C")


def test_names_and_functions_become_scorers():
    assert load_scorer(" pkg.mod:Class.method ") == Scorer("pkg.mod:Class.method")
    assert load_scorer(len).name == "len"
    assert load_scorer(Scorer("a:b")) == Scorer("a:b")
    assert load_scorer(Contained("[OH]", count=True)).name == "number of [OH]"

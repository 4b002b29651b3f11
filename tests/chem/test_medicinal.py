"""The rules of MOSES on molecules that break one each."""

import csv

import pytest
from rdkit.Chem import AddHs, MolFromSmarts, MolFromSmiles

from moldiff.chem.filters import parse_filter
from moldiff.chem.medicinal import PATTERNS
from moldiff.datasets import load

BREAKING = {
    "C=CC#N": "MCF1",
    "C=CS(=O)(=O)C": "MCF2",
    "CC(C)=CC(=O)NC": "MCF3",
    "CCF": "MCF4",
    "CC1CO1": "MCF5",
    "CCN=C=O": "MCF6",
    "CCC=O": "MCF7",
    "CC(=N)N": "MCF8",
    "CC1CN1": "MCF9",
    "CNNC": "MCF10",
    "CN=NC": "MCF11",
    "Clc1ccccn1": "MCF14",
    "CSSC": "MCF16",
    "CNN=NC": "MCF17",
    "CNCNC": "MCF18",
    "CC(OC)OC": "MCF19",
    "BrCC(Br)CCBr": "MCF20",
}


@pytest.mark.parametrize("smiles", BREAKING)
def test_a_pattern_is_found(smiles):
    mol = MolFromSmiles(smiles)
    assert BREAKING[smiles] in parse_filter("MCF").describe(mol)
    assert parse_filter("MCF").failed([mol]).all()
    assert parse_filter("MOSES").failed([mol]).all()


@pytest.mark.parametrize(
    ("smiles", "broken"),
    [
        ("CC[NH3+]", ["charge"]),
        ("Ic1ccccc1", ["element I"]),
        ("C1CCCCCCC1", ["ring of 8"]),
        ("Oc1ccccc1O", ["catechol_A(92)"]),
        ("CC(=O)Nc1ccc(O)cc1", []),
    ],
)
def test_which_rule_of_moses_is_broken(smiles, broken):
    mol = MolFromSmiles(smiles)
    assert parse_filter("MOSES").describe(mol) == broken
    assert parse_filter("MOSES").failed([mol]).tolist() == [bool(broken)]


def test_patterns_are_those_of_moses(moses_data):
    folder = moses_data.parents[1] / "metrics"
    with (folder / "mcf.csv").open() as stream:
        assert {row["names"]: row["smarts"] for row in csv.DictReader(stream)} == PATTERNS


def test_verdicts_are_those_of_moses(moses_data):
    """With the very patterns that MOSES has for PAINS; RDKit's differ for alkylated phenothiazines alone."""
    folder = moses_data.parents[1] / "metrics"
    with (folder / "wehi_pains.csv").open() as stream:
        pains = [MolFromSmarts(row[0]) for row in csv.reader(stream)]
    rules, mcf = parse_filter("MOSES"), parse_filter("MCF")
    phenothiazine = MolFromSmarts("c1ccc2c(c1)N(C)c1ccccc1S2")
    differ = 0
    for smiles in load("b3db").smiles[:1500]:
        mol = MolFromSmiles(smiles)
        whole = AddHs(mol)
        plain = {"charge", "element", "ring"} & {name.split()[0] for name in rules.describe(mol)}
        theirs = bool(plain) or mcf.rejects(mol) or any(whole.HasSubstructMatch(each) for each in pains)
        if theirs != rules.rejects(mol):
            assert mol.HasSubstructMatch(phenothiazine), smiles
            differ += 1
    assert differ < 40

"""Filters by elements, rings, substructures and radicals, against counts made another way."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
import selfies
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit.Chem.rdMolDescriptors import CalcMolFormula
from rdkit.Chem.rdmolfiles import MolFromSmiles
from rdkit.Chem.rdmolops import GetSSSR

from moldiff.chem.filters import failed_filters, parse_filters
from moldiff.chem.structure_filters import ELEMENTS
from moldiff.datasets import load

QM9 = load("qm9").smiles[::97]


def passes(text: str, smiles: Sequence[str]) -> list[bool]:
    return [not failure for failure in failed_filters(smiles, parse_filters([text]))]


def test_all_elements_are_known() -> None:
    assert len(set(ELEMENTS)) == 118
    assert (ELEMENTS[0], ELEMENTS[5], ELEMENTS[16], ELEMENTS[117]) == ("H", "C", "Cl", "Og")


@settings(max_examples=30)
@given(st.lists(st.sampled_from(["C", "N", "O", "F"]), min_size=1))
def test_elements_are_those_of_the_formula(allowed: list[str]) -> None:
    smiles = QM9[::20]
    formulas = [CalcMolFormula(MolFromSmiles(text)) for text in smiles]
    other = set("CNOF") - set(allowed)
    expected = [not other & set(formula) for formula in formulas]
    assert passes(f"elements={','.join(allowed)}", smiles) == expected


def test_two_letters_are_one_element_and_hydrogen_is_free() -> None:
    assert passes("elements=C,Cl", ["CCl", "CBr", "[2H]C([2H])[2H]", "[H][H]"]) == [True, False, True, True]
    assert passes("elements=H", ["[H][H]", "C"]) == [True, False]


@pytest.mark.parametrize(
    ("smiles", "passing"),
    [
        ("CCO", True),
        ("c1ccc2ccccc2c1", True),
        ("C1CCCC1", True),
        ("C1CCC1", False),
        ("C1CCCCCC1", False),
        ("C1CC12CCCC2", False),
        ("C1CC2CCC1C2", True),
    ],
)
def test_ring_sizes_by_hand(smiles: str, passing: bool) -> None:
    assert passes("ring-sizes=5,6", [smiles]) == [passing]


def test_ring_sizes_of_qm9() -> None:
    rings = [{len(ring) for ring in GetSSSR(MolFromSmiles(text))} for text in QM9]
    found = passes("ring-sizes=3,5", QM9)
    assert found == [sizes <= {3, 5} for sizes in rings]
    assert 0.1 < sum(found) / len(found) < 0.9


def test_a_substructure_is_asked_for_or_avoided() -> None:
    smiles = ["CC#N", "CCN", "CC=O", "CCO", "c1ccccc1", "C1CCCCC1"]
    assert passes("contains=C#N", smiles) == [True, False, False, False, False, False]
    assert passes("avoids=C#N", smiles) == [False, True, True, True, True, True]
    assert passes("contains=[OX2H]", smiles) == [False, False, False, True, False, False]
    assert passes("contains=c1ccccc1", smiles) == [False, False, False, False, True, False]
    assert passes("contains=[N,O;!$(*#*)]", smiles) == [False, True, True, True, False, False]


def test_containing_and_avoiding_part_every_set() -> None:
    with_it = passes("contains=[CX3]=[OX1]", QM9)
    assert passes("avoids=[CX3]=[OX1]", QM9) == [not each for each in with_it]
    assert 0 < sum(with_it) < len(QM9)


def test_stereo_marks_count() -> None:
    hand = ["C[C@H](N)O", "C[C@@H](N)O", "CC(N)O"]
    assert passes("contains=[CH3][C@H](N)O", hand) == [True, False, False]
    assert passes("contains=[CH3][CH](N)O", hand) == [True, True, True]


@pytest.mark.parametrize(
    ("smiles", "passing"),
    [
        ("[CH3]", False),
        ("C[CH]C", False),
        ("CC[O]", False),
        ("CN(C)[O]", False),
        ("C[N]", False),
        ("CCO", True),
        ("C[N+](=O)[O-]", True),
        ("[NH4+]", True),
        ("[C-]#[O+]", True),
        ("C[N+]#[C-]", True),
    ],
)
def test_radicals_by_hand(smiles: str, passing: bool) -> None:
    assert passes("no-radicals", [smiles]) == [passing]


def test_most_random_strings_of_qm9s_symbols_are_radicals_and_no_molecule_of_qm9_is(
    qm9_vocabulary: tuple[str, ...],
) -> None:
    assert all(passes("no-radicals", QM9))
    coin = random.Random(0)
    strings = ["".join(coin.choices(qm9_vocabulary[1:], k=14)) for _ in range(1000)]
    smiles = [selfies.decoder(string) for string in strings]
    assert 0.5 < 1 - sum(passes("no-radicals", smiles)) / len(smiles) < 0.7

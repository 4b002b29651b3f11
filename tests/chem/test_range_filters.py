"""Filters by a property or by the similarity to training molecules, against the numbers themselves."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit.Chem.rdmolfiles import MolFromSmiles

from moldiff.chem import Goal, measure
from moldiff.chem.filters import FILTERS, bind_training, failed_filters, parse_filter, parse_filters
from moldiff.datasets import load
from moldiff.metrics import max_similarity, morgan_fingerprints

QM9 = load("qm9").smiles[::2000]
TRAINING = ["CCO", "CCN", "c1ccccc1"]
NEAREST = partial(max_similarity, fingerprints=morgan_fingerprints(TRAINING))


@settings(max_examples=30)
@given(
    name=st.sampled_from(["logP", "MW", "rings", "charge"]),
    ends=st.tuples(st.floats(-5, 150), st.floats(-5, 150)).map(sorted),
    signs=st.tuples(st.sampled_from(["<", "<="]), st.sampled_from(["<", "<="])),
)
def test_ranges_keep_what_lies_inside(name: str, ends: list[float], signs: tuple[str, str]) -> None:
    low, high = np.floor(ends[0]), np.ceil(ends[1]) + 2  # one whole number at least lies between
    values = measure(QM9, [name])[name].to_numpy()
    inside = (values > low) if signs[0] == "<" else (values >= low)
    inside &= (values < high) if signs[1] == "<" else (values <= high)
    text = f"{low}{signs[0]}{name}{signs[1]}{high}"
    assert [not each for each in failed_filters(QM9, parse_filters([text]))] == inside.tolist()


def test_values_of_whole_numbers_and_tolerances() -> None:
    smiles = ["CCO", "C1CC1", "C1CC12CC2"]
    assert failed_filters(smiles, parse_filters(["rings=1"])) == ["rings=1", "", "rings=1"]
    weights = measure(smiles, ["MW"])["MW"]
    [near] = parse_filters([f"MW={weights[0]:.1f}±0.1"])
    assert [bool(each) for each in failed_filters(smiles, [near])] == [False, True, True]


def test_the_printed_form_is_the_goals() -> None:
    for text in ["1<=logP<2", "MW<=500", "rings=3", "logP=1.5±0.2"]:
        assert parse_filter(text).text == str(Goal.parse(text)) == text


def test_similarity_in_both_directions() -> None:
    smiles = ["OCC", "CCCO", "CCCCCCN", ""]
    values = NEAREST(smiles)
    middle = float(values[1])
    assert values[0] == 1 > middle > values[2]
    far, near = (
        bind_training(parse_filters([f"similarity{sign}{end}"]), NEAREST)
        for sign, end in [("<=", middle - 0.01), (">=", middle - 0.01)]
    )
    assert [bool(each) for each in failed_filters(smiles, far)] == [True, True, False, False]
    assert [bool(each) for each in failed_filters(smiles, near)] == [False, False, True, False]


@pytest.mark.parametrize("numerator", range(11))
def test_similarities_at_the_end_of_the_range_are_inside(numerator: int) -> None:
    # As float32, 0.6 is above 0.6 and 0.7 below 0.7.
    exact = np.float32(numerator) / np.float32(10)
    for text in [f"similarity<={numerator / 10}", f"similarity>={numerator / 10}"]:
        [judge] = bind_training(parse_filters([text]), lambda smiles: np.full(len(smiles), float(exact)))
        assert judge.failed([MolFromSmiles("C")]).tolist() == [False]


def test_similarity_without_training_molecules_is_misuse() -> None:
    with pytest.raises(ValueError, match="call with_training first"):
        parse_filter("similarity<=0.7").failed([None])
    assert [name for name, kind in FILTERS.items() if kind.needs_training] == ["similarity"]


def test_giving_training_molecules_leaves_the_filter_as_it_was() -> None:
    bare = parse_filter("similarity<=0.7")
    bare.with_training(NEAREST)
    with pytest.raises(ValueError, match="call with_training first"):
        bare.failed([None])

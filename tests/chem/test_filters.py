"""Filters by name: what is read, what is refused, and which molecules fail which."""

from __future__ import annotations

import pickle
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit.Chem.rdmolfiles import MolFromSmiles
from soak import examples

from moldiff.chem import PROPERTIES, filters
from moldiff.chem.filters import (
    FILTERS,
    Filter,
    PropertyRange,
    bind_training,
    failed_filters,
    parse_filter,
    parse_filters,
)
from moldiff.errors import InputError
from moldiff.metrics import max_similarity, morgan_fingerprints

SMILES = ["Oc1ccccc1O", "CCO", "CC(=O)Cl", "C1CC1", "C[CH2]", "CC#N", "CCS", "c1ccc2ccccc2c1"]
KINDS = {**FILTERS, "MW": PropertyRange}
NEAREST = partial(max_similarity, fingerprints=morgan_fingerprints(["CCO", "c1ccccc1"]))


@pytest.fixture(params=list(KINDS))
def usage(request: pytest.FixtureRequest) -> str:
    """The example of each kind of filter, those added later too."""
    return KINDS[request.param].usage


def test_the_example_of_each_filter_is_read_under_its_name(usage: str) -> None:
    found = parse_filter(usage)
    assert found.text == usage
    assert any(type(found) is kind and usage.startswith(name) for name, kind in KINDS.items())


def test_molecules_are_judged_one_by_one_and_no_molecule_fails(usage: str) -> None:
    [judge] = bind_training([parse_filter(usage)], NEAREST)
    mols = [None, *map(MolFromSmiles, SMILES)]
    failed = judge.failed(mols)
    assert failed.dtype == np.bool_
    assert failed.tolist() == [bool(judge.failed([mol])[0]) for mol in mols]
    assert failed[0]
    assert failed[1:].any() or usage in {"MW<=500", "ZINC", "PAINS_A", "PAINS_C", "MCF"}
    assert not failed.all()
    assert judge.failed([]).shape == (0,)


def test_filters_travel_to_other_processes(usage: str) -> None:
    [judge] = bind_training([parse_filter(usage)], NEAREST)
    mols = [*map(MolFromSmiles, SMILES)]
    assert pickle.loads(pickle.dumps(judge)).failed(mols).tolist() == judge.failed(mols).tolist()


@pytest.mark.parametrize("name", list(PROPERTIES))
def test_every_property_can_be_a_range(name: str) -> None:
    value = PROPERTIES[name].compute(MolFromSmiles("CCO"))
    assert failed_filters(["CCO"], parse_filters([f"{name}<={value + 1}"])) == [""]
    assert failed_filters(["CCO"], parse_filters([f"{name}>{value + 1}"])) != [""]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "unknown filter ''; known: PAINS, "),
        ("pains", "unknown filter 'pains': did you mean 'PAINS'?"),
        ("element=C", "unknown filter 'element': did you mean 'elements'?"),
        ("ringsizes=5", "did you mean 'ring-sizes'?"),
        ("no radicals", "did you mean 'no-radicals'?"),
        ("3<=ring<=4", "unknown filter 'ring': did you mean 'rings'?"),
        ("QQED>=0.5", "unknown filter 'QQED': did you mean 'QED'?"),
        ("PAINS=A", "PAINS stands alone"),
        ("no-radicals=0", "no-radicals stands alone"),
        ("elements", "expected a value after one '=', as in elements=C,N,O,F"),
        ("elements<=C", "expected a value after one '='"),
        ("elements=", "expected a value after one '='"),
        ("elements=C,Xx", "no element has the symbol 'Xx'"),
        ("elements=c", "did you mean 'C'?"),
        ("elements=CL", "did you mean 'Cl'?"),
        ("elements=C,,N", "no element has the symbol ''"),
        ("ring-sizes=2", "ring sizes from 3 to 999, got '2'"),
        ("ring-sizes=5-6", "got '5-6'"),
        ("ring-sizes=٥", "got '٥'"),
        ("contains=[$(", "not readable as SMARTS; expected a pattern"),
        ("avoids=C(", "not readable as SMARTS; expected a pattern"),
        ("contains=CO name", "not readable as SMARTS"),
        ("MW", "expected a range such as MW<=500"),
        ("MW<=heavy", "expected a range"),
        ("MW=heavy", "expected a range"),
        ("max QED", "filter 'max QED': expected a range such as MW<=500 or 1<=logP<=3, without weight, max"),
        ("2*MW<=500", "expected a range"),
        ("1<=logP>=2", "expected a range"),
        ("3<=logP<=1", "no number lies between 3 and 1"),
        ("logP=1.5", "say how near, as in logP=1.5±0.1"),
        ("rings=2.5", "no whole number lies in it"),
        ("2<rings<3", "no whole number lies in it"),
        ("similarity", "expected a range such as similarity<=0.7"),
        ("similarity<=70", "similarity lies between 0 and 1"),
        ("similarity>1", "similarity lies between 0 and 1"),
        ("similarity<0", "similarity lies between 0 and 1"),
        ("similarity=0.5", "say how near"),
        ("PAINS\x00", "printable"),
        ("contains=" + "C" * 2000, "at most 2000"),
    ],
)
def test_refusals_say_why(text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_filter(text)
    assert message in str(caught.value)
    assert len(str(caught.value)) < 400


def test_refusals_are_silent(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InputError):
        parse_filter("contains=C(")
    assert capfd.readouterr() == ("", "")


PIECES = [
    *KINDS,
    "logP",
    "=",
    "<=",
    ">",
    "≤",
    "*",
    "±",
    "max ",
    ",",
    ";",
    " ",
    "C",
    "#N",
    "[",
    "]",
    "$",
    "(",
    ")",
]
TEXTS = st.one_of(
    st.text(max_size=30),
    st.text(st.characters(), max_size=10),
    st.lists(
        st.sampled_from([*PIECES, "0", "1", "6", ".5", "-1", "e9", "Cl", "Uuo", "[OX2H]"]), max_size=9
    ).map("".join),
    st.tuples(
        st.sampled_from([f"{name}=" for name in KINDS]),
        st.text(alphabet="CNOcno0123456789,[]()=#$!&;:@~-+.*/\\% "),
    ).map("".join),
)


@examples(500)
@given(TEXTS)
def test_any_text_is_a_filter_that_reads_back_or_an_input_error(text: str) -> None:
    try:
        found = parse_filter(text)
    except InputError:
        return
    again = parse_filter(found.text)
    assert (type(again), again.text) == (type(found), found.text)
    if not found.needs_training:
        assert found.failed([None]).tolist() == [True]


def test_forms_that_are_printed() -> None:
    spaced = [" PAINS ", "elements = C, Cl,C", "ring-sizes=6, 05,6", "MW <= 500.0", "4>rings", "avoids= C#N"]
    expected = ["PAINS", "elements=C,Cl", "ring-sizes=5,6", "MW<=500", "rings<4", "avoids=C#N"]
    assert [parse_filter(text).text for text in spaced] == expected


def test_repeated_filters_count_once() -> None:
    assert [each.text for each in parse_filters(["MW<=9", "PAINS", "MW <= 9.0"])] == ["MW<=9", "PAINS"]


def test_failures_are_named_in_order() -> None:
    judges = parse_filters(["elements=C,H,O", "PAINS", "rings=0", "no-radicals"])
    assert failed_filters(SMILES, judges) == [
        "PAINS; rings=0",
        "",
        "elements=C,H,O",
        "rings=0",
        "no-radicals",
        "elements=C,H,O",
        "elements=C,H,O",
        "rings=0",
    ]


def test_what_is_no_molecule() -> None:
    judges = parse_filters(["PAINS", "MW<=500"])
    assert failed_filters(["", "C1"], judges) == ["", "PAINS; MW<=500"]
    assert failed_filters(["CCO", "", "C1"], []) == ["", "", ""]
    assert failed_filters([], judges) == []


@settings(max_examples=50)
@given(
    rows=st.lists(st.sampled_from([*SMILES, "", "C1"]), max_size=12),
    texts=st.lists(st.sampled_from(["PAINS", "BRENK", "rings=0", "elements=C,O", "avoids=C#N"]), max_size=4),
    chunk=st.integers(1, 5),
)
def test_each_row_and_filter_stands_for_itself(rows: list[str], texts: list[str], chunk: int) -> None:
    judges = parse_filters(texts)
    alone = [[failed_filters([row], [judge])[0] for judge in judges] for row in rows]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(filters, "_CHUNK", chunk)
        assert failed_filters(rows, judges) == ["; ".join(filter(None, each)) for each in alone]


def test_each_molecule_is_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    parse = filters.parse
    monkeypatch.setattr(filters, "parse", lambda smiles: asked.extend(smiles) or parse(smiles))
    failed_filters(SMILES, parse_filters(["PAINS", "BRENK", "MW<=500", "elements=C"]))
    assert asked == SMILES


def test_training_molecules_are_given_or_missed() -> None:
    judges = parse_filters(["PAINS", "similarity<=0.7"])
    with pytest.raises(InputError, match=r"filter 'similarity<=0.7' compares with the training molecules"):
        bind_training(judges, None)
    assert bind_training(judges[:1], None) == judges[:1]
    bound = bind_training(judges, NEAREST)
    assert [each.text for each in bound] == ["PAINS", "similarity<=0.7"]
    assert failed_filters(["OCC", "CCCCCN"], bound) == ["similarity<=0.7", ""]


def test_a_filter_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    class Small:
        usage = "small"
        removes = "molecules of more than two atoms"
        source = "by hand"
        needs_training = False

        def __init__(self, text: str) -> None:
            self.text = text

        def failed(self, mols):  # type: ignore[no-untyped-def]
            return np.array([mol is None or mol.GetNumAtoms() > 2 for mol in mols])

        def with_training(self, nearest: filters.Nearest) -> Filter:
            return self

    monkeypatch.setitem(FILTERS, "small", Small)
    assert failed_filters(["CC", "CCC"], bind_training(parse_filters(["small"]), NEAREST)) == ["", "small"]

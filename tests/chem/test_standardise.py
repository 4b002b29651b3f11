from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from soak import examples

from moldiff.chem import canonical, parse
from moldiff.chem.standardise import _CHUNK, LONGEST, Standardiser

MOLECULES = [
    "CC(=O)O[Na]",
    "CC(=O)[O-].[Na+]",
    "[O-]CCC(=O)O.[K+]",
    "CN(=O)=O",
    "CS(C)=O",
    "C[N+](C)(C)CC(=O)[O-]",
    "Oc1ccccn1",
    "CC(O)=CC",
    "O=C1C=CC(=O)C=C1.O",
    "[Fe+2].c1cc[cH-]c1.c1cc[cH-]c1",
    "C[C@H](N)C(=O)O",
    "F/C=C/F",
    "[CH3:1][OH:2]",
    "[13CH4]",
    "NC(N)=[NH2+].[Cl-]",
    "O=C(O)c1ccccc1Cl.CCN",
    "C[Hg]c1ccccc1",
    "[H][H]",
    "*CC",
]


def test_canonical_forms_agree() -> None:
    assert canonical(["OCC", "CCO", "C(O)C"]) == ["CCO"] * 3
    assert canonical(["C1=CC=CC=C1", "c1ccccc1"]) == ["c1ccccc1"] * 2


@pytest.mark.parametrize("cell", ["Cé", "C" * (LONGEST + 1), None, 3.0, float("nan"), "\ud800"])
def test_cells_that_rdkit_may_not_be_asked_to_read(cell) -> None:
    assert canonical([cell]) == [""]


def test_what_is_no_molecule_is_empty() -> None:
    assert canonical(["", "C1CC", "CC(C)(C)(C)C", "no smiles", None, float("nan")]) == [""] * 6  # type: ignore[list-item]
    assert [mol is None for mol in parse(["", "C", "C1CC"])] == [True, False, True]
    assert canonical([]) == []


def test_rdkit_stays_silent(capfd: pytest.CaptureFixture[str]) -> None:
    canonical(["C1CC", "CC(C)(C)(C)C", "c1cc"])
    Standardiser(neutralise=True, tautomer=True)(["C1CC", "[O-]CCC(=O)O.[K+]", "CN(=O)=O", "Oc1ccccn1"])
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("options", "text", "expected", "changes"),
    [
        ({}, "OCC", "CCO", {}),
        ({}, "CN(=O)=O", "C[N+](=O)[O-]", {}),  # RDKit's parser does that already
        ({}, "CS(C)=O", "C[S+](C)[O-]", {"groups redrawn": 1}),
        ({}, "CC(=O)O[Na]", "CC(=O)[O-]", {"metal bonds cut": 1, "fragments left out": 1}),
        ({}, "[CH3:1]O", "CO", {"atom numbers removed": 1}),
        (
            {"largest_fragment": False},
            "[O-]CCC(=O)O.[Na+]",
            "O=C([O-])CCO.[Na+]",
            {"charges moved": 1},
        ),
        ({"cleanup": False}, "CC(=O)O[Na].O", "CC(=O)[O][Na]", {"fragments left out": 1}),
        (
            {"neutralise": True},
            "CC(=O)[O-].[Na+]",
            "CC(=O)O",
            {"fragments left out": 1, "charges neutralised": 1},
        ),
        ({"tautomer": True}, "Oc1ccccn1", "O=c1cccc[nH]1", {"tautomers changed": 1}),
        ({"cleanup": False, "largest_fragment": False}, "[Na]OC(C)=O", "CC(=O)[O][Na]", {}),
    ],
)
def test_each_step_does_its_own_and_is_counted(
    options: dict[str, bool], text: str, expected: str, changes: dict[str, int]
) -> None:
    assert Standardiser(**options)([text]) == ([expected], changes)


def test_a_charge_that_cannot_go_stays() -> None:
    kept = Standardiser(neutralise=True)(["C[N+](C)(C)C", "[NH3+]C"])
    assert kept == (["C[N+](C)(C)C", "CN"], {"charges neutralised": 1})


def test_rows_are_counted_not_distinct_molecules() -> None:
    texts, changes = Standardiser()(["CCO.O", "C", "CCO.O", "OCC.O"])
    assert texts == ["CCO", "C", "CCO", "CCO"]
    assert changes == {"fragments left out": 3}


@pytest.mark.parametrize(
    "cell",
    [None, float("nan"), 3, b"C", "", "C1CC", "Cé", "\ud800", "C" * (LONGEST + 1), "(" * 4000, "C\0C("],
)
def test_cells_that_hold_no_molecule(cell: object) -> None:
    assert Standardiser()([cell]) == ([""], {})


@pytest.mark.slow
def test_processes_change_nothing() -> None:
    many = [f"{'C' * n}{tail}" for n in range(1, 130) for tail in ("O", "(=O)O[Na]", ".O", "S(C)=O")]
    assert len(many) > _CHUNK
    assert Standardiser()(many, n_jobs=2) == Standardiser()(many)


OPTIONS = st.fixed_dictionaries(
    {name: st.booleans() for name in ("cleanup", "largest_fragment", "neutralise", "tautomer")}
)


@examples(60)
@given(options=OPTIONS, parts=st.lists(st.sampled_from(MOLECULES), min_size=1, max_size=2))
def test_standardising_again_changes_nothing(options: dict[str, bool], parts: list[str]) -> None:
    standardiser = Standardiser(**options)
    once, _ = standardiser([".".join(parts)])
    assert once != [""]
    assert standardiser(once) == (once, {})
    assert canonical(once) == once


@examples(100)
@given(
    options=OPTIONS,
    cell=st.one_of(
        st.text(max_size=20),
        st.text(alphabet="CNOcn()[]=#123+-.@H/\\%", max_size=16),
        st.none(),
        st.floats(),
        st.binary(max_size=5),
    ),
)
def test_any_cell_gives_a_molecule_or_nothing(options: dict[str, bool], cell: object) -> None:
    [text], changes = Standardiser(**options)([cell])
    assert text == "" or canonical([text]) == [text]
    assert all(count == 1 for count in changes.values())

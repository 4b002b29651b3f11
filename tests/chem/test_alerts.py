"""The catalogues of alerts, against the molecules and counts of their papers."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest
from rdkit.Chem.rdmolfiles import MolFromSmiles

from moldiff.chem.alerts import Brenk, Nih, Pains, PainsA, PainsB, PainsC, Zinc, _alerts
from moldiff.chem.filters import failed_filters, parse_filters
from moldiff.datasets import load


@pytest.mark.parametrize(
    ("smiles", "family"),
    [
        ("Oc1ccccc1O", "catechol_A"),
        ("O=C1C=CC(=O)C=C1", "quinone_A"),
        ("O=C1NC(=S)SC1=Cc1ccccc1", "ene_rhod_A"),
        ("Oc1ccccc1C=NNC(=O)c1ccccc1", "hzone_phenol_A"),
        ("Oc1ccccc1CN1CCCCC1", "mannich_A"),
        ("c1ccc(cc1)N=Nc1ccccc1", "azo_A"),
    ],
)
def test_the_families_that_baell_and_holloway_name(smiles: str, family: str) -> None:
    names = Pains("PAINS").describe(MolFromSmiles(smiles))
    assert [name.partition("(")[0] for name in names] == [family]
    assert Pains("PAINS").failed([MolFromSmiles(smiles)]).tolist() == [True]


@pytest.mark.parametrize(
    "smiles", ["CC(=O)Oc1ccccc1C(O)=O", "CC(C)Cc1ccc(cc1)C(C)C(O)=O", "Cn1cnc2c1c(=O)n(C)c(=O)n2C"]
)
def test_aspirin_ibuprofen_and_caffeine_are_no_pains(smiles: str) -> None:
    assert Pains("PAINS").describe(MolFromSmiles(smiles)) == []
    assert Pains("PAINS").failed([MolFromSmiles(smiles)]).tolist() == [False]


@pytest.mark.parametrize(("kind", "least", "most"), [(PainsA, 150, 9999), (PainsB, 15, 149), (PainsC, 1, 14)])
def test_the_letters_say_how_often_an_alert_hit(kind: type[Pains], least: int, most: int) -> None:
    # The paper's tables are cut at 150 and 15 hits, and each alert carries its count in its name.
    names = [entry.GetDescription() for entry in entries(kind.usage)]
    counts = [int(re.fullmatch(r".*\((\d+)\)", name)[1]) for name in names]  # type: ignore[index]
    assert least <= min(counts)
    assert max(counts) <= most
    assert f"the {len(names)} PAINS alerts" in kind.removes


def test_families_together_are_pains() -> None:
    letters = [entry.GetDescription() for letter in "ABC" for entry in entries(f"PAINS_{letter}")]
    assert sorted(letters) == sorted(entry.GetDescription() for entry in entries("PAINS"))
    smiles = [*load("qm9").smiles[::500], "Oc1ccccc1O"]
    judges = parse_filters(["PAINS", "PAINS_A", "PAINS_B", "PAINS_C"])
    failures = [set(filter(None, row.split("; "))) for row in failed_filters(smiles, judges)]
    assert {"PAINS", "PAINS_B"} in failures
    assert all(("PAINS" in row) == bool(row - {"PAINS"}) for row in failures)


@pytest.mark.parametrize(
    ("smiles", "alerts"),
    [
        ("CC(=O)Cl", ["acid_halide"]),
        ("CCC=O", ["aldehyde"]),
        ("CC1CO1", ["Three-membered_heterocycle"]),
        ("C1CCCCC1C#CC", ["triple_bond"]),
        ("Cc1ccccc1S", ["thiol_2"]),
        ("O=[N+]([O-])c1ccccc1", ["nitro_group", "Oxygen-nitrogen_single_bond"]),
        ("CC(=O)Oc1ccccc1C(O)=O", ["phenol_ester"]),
        ("c1ccccc1", []),
        ("C1COCCN1", []),
        ("CC(C)Cc1ccc(cc1)C(C)C(O)=O", []),
    ],
)
def test_groups_that_brenk_leaves_out(smiles: str, alerts: list[str]) -> None:
    assert Brenk("BRENK").describe(MolFromSmiles(smiles)) == alerts
    assert Brenk("BRENK").failed([MolFromSmiles(smiles)]).tolist() == [bool(alerts)]


@pytest.mark.parametrize(
    ("smiles", "nih", "zinc"),
    [
        ("O=C1NC(=S)SC1=Cc1ccccc1", ["rhodanine"], []),
        ("CC(=O)OC(C)=O", ["anhydride"], ["Acid_anhydrides"]),
        ("COOC", ["peroxide"], ["Peroxides"]),
        # ZINC's rules are limits: one acid halide passes, two do not.
        ("CC(=O)Cl", ["carbonyl_halide"], []),
        ("ClC(=O)CC(=O)Cl", ["carbonyl_halide"], ["Acid_halides"]),
        ("CCO", [], []),
    ],
)
def test_groups_of_nih_and_zinc(smiles: str, nih: list[str], zinc: list[str]) -> None:
    assert Nih("NIH").describe(MolFromSmiles(smiles)) == nih
    assert Zinc("ZINC").describe(MolFromSmiles(smiles)) == zinc


@pytest.mark.parametrize(("kind", "count"), [(Pains, 480), (Brenk, 105), (Nih, 180), (Zinc, 50)])
def test_sizes_of_the_catalogues_are_those_documented(kind: type[Pains], count: int) -> None:
    assert len(entries(kind.usage)) == count
    assert str(count) in f"{kind.removes} {kind.__doc__}"


@pytest.mark.slow
def test_shares_of_whole_data_sets(data: Path) -> None:
    # data.md counts .73% and 3.56% in the first 10,000 of the sources, which come in another order.
    for name, share, rows in [("qm9_core5", 0.0073, 2_500), ("zinc250k", 0.0356, 2_000)]:
        smiles = pd.read_parquet(data / f"{name}.parquet", columns=["smiles"]).smiles[:10_000]
        failures = failed_filters(list(smiles[:: 10_000 // rows]), parse_filters(["PAINS"]))
        found = sum(map(bool, failures)) / rows
        assert abs(found - share) < 3 * (share / rows) ** 0.5


def entries(name: str) -> list[object]:
    catalogue = _alerts(name)
    return [catalogue.GetEntryWithIdx(index) for index in range(catalogue.GetNumEntries())]

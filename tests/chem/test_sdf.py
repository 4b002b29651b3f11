"""What is written as an SDF is what RDKit reads back."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rdkit import Chem

from moldiff.chem.sdf import sdf_records
from moldiff.chem.standardise import canonical

SMILES = ["CCO", "c1ccc2ccccc2c1", "C[N+](C)(C)CC(=O)[O-]", "F[C@H](Cl)Br", "C/C=C/C", "[CH2]C", "C#N"]


def read_back(table, path):
    path.write_text("".join(sdf_records(table)), encoding="utf-8")
    return list(Chem.SDMolSupplier(str(path)))


def test_molecules_coordinates_and_tags_come_back(tmp_path):
    table = pd.DataFrame(
        {
            "smiles": canonical(SMILES),
            "logP": np.linspace(-1, 1, len(SMILES)) / 3,
            "mu": np.nan,
            "_own": 1,  # RDKit itself writes no tag of such a name
            "hit": [True, False] * 3 + [True],
            "filters_failed": ["PAINS; MW<=500"] + [""] * 6,
        }
    )
    mols = read_back(table, tmp_path / "x.sdf")
    assert [Chem.MolToSmiles(mol) for mol in mols] == list(table["smiles"])
    for number, (mol, row) in enumerate(zip(mols, table.to_dict("records"), strict=True), start=1):
        assert mol.GetProp("_Name") == str(number)
        assert [*mol.GetPropNames(), "_own"] == [*table.columns.drop("_own"), "_own"]
        assert mol.GetProp("_own") == "1"
        assert float(mol.GetProp("logP")) == row["logP"]
        assert mol.GetProp("mu") == ""
        assert mol.GetProp("hit") == str(row["hit"])
        assert mol.GetProp("filters_failed") == row["filters_failed"]
        places = mol.GetConformer().GetPositions()
        assert not mol.GetConformer().Is3D()
        assert np.ptp(places[:, :2]) > 0 or mol.GetNumAtoms() == 1
        assert (places[:, 2] == 0).all()


@given(name=st.text(min_size=1, max_size=20), value=st.text(max_size=40))
def test_no_name_or_value_of_a_column_breaks_the_file(tmp_path_factory, name, value):
    table = pd.DataFrame({"smiles": ["CC", "CO"], name: [value, "x"]})
    if name == "smiles" or not name.strip():
        return
    text = "".join(sdf_records(table)).encode("utf-8", "ignore").decode()
    path = tmp_path_factory.mktemp("sdf") / "x.sdf"
    path.write_text(text, encoding="utf-8", newline="\n")
    mols = list(Chem.SDMolSupplier(str(path)))
    assert [mol.GetProp("smiles") for mol in mols] == ["CC", "CO"]


def test_what_is_no_molecule_is_an_error():
    with pytest.raises(ValueError, match="row 2: 'C1' is no molecule"):
        list(sdf_records(pd.DataFrame({"smiles": ["C", "C1"]})))

import numpy as np
import pandas as pd
import pytest

from moldiff.datasets import DATASETS, MoleculeTable, load, open_table
from moldiff.errors import InputError


@pytest.fixture
def table():
    labels = pd.DataFrame({"a": [1, 2, 3]}, index=[7, 8, 9])
    return MoleculeTable("mine", ["C", "CC", "CCC"], labels, {"a": "m"}, "a paper")


def test_labels_become_float64_rows_from_zero(table):
    assert table.labels["a"].dtype == np.float64
    assert table.labels.index.tolist() == [0, 1, 2]


def test_take_by_number_and_by_truth(table):
    for chosen in ([2, 0], np.array([2, 0])):
        part = table.take(chosen)
        assert part.smiles == ["CCC", "C"]
        assert part.labels["a"].tolist() == [3, 1]
        assert part.labels.index.tolist() == [0, 1]
    part = table.take(np.array([False, True, True]))
    assert part.smiles == ["CC", "CCC"]
    assert (part.name, part.units, part.citation) == ("mine", {"a": "m"}, "a paper")


def test_take_nothing(table):
    assert len(table.take([])) == 0


def test_wrong_truth_length_is_refused(table):
    with pytest.raises(ValueError, match="boolean choice of 2 rows for a table of 3"):
        table.take(np.array([True, False]))


def test_wrong_number_of_labels_is_refused():
    with pytest.raises(ValueError, match="2 molecules but 1 rows"):
        MoleculeTable("mine", ["C", "CC"], pd.DataFrame({"a": [1.0]}), {"a": ""})


def test_label_without_unit_is_refused():
    with pytest.raises(ValueError, match="units"):
        MoleculeTable("mine", ["C"], pd.DataFrame({"a": [1.0]}))


def test_unknown_table_names_the_nearest():
    with pytest.raises(InputError, match=r"unknown data set 'qm-9': did you mean 'qm9'\?"):
        load("qm-9")


@pytest.mark.parametrize("name", DATASETS)
def test_every_table_keeps_its_promises(name):
    table = load(name)
    assert table.name == name
    assert len(set(table.smiles)) == len(table) > 0
    assert "" not in table.smiles
    assert table.citation
    assert table.licence
    assert (table.labels.dtypes == np.float64).all()


def test_take_keeps_classes_and_licence():
    labels = pd.DataFrame({"tox": [0, 1, 0]})
    table = MoleculeTable(
        "mine", ["C", "CC", "CCC"], labels, {"tox": "class"}, "", "CC0", {"tox": ("no", "yes")}
    )
    part = table.take([1])
    assert (part.licence, part.classes, part.labels["tox"].tolist()) == ("CC0", {"tox": ("no", "yes")}, [1])


def test_a_name_or_a_file(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("smiles\nC\n", encoding="utf-8")
    assert open_table(str(path))["smiles"].tolist() == ["C"]
    assert open_table("b3db").name == "b3db"
    with pytest.raises(InputError, match="'qm8' is neither a data set nor a file: did you mean 'qm9'"):
        open_table("qm8")
    with pytest.raises(InputError, match="no such file"):
        open_table(str(tmp_path / "other.csv"))

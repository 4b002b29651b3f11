import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from soak import examples

from moldiff.chem.standardise import Standardiser
from moldiff.datasets import MoleculeTable, load
from moldiff.errors import InputError
from moldiff.frames import FEW, intake

FRAME = pd.DataFrame(
    {
        "mol": ["OCC", "CCO", "not smiles", None, "C1CC1", "c1ccccc1", "CC"],
        "logS": [0.5, 0.7, 0.1, 0.2, np.nan, "-1.5", None],
        "rings": [0, 0, 0, 0, 1, 1, 0],
        "BBB": ["yes", "yes", "no", "no", None, "no", "yes"],
    },
    index=[5, 5, 6, 7, 8, 9, 9],
)


def take(properties, frame=FRAME, **options):
    return intake(frame, properties, **options)


def listing(taken):
    return [(entry.row, entry.reason) for entry in taken.dropped]


def test_rows_of_no_use_are_counted_by_reason_and_listed_in_order():
    taken = take(["logS"])
    assert taken.table.smiles == ["CCO", "c1ccccc1"]
    np.testing.assert_array_equal(taken.table.labels["logS"], [0.6, -1.5])
    assert taken.counts == {"repeated": 1, "not a molecule": 2, "no label": 2}
    assert listing(taken) == [
        (2, "repeated"),
        (3, "not a molecule"),
        (4, "not a molecule"),
        (5, "no label"),
        (7, "no label"),
    ]
    assert (taken.dropped[3].smiles, taken.dropped[3].detail) == ("C1CC1", "logS")


def test_a_molecule_with_any_of_the_properties_stays():
    taken = take(["logS", "BBB"])
    assert taken.table.smiles == ["CCO", "c1ccccc1", "CC"]
    assert np.isnan(taken.table.labels["logS"][2])
    assert taken.counts["no label"] == 1
    # What RDKit measures, every molecule has.
    assert len(take(["logS", "rings"]).table) == 4


def test_numbers_and_classes_are_told_apart():
    table = take(["logS", "BBB"]).table
    assert table.classes == {"BBB": ("no", "yes")}
    np.testing.assert_array_equal(table.labels["BBB"], [1, 0, 1])
    assert table.units == {"logS": "as given", "BBB": "class"}


def test_rows_that_contradict_each_other():
    frame = pd.DataFrame(
        {"smiles": ["C", "C", "CC", "CC", "CO"], "tox": ["a", "b", "a", "c", "b"], "x": [None, None, 1, 1, 2]}
    )
    alone = take(["tox"], frame)
    assert alone.table.smiles == ["CO"]
    assert alone.counts == {"contradicting labels": 2, "repeated": 2}
    # The classes of rows that are gone are gone too.
    assert alone.table.classes == {"tox": ("b",)}
    assert alone.table.labels["tox"].tolist() == [0]
    both = take(["tox", "x"], frame)
    assert both.table.smiles == ["CC", "CO"]
    np.testing.assert_array_equal(both.table.labels["tox"], [np.nan, 0])
    assert "tox counts as missing for 1 molecules whose rows contradict" in both.notes


@pytest.mark.parametrize("properties", [["rings"], ["QED"], ["rings", "QED"], []])
def test_known_properties_are_measured_not_taken(properties):
    taken = take(properties)
    assert len(taken.table) == 4
    assert list(taken.table.labels.columns) == []
    assert "no label" not in taken.counts


def test_molecules_are_standardised_as_asked():
    frame = pd.DataFrame({"smiles": ["CC(=O)[O-].[Na+]", "CC(=O)O"], "x": [1.0, 3.0]})
    default = take(["x"], frame)
    assert default.table.smiles == ["CC(=O)[O-]", "CC(=O)O"]
    assert default.changes == {"fragments left out": 1}
    neutral = take(["x"], frame, standardiser=Standardiser(neutralise=True))
    assert neutral.table.smiles == ["CC(=O)O"]
    assert neutral.table.labels["x"].tolist() == [2]
    untouched = take(["x"], frame, standardiser=Standardiser(cleanup=False, largest_fragment=False))
    assert untouched.table.smiles == ["CC(=O)[O-].[Na+]", "CC(=O)O"]
    assert untouched.changes == {}


def test_a_column_of_salts_is_compared_with_what_is_written():
    # MW is that of the salt, as its row says; the model is trained on the acid and measures that.
    frame = pd.DataFrame({"smiles": ["CC(=O)[O-].[Na+]", "CCO"], "MW": [82.03, 46.07]})
    assert list(take(["MW"], frame).table.labels.columns) == []


def test_summary_says_what_was_found_kept_dropped_and_changed():
    frame = FRAME.assign(mol=FRAME["mol"].replace("CC", "CC.O"))
    assert take(["logS", "BBB", "QED"], frame, name="mine.csv").summary() == [
        "mine.csv: 7 rows, molecules in column 'mol' (by its name)",
        "kept 4 molecules; dropped: 1 repeated, 2 not a molecule",
        "standardised: 1 fragments left out",
        "labels: logS (numeric; 2 values); BBB (class, no or yes; 3 values)",
        "measured by RDKit: QED",
    ]


def test_few_molecules_come_with_what_to_expect():
    assert any(note.startswith("2 molecules are few: expect") for note in take(["logS"]).notes)
    table = load("b3db")
    assert intake(table, ["BBB"]).notes == []
    assert any("1,058 molecules are few" in note for note in intake(table, ["logBB"]).notes)
    assert FEW == 5000


def test_a_table_by_name_is_taken_as_it_is():
    table = load("b3db")
    whole = intake(table, ["BBB", "logBB", "rings"])
    assert whole.table.smiles == table.smiles
    assert whole.summary()[1] == "kept 7,805 molecules; dropped: no row"
    part = intake(table, ["logBB"])
    assert part.counts == {"no label": 6747}
    assert part.table.classes == {"BBB": ("BBB+", "BBB-")}
    with pytest.raises(InputError, match=r"'logbb' is neither.*did you mean 'logBB'"):
        intake(table, ["logbb"])


def test_a_property_twice_is_one():
    assert take(["logS", "logS"]).properties == ["logS"]


@pytest.mark.parametrize(
    ("smiles", "properties", "message"),
    [
        ("mols", ["logS"], "no column 'mols': did you mean 'mol'"),
        ("logS", ["rings"], "no molecule is left of 7 rows .*: is 'logS' the column of SMILES"),
        ("mol", ["logs2"], "neither a column of the table nor a known property: did you mean 'logS'"),
        ("mol", ["mol"], "'mol' is neither a column"),
    ],
)
def test_wrong_columns(smiles, properties, message):
    with pytest.raises(InputError, match=message):
        take(properties, smiles=smiles)


@pytest.mark.parametrize("name", ["score", "hit", "novel", "logP_error"])
def test_columns_of_every_result_are_taken(name):
    with pytest.raises(InputError, match=f"'{name}' is a column of every result"):
        take([name], FRAME.assign(**{name: 1.0}))


def test_names_that_no_goal_could_hold():
    with pytest.raises(InputError, match="column 'a=b' cannot be a property"):
        take(["a=b"], FRAME.assign(**{"a=b": 1.0}))


def test_a_known_name_for_something_else_is_refused():
    with pytest.raises(InputError, match="column 'logP' differs from the logP that RDKit measures"):
        take(["logP"], FRAME.assign(logP=[9.0] * 7))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([0, np.inf, 0, 0, 0, 0, 0], "'x' is infinite in row 2"),
        (["1", "2", "3", "1", "5", "-inf", "7"], "'x' is infinite in row 6"),
        ([1, 2, 3, 4, 5, "n/d", 7], "row 6 holds 'n/d'"),
        ([None] * 7, "'x' is empty"),
        ([None, None, 1, 1, None, None, None], "no molecule has a value of x"),
        ([1, 2, 3, 4, 5, 1e9, 7], "half precision"),
    ],
)
def test_labels_that_cannot_be_learnt(values, message):
    with pytest.raises(InputError, match=message):
        take(["x"], FRAME.assign(x=values))


def test_two_columns_of_one_name_and_a_table_without_rows():
    twice = pd.concat([FRAME, FRAME["logS"]], axis=1)
    with pytest.raises(InputError, match="two columns are named 'logS'"):
        take(["logS"], twice)
    with pytest.raises(InputError, match="the table has no row"):
        take(["logS"], FRAME.iloc[:0])
    numbered = pd.DataFrame([["CCO", 1.0], ["C", 2.0]])
    assert intake(numbered.rename(columns={1: "x"}), ["x"]).table.smiles == ["CCO", "C"]


def test_dropped_rows_are_listed_beside_the_run(tmp_path):
    taken = take(["logS"])
    path = taken.save_dropped(tmp_path)
    assert path == tmp_path / "training" / "dropped.csv"
    assert pd.read_csv(path)["row"].tolist() == [2, 3, 4, 5, 7]
    # A run that stands there keeps its list.
    (path.parent / "recipe.json").write_text("{}", encoding="utf-8")
    take(["BBB"]).save_dropped(tmp_path)
    assert len(pd.read_csv(path)) == 5
    assert take(["QED"], FRAME.iloc[[0, 4]]).save_dropped(tmp_path / "other") is None
    assert not (tmp_path / "other").exists()
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(InputError, match="cannot write to the folder"):
        taken.save_dropped(tmp_path / "file")


CELLS = st.one_of(
    st.none(),
    st.floats(),
    st.integers(-3, 3),
    st.booleans(),
    st.sampled_from(
        ["CCO", "OCC", "C1CC1", "*", "[Fe]", "CC.O", "inf", "nan", "1e5", "yes", "no", "a=b", "\ud800", ""]
    ),
    st.text(max_size=4),
)


@examples(150)
@given(
    rows=st.lists(st.tuples(CELLS, CELLS, CELLS), max_size=8),
    names=st.tuples(
        st.sampled_from(["smiles", "mol", "", "\0"]), st.sampled_from(["x", "hit", "logP", "a<b"])
    ),
    properties=st.lists(st.sampled_from(["x", "y", "rings", "hit", "logP", "z"]), max_size=3),
)
def test_any_table_is_taken_or_refused(rows, names, properties):
    frame = pd.DataFrame(rows, columns=[*names, "y"], dtype=object)
    try:
        taken = intake(frame, properties)
    except InputError:
        return
    assert isinstance(taken.table, MoleculeTable)
    assert len(taken.table) + len(taken.dropped) == taken.rows == len(rows)
    labels = taken.table.labels.to_numpy()
    assert not np.isinf(labels).any()
    assert len(set(taken.table.smiles)) == len(taken.table) > 0
    assert [entry.row for entry in taken.dropped] == sorted({entry.row for entry in taken.dropped})
    assert taken.summary()

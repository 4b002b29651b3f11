import contextlib
import decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from soak import examples

from moldiff.datasets import find_smiles, read_column
from moldiff.datasets.columns import MAX_CLASSES
from moldiff.errors import InputError


def column(*cells, **options):
    return read_column(pd.Series(list(cells), name="x", **options))


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ([1, 2.5, None], [1, 2.5, np.nan]),
        (["1", " -2e3 ", "", "NA", "nan"], [1, -2000, np.nan, np.nan, np.nan]),
        ([0, 1, 1], [0, 1, 1]),
        ([decimal.Decimal("0.5"), 1], [0.5, 1]),
        ([np.float32("nan"), "3"], [np.nan, 3]),
    ],
)
def test_numbers(cells, expected):
    found = column(*cells, dtype=object)
    assert (found.kind, found.classes) == ("number", ())
    np.testing.assert_array_equal(found.values, expected)
    assert found.filled == np.sum(~np.isnan(expected))


@pytest.mark.parametrize(
    ("cells", "classes", "values"),
    [
        (["BBB-", "BBB+", None, " BBB- "], ("BBB+", "BBB-"), [1, 0, np.nan, 1]),
        ([True, False, None], ("False", "True"), [1, 0, np.nan]),
        (["not  active", "not active"], ("not active",), [0, 0]),
        (["1", "1a", "2b"], ("1", "1a", "2b"), [0, 1, 2]),
    ],
)
def test_classes(cells, classes, values):
    found = column(*cells, dtype=object)
    assert (found.kind, found.classes) == ("class", classes)
    np.testing.assert_array_equal(found.values, values)


def test_categories_of_pandas_are_what_they_hold():
    assert read_column(pd.Series([1, 2, 1], dtype="category")).kind == "number"
    assert read_column(pd.Series(["a", "b", "a"], dtype="category")).kind == "class"
    assert read_column(pd.Series([True, None], dtype="boolean")).classes == ("True",)
    assert read_column(pd.Series([1, None], dtype="Int64")).values[0] == 1


def test_many_different_texts_are_no_classes():
    assert column(*(f"a{i}" for i in range(MAX_CLASSES))).kind == "class"
    found = column(*(f"a{i}" for i in range(MAX_CLASSES + 1)))
    assert (found.kind, found.stray, found.filled) == ("text", None, MAX_CLASSES + 1)
    assert np.isnan(found.values).all()


def test_a_word_among_numbers_is_a_slip_not_a_class():
    found = column("1.5", "2", ">100", "3", "n.d.", "7")
    assert (found.kind, found.stray, found.classes) == ("text", (3, ">100"), ())


def test_nothing_at_all():
    assert column(None, "", " ", "N/A").kind == "empty"


def test_an_infinite_value_is_named_with_its_row():
    with pytest.raises(InputError, match="column 'x' is infinite in row 3"):
        column("1", "2", "1e999").check_finite()
    column("1", "2").check_finite()


SMILES = ["CCO", "c1ccccc1", "C=O"]


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"id": ["a", "b", "c"], "SMILES": SMILES}, ("SMILES", "by its name")),
        ({"Canonical Smiles": SMILES}, ("Canonical Smiles", "by its name")),
        # The plain name comes first, and needs no molecules: what is wrong with them is said later.
        ({"isomeric_smiles": SMILES, "Smiles": ["?"] * 3}, ("Smiles", "by its name")),
        ({"structure": SMILES, "name": ["a", "b", "c"]}, ("structure", "by its name")),
        ({"structure": ["1.png", "2.png", "3.png"], "what": SMILES}, ("what", "by its content")),
        ({"x": ["1", "2", "3"], "y": ["CCO", None, "not one"]}, None),
        ({"x": ["1", "2", "3"], "y": ["CCO", None, "CC"]}, ("y", "by its content")),
    ],
)
def test_the_column_of_smiles(columns, expected):
    frame = pd.DataFrame(columns)
    if expected is None:
        with pytest.raises(InputError, match=r"no column holds SMILES.*'x', 'y'.*--smiles"):
            find_smiles(frame)
    else:
        assert find_smiles(frame) == expected


@pytest.mark.parametrize(
    "columns",
    [
        {"SMILES": SMILES, "smiles": SMILES},
        {"canonical_smiles": SMILES, "isomeric_smiles": SMILES},
        {"a": SMILES, "b": SMILES},
        {"mol": SMILES, "structure": SMILES},
    ],
)
def test_more_than_one_candidate_is_an_error_that_names_them(columns):
    first, second = columns
    with pytest.raises(
        InputError, match=f"2 columns may hold the molecules, '{first}', '{second}'.*--smiles"
    ):
        find_smiles(pd.DataFrame(columns))
    assert find_smiles(pd.DataFrame(columns), second) == (second, "as asked")


def test_a_column_that_is_asked_for_and_not_there():
    with pytest.raises(InputError, match="no column 'smile': did you mean 'smiles'"):
        find_smiles(pd.DataFrame({"smiles": SMILES}), "smile")


def test_a_table_without_heading_is_told():
    with pytest.raises(InputError, match="'CCN' is a molecule; put a line such as 'smiles,name' first"):
        find_smiles(pd.DataFrame({"CCN": SMILES, "0.5": ["1", "2", "3"]}))


def test_huge_cells_are_not_parsed():
    frame = pd.DataFrame({"big": ["C" * 10**6] * 3, "what": SMILES})
    assert find_smiles(frame) == ("what", "by its content")


ODD = ["CCO", "inf", "-1e999", "1_0", "٣", "\ud800", " ", "NA", "1+2j"]
CELLS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.binary(max_size=4),
    st.dates(),
    st.sampled_from(ODD),
    st.lists(st.integers(), max_size=2),
)


@examples(100)
@given(st.lists(CELLS, max_size=12))
def test_any_cells_make_a_column(cells):
    found = read_column(pd.Series(cells, dtype=object, name="x"))
    assert len(found.values) == len(cells)
    known = found.values[~np.isnan(found.values)]
    assert len(known) in (0, found.filled)
    if found.classes:
        assert sorted(set(found.classes)) == list(found.classes)
        assert set(known) == set(range(len(found.classes)))
    with contextlib.suppress(InputError):
        assert find_smiles(pd.DataFrame({"x": pd.Series(cells, dtype=object)}))[0] == "x"

import numpy as np
import pandas as pd
import pytest

from moldiff.datasets import read_column
from moldiff.datasets.labels import check_label_column, check_told_apart
from moldiff.errors import InputError

SMILES = ["CCO", "C1CC", "c1ccccc1", "C"]


def column(*cells, name="x"):
    return read_column(pd.Series(list(cells), name=name, dtype=object))


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (["1", "inf", "2", "3"], "'x' is infinite in row 2"),
        ([1, 2, -np.inf, 3], "'x' is infinite in row 3"),
        ([None] * 4, "'x' is empty"),
        (["1", "2", ">3", "4"], "row 3 holds '>3': write a number, or leave the cell empty"),
        (["1,5", "2,5", "a", "b=c"], "'b=c' cannot be a class.*rename it"),
        ([f"a{i}" for i in range(40)], "numbers, or text of at most 32 different values"),
    ],
)
def test_columns_that_cannot_be_conditions(cells, message):
    with pytest.raises(InputError, match=message):
        check_label_column(column(*cells), SMILES)


def test_a_known_name_must_mean_what_rdkit_measures():
    check_label_column(column(0, 9, 1, 0, name="rings"), SMILES)  # row 2 is no molecule
    with pytest.raises(InputError, match="'rings' differs from the rings that RDKit measures, by up to 2"):
        check_label_column(column(2, 0, 1, 0, name="rings"), SMILES)
    with pytest.raises(InputError, match="'rings' must hold numbers"):
        check_label_column(column("none", None, "one", "none", name="rings"), SMILES)


@pytest.mark.parametrize(
    "values",
    [
        [1.0, 100000.0],  # float16 ends at 65,504
        [1e-9, 5e-9, 2e-9],  # and begins at 6e-8
        [10000.5, 10001.0, 10002.0],  # with steps of 8 there
        [-1e300, 1e300],
    ],
)
def test_values_that_a_model_file_could_not_tell_apart_are_refused(values):
    with pytest.raises(InputError, match="half precision cannot hold or tell apart: give its logarithm"):
        check_told_apart("x", np.array(values))


@pytest.mark.parametrize(
    "values", [[0.0, 60000.0, np.nan], [1e-4, 3e-4, 9e-4], [-400.0, -401.0], [5.0, 5.0], [np.nan]]
)
def test_values_that_can_be_told_apart(values):
    check_told_apart("x", np.array(values))

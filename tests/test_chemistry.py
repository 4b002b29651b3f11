"""What a model's symbols can say, and what the table of a run holds."""

import numpy as np
import pandas as pd
import pytest

from moldiff.chem.statistics import PropertyStatistics
from moldiff.chem.tokenizer import SelfiesTokenizer
from moldiff.chemistry import Chemistry
from moldiff.generation import BACK, FRONT
from moldiff.metrics.keys import TrainingKeys
from moldiff.targets import Targets

PLAIN = ["[nop]", "[C]", "[=O]", "[Branch1]", "[Ring1]", "[=Branch1]"]


def chemistry(*tokens, statistics=()):
    known = {entry.name: entry for entry in statistics}
    return Chemistry(SelfiesTokenizer([*PLAIN, *tokens]), known, TrainingKeys.build(["CC"]))


@pytest.mark.parametrize(
    ("tokens", "lacking"),
    [
        ([], "stereochemistry or charges"),
        (["[N+1]"], "stereochemistry"),
        (["[=N+1]", "[O-1]"], "stereochemistry"),
        (["[C@H1]"], "charges"),
        (["[/C]"], "charges"),
        (["[\\C]"], "charges"),
        (["[-/Ring1]"], "charges"),
        (["[C@@H1]", "[O-1]"], None),
        (["[13C@@H1]", "[NH1+1]"], None),
    ],
)
def test_symbols_that_a_model_lacks(tokens, lacking):
    expected = [f"the model has no symbols for {lacking}: its molecules come without"] if lacking else []
    assert chemistry(*tokens).notes == expected


def finished(statistics):
    made = chemistry(statistics=statistics)
    nothing = Targets([], None, None)
    frame = made.table(np.array([[1, 1, 0], [1, 2, 0], [1, 1, 1]], dtype=np.uint8), nothing)
    return made.finished(frame.assign(unique=True, filters_failed=""), nothing)


def test_columns_that_nothing_can_fill_are_empty():
    mu = PropertyStatistics.from_values("mu", [0.0, 1.0], "D", "by hand")
    table = finished([mu])
    assert list(table.columns) == [*FRONT, "mu", *BACK]
    assert table["smiles"].tolist() == ["CC", "C=O", "CCC"]
    assert table["novel"].tolist() == [False, True, True]
    assert table[["mu", "score", "hit", "max_sim_train", "outside_training"]].isna().all(axis=None)


def test_unusual_by_any_property_that_can_be_measured():
    logp = PropertyStatistics.from_values("logP", [-9.0, 9.0], "1", "by hand")
    atoms = PropertyStatistics.from_values("heavy_atoms", [1] * 50 + [2] * 50, "1", "by hand")
    mu = PropertyStatistics.from_values("mu", [0.0, 1.0], "D", "by hand")
    table = finished([logp, mu, atoms])
    assert table["outside_training"].tolist() == [False, False, True]
    assert table["heavy_atoms"].tolist() == [2, 2, 3]
    pd.testing.assert_series_equal(table["mu"], pd.Series([np.nan] * 3, name="mu"))

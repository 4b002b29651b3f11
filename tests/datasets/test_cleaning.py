import numpy as np
import pandas as pd
import pytest

from moldiff.chem.standardise import Standardiser
from moldiff.datasets import cleaning, read_column
from moldiff.datasets.cleaning import clean, listed, merged_frame, reasons, write_dropped
from moldiff.errors import InputError

PLAIN = Standardiser(cleanup=False, largest_fragment=False)


def cleaned(*cells, standardiser=PLAIN):
    return clean(pd.Series(list(cells), name="smiles", dtype=object), standardiser)


def column(*cells):
    return read_column(pd.Series(list(cells), name="x", dtype=object))


def test_every_row_is_a_molecule_or_is_listed_with_its_reason():
    found = cleaned("OCC", "C1CC", None, "CCO", "C[IH2]C", 3.5, "C" * 6000, "C" * 501, "C")
    assert found.smiles == ["CCO", "C"]
    assert found.member.tolist() == [0, -1, -1, 0, -1, -1, -1, -1, 1]
    assert found.first_rows().tolist() == [0, 8]
    assert [(entry.row, entry.reason) for entry in found.dropped] == [
        (2, "not a molecule"),
        (3, "not a molecule"),
        (4, "repeated"),
        (5, "not encodable as SELFIES"),
        (6, "not a molecule"),
        (7, "not a molecule"),
        (8, "too long"),
    ]
    details = [entry.detail for entry in found.dropped]
    assert details[:3] == ["RDKit cannot read it", "empty", "the same molecule as row 1"]
    assert "semantic constraints" in details[3]
    assert details[4:] == [
        "no text",
        "longer than 5,000 characters",
        "501 SELFIES symbols; at most 500 are taken",
    ]
    assert len(found.dropped[5].smiles) == 5000
    assert reasons(found.dropped)["not a molecule"] == 4
    assert listed({"repeated": 1200, "no label": 1}) == "1,200 repeated, 1 no label"


def test_standardised_molecules_coincide():
    found = cleaned("CC(=O)O", "CC(=O)[O-].[Na+]", standardiser=Standardiser(neutralise=True))
    assert found.smiles == ["CC(=O)O"]
    assert found.changes == {"fragments left out": 1, "charges neutralised": 1}


def test_symbols_beyond_the_vocabulary_drop_the_molecules_that_need_them(monkeypatch):
    monkeypatch.setattr(cleaning, "MAX_TOKENS", 4)
    found = cleaned("CO", "CN", "CCO", "CCN", "CF", "OF")
    assert found.smiles == ["CO", "CN", "CCO", "CCN"]
    assert [(entry.row, entry.reason) for entry in found.dropped] == [
        (5, "symbols too rare"),
        (6, "symbols too rare"),
    ]
    assert found.dropped[0].detail == "[F]: a vocabulary holds 3 symbols"


def test_no_molecule_at_all_asks_for_the_column():
    with pytest.raises(
        InputError, match=r"no molecule is left of 2 rows .row 1: empty.: is 'smiles' the column"
    ):
        cleaned(None, "C1")


MANY = cleaned("C", "CC", "C", "CO", "CC", "C")


def test_numbers_give_their_median():
    values, tied = MANY.merge(column(1.5, 4.25, 9, None, None, 2))
    np.testing.assert_array_equal(values, [2, 4.25, np.nan])
    assert not tied.any()


def test_classes_give_their_majority_and_draws_contradict():
    values, tied = MANY.merge(column("a", "b", "b", None, "a", "a"))
    np.testing.assert_array_equal(values, [0, np.nan, np.nan])
    assert tied.tolist() == [False, True, False]


def test_ones_and_zeros_that_draw_contradict_too_and_stay_whole():
    values, tied = MANY.merge(column("1", 1, "0", 1, 0, 1))
    np.testing.assert_array_equal(values, [1, np.nan, 1])
    assert tied.tolist() == [False, True, False]


def test_many_different_whole_numbers_are_measurements():
    rows = [f"{'C' * n}" for n in range(1, 41)]
    found = cleaned(*rows, "C")
    values, tied = found.merge(column(*range(40), 101))
    assert values[0] == 50.5
    assert not tied.any()


def test_the_merged_table_keeps_every_column():
    frame = pd.DataFrame(
        {
            "id": [f"x{i}" for i in range(40)],
            "mol": ["C", "C"] + ["C" * n for n in range(2, 40)],
            "n": [1, 3, *range(38)],
            "kind": ["a", "a", *["b"] * 38],
            "half": [0.5] * 40,
        }
    )
    made = merged_frame(frame, "mol", clean(frame["mol"], PLAIN))
    assert list(made.columns) == list(frame.columns)
    assert made.iloc[0].to_dict() == {"id": "x0", "mol": "C", "n": 2, "kind": "a", "half": 0.5}
    assert made["n"].dtype == "Int64"
    assert len(made) == 39
    assert made["id"].tolist()[1] == "x2"
    with pytest.raises(InputError, match="column 'half' is infinite in row 2"):
        merged_frame(frame.assign(half=["1", "inf"] * 20), "mol", clean(frame["mol"], PLAIN))


def test_the_list_of_dropped_rows(tmp_path):
    write_dropped(cleaned("C", 'x,\n"y').dropped, tmp_path / "dropped.csv")
    listing = pd.read_csv(tmp_path / "dropped.csv")
    assert listing.to_dict("records") == [
        {"row": 2, "smiles": 'x, "y', "reason": "not a molecule", "detail": "RDKit cannot read it"}
    ]

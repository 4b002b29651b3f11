"""A table prepared in pieces is the table prepared whole, whatever befalls the preparation."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from moldiff.chem.standardise import Standardiser
from moldiff.chem.tokenizer import SelfiesTokenizer
from moldiff.datasets import pack, read_packed
from moldiff.datasets.columns import Column
from moldiff.datasets.packed import Condition
from moldiff.datasets.packing import Packing
from moldiff.datasets.pieces import Piece, PieceMaker
from moldiff.errors import InputError
from moldiff.frames import intake
from moldiff.preparing import Preparation

ROUGH = """smiles,x,tox,grade,level,note
OCC,0.5,high,1,1,a
CCO,0.75,low,2,2,b
C1,1.5,high,1,1,c
c1ccccc1,2.25,low,2,1.5,d
CC(=O)O.CC,-1.5,low,3,3,e
C(C)O,0.7,high,1,2,f
CCN,,,2,1,g
C*C,1,low,1,1,h
CCCCN,3.5,,3,2,i
C1=CC=CC=C1,3.25,low,3,1,j
"""


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "moldiff" / "pieces"


@pytest.fixture
def rough(tmp_path):
    path = tmp_path / "rough.csv"
    path.write_text(ROUGH)
    return path


def by_molecule(packed):
    """Values and part of each molecule."""
    smiles = SelfiesTokenizer(packed.tokens).decode(list(packed.ids))
    rows = zip(packed.values, packed.keys, packed.part, strict=True)
    return {
        name: (np.round(values.astype(float), 5).tolist(), int(key), int(part))
        for name, (values, key, part) in zip(smiles, rows, strict=True)
    }


@pytest.mark.parametrize("rows", [1, 3, 100])
@pytest.mark.parametrize(
    "names", [["grade"], ["grade", "level"], ["x", "tox"], ["tox"], ["rings", "x"], ["logP"]]
)
def test_pieces_give_what_the_whole_table_gives(rough, tmp_path, rows, names):
    taken = intake(pd.read_csv(rough, dtype=str, keep_default_na=False), names, name="rough")
    expected = pack(taken.table, names)
    found = Preparation(rough, names, rows=rows)(tmp_path / "made").select(names)
    np.testing.assert_equal(by_molecule(found), by_molecule(expected))
    assert found.tokens == expected.tokens
    assert [entry.classes for entry in found.conditions] == [entry.classes for entry in expected.conditions]
    listed = pd.read_csv(tmp_path / "made" / "dropped.csv")
    rows_out = [(entry.row, entry.reason) for entry in taken.dropped]
    known = {"contradicting labels": "no label"}  # in pieces the two are not told apart
    assert [(row, known.get(reason, reason)) for row, reason in rows_out] == list(
        zip(listed["row"], listed["reason"], strict=True)
    )


def test_rows_left_out_are_listed_with_their_numbers(rough, tmp_path):
    Preparation(rough, ["logP"], rows=2)(tmp_path / "made")
    listed = pd.read_csv(tmp_path / "made" / "dropped.csv").set_index("row")
    assert listed.loc[2].tolist() == ["CCO", "repeated", "the same molecule as row 1"]
    assert listed.loc[3].tolist() == ["C1", "not a molecule", "RDKit cannot read it"]
    assert listed.loc[10, "detail"] == "the same molecule as row 4"


def test_several_processes_give_the_same(rough, tmp_path):
    one = Preparation(rough, ["x", "QED"], rows=3)(tmp_path / "one")
    two = Preparation(rough, ["x", "QED", "rings"], rows=3, n_jobs=2)(tmp_path / "two")
    np.testing.assert_array_equal(one.values, two.values[:, :2])
    assert np.array_equal(one.ids.flat, two.ids.flat)


def test_a_preparation_that_was_stopped_goes_on(rough, tmp_path, cache, monkeypatch):
    class Stop(Exception):
        pass

    def stop(done):
        if done == 6:
            raise Stop

    with pytest.raises(Stop):
        Preparation(rough, ["logP"], rows=3)(tmp_path / "made", on_rows=stop)
    assert not (tmp_path / "made").exists()
    there = {path.name for path in cache.iterdir()}
    assert len(there) >= 2
    made = []
    make = PieceMaker.make
    monkeypatch.setattr(PieceMaker, "make", lambda self, *given: made.append(1) or make(self, *given))
    Preparation(rough, ["logP"], rows=3)(tmp_path / "made")
    assert len(made) == 4 - len(there)


def test_a_piece_that_was_damaged_is_made_again(rough, tmp_path, cache):
    first = Preparation(rough, ["logP"], rows=3)(tmp_path / "made")
    for path in cache.iterdir():
        path.write_bytes(path.read_bytes()[:100])
    (tmp_path / "made" / "keys.bin").unlink()
    again = Preparation(rough, ["logP"], rows=3)(tmp_path / "made")
    assert np.array_equal(first.values, again.values)
    assert (tmp_path / "made" / "keys.bin").exists()


def test_what_is_prepared_is_not_written_again(rough, tmp_path):
    folder = tmp_path / "made"
    Preparation(rough, ["logP"])(folder)
    before = (folder / "packed.json").stat().st_mtime_ns
    Preparation(rough, ["logP"])(folder)
    assert (folder / "packed.json").stat().st_mtime_ns == before
    Preparation(rough, ["logP"], standardiser=Standardiser(neutralise=True))(folder)
    assert (folder / "packed.json").stat().st_mtime_ns != before


def test_molecules_in_several_orders_of_their_atoms(rough, tmp_path):
    one = Preparation(rough, ["x", "rings"], rows=3)(tmp_path / "one")
    five = Preparation(rough, ["x", "rings"], rows=3, orders=5)(tmp_path / "five")
    assert (len(five), len(five.ids), five.orders) == (len(one), 5 * len(one), 5)
    np.testing.assert_array_equal(five.values, one.values)
    np.testing.assert_array_equal(five.keys, one.keys)
    ours, theirs = (SelfiesTokenizer(each.tokens).decode(list(each.ids)) for each in (five, one))
    assert ours == [name for name in theirs for _ in range(5)]
    first = [five.ids[place].tolist() for place in range(0, len(five.ids), 5)]
    tokens = {token: number for number, token in enumerate(five.tokens)}
    assert first == [[tokens[one.tokens[i]] for i in ids] for ids in one.ids]
    different = {tuple(five.ids[place].tolist()) for place in range(len(five.ids))}
    assert len(different) > len(one)
    again = Preparation(rough, ["x", "rings"], rows=100, orders=5)(tmp_path / "again")
    np.testing.assert_array_equal(again.ids.flat, five.ids.flat)
    chosen = np.arange(len(five)) % 2 == 0
    taken = five.take(chosen)
    assert SelfiesTokenizer(taken.tokens).decode(list(taken.ids)) == [
        name for name, kept in zip(ours, np.repeat(chosen, 5), strict=True) if kept
    ]
    shorter, missing = five.rewritten([token for token in five.tokens if token != "[N]"])
    assert missing == {"[N]": 2}
    assert len(shorter) == len(five) - 2
    with pytest.raises(InputError, match="orders must be from 1 to 100, got 0"):
        Preparation(rough, ["x"], orders=0)


def test_rare_symbols_are_left_out_as_in_a_whole_table(tmp_path, monkeypatch):
    monkeypatch.setattr("moldiff.datasets.cleaning.MAX_TOKENS", 3)
    frame = pd.DataFrame({"smiles": ["CC", "CCO", "CO", "CN"]})
    frame.to_csv(tmp_path / "a.csv", index=False)
    found = Preparation(tmp_path / "a.csv", ["logP"], rows=2)(tmp_path / "made")
    assert sorted(by_molecule(found)) == ["CC", "CCO", "CO"]
    assert pd.read_csv(tmp_path / "made" / "dropped.csv")["reason"].tolist() == ["symbols too rare"]


@pytest.mark.parametrize(
    ("text", "names", "message"),
    [
        (ROUGH, ["logp"], "neither a column of the table nor a known property: did you mean 'logP'"),
        (ROUGH, ["note"], None),
        (ROUGH.replace("3.5", "inf"), ["x"], "column 'x' is infinite in row 9"),
        (ROUGH.replace("3.5", "about 3"), ["x"], "row 9 holds 'about 3'"),
        ("smiles,x\nC1,1\nC2,2\n", ["x"], "no molecule is left of 2 rows"),
        ("smiles,logP\nCCO,5\nCC,6\n", ["logP"], "differs from the logP that RDKit measures"),
        ("smiles,x\nCCO,1e-9\nCC,2e-9\n", ["x"], "half precision cannot"),
        ("smiles,x\nCCO,\nCC,\n", ["x"], "column 'x' is empty"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, text, names, message):
    path = tmp_path / "a.csv"
    path.write_text(text)
    if message is None:
        assert Preparation(path, names)(tmp_path / "made").conditions[0].classes == tuple("egi")
        return
    with pytest.raises(InputError, match=message):
        Preparation(path, names, rows=4)(tmp_path / "made")
    assert not (tmp_path / "made" / "packed.json").exists() or "half" in message


def test_other_folders_are_left_alone(rough, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("")
    with pytest.raises(InputError, match="holds something else than a prepared table"):
        Preparation(rough, ["logP"])(tmp_path / "mine")
    with pytest.raises(InputError, match="holds something else"):
        Preparation(rough, ["logP"])(rough)
    assert (tmp_path / "mine" / "thesis.tex").exists()


def test_a_full_disk_is_said_and_nothing_is_left(rough, tmp_path, monkeypatch):
    def full(self, folder, work):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Packing, "_write", full)
    with pytest.raises(InputError, match="No space left on device"):
        Preparation(rough, ["logP"])(tmp_path / "made")
    assert {path.name for path in tmp_path.iterdir()} == {"rough.csv", "cache"}


def synthetic(folder, count, size=2000):
    """Pieces of molecules that all differ, made without chemistry."""
    paths = []
    for number in range(count):
        rng = np.random.default_rng(number)
        marks = (np.arange(size) + number * size).astype(np.uint64) * np.uint64(2654435761)
        piece = Piece(
            [""] * size,
            ["[C]", "[O]"],
            flat=rng.integers(0, 2, 20 * size).astype(np.uint16),
            lengths=np.full(size, 20, np.uint16),
            rows=np.arange(size),
            marks=marks,
            keys=marks,
            part=np.zeros(size, np.uint8),
            values=np.ones((size, 9), np.float32),
            count=size,
        )
        paths.append(folder / f"{number}.npz")
        piece.save(paths[-1])
    return paths


def test_memory_does_not_grow_with_the_table(tmp_path, monkeypatch):
    """Ten times the rows take no more than a few bytes a row more."""
    monkeypatch.setattr("moldiff.datasets.repeats.BUCKET", 4000)
    paths = synthetic(tmp_path, 40)
    peaks = []
    for count in (4, 40):
        packing = Packing(
            paths[:count],
            [],
            tuple(Condition(f"p{i}", "1", "") for i in range(9)),
            {"name": "many", "citation": "", "licence": ""},
        )
        tracemalloc.start()
        packing.write(tmp_path / f"made{count}")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert len(read_packed(tmp_path / f"made{count}")) == 2000 * count
    assert (peaks[1] - peaks[0]) / (2000 * 36) < 16


def test_labels_of_repeats_in_far_pieces_are_merged(tmp_path):
    paths = synthetic(tmp_path, 3, size=10)
    pieces = [Piece.load(path) for path in paths]
    pieces[2] = replace(pieces[2], marks=pieces[0].marks.copy())
    for number, (path, piece) in enumerate(zip(paths, pieces, strict=True)):
        replace(piece, values=np.full((10, 1), number + 0.5, np.float32)).save(path)
    label = Column("x", "number", np.zeros(0), 0)
    about = {"name": "three", "citation": "", "licence": ""}
    Packing(paths, [label], (Condition("x", "1", ""),), about).write(tmp_path / "made")
    found = read_packed(tmp_path / "made")
    assert found.values[:, 0].tolist() == [1.5] * 10 + [1.5] * 10
    assert np.array_equal(found.keys, np.concatenate([piece.keys for piece in pieces[:2]]))

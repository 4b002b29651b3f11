"""Packed tables: rows end to end, in memory and on disk, in another vocabulary."""

import json

import numpy as np
import pandas as pd
import pytest

from moldiff.chem.tokenizer import SelfiesTokenizer
from moldiff.datasets import MoleculeTable, pack, read_packed, split
from moldiff.datasets.packed import Condition
from moldiff.datasets.packed_folder import ARRAYS, array_file, is_whole, write_index
from moldiff.datasets.splits import PARTS
from moldiff.datasets.token_rows import TokenRows
from moldiff.errors import InputError
from moldiff.metrics.keys import TrainingKeys

SMILES = ["C" * n + end for n in range(1, 40) for end in ("O", "N", "Cl")]


@pytest.fixture(scope="module")
def packed():
    labels = pd.DataFrame({"x": np.arange(len(SMILES), dtype=float), "kind": np.arange(len(SMILES)) % 2.0})
    units = {"x": "s", "kind": "class"}
    classes = {"kind": ("even", "odd")}
    table = MoleculeTable("mine", SMILES, labels, units, "me", "CC0", classes)
    return pack(table, ["kind", "heavy_atoms", "x"])


@pytest.fixture
def folder(tmp_path, packed):
    arrays = {"flat": packed.ids.flat, "lengths": packed.ids.lengths, "values": packed.values}
    arrays |= {"keys": packed.keys, "part": packed.part}
    for name, array in arrays.items():
        array_file(tmp_path, name).write_bytes(array.astype(ARRAYS[name]).tobytes())
    about = {"name": "mine", "citation": "me", "licence": "CC0"}
    write_index(tmp_path, tokens=packed.tokens, conditions=packed.conditions, about=about)
    return tmp_path


def test_rows_end_to_end_are_a_sequence():
    rows = TokenRows.joined([np.array(ids, np.uint8) for ids in ([1, 2], [], [3])])
    assert (len(rows), rows.lengths.tolist()) == (3, [2, 0, 1])
    assert [ids.tolist() for ids in rows] == [[1, 2], [], [3]]
    assert rows[-1].tolist() == [3]
    assert [ids.tolist() for ids in rows[::2]] == [[1, 2], [3]]
    assert TokenRows.joined(rows) is rows
    with pytest.raises(IndexError):
        rows[3]
    with pytest.raises(ValueError, match="2 ids, but the lengths sum to 3"):
        TokenRows(np.zeros(2, np.uint8), np.array([1, 2]))


def test_a_table_is_packed(packed):
    tokenizer = SelfiesTokenizer(packed.tokens)
    assert [tokenizer.decode([ids])[0] for ids in packed.ids] == SMILES
    assert packed.values[:, 2].tolist() == list(range(len(SMILES)))
    assert packed.conditions[0] == Condition("kind", "class", "me", classes=("even", "odd"))
    assert packed.conditions[1] == Condition.measured("heavy_atoms")
    assert [PARTS[number] for number in packed.part] == split(SMILES).tolist()
    assert packed.rows("validation").tolist() == np.flatnonzero(split(SMILES) == "validation").tolist()
    assert TrainingKeys(np.unique(packed.keys)).contains(SMILES).all()


def test_columns_are_selected_by_name(packed):
    chosen = packed.select(["x", "kind"])
    assert chosen.offered == ["x", "kind"]
    assert np.array_equal(chosen.values, packed.values[:, [2, 0]])
    with pytest.raises(InputError, match=r"prepared without 'knd': did you mean 'kind'\?.*--property knd"):
        packed.select(["knd"])


def test_rows_are_taken(packed):
    chosen = np.array([name.endswith("N") for name in SMILES])
    taken = packed.take(chosen)
    expected = [name for name in SMILES if name.endswith("N")]
    assert SelfiesTokenizer(taken.tokens).decode(list(taken.ids)) == expected
    assert np.array_equal(taken.values, packed.values[chosen])
    assert np.array_equal(taken.keys, packed.keys[chosen])


def test_another_vocabulary_leaves_out_what_it_lacks(packed):
    tokens = ["[nop]", "[N]", "[F]", "[O]", "[C]"]
    found, missing = packed.rewritten(tokens)
    assert missing == {"[Cl]": 39}
    assert found.tokens == tuple(tokens)
    kept = [name for name in SMILES if not name.endswith("Cl")]
    assert SelfiesTokenizer(tokens).decode(list(found.ids)) == kept
    same, none = packed.rewritten(packed.tokens)
    assert same is packed
    assert none == {}


def test_what_is_on_disk_is_what_was_packed(packed, folder):
    found = read_packed(folder)
    assert (found.name, found.citation, found.licence) == ("mine", "me", "CC0")
    assert (found.tokens, found.conditions) == (packed.tokens, packed.conditions)
    assert np.array_equal(found.ids.flat, packed.ids.flat)
    assert np.array_equal(found.ids.starts, packed.ids.starts)
    assert np.array_equal(found.values, packed.values)
    assert np.array_equal(found.keys, packed.keys)
    assert np.array_equal(found.part, packed.part)
    assert isinstance(found.ids.flat, np.memmap)
    found.values[0] = -1.0  # a private map: nothing is written back
    assert np.array_equal(read_packed(folder).values, packed.values)


@pytest.mark.parametrize("name", ARRAYS)
def test_a_file_that_was_cut_short_is_said(folder, name):
    path = array_file(folder, name)
    size = path.stat().st_size
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(
        InputError, match=rf"{name}\.bin has {size - 1:,} bytes instead of {size:,}\): prepare"
    ):
        read_packed(folder)
    assert not is_whole(folder)
    path.unlink()
    with pytest.raises(InputError, match="has 0 bytes"):
        read_packed(folder)
    assert not is_whole(folder)


def test_other_folders_are_refused(folder, tmp_path):
    with pytest.raises(InputError, match=r"is no prepared table: its packed\.json cannot be read"):
        read_packed(tmp_path / "none")
    index = folder / "packed.json"
    stored = json.loads(index.read_text())
    index.write_text(json.dumps({**stored, "format_version": 9}))
    with pytest.raises(InputError, match="prepared in format 9, this moldiff reads 1"):
        read_packed(folder)
    index.write_text(json.dumps({**stored, "tokens": ["[C]"]}))
    with pytest.raises(InputError, match="is damaged"):
        read_packed(folder)
    index.write_text("{")
    with pytest.raises(InputError, match="is damaged"):
        read_packed(folder)

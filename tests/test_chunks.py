"""Finished chunks: kept whole, read back exactly, and never taken for another run's."""

import json
import os
import signal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from soak import examples

from moldiff.chunks import ChunkFolder
from moldiff.errors import InputError
from moldiff.proposing import COSTS, Proposed

ROWS, TOKENS = 3, 7
SETTINGS = {"seed": 1, "gamma": 2.0, "goals": ["logP=1±0.5"], "reach": None}


def chunk(number=0):
    generator = np.random.default_rng(number)
    return Proposed(
        generator.integers(0, TOKENS, (ROWS, 8), dtype=np.uint8),
        np.array([[1.5, np.nan]] * ROWS, dtype=np.float32),
        np.array([4, 8, 8]),
        {name: int(generator.integers(10**12)) for name in COSTS},
        0.1 + 0.2,
    )


@pytest.fixture
def place(tmp_path):
    return tmp_path / "out" / ".chunks"


def folder(place, **changes):
    return ChunkFolder(place, **{"rows": ROWS, "tokens": TOKENS, **changes})


def same(one, other):
    return all(
        np.array_equal(one.__dict__[name], other.__dict__[name], equal_nan=name == "y")
        for name in ("ids", "y", "canvas", "counts", "seconds")
    )


def filled(place, number=2):
    """A folder that a run has left."""
    made = folder(place)
    made.claim(SETTINGS)
    for index in range(number):
        made.write(index, chunk(index))
    made.release()
    return folder(place)


def test_chunks_come_back_exactly(place):
    found = filled(place)
    assert found.claim(SETTINGS) == 2
    for index in range(2):
        assert same(found.read(index), chunk(index))
    assert found.read(2) is None


def test_a_gap_ends_what_is_finished(place):
    found = filled(place)
    found.write(5, chunk(5))
    (place / "chunk-000001.npz").unlink()
    assert found.claim(SETTINGS) == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seed": 2}, "an unfinished run with seed 1, not 2: give the same settings"),
        ({"goals": []}, r"goals \['logP=1±0.5'\], not \[\]"),
        ({"new": 1}, "new None, not 1"),
    ],
)
def test_other_settings_are_refused_and_change_nothing(place, changes, message):
    found = filled(place)
    with pytest.raises(InputError, match=message):
        found.claim({**SETTINGS, **changes})
    assert found.claim(SETTINGS) == 2


def test_overwriting_begins_anew(place):
    found = filled(place)
    assert found.claim({**SETTINGS, "seed": 2}, overwrite=True) == 0
    assert found.read(0) is None
    found.release()
    assert folder(place).claim({**SETTINGS, "seed": 2}) == 0


@pytest.mark.parametrize("record", [None, "", "{", "[1]", "[" * 100_000])
def test_chunks_without_their_settings_are_of_no_use(place, record):
    found = filled(place)
    (place / "settings.json").unlink()
    if record is not None:
        (place / "settings.json").write_text(record)
    assert found.claim({"seed": 9}) == 0
    assert found.read(0) is None


def test_one_process_at_a_time(place):
    holder = folder(place)
    holder.claim(SETTINGS)
    with pytest.raises(InputError, match="another run is at work in"):
        folder(place).claim(SETTINGS)
    holder.release()
    assert folder(place).claim(SETTINGS) == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are killed so on Unix")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_killed_process_holds_nothing(place):
    child = os.fork()
    if not child:
        try:
            filled(place, 1).claim(SETTINGS)
        finally:
            os.kill(os.getpid(), signal.SIGKILL)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    assert folder(place).claim(SETTINGS) == 1


def test_cleared_it_is_gone_but_not_what_others_put_there(place):
    found = filled(place)
    found.claim(SETTINGS)
    (place / ".chunk-000002-abcd1234.npz").write_text("half written")
    (place / ".settings-abcd1234.json").write_text("half written")
    found.clear()
    assert not place.exists()
    found = filled(place)
    found.claim(SETTINGS)
    (place / "notes.txt").write_text("mine")
    found.clear()
    assert [path.name for path in place.iterdir()] == ["notes.txt"]


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(InputError, match="cannot write to the folder"):
        folder(tmp_path / "taken").claim(SETTINGS)


@pytest.mark.parametrize(
    "change",
    [
        lambda made: made.ids.__setitem__((0, 0), TOKENS),  # no such token
        lambda made: made.__setattr__("ids", made.ids[:2]),
        lambda made: made.__setattr__("ids", made.ids.astype(np.int64)),
        lambda made: made.__setattr__("ids", made.ids[0]),
        lambda made: made.__setattr__("seconds", float("nan")),
        lambda made: made.__setattr__("y", made.y[:1]),
    ],
)
def test_chunks_that_do_not_fit_are_not_taken(place, change):
    found, made = filled(place), chunk()
    change(made)
    found.write(0, made)
    assert found.read(0) is None


@given(st.data())
@examples(100)
def test_damage_is_noticed(tmp_path_factory, data):
    place = tmp_path_factory.mktemp("damage")
    found = filled(place, 1)
    path = place / "chunk-000000.npz"
    content = bytearray(path.read_bytes())
    start = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        del content[start:]
    else:
        content[start] ^= data.draw(st.integers(1, 255))
    path.write_bytes(bytes(content))
    read = found.read(0)
    # A changed byte may stand where nobody looks; what is read is right or nothing.
    assert read is None or same(read, chunk(0))


def test_a_pickle_is_not_read(place):
    found = filled(place)
    good = chunk()
    np.savez(
        place / "chunk-000000.npz",
        ids=good.ids,
        y=good.y,
        canvas=good.canvas,
        counts=np.array([{"a": 1}] * len(COSTS), dtype=object),
        seconds=1.0,
    )
    assert found.read(0) is None


def test_settings_are_compared_as_json_keeps_them(place):
    made = folder(place)
    made.claim({"tuple": (1, 2)})
    made.release()
    assert json.loads((place / "settings.json").read_text()) == {"tuple": [1, 2]}
    assert folder(place).claim({"tuple": (1, 2)}) == 0

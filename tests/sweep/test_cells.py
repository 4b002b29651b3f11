import json

import numpy as np
import pytest
from sweep_checks import made_up

from moldiff.errors import InputError
from moldiff.sweep.cells import Cells


@pytest.fixture
def cells(plan):
    return list(plan().cells())


def filled(folder, cells, identity=None):
    store = Cells(folder, identity or {"model qm9": "abc"})
    store.prepare()
    for cell in cells:
        store.add(cell, made_up(cell))
    return store


def test_what_was_kept_is_read_again(tmp_path, cells):
    filled(tmp_path, cells[:3])
    again = Cells(tmp_path, {"model qm9": "abc"})
    assert [again.get(cell) is not None for cell in cells] == [True] * 3 + [False] * 3
    found = again.get(cells[0])
    assert {name: found[name] for name in made_up(cells[0])} == made_up(cells[0])
    again.add(cells[3], made_up(cells[3]))
    assert Cells(tmp_path, {"model qm9": "abc"}).get(cells[3])["novel"] == made_up(cells[3])["novel"]


def test_figures_that_are_not_known_stay_unknown(tmp_path, cells):
    store = filled(tmp_path, [])
    store.add(cells[0], {**made_up(cells[0]), "distance": float("nan"), "examples": ""})
    found = Cells(tmp_path, {}).get(cells[0])
    assert np.isnan(found["distance"])
    assert found["examples"] == ""


def test_cells_of_another_model_are_not_mixed_in(tmp_path, cells):
    filled(tmp_path, cells[:1])
    with pytest.raises(InputError, match="holds a sweep with another model qm9: give another folder"):
        Cells(tmp_path, {"model qm9": "abd"})


def test_further_models_are(tmp_path, cells):
    filled(tmp_path, cells[:1])
    Cells(tmp_path, {"model other": "x"}).prepare()
    with pytest.raises(InputError, match="another model qm9"):
        Cells(tmp_path, {"model qm9": "abd"})


def test_half_of_a_folder(tmp_path, cells):
    filled(tmp_path, cells[:1])
    (tmp_path / "cells.csv").unlink()
    assert Cells(tmp_path, {}).get(cells[0]) is None
    filled(tmp_path, cells[:1])
    (tmp_path / "sweep.json").unlink()
    with pytest.raises(InputError, match=r"sweep.json is gone"):
        Cells(tmp_path, {})


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("sweep.json", "{", "cannot be read"),
        ("sweep.json", "[]", "has format None, and this version reads 1"),
        ("sweep.json", json.dumps({"format_version": 2, "identity": {}}), "has format 2"),
        ("cells.csv", "problem,model\n", "has no column 'settings'"),
        ("cells.csv", 'a\n"b', "cannot be read"),
        ("cells.csv", "", "cannot be read"),
    ],
)
def test_damaged_files_are_refused(tmp_path, cells, name, content, message):
    filled(tmp_path, cells[:1])
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=message):
        Cells(tmp_path, {})

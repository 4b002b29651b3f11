"""Model folders that are damaged, foreign or hostile: at worst an error that says so."""

import json
import shutil

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from soak import examples

from moldiff.errors import MoldiffError
from moldiff.generator import MoleculeGenerator

FILES = ["config.json", "vocab.json", "properties.json", "model.safetensors", "train_keys.bin"]
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**40), 10**40)
    | st.floats()
    | st.text(max_size=6)
    | st.sampled_from([0, -1, 2**31, 2**63, 10**9, 1e308]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)


@pytest.fixture
def folder(tiny_model, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(tiny_model, copy, ignore=shutil.ignore_patterns("training"))
    return copy


def use(folder):
    """Load a model and generate; any fault has to be one of ours."""
    try:
        generator = MoleculeGenerator.from_pretrained(folder, device="cpu", precision="fp32")
        generator.generate(2, steps=1, chunk=2, max_proposals=2)
    except MoldiffError as error:
        return str(error)
    return None


def places(content, path=()):
    """Return the path of every value in a JSON document."""
    found = [path]
    if isinstance(content, dict):
        found += [place for key in content for place in places(content[key], (*path, key))]
    elif isinstance(content, list):
        found += [
            place for key in range(min(3, len(content))) for place in places(content[key], (*path, key))
        ]
    return found


@examples(150)
@given(data=st.data(), name=st.sampled_from(FILES[:3]), value=JSON)
def test_any_value_anywhere_in_the_json_files(folder, tiny_model, data, name, value):
    content = json.loads((tiny_model / name).read_text())
    path = data.draw(st.sampled_from(places(content)))
    if path:
        where = content
        for key in path[:-1]:
            where = where[key]
        where[path[-1]] = value
    else:
        content = value
    (folder / name).write_text(json.dumps(content))
    use(folder)
    shutil.copy(tiny_model / name, folder / name)


@examples(150)
@given(
    name=st.sampled_from(FILES),
    start=st.floats(0, 1),
    change=st.binary(max_size=12) | st.just(None),
    header=st.booleans(),
)
def test_changed_and_cut_bytes(folder, tiny_model, name, start, change, header):
    whole = (tiny_model / name).read_bytes()
    at = int(start * (min(len(whole), 400) if header else len(whole)))
    damaged = whole[:at] if change is None else whole[:at] + change + whole[at + len(change) :]
    (folder / name).write_bytes(damaged)
    said = use(folder)
    shutil.copy(tiny_model / name, folder / name)
    if damaged == whole:
        assert said is None


TENSORS = {
    "weights that are no numbers": ("head.weight", lambda old: torch.full_like(old, torch.nan)),
    "weights of another shape": ("head.weight", lambda old: torch.zeros(3, 10_000)),
    "canvases that are too long": ("canvas.sizes", lambda old: old * 1000),
    "canvases of size 0": ("canvas.sizes", lambda old: old * 0),
    "counts below 0": ("canvas.counts", lambda old: -old),
    "fewer rows than canvases": ("canvas.properties", lambda old: old[:-1].clone()),
    "rows on unknown canvases": ("canvas.canvases", lambda old: old + 1),
    "infinite properties": ("canvas.properties", lambda old: torch.full_like(old, torch.inf)),
    "sizes that are no whole numbers": ("canvas.sizes", lambda old: old.float()),
    "a tensor of no dimensions": ("canvas.canvases", lambda old: torch.tensor(4)),
}


@pytest.mark.parametrize("case", TENSORS)
def test_damaged_tensors(folder, case):
    name, change = TENSORS[case]
    tensors = load_file(folder / "model.safetensors")
    save_file({**tensors, name: change(tensors[name])}, folder / "model.safetensors")
    assert "cannot be read" in use(folder)


@pytest.mark.parametrize("keyword", ["width", "depth", "heads", "max_length", "condition_width"])
@pytest.mark.parametrize("value", [10**9, 2**40, 0, -4, 1.5, True, None, "64"])
def test_sizes_that_no_weights_fill_take_neither_memory_nor_time(folder, keyword, value):
    config = json.loads((folder / "config.json").read_text())
    config["network"][keyword] = value
    (folder / "config.json").write_text(json.dumps(config))
    assert "cannot be read" in use(folder)


def test_codes_that_would_fill_the_memory(folder):
    vocab = json.loads((folder / "vocab.json").read_text())
    vocab["codes"][1] = [2**40] * len(vocab["codes"][1])
    (folder / "vocab.json").write_text(json.dumps(vocab))
    assert "codes" in use(folder)


def test_deeply_nested_json(folder):
    (folder / "config.json").write_text("[" * 200_000)
    assert "cannot read" in use(folder)


def test_keys_in_disorder(folder, tiny_model):
    from moldiff.metrics.keys import TrainingKeys

    keys = TrainingKeys.load(tiny_model / "train_keys.bin")
    keys.values = keys.values[::-1].astype(np.uint64)
    keys.save(folder / "train_keys.bin")
    assert "ascending" in use(folder)

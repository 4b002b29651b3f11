"""How models write molecules, and which molecules they cannot write."""

import json
import shutil

import pandas as pd
import pytest
import torch

from moldiff.bundled import model_folder
from moldiff.chem.tokenizer import SelfiesTokenizer
from moldiff.datasets import MoleculeTable
from moldiff.diffusion import SubtokenCodec
from moldiff.errors import InputError
from moldiff.models.checkpoint import load_model
from moldiff.training.notation import Notation, read_notation

TOKENS = ["[nop]", "[C]", "[O]", "[=O]"]


@pytest.fixture
def notation():
    codec = SubtokenCodec(torch.arange(4)[:, None])
    return Notation("mdlm", SelfiesTokenizer(TOKENS), "chemistry", codec, canvas_step=4, longest=8)


@pytest.mark.parametrize(("name", "family", "digits"), [("qm9", "mdlm", 1), ("qm9-prime", "prime", 2)])
def test_bundled_models_say_how_they_write(name, family, digits):
    found, saved = read_notation(name), load_model(model_folder(name))
    assert (found.family, found.code, found.canvas_step) == (family, "chemistry", 4)
    assert found.codec.digits == digits
    assert torch.equal(found.codec.codes, saved.codec.codes)
    assert len(found.tokenizer) == len(found.codec.codes)
    assert found.longest == saved.network.max_length >= int(saved.canvas.sizes.max())


def test_molecules_that_cannot_be_written(notation):
    refused = notation.refused(["CC=O", "CCF", "NCF", "C" * 7, "C" * 8, "*C"])
    assert list(refused) == ["CCF", "NCF", "CCCCCCCC", "*C"]
    assert refused["CCF"] == ("symbol outside the model's vocabulary", "[F]")
    assert refused["NCF"][1] == "[F], [N]"
    assert refused["CCCCCCCC"] == ("too long", "12 positions; the model has up to 8")
    assert refused["*C"][0] == "not encodable as SELFIES"


def test_a_table_is_sifted_and_its_rows_are_listed(notation):
    labels = pd.DataFrame({"logS": [0.0, 1.0, 2.0, 3.0]})
    table = MoleculeTable("mine", ["C", "CF", "CO", "CN"], labels, {"logS": "1"})
    kept, dropped = notation.sift(table, [2, 5, 6, 9])
    assert kept.smiles == ["C", "CO"]
    assert kept.labels["logS"].tolist() == [0.0, 2.0]
    assert [(entry.row, entry.smiles, entry.detail) for entry in dropped] == [
        (5, "CF", "[F]"),
        (9, "CN", "[N]"),
    ]
    assert [entry.row for entry in notation.sift(table)[1]] == [2, 4]
    with pytest.raises(InputError, match=r"none of the 2 molecules of mine \(2 symbol outside"):
        notation.sift(table.take([1, 3]))


def test_a_model_that_does_not_exist():
    with pytest.raises(InputError, match=r"unknown model 'qm8'.*did you mean 'qm9"):
        read_notation("qm8")


@pytest.mark.parametrize("step", [None, 0, 4.0, True, "4", 10**30])
def test_damaged_models_are_refused(tmp_path, step):
    folder = shutil.copytree(model_folder("qm9"), tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "canvas_step": step}))
    with pytest.raises(InputError, match=r"cannot be read.*canvas_step"):
        read_notation(folder)
    del config["canvas_step"]
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match=r"cannot be read.*canvas_step"):
        read_notation(folder)

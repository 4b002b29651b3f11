from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from moldiff.datasets import MoleculeTable, pack
from moldiff.diffusion import SubtokenCodec
from moldiff.errors import InputError
from moldiff.preparing import Preparation
from moldiff.training.notation import read_notation
from moldiff.training.prepare import prepare


def test_a_class_is_a_property_of_whole_numbers_with_named_values():
    smiles = ["C" * n + "O" for n in range(1, 80)]
    places = np.arange(79) % 3
    labels = pd.DataFrame({"tox": np.where(places == 2, np.nan, places)})
    table = MoleculeTable("mine", smiles, labels, {"tox": "class"}, classes={"tox": ("high", "low")})
    prepared = prepare(table, ["tox", "rings"], digits=2)
    tox, rings = prepared.statistics
    assert (tox.classes, tox.integer, tox.unit) == (("high", "low"), True, "class")
    assert (tox.low, tox.high) == (0.0, 1.0)
    assert rings.classes == ()
    seen = torch.cat([group.y[:, 0] for group in prepared.train.groups.values()])
    assert set(seen[~seen.isnan()].tolist()) == {0.0, 1.0}
    assert seen.isnan().any()


def test_molecules_of_one_symbol_need_no_digits():
    table = MoleculeTable("mine", ["C", "CC", "CCC"], pd.DataFrame(index=range(3)))
    with pytest.raises(InputError, match=r"only one SELFIES symbol, \[C\].*family mdlm"):
        prepare(table, ["rings"], digits=2)
    assert prepare(table, ["rings"], digits=1).codec.digits == 1


def test_a_table_written_like_a_models():
    """Symbols, digits and canvases of the model, whatever the table needs."""
    smiles = ["C" * n + "O" for n in range(1, 7)]
    table = MoleculeTable("mine", smiles, pd.DataFrame({"x": np.arange(6.0)}), {"x": "1"})
    model = read_notation("qm9-prime")
    prepared, own = prepare(table, ["x"], like=model), prepare(table, ["x"], digits=2)
    assert prepared.tokenizer.tokens == model.tokenizer.tokens != own.tokenizer.tokens
    assert torch.equal(prepared.codec.codes, model.codec.codes)
    assert (prepared.code, prepared.canvas_step) == (model.code, model.canvas_step)
    assert (prepared.longest, own.longest) == (model.longest, 8)
    tokens = prepared.train.groups[4].tokens
    assert prepared.tokenizer.decode(tokens.numpy())[0] in smiles
    assert int(tokens.max()) >= len(own.tokenizer)


def test_the_code_of_a_model_is_kept():
    table = MoleculeTable("mine", ["CO", "CCO", "CCCO"], pd.DataFrame({"x": np.arange(3.0)}), {"x": "1"})
    model = read_notation("qm9-prime")
    shuffled = SubtokenCodec(model.codec.codes.flip(0))
    prepared = prepare(table, ["x"], like=replace(model, code="shuffled", codec=shuffled, canvas_step=8))
    assert (prepared.code, prepared.canvas_step) == ("shuffled", 8)
    assert torch.equal(prepared.codec.codes, shuffled.codes)


@pytest.mark.parametrize(
    ("smiles", "message"),
    [("CCBr", r"symbol '\[Br\]'"), ("C" * 40, "44 positions, the model's have up to 24")],
)
def test_molecules_that_the_model_cannot_write_are_refused(smiles, message):
    table = MoleculeTable("mine", ["CO", smiles], pd.DataFrame({"x": [0.0, 1.0]}), {"x": "1"})
    with pytest.raises(InputError, match=message):
        prepare(table, ["x"], like=read_notation("qm9"))


CHAINS = [f"{'C' * n}{end}" for n in range(1, 30) for end in ("O", "N", "F")]


def chains():
    labels = pd.DataFrame({"x": np.arange(float(len(CHAINS)))})
    return MoleculeTable("mine", CHAINS, labels, {"x": "s"}, "me")


def test_a_packed_table_trains_as_the_table_does():
    given, packed = chains(), pack(chains(), ["heavy_atoms", "x", "rings"])
    first, second = (prepare(source, ["x", "rings"], digits=2, batch_tokens=64) for source in (given, packed))
    assert first.tokenizer == second.tokenizer
    assert first.statistics == second.statistics
    assert torch.equal(first.codec.codes, second.codec.codes)
    assert np.array_equal(first.keys, second.keys)
    for name in ("train", "validation"):
        ours, theirs = getattr(first, name), getattr(second, name)
        assert len(ours) == len(theirs)
        for step in (0, 3, ours.batches_per_epoch + 1):
            for one, other in zip(ours.batch(step), theirs.batch(step), strict=True):
                assert torch.equal(one, other)
    for one, other in zip(first.canvas.tensors().values(), second.canvas.tensors().values(), strict=True):
        assert torch.equal(one, other)


def test_orders_of_one_molecule_share_its_values(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    chains().labels.assign(smiles=CHAINS).to_csv(tmp_path / "mine.csv", index=False)
    packed = Preparation(tmp_path / "mine.csv", ["x", "heavy_atoms"], orders=3)(tmp_path / "made")
    prepared = prepare(packed, ["heavy_atoms", "x"], batch_tokens=64)
    assert len(prepared.train) == 3 * len(prepared.keys)
    assert len(prepared.validation) == max(len(packed.rows("validation")), 1)
    seen = 0
    for step in range(prepared.train.batches_per_epoch):
        x0, y = prepared.train.batch(step)
        names = prepared.tokenizer.decode(x0.numpy())
        seen += len(names)
        for name, (atoms, x) in zip(names, y.tolist(), strict=True):
            assert CHAINS[int(x)] == name
            assert atoms == sum(letter.isalpha() for letter in name)
    assert seen >= len(prepared.train)
    one = prepare(chains(), ["heavy_atoms", "x"], batch_tokens=64)
    assert [entry.mean for entry in prepared.statistics] == [entry.mean for entry in one.statistics]
    assert int(prepared.canvas.counts.sum()) == 3 * int(one.canvas.counts.sum())


def test_a_packed_table_is_written_like_a_model():
    model, packed = read_notation("qm9"), pack(chains(), ["x"])
    sifted, left_out = model.sift_packed(packed)
    assert left_out == {"too long": sum(len(name) >= 24 for name in CHAINS)}
    prepared = prepare(sifted, ["x"], like=model)
    assert prepared.tokenizer == model.tokenizer
    group = prepared.train.groups[8]
    assert set(model.tokenizer.decode(group.tokens.numpy())) <= set(CHAINS)
    odd = pack(MoleculeTable("odd", ["CBr", "BrBr"], pd.DataFrame(index=range(2))), ["rings"])
    with pytest.raises(InputError, match=r"can write none of the 2 molecules of odd \(.*\[Br\]"):
        model.sift_packed(odd)

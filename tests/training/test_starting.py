"""A model that goes on from another: what it keeps, what it learns, what is refused."""

import json

import numpy as np
import pandas as pd
import pytest
import torch

from moldiff.chem.tokenizer import SelfiesTokenizer
from moldiff.datasets import MoleculeTable, pack
from moldiff.errors import InputError
from moldiff.generator import MoleculeGenerator
from moldiff.models.checkpoint import load_model
from moldiff.training.dropping import drop_conditions
from moldiff.training.recipe import BATCH, INIT_BATCH, INIT_RATE, OF_INIT, PASSES, TOKENS, Recipe
from moldiff.training.starting import StartingPoint

QUIET = {"compiled": False, "progress": False, "accelerator": "cpu", "precision": "fp32"}
TINY = {"width": 16, "depth": 1, "heads": 1, "condition_width": 16, "batch_tokens": 64, "tokens": 400.0}
SMILES = ["C" * n + tail for n in range(1, 12) for tail in ("", "O", "N", "F")]
WIDER = ["C" * n + tail for n in range(1, 14) for tail in ("Br", "S", "=O", "O")]


def table(smiles=SMILES, **labels):
    columns = pd.DataFrame(labels, index=range(len(smiles)))
    units = dict.fromkeys(labels, "1")
    return MoleculeTable("few", smiles, columns, units, "me")


def wider(names=("pIC50",)):
    rng = np.random.default_rng(0)
    return table(WIDER, **{name: rng.normal(6, 1, len(WIDER)) for name in names})


@pytest.fixture(scope="module", params=["mdlm", "prime", "udlm", "ar"])
def model(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("start") / request.param
    values = np.linspace(0.0, 1.0, len(SMILES))
    Recipe(family=request.param, **TINY).train(table(gap=values), ["rings", "gap", "logP"], folder, **QUIET)
    return folder


@pytest.fixture(scope="module")
def tuned(model):
    folder = model.with_name(f"{model.name}-tuned")
    Recipe(init=str(model), tokens=4e3, batch_tokens=64).train(wider(), ["pIC50", "TPSA"], folder, **QUIET)
    return folder


def test_the_recipe_takes_what_the_model_settles(model):
    recipe = Recipe(init=str(model), tokens=1e3)
    assert (recipe.family, recipe.width, recipe.depth, recipe.heads) == (model.name, 16, 1, 1)
    assert recipe.digits == (2 if model.name == "prime" else 1)
    assert recipe.pace["lr"] == INIT_RATE * Recipe().lr
    assert recipe.command(wider(), ["pIC50"]) == (
        f"MoleculeGenerator.fit, with --property pIC50 --tokens 1000 --init {model}"
    )
    assert not any(f"--{name}" in recipe.command(wider(), []) for name in OF_INIT)


def test_how_long_and_in_which_batches_goes_by_the_table(model, monkeypatch):
    recipe, fresh = Recipe(init=str(model)), Recipe()
    assert (recipe.batch, fresh.batch) == (INIT_BATCH, BATCH)
    assert Recipe(init=str(model), batch_tokens=64).batch == Recipe(batch_tokens=64).batch == 64
    prepared = recipe.prepare(wider(), ["pIC50"])
    data = prepared.train
    passed = [data.batch(step)[0].numel() for step in range(PASSES * data.batches_per_epoch)]
    assert recipe.budget(prepared) == pytest.approx(sum(passed))
    assert fresh.budget(prepared) == TOKENS
    monkeypatch.setattr("moldiff.training.recipe.PASSES", 10**9)
    assert recipe.budget(prepared) == TOKENS
    assert Recipe(init=str(model), tokens=5e6).budget(prepared) == Recipe(tokens=5e6).budget(prepared) == 5e6


def test_tokens_codes_and_properties_of_the_model_come_first(model, tuned):
    before, after = (json.loads((folder / "vocab.json").read_text()) for folder in (model, tuned))
    count = len(before["tokens"])
    assert after["tokens"][:count] == before["tokens"]
    assert after["codes"][:count] == before["codes"]
    assert set(after["tokens"][count:]) == {"[Br]", "[S]", "[=O]"}
    old, new = (json.loads((folder / "properties.json").read_text()) for folder in (model, tuned))
    assert list(new) == ["rings", "gap", "logP", "pIC50", "TPSA"]
    assert {name: new[name] for name in old} == old
    assert new["pIC50"]["mean"] == pytest.approx(6, abs=0.6)


def test_a_start_says_what_the_model_says(model):
    """Before the first step, on what the model knows, whatever is added."""
    recipe = Recipe(init=str(model), tokens=1e3)
    prepared = recipe.prepare(wider(), ["pIC50", "TPSA"])
    network, saved = recipe.network(prepared).eval(), load_model(model)
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(1, saved.codec.vocab_size, (6, 8), generator=generator)
    z = saved.codec.encode(ids)
    if model.name in ("mdlm", "prime"):
        z[torch.rand(z.shape, generator=generator) < 0.5] = -1
    y = torch.tensor([[1.0, 0.5, torch.nan]] * 6)
    t = torch.rand(6, generator=generator)
    more = torch.cat([y, torch.full((6, 2), torch.nan)], 1)
    with torch.no_grad():
        found = network(z, more, t)[..., : saved.codec.vocab_size]
        torch.testing.assert_close(found, saved.network(z, y, t))


def test_new_properties_are_shown_as_readily_as_all_known_together(model):
    start = StartingPoint.read(model)
    assert start.emphasis(3) == ()
    assert start.emphasis(4) == (1.0, 1.0, 1.0, 3.0)
    assert start.emphasis(5) == (1.0, 1.0, 1.0, 1.5, 1.5)


def test_training_goes_by_the_emphasis(model, tmp_path, monkeypatch):
    told = []

    def told_and_drawn(y, generator, shown, emphasis):
        told.append(emphasis)
        return drop_conditions(y, generator, shown, emphasis)

    monkeypatch.setattr("moldiff.training.module.drop_conditions", told_and_drawn)
    few = {"tokens": 64.0, "batch_tokens": 64}
    Recipe(init=str(model), **few).train(wider(), ["pIC50"], tmp_path / "tuned", **QUIET)
    Recipe(**TINY | few).train(table(), ["rings", "logP"], tmp_path / "fresh", **QUIET)
    assert (told[0], told[-1]) == ((1.0, 1.0, 1.0, 3.0), ())


def test_what_the_table_lacks_is_missing_and_the_rest_is_there(model):
    start = StartingPoint.read(model)
    packed = start.pack(wider(), ["pIC50"])
    assert packed.offered == ["rings", "gap", "logP", "pIC50"]
    assert np.isnan(packed.values[:, 1]).all()
    assert not np.isnan(packed.values[:, [0, 2, 3]]).any()
    decoded = SelfiesTokenizer(packed.tokens).decode(list(packed.ids))
    assert decoded == WIDER
    assert start.notation_of(packed).longest >= start.notation.longest
    again = start.pack(pack(wider(), ["pIC50", "logP"]), ["pIC50"])
    assert np.isnan(again.values[:, 0]).all()  # prepared without rings
    np.testing.assert_allclose(again.values[:, 2], packed.values[:, 2])


def test_molecules_of_both_are_known(model, tuned):
    start, after = StartingPoint.read(model), StartingPoint.read(tuned)
    assert set(start.keys.values) < set(after.keys.values)
    trained = pack(wider(), ["pIC50"])
    assert set(trained.keys[trained.rows("train")]) <= set(after.keys.values)


def test_the_new_model_generates_by_old_and_new_goals(tuned):
    generator = MoleculeGenerator.from_pretrained(tuned)
    settings = {"seed": 0, "method": "cfg", "chunk": 16}
    found = generator.generate(2, goals=["pIC50>=6", "logP<=3"], **settings)
    assert found.counts.proposed > 0
    assert generator.generate(2, goals=["gap=0.5"], **settings).counts.proposed > 0


def test_a_step_of_training_moves_it(model, tuned):
    old, new = load_model(model).network.state_dict(), load_model(tuned).network.state_dict()
    name = "trunk.blocks.0.up.weight"
    assert not torch.equal(old[name], new[name])
    # The weights of a property that the table lacks were shown nothing to learn from.
    column = 1
    drift = (new["conditions.values"][column] - old["conditions.values"][column]).abs().max()
    moved = (new["conditions.values"][2] - old["conditions.values"][2]).abs().max()
    assert drift <= moved


def test_what_cannot_be_added_is_refused(model, monkeypatch):
    recipe = Recipe(init=str(model), tokens=1e3)
    classes = table(WIDER, gap=np.arange(len(WIDER)) % 2.0)
    classes.units["gap"] = "class"
    classes.classes["gap"] = ("high", "low")
    with pytest.raises(InputError, match=r"'gap' is known to .* as numbers, and the table has high or low"):
        recipe.prepare(classes, ["gap"])
    monkeypatch.setattr("moldiff.training.starting.MAX_TOKENS", 6)
    with pytest.raises(InputError, match="adds 3: a vocabulary holds 5 besides"):
        recipe.prepare(wider(), ["pIC50"])
    with pytest.raises(InputError, match=r"no such model|unknown model"):
        Recipe(init="qm8")


def test_a_run_is_not_continued_from_another_model(model, tuned):
    with pytest.raises(InputError, match="init"):
        Recipe(init=str(tuned), tokens=400.0, batch_tokens=64).train(
            wider(), ["pIC50", "TPSA"], tuned, **QUIET
        )

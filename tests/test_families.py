"""Every family through the whole tool: trained, saved, loaded, sampled, scored."""

import math
from contextlib import nullcontext
from functools import partial

import pandas as pd
import pytest
import torch

from moldiff.errors import InputError
from moldiff.generator import MoleculeGenerator
from moldiff.likelihood import likelihood
from moldiff.models.families import FAMILIES

pytestmark = pytest.mark.filterwarnings("ignore")

ENDS = ("O", "N", "F", "C1CC1", "C(=O)C")
SMILES = [f"{'C' * n}{end}" for n in range(1, 9) for end in ENDS]
TINY = {"tokens": 5e4, "batch_tokens": 256, "width": 32, "depth": 1, "heads": 1, "condition_width": 16}


@pytest.fixture(scope="module", params=FAMILIES)
def family(request):
    return request.param


@pytest.fixture(scope="module")
def folder(family, tmp_path_factory):
    folder = tmp_path_factory.mktemp("families") / family
    frame = pd.DataFrame({"smiles": SMILES, "long": [float(len(text) > 6) for text in SMILES]})
    MoleculeGenerator(family=family, **TINY).fit(
        frame, properties=["long", "rings"], folder=folder, compiled=False, progress=False
    )
    return folder


@pytest.fixture(scope="module")
def generator(folder):
    return MoleculeGenerator.from_pretrained(folder, precision="fp32")


def test_it_generates_for_goals(generator, family):
    result = generator.generate(3, goals=["rings=1"], chunk=16, max_proposals=64, seed=0)
    assert result.settings["family"] == family
    assert result.settings["sampler"] == FAMILIES[family].sampler
    assert result.settings["steps"] == FAMILIES[family].steps
    assert result.counts.proposed >= 16
    again = generator.generate(3, goals=["rings=1"], chunk=16, max_proposals=64, seed=0)
    assert result.smiles == again.smiles


def test_a_compiled_network_draws_the_same(generator, monkeypatch):
    few = {"chunk": 8, "max_proposals": 16, "seed": 0}
    plain = generator.generate(2, goals=["rings>=1"], **few)
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="eager"))
    assert generator.generate(2, goals=["rings>=1"], **few, compiled=True).smiles == plain.smiles


def test_it_is_steered_by_scores(generator, family):
    """By chains of refills where tokens can be hidden again, by particles where they cannot."""
    result = generator.generate(3, "max TPSA", oracle_calls=24, chunk=16)
    assert result.settings["selection"] == ("particles" if family == "udlm" else "metropolis")
    assert result.scorers["TPSA"]["oracle_calls"] <= 24
    assert len(result.smiles) == 3
    with (
        pytest.raises(InputError, match="UniformProcess hides no token")
        if family == "udlm"
        else nullcontext()
    ):
        generator.plan(3, "max TPSA", method="metropolis", oracle_calls=24).close()


def test_network_rows_are_those_of_the_family(generator, family):
    """Two passes a step: masked families leave idle steps out, the others have none."""
    propose = generator.proposer(
        generator.targets("rings>=1"), chunk=16, **({} if family == "ar" else {"steps": 8})
    )
    chunk = propose(0)
    rows = {"udlm": 2 * 8 * 16, "ar": 2 * int(chunk.canvas.sum())}
    assert chunk.counts["nfe"] == rows.get(family, chunk.counts["nfe"])
    assert chunk.counts["nfe"] <= 2 * 16 * max(9, chunk.canvas.max())


def test_bounds_of_held_out_molecules_fall_in_training(generator):
    """Below those of a network that knows nothing: log C nats a position."""
    model, tokenizer = generator.model_, generator.chemistry_.tokenizer
    found = likelihood(model, tokenizer, SMILES, draws=8)
    blind = found.table["canvas"].mean() * math.log(model.codec.vocab_size)
    assert found.token_bound.value - found.canvas_nats < 0.8 * blind
    stored = model.config["training"]["validation"]
    assert set(stored) == {"token_bound", "marginal_bound"}


@pytest.mark.parametrize("sampler", ["cap", "entropy"])
def test_samplers_of_masks_are_for_masked_families(generator, family, sampler):
    if generator.model_.process.masks:
        assert generator.proposer(generator.targets(()), sampler=sampler, chunk=4)(0).counts["remasked"] >= 0
        return
    with pytest.raises(InputError, match=f"sampler '{sampler}' is of masks, and family {family} has none"):
        generator.proposer(generator.targets(()), sampler=sampler)


def test_steps_are_for_families_that_have_them(generator, family):
    if FAMILIES[family].steps is not None:
        assert generator.proposer(generator.targets(()), steps=3).steps == 3
        return
    with pytest.raises(InputError, match="takes one step for each position: leave the number of steps out"):
        generator.proposer(generator.targets(()), steps=3)


@pytest.mark.parametrize("name", [name for name, family in FAMILIES.items() if family.digits == 1])
def test_families_of_whole_tokens_refuse_digits(name):
    with pytest.raises(InputError, match=f"family {name} has one digit a token, got digits=2: say prime"):
        MoleculeGenerator(family=name, digits=2)

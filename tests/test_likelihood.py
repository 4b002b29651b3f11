"""Bounds of single molecules: exact laws, the bounds of training, and what a model cannot express."""

import hashlib
import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import toy_checks as checks
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from toy import PLAIN, PRIME

from moldiff.chem.standardise import canonical
from moldiff.chem.tokenizer import SelfiesTokenizer
from moldiff.datasets.cleaning import NO_MOLECULE, NO_SELFIES
from moldiff.diffusion import CanvasLaw, MaskedProcess, SubtokenCodec
from moldiff.errors import InputError
from moldiff.generator import MoleculeGenerator
from moldiff.likelihood import BOUNDS, COLUMNS, NO_CANVAS, likelihood
from moldiff.models.checkpoint import SavedModel
from moldiff.training.bounds import likelihood_bound
from moldiff.training.data import ResidentTokens
from moldiff.training.notation import UNKNOWN_SYMBOL

TOKENIZER = SelfiesTokenizer(["[nop]", "[C]", "[N]", "[O]", "[F]"])
ONE_ATOM = ["C", "N", "O", "F"]
LAW = CanvasLaw(torch.tensor([2, 4]), torch.tensor([5, 1]), torch.empty(0, 0), torch.empty(0))


class Bayes:
    """A network that predicts the exact posterior of a toy problem."""

    conditions = SimpleNamespace(mean=torch.zeros(0))

    def __init__(self, problem):
        self.logits = checks.bayes(problem)

    def __call__(self, z, y, t):
        return self.logits(z)


def toy_model(problem):
    codec = SubtokenCodec(torch.tensor(problem.codes))
    return SavedModel(Bayes(problem), codec, LAW, {"family": "prime", "canvas_step": 2})


@pytest.fixture(scope="module")
def generator(tiny_model):
    return MoleculeGenerator.from_pretrained(tiny_model, device="cpu", precision="fp32")


@pytest.fixture(scope="module")
def score(generator):
    def call(smiles, **keywords):
        return likelihood(generator.model_, generator.chemistry_.tokenizer, smiles, **keywords)

    return call


SMILES = ["CCO", "CC(=O)C", "C1CC1CO", "N#CC1CO1", "CCCCCCC", "OC1CC1", "C=CC=O", "CC"]


def test_the_bound_of_the_true_law_is_its_negative_log_likelihood():
    """Molecule by molecule: a single atom is the sequence (atom, [nop]) on a canvas of two."""
    found = likelihood(toy_model(PRIME), TOKENIZER, ONE_ATOM, draws=4000, seed=1)
    law = PRIME.joint[1:, 0]
    for name in BOUNDS:
        expected = -np.log(law) - math.log(6 / 8)
        distance = np.abs(found.table[name] - expected)
        assert (distance < 4 * found.table[f"{name}_se"]).all()
        assert (found.table[f"{name}_se"] < 0.1).all()
    assert found.canvas_nats == pytest.approx(-math.log(6 / 8))
    assert found.table["canvas"].tolist() == [2] * 4


def test_without_subtokens_both_bounds_are_the_same():
    tokenizer = SelfiesTokenizer(["[nop]", "[C]", "[N]", "[O]"])
    law = CanvasLaw(torch.tensor([3]), torch.tensor([5]), torch.empty(0, 0), torch.empty(0))
    model = SavedModel(
        Bayes(PLAIN), SubtokenCodec(torch.tensor(PLAIN.codes)), law, {"family": "mdlm", "canvas_step": 3}
    )
    found = likelihood(model, tokenizer, ["CO", "N"], draws=7).table
    np.testing.assert_allclose(found["token_bound"], found["marginal_bound"])


def test_one_draw_is_that_of_training(generator, score):
    """The noise comes from a hash of seed and molecule; with that seed training.bounds draws the same."""
    model, tokenizer = generator.model_, generator.chemistry_.tokenizer
    process = MaskedProcess(model.codec)
    table = score(SMILES, draws=1, seed=5).table
    for row, smiles in enumerate(SMILES):
        digest = hashlib.blake2b(f"5 {smiles}".encode(), digest_size=8).digest()
        data = ResidentTokens(tokenizer.encode([smiles]), np.zeros((1, 3)), step=model.config["canvas_step"])
        for name, pattern in BOUNDS.items():
            seed = int.from_bytes(digest, "big")
            expected = likelihood_bound(
                model.network, process, data, model.canvas, pattern=pattern, seed=seed
            )
            assert table[name][row] == pytest.approx(expected.nats, rel=1e-4)


def test_the_mean_agrees_with_that_of_training(generator, score):
    model, tokenizer = generator.model_, generator.chemistry_.tokenizer
    data = ResidentTokens(
        tokenizer.encode(SMILES), np.zeros((len(SMILES), 3)), step=model.config["canvas_step"]
    )
    found = score(SMILES, draws=80)
    for name, pattern in BOUNDS.items():
        process = MaskedProcess(model.codec)
        expected = likelihood_bound(model.network, process, data, model.canvas, pattern=pattern, draws=80)
        noise = math.sqrt((found.table[f"{name}_se"] ** 2).sum()) / len(SMILES)
        assert abs(getattr(found, name).value - expected.nats) < 4 * math.sqrt(2) * noise
        assert noise < 0.8
    assert found.canvas_nats == pytest.approx(expected.canvas_nats, abs=1e-6)


def test_a_figure_depends_on_molecule_and_seed_alone(score):
    alone, among = score(SMILES[2:3], draws=3).table, score(SMILES[::-1], draws=3, rows=5).table
    same = among[among["smiles"] == SMILES[2]]
    columns = list(COLUMNS[2:-1])
    np.testing.assert_allclose(alone[columns].astype(float), same[columns].astype(float), rtol=1e-4)
    other = score(SMILES[2:3], draws=3, seed=1).table
    assert abs(other["token_bound"][0] - alone["token_bound"][0]) > 1e-3


def test_repeats_count_and_are_scored_alike(score):
    found = score(["CCO", "CC", "CCO"], draws=2)
    token = found.table["token_bound"]
    assert token[0] == token[2]
    assert found.token_bound.value == pytest.approx((2 * token[0] + token[1]) / 3)
    assert (found.scored, found.rows) == (3, 3)


def test_more_draws_are_less_noisy(score):
    few, many = (score(SMILES, draws=draws).table["token_bound_se"].mean() for draws in (4, 64))
    assert many < few / 2
    assert score(SMILES, draws=1).table["token_bound_se"].isna().all()


def test_what_the_model_cannot_express_is_counted_and_told(score):
    found = score(["CCO", "", "CCBr", "C" * 60, "*C", "CC", "CCBr"], draws=1)
    assert (found.scored, found.rows) == (2, 7)
    assert found.excluded == {UNKNOWN_SYMBOL: 2, NO_MOLECULE: 1, NO_CANVAS: 1, NO_SELFIES: 1}
    reasons = found.table["excluded"]
    assert reasons[2] == f"{UNKNOWN_SYMBOL}: [Br]"
    assert reasons[3] == f"{NO_CANVAS}: 64 positions"
    assert reasons.eq("").tolist() == [True, False, False, False, False, True, False]
    assert found.table["token_bound"].isna().tolist() == (reasons != "").tolist()
    assert found.token_bound.value == pytest.approx(found.table["token_bound"].mean())


def test_a_canvas_that_is_never_drawn_has_no_likelihood():
    law = CanvasLaw(torch.tensor([2, 8]), torch.tensor([5, 1]), torch.empty(0, 0), torch.empty(0))
    model = toy_model(PRIME)
    model.canvas = law
    found = likelihood(model, TOKENIZER, ["CCO", "C"], draws=1)
    assert found.table["excluded"].tolist() == [f"{NO_CANVAS}: 4 positions", ""]


def test_nothing_to_score(score):
    found = score(["", "CCBr"])
    assert found.scored == 0
    assert all(math.isnan(figure) for figure in (found.token_bound.value, found.canvas_nats))
    assert math.isnan(score(["CC", ""]).token_bound.low)  # one molecule has no interval


PIECES = [
    "C",
    "c1ccccc1",
    "CO",
    "N",
    "(",
    ")",
    "=",
    "#",
    "1",
    "[NH3+]",
    "[13C]",
    ".",
    "*",
    "[C@H]",
    "/C=C/",
    "$",
]


@given(st.lists(st.lists(st.sampled_from(PIECES), max_size=7).map("".join), max_size=4))
@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
def test_any_molecules_are_scored_or_left_out(score, texts):
    found = score(canonical(texts), draws=1)
    assert found.scored + sum(found.excluded.values()) == found.rows == len(found.table) == len(texts)
    assert np.isfinite(found.table.loc[found.table["excluded"] == "", list(BOUNDS)]).all(axis=None)


def test_progress_is_told(score):
    told = []
    score(SMILES, draws=1, rows=2, say=told.append)
    assert told[-1] == "likelihood: 8 of 8 molecules"


@pytest.mark.parametrize("keywords", [{"draws": 0}, {"draws": 10**9}, {"seed": -1}])
def test_settings_out_of_range(score, keywords):
    with pytest.raises(InputError, match="expected draws from 1"):
        score(["CC"], **keywords)


@pytest.mark.parametrize("step", [None, 0, "4", 1.5])
def test_a_damaged_configuration(step):
    model = toy_model(PRIME)
    model.config["canvas_step"] = step
    with pytest.raises(InputError, match="canvas_step"):
        likelihood(model, TOKENIZER, ["C"])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_the_device_changes_no_noise(tiny_model, score):
    there = MoleculeGenerator.from_pretrained(tiny_model, device="cuda", precision="fp32")
    found = likelihood(there.model_, there.chemistry_.tokenizer, SMILES).table
    np.testing.assert_allclose(found["token_bound"], score(SMILES).table["token_bound"], rtol=1e-3)

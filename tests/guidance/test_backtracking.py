"""Loop steps accepted or refused: the law stays the target, and refused rows go back."""

import numpy as np
import pytest
import torch
from toy import DEEP, Toy, random_joint, total_variation
from toy_checks import assert_drawn_from, bayes, finished_law, process_of

from moldiff.diffusion import Cap, Loop, MaskedProcess, Sampler, State, SubtokenCodec, draw
from moldiff.diffusion.state import Transition
from moldiff.guidance import backtracking
from moldiff.guidance.backtracking import Backtracking
from moldiff.guidance.guesses import OneShot

TOY = Toy(DEEP.codes, random_joint(6, 1, 5))
"""One token of three digits, so that independent draws of tokens are joint draws."""
TABLE = np.random.default_rng(0).normal(size=6)
RULE, PATH, STEPS, STRENGTH = Cap(0.3), Loop(0.5, 0.4, 0.8), 10, 2.0


def score(tokens):
    return torch.tensor(TABLE)[tokens[:, 0]]


def finished(groups, n, looks=2):
    process, network = process_of(TOY), bayes(TOY)
    value = OneShot(score, network, process)
    selection = Backtracking(score, process, strength=STRENGTH, n=n, value=value, looks=looks)
    sampler = Sampler(network, process, RULE, PATH)
    generator = torch.Generator().manual_seed(0)
    out = sampler(groups * n, 1, steps=STEPS, selection=selection, generator=generator)
    return out.tokens.view(groups, n), out.log_weight.view(groups, n)


def target():
    base = finished_law(TOY, process_of(TOY), RULE, PATH, steps=STEPS, posterior=TOY.token_oracle)
    law = base * np.exp(STRENGTH * TABLE)
    return law / law.sum()


def mean_law(tokens, log_weight):
    shares = log_weight.softmax(-1).flatten().numpy()
    return np.bincount(tokens.flatten().numpy(), shares, minlength=6) / len(tokens)


@pytest.mark.slow
def test_law_of_256_particles_is_the_target():
    tokens, log_weight = finished(1500, 256)
    picks = draw(log_weight.log_softmax(-1), torch.Generator().manual_seed(0))
    assert_drawn_from(tokens.gather(1, picks[:, None])[:, 0].numpy(), target(), "backtracking particles")


def test_moves_that_are_all_accepted_have_another_law(monkeypatch):
    assert total_variation(mean_law(*finished(800, 128)), target()) < 0.01
    monkeypatch.setattr(backtracking, "acceptance", lambda old, new, strength: torch.ones(len(old)))
    assert total_variation(mean_law(*finished(800, 128)), target()) > 0.03


def test_refused_rows_are_put_back_and_weights_stay():
    """Rows with a worse guess than before go back in every field, those with a better one go on."""
    codec = SubtokenCodec(torch.arange(3)[:, None])
    guesses = iter([[1.0, 1.0, 1.0, 1.0], [-99.0, 5.0, float("nan"), 1.0]])
    selection = Backtracking(
        lambda tokens: tokens[:, 0].double(),
        MaskedProcess(codec),
        strength=50.0,
        n=2,
        value=lambda state, transition, generator: torch.tensor(next(guesses)),
        looks=1,
    )
    first = State.of(torch.tensor([[[0], [-1]]]).repeat(4, 1, 1))
    held = Transition(0.4, 0.4, 0.6, 0.6)
    before = selection(first, Transition(0.6, 0.4, 0.4, 0.6), torch.Generator())
    moved = State(**{**vars(before), "z": torch.tensor([[[-1], [2]]]).repeat(4, 1, 1), "psi": before.psi - 1})
    after = selection(moved, held, torch.Generator().manual_seed(0))
    assert after.z[:, :, 0].tolist() == [[0, -1], [-1, 2], [0, -1], [-1, 2]]
    assert torch.equal(after.psi[[0, 2]], before.psi[[0, 2]])
    assert after.score.tolist() == [1.0, 5.0, 1.0, 1.0]
    assert torch.equal(after.log_weight, before.log_weight)


def test_first_step_of_a_loop_is_weighed_when_the_step_before_was_not_looked_at():
    codec = SubtokenCodec(torch.arange(3)[:, None])

    def value(state, transition, generator):
        return torch.tensor([0.0, 1.0])

    keywords = {"strength": 1.0, "n": 2, "value": value, "looks": 0, "threshold": 0.0}
    selection = Backtracking(value, MaskedProcess(codec), **keywords)
    state = selection(State.of(torch.tensor([[[0]], [[-1]]])), Transition(0.6, 0.4, 0.4, 0.6), None)
    assert not state.log_weight.any()
    held = selection(state, Transition(0.4, 0.4, 0.6, 0.6), None)
    assert held.log_weight.tolist() == [0.0, 1.0]

"""Selections by name: each steers, and each refuses what it cannot do."""

import numpy as np
import pytest
import torch

from moldiff.diffusion import Cap, Loop, MaskedProcess, Sampler, SubtokenCodec, UniformProcess
from moldiff.diffusion.left_to_right import LeftToRight
from moldiff.errors import InputError
from moldiff.guidance.particles import Particles
from moldiff.guidance.selections import SELECTIONS, Steered, make_selection, selection_knobs

CODEC = SubtokenCodec(torch.tensor([[0, 0], [0, 1], [1, 0], [1, 1]]))
PLAIN = SubtokenCodec(torch.arange(4)[:, None])
SAMPLERS = {
    "masked": lambda network: Sampler(network, MaskedProcess(CODEC)),
    "loop": lambda network: Sampler(network, MaskedProcess(CODEC), Cap(0.1), Loop(0.7)),
    "uniform": lambda network: Sampler(network, UniformProcess(PLAIN)),
    "left to right": lambda network: Sampler(network, LeftToRight(PLAIN)),
}


def network(z, y, t=None):
    return torch.zeros(*z.shape[:2], 4)


def threes(tokens):
    return (tokens == 3).sum(1).double()


@pytest.mark.parametrize("kind", SAMPLERS)
@pytest.mark.parametrize("method", SELECTIONS)
def test_every_selection_steers_every_process_that_it_can(method, kind):
    sampler = SAMPLERS[kind](network)
    run = Steered(threes, sampler)
    # Chains of three moves, the default, go far only in a generation, which begins anew with the best.
    more = {"best-of": {}, "particles": {"strength": 3.0}, "metropolis": {"strength": 3.0, "moves": 50}}
    knobs = more[method]
    if (method, kind) == ("metropolis", "uniform"):
        with pytest.raises(InputError, match="method 'metropolis': UniformProcess hides no token"):
            make_selection(method, run, knobs)
        return
    selection = make_selection(method, run, knobs)
    generator = torch.Generator().manual_seed(0)
    steps = 6 if kind == "left to right" else 24
    out = sampler(64, 6, steps=steps, selection=selection, generator=generator)
    if method == "best-of":
        assert torch.equal(out.log_weight, threes(out.tokens))
    else:
        plain = sampler(64, 6, steps=steps, generator=generator)
        assert threes(out.tokens).mean() > threes(plain.tokens).mean() + 1


def test_best_of_is_particles_that_never_look():
    selection = make_selection("best-of", Steered(threes, SAMPLERS["masked"](network)), {"n": 8})
    assert type(selection) is Particles
    assert (selection.n, selection.looks) == (8, 0)


def test_until_and_temperature_reach_the_chains():
    run = Steered(threes, SAMPLERS["masked"](network), temperature=0.5, until=lambda: True)
    selection = make_selection("metropolis", run)
    assert selection.refill.temperature == 0.5
    tokens = torch.zeros(4, 6, dtype=torch.int64)
    assert torch.equal(selection.run(tokens, torch.zeros(4, 0), torch.Generator()).tokens, tokens)


def test_knobs_have_their_defaults():
    assert selection_knobs("particles", {"n": np.int64(4)})["n"] == 4
    assert selection_knobs("best-of") == {"n": 16}


@pytest.mark.parametrize(
    ("method", "knobs", "message"),
    [
        ("particle", {}, r"unknown method 'particle': did you mean 'particles'\?"),
        ("particles", {"strenght": 1}, r"unknown particles knob 'strenght': did you mean 'strength'\?"),
        ("particles", {"n": 2.5}, "method 'particles': n must be a whole number, got 2.5"),
        ("particles", {"n": True}, "n must be a whole number, got True"),
        ("particles", {"n": 1}, "n must be at least 2, got 1"),
        ("particles", {"strength": float("nan")}, "strength must be a finite number of at least 0, got nan"),
        ("particles", {"strength": "1"}, "strength must be a number, got '1'"),
        ("particles", {"strength": True}, "strength must be a number, got True"),
        ("particles", {"backtrack": 1}, "backtrack must be true or false, got 1"),
        ("metropolis", {"moves": 0}, "moves must be at least 1, got 0"),
        ("best-of", {"strength": 2.0}, "unknown best-of knob 'strength'"),
    ],
)
def test_what_cannot_be_is_refused(method, knobs, message):
    with pytest.raises(InputError, match=message):
        make_selection(method, Steered(threes, SAMPLERS["masked"](network)), knobs)

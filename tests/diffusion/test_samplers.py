import inspect
import math

import pytest
import torch

from moldiff.diffusion import MaskedProcess, SubtokenCodec
from moldiff.diffusion.sampler import Sampler
from moldiff.diffusion.samplers import SAMPLERS, WORDS, make_sampler, sampler_knobs
from moldiff.errors import InputError

UNITED = [name for name in SAMPLERS if "unit" in sampler_knobs(name)]


def run(name, steps=12, **knobs):
    process = MaskedProcess(SubtokenCodec(torch.tensor([[0, 0], [0, 1], [1, 0], [1, 1]])))
    sampler = Sampler(lambda z, y, t=None: torch.zeros(*z.shape[:2], 4), process, *make_sampler(name, knobs))
    return sampler(64, 6, steps=steps, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("steps", [1, 2, 3, 12])
def test_every_sampler_finishes_at_any_number_of_steps(name, steps):
    out = run(name, steps)
    assert out.tokens.shape == (64, 6)
    assert ((out.tokens >= 0) & (out.tokens < 4)).all()
    assert (out.revealed - out.remasked == 12).all()
    assert not out.filled.any()


@pytest.mark.parametrize("name", SAMPLERS)
def test_which_samplers_hide_again(name):
    assert bool(run(name).remasked.any()) == (name not in ("ancestral", "entropy"))
    if name == "entropy":
        few, many = (run(name, 40, rounds=rounds).remasked.float().mean() for rounds in (1, 4))
        assert 0 < few < many


@pytest.mark.parametrize("name", [name for name in SAMPLERS if "eta" in sampler_knobs(name)])
def test_eta_turns_re_masking_up_and_off(name):
    none, some, more = (float(run(name, eta=eta).remasked.sum()) for eta in (0.0, 0.02, 0.3))
    assert none == 0 < some < more


def test_knobs_reach_their_parts():
    remasking, trajectory, order = make_sampler(
        "confidence-loop",
        {"eta": 0.2, "alpha_on": 0.7, "start": 0.3, "stop": 0.6, "tau": 0.5, "unit": "token"},
    )
    assert (remasking.base.eta, remasking.temperature, remasking.unit) == (0.2, 0.5, "token")
    assert (trajectory.alpha_on, trajectory.start, trajectory.stop) == (0.7, 0.3, 0.6)
    assert (remasking.normalise, remasking.reveal) == ("visible", "balanced")
    assert order is None
    surest = make_sampler("entropy", {"bound": 0.5, "rounds": 3, "share": 0.25, "unit": "token"})
    assert (surest.order.bound, surest.trajectory.rounds, surest.trajectory.share) == (0.5, 3, 0.25)
    assert surest.remasking.unit == "token"
    for name in ("confidence", "confidence-loop"):
        literal = make_sampler(name, {"normalise": "paper", "reveal": "paper"})[0]
        assert (literal.normalise, literal.reveal) == ("paper", "paper")
    assert make_sampler("cap", {"at": 0.25})[1].at == 0.25
    assert make_sampler("dfm", {"strength": 3})[0].strength == 3


@pytest.mark.parametrize("name", UNITED)
def test_unit_reaches_the_rule(name):
    assert {unit: make_sampler(name, {"unit": unit})[0].unit for unit in ("digit", "token")} == {
        "digit": "digit",
        "token": "token",
    }


@pytest.mark.parametrize("name", SAMPLERS)
def test_knobs_in_use_are_all_said(name):
    defaults = {knob: entry.default for knob, entry in inspect.signature(SAMPLERS[name]).parameters.items()}
    assert sampler_knobs(name) == defaults
    for knob, value in defaults.items():
        changed = WORDS[knob][-1] if knob in WORDS else value * 0.99
        assert sampler_knobs(name, {knob: changed}) == {**defaults, knob: changed}
        make_sampler(name, {knob: changed})


@pytest.mark.parametrize("name", SAMPLERS)
def test_every_sampler_says_what_it_does(name):
    assert inspect.getdoc(SAMPLERS[name])


@pytest.mark.parametrize(
    ("name", "knobs", "message"),
    [
        ("confidnce", {}, "unknown sampler 'confidnce': did you mean 'confidence'"),
        ("ancestral", {"eta": 0.1}, "sampler 'ancestral' has no knobs, got 'eta'"),
        ("cap", {"etta": 0.1}, "sampler 'cap' has no knob 'etta': did you mean 'eta'"),
        ("cap", {"eta": 1.5}, "sampler 'cap': eta must be a probability"),
        ("cap", {"eta": math.nan}, "sampler 'cap': eta must be a probability"),
        ("cap", {"eta": "much"}, "eta must be a number, got 'much'"),
        ("cap", {"eta": True}, "eta must be a number, got True"),
        ("cap", {"unit": "digits"}, "unit must be 'digit' or 'token', got 'digits'"),
        ("confidence", {"reveal": "papers"}, "reveal must be 'balanced' or 'paper', got 'papers'"),
        ("confidence", {"normalise": 1}, "normalise must be 'visible' or 'paper', got 1"),
        ("cap", {"at": 0}, "sampler 'cap': at must be"),
        ("confidence", {"tau": 0}, "temperature must be above 0"),
        ("loop", {"start": 0.9, "stop": 0.5}, "start <= stop"),
        ("dfm", {"strength": -1}, "strength must be at least 0"),
        ("entropy", {"bound": -0.1}, "sampler 'entropy': bound must be at least 0 nats, got -0.1"),
        ("entropy", {"rounds": -1}, "rounds must be a whole number, 0 or more, got -1"),
        ("entropy", {"rounds": 1.5}, "rounds must be a whole number, 0 or more, got 1.5"),
        ("entropy", {"rounds": math.inf}, "rounds must be a whole number, 0 or more, got inf"),
        ("entropy", {"share": 0}, "sampler 'entropy': share must be above 0 and at most 1, got 0"),
    ],
)
def test_wrong_names_and_values(name, knobs, message):
    with pytest.raises(InputError, match=message):
        make_sampler(name, knobs)

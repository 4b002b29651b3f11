"""What every named guidance must do: a new one in the registry is tested by being there."""

import math

import pytest
import torch
from toy import Toy, random_joint
from toy_guidance import Linear

from moldiff.diffusion import PROCESSES, Sampler, SubtokenCodec
from moldiff.errors import InputError
from moldiff.guidance import GUIDANCE, PredictedGoal, guidance_knobs, make_guidance, needs_predictor

TOY = Toy([[v] for v in range(12)], random_joint(12, 2, 6))
L = TOY.L
methods = pytest.mark.parametrize("method", GUIDANCE)


def goal():
    return PredictedGoal(Linear(TOY), torch.tensor([1.0]), torch.tensor([1.0]))


def run(guidance, process="masked"):
    noise = PROCESSES[process](SubtokenCodec(torch.tensor(TOY.codes)))
    network = lambda z, y, t=None: y[:, :, None].nan_to_num().expand(-1, L, TOY.C) * torch.arange(12) / 4  # noqa: E731
    return Sampler(network, noise)(
        40,
        L,
        steps=L,
        y=torch.full((40, 1), 0.5),
        guidance=guidance,
        generator=torch.Generator().manual_seed(0),
    )


@methods
@pytest.mark.parametrize("process", PROCESSES)
def test_every_method_runs_on_every_process(method, process):
    out = run(make_guidance(method, goal()), process)
    assert bool(((out.tokens >= 0) & (out.tokens < TOY.C)).all())
    assert bool((out.nfe > 0).all())
    assert bool((out.nfe_predictor > 0).all()) == needs_predictor(method)
    assert torch.equal(out.tokens, run(make_guidance(method, goal()), process).tokens)


@methods
def test_every_knob_changes_what_is_drawn(method):
    defaults = guidance_knobs(method)
    plain = run(make_guidance(method, goal()))
    for knob, value in defaults.items():
        changed = run(make_guidance(method, goal(), {knob: 2 if knob == "k" else value + 3.0}))
        assert not torch.equal(plain.tokens, changed.tokens), knob


@methods
def test_every_method_says_what_it_does(method):
    assert GUIDANCE[method].__doc__


def test_classifier_guidance_stands_on_the_unconditional_network_unless_told():
    assert make_guidance("cbg", goal()).base.gamma == 0.0
    assert make_guidance("cbg", goal(), {"gamma": 2.0}).base.gamma == 2.0
    runs = [run(make_guidance("cbg", goal(), {"gamma": gamma})) for gamma in (0.0, 2.0)]
    assert torch.equal(runs[1].nfe, 2 * runs[0].nfe)


@pytest.mark.parametrize(
    ("method", "knobs", "message"),
    [
        ("cbg-topc", {}, "unknown method 'cbg-topc': did you mean 'cbg-topk'"),
        ("cbg", {"k": 3}, "unknown cbg knob 'k'"),
        ("cbg-topk", {"gama": 3}, "unknown cbg-topk knob 'gama': did you mean 'gamma'"),
        (
            "cbg",
            {"gamma_classifier": -1.0},
            "gamma_classifier must be a finite number of at least 0, got -1.0",
        ),
        ("cbg", {"gamma_classifier": math.nan}, "at least 0, got nan"),
        ("cbg", {"gamma": math.inf}, "gamma must be a finite number of at least 0, got inf"),
        ("cfg", {"gamma": "much"}, "got 'much'"),
        ("cfg", {"gamma": True}, "got True"),
        ("cbg-topk", {"k": 0}, "k must be a whole number of at least 1, got 0"),
        ("cbg-topk", {"k": 2.5}, "k must be a whole number of at least 1, got 2.5"),
    ],
)
def test_wrong_names_and_values(method, knobs, message):
    with pytest.raises(InputError, match=message):
        make_guidance(method, goal(), knobs)


@pytest.mark.parametrize("method", [method for method in GUIDANCE if needs_predictor(method)])
def test_a_missing_predictor_is_said(method):
    with pytest.raises(InputError, match=f"method '{method}' needs a goal and a predictor"):
        make_guidance(method)

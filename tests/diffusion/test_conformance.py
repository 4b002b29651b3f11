"""What every entry of the registries must do: a new class in one of them is tested by being there."""

import pytest
import torch
from toy import PRIME

from moldiff.diffusion import (
    MASK,
    PROCESSES,
    REMASKING,
    SCHEDULES,
    TRAJECTORIES,
    MaskedProcess,
    Plan,
    Sampler,
    Straight,
    SubtokenCodec,
)
from moldiff.diffusion.samplers import SAMPLERS, make_sampler

L = 6
processes = pytest.mark.parametrize("process", PROCESSES)
schedules = pytest.mark.parametrize("schedule", SCHEDULES)


def uniform(z, y, t=None):
    return torch.zeros(*z.shape[:2], PRIME.C)


def seeded():
    return torch.Generator().manual_seed(0)


WHOLE = {"uniform"}
"""Processes that know no digits."""


def make(process, schedule="log-linear"):
    codes = torch.arange(PRIME.C)[:, None] if process in WHOLE else torch.tensor(PRIME.codes)
    return PROCESSES[process](SubtokenCodec(codes), SCHEDULES[schedule]())


def check_run(sampler, steps=L):
    out = sampler(8, L, steps=steps, generator=seeded())
    assert out.tokens.shape == (8, L)
    assert out.tokens.dtype == torch.int64
    assert bool(((out.tokens >= 0) & (out.tokens < PRIME.C)).all())
    assert bool((out.nfe <= steps + 1).all())
    assert bool((out.nfe >= 1).all())
    again = sampler(8, L, steps=steps, generator=seeded())
    assert torch.equal(out.tokens, again.tokens), "noise from elsewhere than the generator"
    return out


@processes
@schedules
def test_process_runs(process, schedule):
    check_run(Sampler(uniform, make(process, schedule)))


@pytest.mark.parametrize("unit", ["digit", "token"])
@schedules
@pytest.mark.parametrize("trajectory", TRAJECTORIES)
@pytest.mark.parametrize("remasking", REMASKING)
def test_remasking_runs(remasking, trajectory, schedule, unit):
    process = make("masked", schedule)
    sampler = Sampler(uniform, process, REMASKING[remasking](unit=unit), TRAJECTORIES[trajectory]())
    out = check_run(sampler, steps=10)
    assert torch.equal(out.revealed, L * process.codec.digits + out.remasked)
    assert not out.filled.any()


@pytest.mark.parametrize("unit", ["digit", "token"])
@pytest.mark.parametrize("name", SAMPLERS)
def test_named_samplers_run(name, unit):
    parts = make_sampler(name, {} if name == "ancestral" else {"unit": unit})
    assert parts.remasking is None or parts.remasking.unit == unit
    check_run(Sampler(uniform, make("masked"), *parts), steps=10)


@processes
def test_transitions_end_clean(process):
    transitions = make(process).transitions(Straight(), L, L)
    assert transitions[-1].alpha_s == 1.0
    assert transitions[-1].s == 0.0
    assert all(step.s <= step.t and step.alpha_s >= step.alpha_t for step in transitions)
    with pytest.raises(ValueError, match="step"):
        make(process).transitions(Straight(), 0, L)


@processes
@pytest.mark.parametrize("pattern", ["token", "digit", "mixed"])
def test_training_step_learns(process, pattern):
    """corrupt, loss and bound fit together, and the loss has finite gradients."""
    noise = make(process)
    x0 = torch.randint(PRIME.C, (5, L), generator=seeded())
    z, t, weight = noise.corrupt(x0, pattern, seeded())
    assert z.shape == (5, L, noise.codec.digits)
    assert t.shape == weight.shape == (5,)
    assert bool(((t >= 0) & (t <= 1)).all())
    logits = torch.randn(5, L, PRIME.C, generator=seeded()).requires_grad_()
    loss = noise.loss(logits, x0, z, t, weight)
    assert loss.shape == (5,)
    assert bool((loss >= 0).all())
    loss.sum().backward()
    assert bool(logits.grad.isfinite().all())
    assert bool(logits.grad.any())
    if process == "masked" and pattern == "mixed":
        with pytest.raises(ValueError, match="mixed"):
            noise.bound(logits, x0, z, t, weight, pattern)
    else:
        assert noise.bound(logits, x0, z, t, weight, pattern).shape == (5,)


@processes
def test_unknown_noise_is_refused(process):
    with pytest.raises(ValueError, match="'tokens'"):
        make(process).corrupt(torch.zeros(2, L, dtype=torch.int64), "tokens", seeded())


@processes
def test_steps_leave_frozen_positions_alone(process):
    noise = make(process)
    state = noise.prior(4, L, seeded())
    state.frozen[:, ::2] = True
    held = state.z.clone()
    generator = seeded()
    for transition in noise.transitions(Straight(), L, L):
        plan = noise.plan(state, transition, None, generator)
        assert isinstance(plan, Plan)
        assert not plan.reveal[:, ::2].any()
        assert not plan.remask[:, ::2].any()
        kernel = noise.log_kernel(uniform(state.z, None), state.z, transition)
        assert bool(torch.isclose(kernel.logsumexp(-1), torch.zeros(()), atol=1e-5).all())
        state = noise.move(state, torch.zeros(4, L, dtype=torch.int64), kernel, plan)
    assert torch.equal(state.z[:, ::2], held[:, ::2])
    assert not (state.z[:, 1::2] == MASK).any()


@pytest.mark.parametrize("keyword", ["temperature", "frozen", "steps"])
def test_misuse_of_the_sampler_is_refused(keyword):
    wrong = {"temperature": 0.0, "frozen": torch.zeros(2, L, dtype=torch.bool), "steps": 0}
    given = {"steps": 3, "generator": seeded(), keyword: wrong[keyword]}
    with pytest.raises(ValueError, match=keyword[:4]):
        Sampler(uniform, make("masked"))(2, L, **given)


@pytest.mark.parametrize("keywords", [{"reveal": "two"}, {"unit": "row"}])
def test_misuse_of_the_process_is_refused(keywords):
    with pytest.raises(ValueError, match="got"):
        MaskedProcess(SubtokenCodec(torch.tensor(PRIME.codes)), **keywords)


@pytest.mark.parametrize(
    ("registry", "name", "keywords"),
    [
        (REMASKING, "cap", {"eta": 1.5}),
        (REMASKING, "rescale", {"eta": -0.1}),
        (REMASKING, "dfm", {"strength": -1.0}),
        (REMASKING, "confidence", {"temperature": 0.0}),
        (REMASKING, "confidence", {"normalise": "sum"}),
        (REMASKING, "confidence", {"reveal": "some"}),
        (TRAJECTORIES, "switch", {"at": 0.0}),
        (TRAJECTORIES, "loop", {"alpha_on": 1.0}),
        (TRAJECTORIES, "loop", {"start": 0.9, "stop": 0.5}),
        (SCHEDULES, "polynomial", {"power": 0.0}),
    ],
)
def test_settings_out_of_range_are_refused(registry, name, keywords):
    with pytest.raises(ValueError, match="got"):
        registry[name](**keywords)

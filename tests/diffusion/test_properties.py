"""Properties of codec, schedules, trajectories, re-masking, corruption: hypothesis looks for exceptions."""

from itertools import pairwise

import numpy as np
import pytest
import torch
import toy
from hypothesis import example, given, settings
from hypothesis import strategies as st

from moldiff.diffusion import (
    MASK,
    REMASKING,
    SCHEDULES,
    TRAJECTORIES,
    MaskedProcess,
    Plan,
    State,
    SubtokenCodec,
    Transition,
    draw,
)

seeds = st.integers(0, 2**31 - 1)


@st.composite
def codecs(draw_from):
    """A codec of 1 to 8 tokens and 1 to 3 digits, mostly with codes that no token has."""
    bases = draw_from(st.lists(st.integers(1, 4), min_size=1, max_size=3))
    every = np.array(list(np.ndindex(tuple(bases))))
    rng = np.random.default_rng(draw_from(seeds))
    size = draw_from(st.integers(1, min(8, len(every))))
    return SubtokenCodec(torch.tensor(every[rng.permutation(len(every))[:size]], dtype=torch.int64))


def tokens_and_masks(codec, seed, rows=3, length=4):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randint(codec.vocab_size, (rows, length), generator=generator)
    return x, torch.rand(rows, length, codec.digits, generator=generator) < 0.5


@given(codecs(), seeds)
def test_codec_round_trip(codec, seed):
    x, _ = tokens_and_masks(codec, seed)
    digits = codec.encode(x)
    assert digits.shape == (*x.shape, codec.digits)
    assert bool((digits < torch.tensor(codec.bases)).all())
    assert torch.equal(codec.decode(digits), x)


@given(codecs(), seeds)
def test_compatible_is_brute_force(codec, seed):
    x, masks = tokens_and_masks(codec, seed)
    z = codec.encode(x).masked_fill(masks, MASK)
    found = codec.compatible(z)
    for b, i in np.ndindex(x.shape):
        for token, code in enumerate(codec.codes.tolist()):
            agrees = all(value in (MASK, digit) for value, digit in zip(z[b, i].tolist(), code, strict=True))
            assert bool(found[b, i, token]) == agrees
    assert bool(found.gather(-1, x[..., None]).all())


@given(codecs(), seeds)
def test_digit_marginals_are_brute_force(codec, seed):
    x, _ = tokens_and_masks(codec, seed)
    generator = torch.Generator().manual_seed(seed)
    law = torch.rand(*x.shape, codec.vocab_size, dtype=torch.float64, generator=generator) + 0.01
    law /= law.sum(-1, keepdim=True)
    found = codec.digit_log_marginals(law.log(), x).exp()
    same = codec.codes == codec.codes[x][:, :, None]  # (B, L, C, K)
    np.testing.assert_allclose(found.numpy(), (law[..., None] * same).sum(2).numpy(), rtol=1e-12)


@given(codecs())
def test_codes_of_no_token_are_refused(codec):
    known = {tuple(code) for code in codec.codes.tolist()}
    for code in np.ndindex(codec.bases):
        if code not in known:
            with pytest.raises(ValueError, match="no token has"):
                codec.decode(torch.tensor(code)[None, None])
    with pytest.raises(ValueError, match="cannot decode masked digits"):
        codec.decode(torch.full((1, 1, codec.digits), MASK))


@pytest.mark.parametrize(
    "codes",
    [
        torch.tensor([[0], [0]]),
        torch.tensor([[0.0], [1.0]]),
        torch.tensor([[-1], [0]]),
        torch.tensor([0, 1]),
        torch.empty(0, 2, dtype=torch.int64),
    ],
    ids=["twice", "float", "negative", "flat", "empty"],
)
def test_bad_codes_are_refused(codes):
    with pytest.raises(ValueError, match="code"):
        SubtokenCodec(codes)


@pytest.mark.parametrize("name", SCHEDULES)
@given(st.floats(0.0, 1.0))
def test_schedules_fall_from_one_to_zero(name, t):
    schedule = SCHEDULES[name]()
    assert schedule.alpha(0.0) == 1.0
    assert schedule.alpha(1.0) == 0.0
    assert 0.0 <= schedule.alpha(t) <= 1.0
    assert schedule.alpha(schedule.time(schedule.alpha(t))) == pytest.approx(schedule.alpha(t), abs=1e-12)
    assert schedule.dalpha(t) <= 0.0
    if 1e-3 < t < 1 - 1e-3:
        slope = (schedule.alpha(t + 1e-6) - schedule.alpha(t - 1e-6)) / 2e-6
        assert schedule.dalpha(t) == pytest.approx(slope, abs=1e-6)
        assert schedule.alpha(t) > schedule.alpha(t + 1e-3)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("name", TRAJECTORIES)
@given(st.integers(1, 60))
@settings(max_examples=30)
def test_trajectories_rise_from_zero_to_one(name, schedule, steps):
    alphas = TRAJECTORIES[name]().alphas(SCHEDULES[schedule](), steps)
    assert len(alphas) == steps
    assert alphas[0][0] == 0.0
    assert alphas[-1][1] == 1.0
    for before, after in pairwise(alphas):
        assert before[1] == after[0]
    assert all(0.0 <= alpha <= 1.0 for pair in alphas for alpha in pair[:2])
    # Only rounds fall, and from clean alone.
    assert all(alpha_t <= alpha_s or (name, alpha_t) == ("rounds", 1.0) for alpha_t, alpha_s, _ in alphas)


@given(st.integers(0, 6), st.floats(0.01, 1.0), st.integers(1, 200))
@example(5, 1.0, 18)
@example(1, 0.14, 58)
def test_rounds_hide_a_share_as_often_as_they_say(rounds, share, steps):
    alphas = TRAJECTORIES["rounds"](rounds, share).alphas(SCHEDULES["cosine"](), steps)
    assert [alphas[0][0], alphas[-1][1], len(alphas)] == [0.0, 1.0, steps]
    falls = [(a, b) for a, b, _ in alphas if b < a]
    assert all(fall == (1.0, 1.0 - share) for fall in falls)
    assert len(falls) <= rounds
    if steps > rounds * (2 + rounds * share) + 1:
        # Only runs too short have fewer: rounding a round's steps up costs the rise less than a step a round,
        # so it keeps one wherever (steps - rounds) / (1 + rounds share) >= rounds.
        assert len(falls) == rounds
    assert not any(remask for _, _, remask in alphas)
    if falls:
        # A step of a round reveals no more than one of the rise, so one digit a step stays one.
        rise = next(number for number, (a, b, _) in enumerate(alphas) if b < a)
        assert (steps - rise - len(falls)) / len(falls) >= share * rise - 1e-9


@given(st.floats(0.01, 0.99), st.floats(0.05, 0.94), st.floats(0.0, 1.0), st.integers(3, 80))
def test_loops_hold_what_they_say(alpha_on, start, share, steps):
    stop = start + share * (0.95 - start)
    alphas = TRAJECTORIES["loop"](alpha_on, start, stop).alphas(SCHEDULES["cosine"](), steps)
    assert [alphas[0][0], alphas[-1][1], len(alphas)] == [0.0, 1.0, steps]
    assert all(a <= b for a, b, _ in alphas)
    held = [a == b == alpha_on for a, b, _ in alphas]
    on = [remask for _, _, remask in alphas]
    assert on == held or not any(held)  # a run too short to hold is straight
    assert abs(sum(held) - (stop - start) * steps) <= 2


@given(st.floats(0.01, 1.0), st.integers(1, 80))
def test_switch_turns_remasking_on_at_its_time(at, steps):
    alphas = TRAJECTORIES["switch"](at).alphas(SCHEDULES["log-linear"](), steps)
    for alpha_t, _, remask in alphas:
        time = 1.0 - alpha_t
        if abs(time - at) > 1e-9:
            assert remask == (time <= at)


@pytest.mark.parametrize("unit", ["digit", "token"])
@pytest.mark.parametrize("trajectory", TRAJECTORIES)
@pytest.mark.parametrize("name", REMASKING)
@given(st.data())
@settings(max_examples=15)
def test_sigma_is_within_its_bounds(name, trajectory, unit, data):
    """Whatever the state: 0 <= sigma <= sigma_max, coins are probabilities, and 0 at frozen sites."""
    schedule = SCHEDULES[data.draw(st.sampled_from(sorted(SCHEDULES)))]()
    codec = SubtokenCodec(torch.tensor(toy.PRIME.codes))
    process = MaskedProcess(codec, schedule)
    x, masks = tokens_and_masks(codec, data.draw(seeds))
    state = State.of(codec.encode(x).masked_fill(masks, MASK))
    generator = torch.Generator().manual_seed(data.draw(seeds))
    state.psi = torch.rand(masks.shape, generator=generator).where(~masks, torch.inf)
    state.frozen = torch.rand(x.shape, generator=generator) < 0.2
    rule = REMASKING[name](unit=unit)
    assert rule.unit == unit
    steps = process.transitions(TRAJECTORIES[trajectory](), data.draw(st.integers(1, 20)), 4)
    for step in steps:
        sigma = rule.sigma(state, step).expand(state.z.shape)
        assert sigma.dtype == torch.float64
        assert float(sigma.min()) >= 0.0
        assert float(sigma.max()) <= toy.sigma_bound(step.alpha_t, step.alpha_s) + 1e-15
        if unit == "token":
            shown = sigma.masked_fill(masks, torch.nan)
            assert float((shown - shown.nanmean(-1, keepdim=True)).nan_to_num(0.0).abs().max()) < 1e-12
        coins = process.coins(state, step, rule)
        for coin in coins:
            assert bool(((coin >= 0) & (coin <= 1)).all())
            assert not coin[state.frozen].any()


@given(codecs(), st.sampled_from(["token", "digit", "mixed"]), seeds)
def test_corruption_hides_m_sites_and_weighs_them(codec, pattern, seed):
    x, _ = tokens_and_masks(codec, seed, rows=7, length=5)
    process = MaskedProcess(codec)
    z, t, weight = process.corrupt(x, pattern, torch.Generator().manual_seed(seed))
    hidden = z == MASK
    assert torch.equal(z[~hidden], codec.encode(x)[~hidden])
    by_token = torch.tensor([pattern == "token" or (pattern == "mixed" and i % 2 == 0) for i in range(7)])
    assert bool((hidden.all(-1) | ~hidden.any(-1))[by_token].all())
    block = torch.where(by_token, codec.digits, 1)
    m, sites = hidden.sum((1, 2)) // block, 5 * codec.digits // block
    assert bool((m >= 1).all())
    torch.testing.assert_close(weight.float(), sites / m.float())
    torch.testing.assert_close(t.float(), m.float() / sites)


@given(seeds)
def test_masked_numbers_of_a_batch_cover_their_range(seed):
    """With N rows every m comes once: the strata of a batch are as even as they can be."""
    process = MaskedProcess(SubtokenCodec(torch.arange(3)[:, None]))
    z, _, _ = process.corrupt(
        torch.zeros(12, 12, dtype=torch.int64), "digit", torch.Generator().manual_seed(seed)
    )
    numbers = sorted((z == MASK).sum((1, 2)).tolist())
    assert all(abs(m - i) <= 1 for i, m in enumerate(numbers, start=1))


@given(st.lists(st.integers(0, 2), min_size=1, max_size=6))
def test_rows_take_everything_along(index):
    state = State.of(torch.arange(12).view(3, 2, 2), y=torch.arange(3.0)[:, None])
    state.memory = {"cache": torch.arange(3)}
    state.score = torch.arange(3.0)
    rows = state.rows(torch.tensor(index))
    assert rows.y[:, 0].tolist() == rows.score.tolist() == rows.memory["cache"].tolist() == index
    assert torch.equal(rows.z, state.z[torch.tensor(index)])
    assert all(len(value) == len(index) for value in (rows.psi, rows.frozen, rows.tokens, rows.log_weight))
    plan = Plan(state.z > 4, state.z > 8)
    assert torch.equal(plan.rows(torch.tensor(index)).reveal, plan.reveal[torch.tensor(index)])
    kept = torch.tensor([True, False, True])
    assert state.rows(kept).score.tolist() == [0.0, 2.0]


@given(st.floats(1e-6, 0.999), st.floats(0.0, 1.0))
def test_the_bound_of_a_transition_is_remdms(alpha_t, share):
    alpha_s = alpha_t + share * (1.0 - alpha_t)
    assert Transition(0.5, 0.4, alpha_t, alpha_s).sigma_max == toy.sigma_bound(alpha_t, alpha_s)
    assert Transition(1.0, 0.9, 0.0, alpha_s).sigma_max == 0.0


@given(seeds)
def test_draws_never_leave_the_law(seed):
    generator = torch.Generator().manual_seed(seed)
    allowed = torch.rand(50, 6, generator=generator) < 0.4
    allowed[:, 0] |= ~allowed.any(1)
    law = torch.randn(50, 6, generator=generator).masked_fill(~allowed, -1e9).log_softmax(-1)
    assert bool(allowed.gather(1, draw(law, generator)[:, None]).all())

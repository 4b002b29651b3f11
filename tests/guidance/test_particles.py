"""Particles end in base x exp(strength score): bias falls with n, constants are exact, misuse is refused."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from soak import SOAK
from toy import PRIME, Toy, random_joint, total_variation
from toy_checks import assert_drawn_from, bayes, finished_law, process_of

from moldiff.diffusion import (
    Cap,
    Cosine,
    Loop,
    MaskedProcess,
    Sampler,
    State,
    SubtokenCodec,
    UniformProcess,
    draw,
)
from moldiff.diffusion.left_to_right import LeftToRight
from moldiff.diffusion.state import Transition
from moldiff.guidance.guesses import AsItStands, OneShot
from moldiff.guidance.particles import Particles
from moldiff.guidance.resampling import combined_weights, log_normaliser

SMALL = Toy(np.arange(4)[:, None], random_joint(4, 2, 11))
"""C = 4, L = 2."""
RUNS = 1_000_000 if SOAK else 50_000
"""Runs whose bias is measured."""


class Problem:
    """A toy with a score for every sequence, and runs of particles on it."""

    def __init__(self, toy, *, strength, seed=0, process=None, network=None):
        self.toy, self.strength = toy, strength
        self.table = np.random.default_rng(seed).normal(size=len(toy.p))
        self.process = process_of(toy) if process is None else process
        self.network = bayes(toy) if network is None else network

    def numbers(self, tokens):
        return tokens @ torch.tensor(self.toy.C ** np.arange(self.toy.L)[::-1].copy())

    def score(self, tokens):
        return torch.tensor(self.table)[self.numbers(tokens)]

    def tilted(self, base):
        law = base * np.exp(self.strength * self.table)
        return law / law.sum()

    def base(self, steps, remasking=None, trajectory=None):
        posterior = self.toy.token_oracle
        return finished_law(self.toy, self.process, remasking, trajectory, steps=steps, posterior=posterior)

    def particles(self, n, *, kind=Particles, **keywords):
        value = OneShot(self.score, self.network, self.process)
        settings = {"strength": self.strength, "n": n, "value": value, "looks": 1, **keywords}
        return kind(self.score, self.process, **settings)

    def run(self, selection, groups, *, steps=2, seed=0, remasking=None, trajectory=None):
        """Sequence numbers and log-weights (groups, n) of finished rows."""
        sampler = Sampler(self.network, self.process, remasking, trajectory)
        generator = torch.Generator().manual_seed(seed)
        rows = groups * selection.n
        out = sampler(rows, self.toy.L, steps=steps, selection=selection, generator=generator)
        shape = (groups, selection.n)
        return self.numbers(out.tokens).view(shape), out.log_weight.view(shape)


def one_of_each(numbers, log_weight, seed=0):
    """One row of every group, drawn by the weights: (G,) sequence numbers."""
    picks = draw(log_weight.log_softmax(-1), torch.Generator().manual_seed(seed))
    return numbers.gather(1, picks[:, None])[:, 0].numpy()


def mean_law(numbers, log_weight, size):
    """The law of such a row, averaged over the groups instead of drawn: (X,)."""
    shares = log_weight.softmax(-1).flatten().numpy()
    return np.bincount(numbers.flatten().numpy(), shares, minlength=size) / len(numbers)


# The law


@pytest.mark.slow
def test_bias_falls_threefold_from_16_to_64_particles():
    problem = Problem(SMALL, strength=1.0)
    target = problem.tilted(problem.base(steps=2))
    drawn, smooth = {}, {}
    for n, runs in ((16, RUNS), (64, RUNS)):
        counts, law = np.zeros(16), np.zeros(16)
        for seed in range(runs // 5000):
            found = problem.run(problem.particles(n), 5000, seed=seed)
            counts += np.bincount(one_of_each(*found, seed), minlength=16)
            law += mean_law(*found, 16) * 5000 / runs
        floor = 0.5 * np.sqrt(2 * target * (1 - target) / (np.pi * runs)).sum()
        drawn[n] = total_variation(counts / runs, target) - floor
        smooth[n] = total_variation(law, target)
    assert drawn[64] > 0, "too few runs to see the bias"
    assert drawn[16] / drawn[64] > 3
    assert smooth[16] / smooth[64] > 3


@pytest.mark.slow
@pytest.mark.parametrize(
    ("toy", "runs", "steps", "rule", "path"),
    [
        (SMALL, 5000, 2, None, None),
        (PRIME, 1500, 4, Cap(0.2), None),
        (PRIME, 1500, 6, Cap(0.2), Loop(0.6, 0.4, 0.8)),
    ],
    ids=["K=1", "K=2, re-masking", "K=2, loop"],
)
def test_runs_of_256_particles_have_the_target_law(toy, runs, steps, rule, path):
    problem = Problem(toy, strength=1.0, seed=1)
    selection = problem.particles(256, looks=steps // 2, threshold=0.9)
    found = problem.run(selection, runs, steps=steps, remasking=rule, trajectory=path)
    assert_drawn_from(one_of_each(*found), problem.tilted(problem.base(steps, rule, path)), "particles")


# Wrong twins: what the law above depends on


class NotTelescoping(Particles):
    """Potentials exp(strength s_t), the value before forgotten."""

    def _weighed(self, state, guessed):
        return super()._weighed(replace(state, score=torch.zeros_like(state.score)), guessed)


class NoLastPotential(Particles):
    """Guesses instead of the scores of the finished rows."""

    def _finished(self, state):
        return state


class ValuesLeftBehind(Particles):
    """Values that stay in their places when rows are copied."""

    def _resampled(self, state, generator):
        return replace(super()._resampled(state, generator), score=state.score)


def distance(kind, seed=2):
    problem = Problem(SMALL, strength=1.0, seed=seed)
    selection = problem.particles(256, kind=kind, threshold=0.95, looks=3)
    found = problem.run(selection, 400, steps=4)
    return total_variation(mean_law(*found, 16), problem.tilted(problem.base(steps=4)))


def test_wrong_twins_are_far_from_the_target():
    assert distance(Particles) < 0.02
    assert distance(NotTelescoping) > 0.1
    assert distance(NoLastPotential) > 0.05
    assert distance(ValuesLeftBehind) > 0.1


# Weights and constants


def test_weights_telescope_whatever_is_guessed():
    """Without resampling a finished row weighs exp(strength score), though the guesses were random."""
    problem = Problem(PRIME, strength=np.float64(1.7))
    selection = problem.particles(8, threshold=0.0, looks=5)
    numbers, log_weight = problem.run(selection, 50, steps=6, remasking=Cap(0.2))
    np.testing.assert_allclose(log_weight.numpy(), 1.7 * problem.table[numbers.numpy()], atol=1e-12)


@pytest.mark.parametrize("threshold", [0.0, 0.5, 1.0])
def test_mean_weight_is_an_unbiased_estimate_of_the_constant(threshold):
    """E[Z_hat] = Z with four particles, resampling never, sometimes or always."""
    problem = Problem(SMALL, strength=1.5)
    selection = problem.particles(4, threshold=threshold, looks=3)
    _, log_weight = problem.run(selection, 20000, steps=4)
    estimates = log_normaliser(log_weight.flatten(), 4).exp().numpy()
    expected = float(problem.base(steps=4) @ np.exp(problem.strength * problem.table))
    error = estimates.std() / np.sqrt(len(estimates))
    assert abs(estimates.mean() - expected) < 4 * error
    assert error < 0.02 * expected


def test_canvases_are_joined_by_their_constants():
    """Rows on one and on two positions, weighed together, have the law p(c) base(x0 | c) exp(...)."""
    prior, laws, found = [0.3, 0.7], [], []
    for length, groups in ((1, 3000), (2, 1000)):
        problem = Problem(Toy(SMALL.codes, random_joint(4, length, 5)), strength=1.0, seed=length)
        laws.append(prior[length - 1] * problem.base(steps=3) * np.exp(problem.table))
        found.append(problem.run(problem.particles(16), groups, steps=3))
    parts = combined_weights([weights.flatten() for _, weights in found], np.log(prior))
    total = sum(law.sum() for law in laws)
    for (numbers, _), part, law in zip(found, parts, laws, strict=True):
        shares = np.bincount(numbers.flatten().numpy(), part.numpy(), minlength=len(law))
        assert np.abs(shares - law / total).max() < 0.01


def test_groups_do_not_mix():
    """Every row ends in the group in which it began, however often rows are copied."""
    problem = Problem(SMALL, strength=3.0)
    selection = problem.particles(8, threshold=1.0, looks=3)
    groups = torch.arange(40)[:, None].expand(-1, 8).reshape(-1, 1).float()
    ends = []

    def watched(state, transition, generator):
        state = selection(state, transition, generator)
        ends.append((state.y, state.score, problem.score(state.tokens)))
        return state

    Sampler(problem.network, problem.process)(
        320, 2, steps=4, y=groups, selection=watched, generator=torch.Generator().manual_seed(0)
    )
    assert all(torch.equal(y, groups) for y, _, _ in ends)
    assert torch.equal(*ends[-1][1:]), "a finished row has the score of its own tokens"


def test_the_better_rows_are_copied():
    """Of two rows one promises a lot: after the look both are it, at its average weight."""
    process = MaskedProcess(SubtokenCodec(torch.arange(3)[:, None]))
    value = AsItStands(lambda tokens: tokens[:, 0].double(), process.codec)
    particles = Particles(value.score, process, strength=50.0, n=2, value=value, looks=1)
    state = State.of(torch.tensor([[[2], [-1]], [[0], [-1]]]))
    after = particles(state, Transition(0.6, 0.4, 0.4, 0.6), torch.Generator().manual_seed(0))
    assert after.z[:, 0, 0].tolist() == [2, 2]
    assert after.score.tolist() == [2.0, 2.0]
    np.testing.assert_allclose(after.log_weight.numpy(), 100.0 - np.log(2.0))


# Looks


@pytest.mark.parametrize("schedule", [None, Cosine()], ids=["log-linear", "cosine"])
@pytest.mark.parametrize(("looks", "start"), [(0, 0.0), (1, 0.0), (3, 0.5), (7, 0.25)])
def test_a_run_looks_as_often_as_it_was_told(looks, start, schedule):
    process, seen = MaskedProcess(SubtokenCodec(torch.arange(3)[:, None]), schedule), []

    def value(state, transition, generator):
        seen.append(transition.alpha_s)
        return torch.zeros(len(state.z))

    def nothing(tokens):
        return torch.zeros(len(tokens))

    def uniform(z, y, t=None):
        return torch.zeros(*z.shape[:2], 3)

    particles = Particles(nothing, process, strength=1.0, n=2, value=value, looks=looks, start=start)
    run = Sampler(uniform, process)
    run(2, 3, steps=64, selection=particles, generator=torch.Generator().manual_seed(0))
    assert len(seen) == looks
    assert all(start < alpha < 1.0 for alpha in seen)
    even = start + (1.0 - start) * np.arange(1, looks + 1) / (looks + 1)
    assert np.abs(np.array(seen) - even).max(initial=0.0) < 0.05


def test_best_of_scores_each_finished_row_once_and_copies_none():
    problem, asked = Problem(SMALL, strength=1.0), []

    def counting(tokens):
        asked.append(len(tokens))
        return problem.score(tokens)

    numbers, log_weight = problem.run(Particles(counting, problem.process, strength=1.0, n=8, looks=0), 50)
    assert asked == [400]
    np.testing.assert_allclose(log_weight.numpy(), problem.table[numbers.numpy()])
    alone = Sampler(problem.network, problem.process)
    plain = alone(400, 2, steps=2, generator=torch.Generator().manual_seed(0)).tokens
    assert torch.equal(problem.numbers(plain), numbers.flatten())


def test_one_shot_guesses_have_the_law_of_the_network():
    """From every state of the toy: p(x0 | z), one position at a time; frozen tokens stay."""
    seen = []

    def score(tokens):
        seen.append(tokens)
        return torch.zeros(len(tokens))

    value = OneShot(score, bayes(PRIME), process_of(PRIME))
    for s in (0, 7, 21, len(PRIME.states) - 1):
        state = State.of(torch.tensor(PRIME.states[s]).expand(20000, -1, -1))
        value(state, Transition(0.5, 0.25, 0.5, 0.75), torch.Generator().manual_seed(s))
        assert_drawn_from(seen[-1].numpy() @ np.array([5, 1]), PRIME.token_oracle[s], f"guesses from {s}")
    assert value.passes == 80000


# Other noise


def test_uniform_noise_and_left_to_right_are_steered_too():
    codec = SubtokenCodec(torch.arange(4)[:, None])

    def uniform(z, y, t=None):
        return torch.zeros(*z.shape[:2], 4)

    def threes(tokens):
        return (tokens == 3).sum(1).double()

    for process, value in (
        (UniformProcess(codec), OneShot(threes, uniform, UniformProcess(codec))),
        (LeftToRight(codec), AsItStands(threes, codec)),
    ):
        selection = Particles(threes, process, strength=1.0, n=64, value=value, looks=4, threshold=0.9)
        generator = torch.Generator().manual_seed(0)
        out = Sampler(uniform, process)(6400, 5, steps=5, selection=selection, generator=generator)
        weight = out.log_weight.softmax(0)
        expected = 5 * np.e / (np.e + 3.0)
        assert abs(float(weight @ threes(out.tokens)) - expected) < 0.1
        assert float(threes(out.tokens).mean()) > 1.8, "copied on the way, not only weighed at the end"
    with pytest.raises(ValueError, match="cannot finish a row in one step: use AsItStands"):
        OneShot(threes, uniform, LeftToRight(codec))


# What has no score, and what is refused


def test_guesses_without_a_score_change_nothing():
    problem = Problem(SMALL, strength=1.0)

    def unknown(state, transition, generator):
        return torch.full((len(state.z),), torch.nan)

    blind = problem.run(problem.particles(16, value=unknown, looks=1), 100)
    without = problem.run(problem.particles(16, value=None, looks=0), 100)
    assert all(torch.equal(*pair) for pair in zip(blind, without, strict=True))


def test_finished_rows_without_a_score_weigh_nothing():
    problem = Problem(SMALL, strength=1.0)
    problem.table[3] = problem.table[9] = np.nan
    numbers, log_weight = problem.run(problem.particles(16), 500)
    lost = torch.tensor(np.isnan(problem.table))[numbers]
    assert bool(lost.any())
    assert bool((log_weight.isneginf() == lost).all())
    assert bool(log_weight[~lost].isfinite().all())


def test_strength_zero_is_the_base_law():
    problem = Problem(SMALL, strength=0.0)
    problem.table[3] = np.nan
    numbers, log_weight = problem.run(problem.particles(16), 20000 // 16)
    assert not log_weight.any()
    assert_drawn_from(numbers.flatten().numpy(), problem.base(steps=2), "unsteered rows")


@pytest.mark.parametrize("n", [1, 0, -3])
def test_fewer_than_two_particles_are_refused(n):
    with pytest.raises(ValueError, match=f"n must be at least 2, got {n}"):
        Problem(SMALL, strength=1.0).particles(n)


@pytest.mark.parametrize("strength", [-0.1, float("nan"), float("inf")])
def test_strength_out_of_range_is_refused(strength):
    with pytest.raises(ValueError, match="strength must be a finite number of at least 0"):
        Problem(SMALL, strength=strength).particles(2)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"looks": -1}, "looks must be at least 0"),
        ({"looks": 2, "value": None}, "need a value to look at"),
        ({"start": 1.0}, r"start must be in \[0, 1\)"),
        ({"threshold": float("nan")}, r"threshold in \[0, 1\]"),
    ],
)
def test_settings_out_of_range_are_refused(setting, message):
    with pytest.raises(ValueError, match=message):
        Problem(SMALL, strength=1.0).particles(4, **setting)


def test_rows_that_make_no_groups_are_refused():
    problem = Problem(SMALL, strength=1.0)
    sampler = Sampler(problem.network, problem.process)
    generator = torch.Generator()
    with pytest.raises(ValueError, match="10 rows do not make groups of 4 particles"):
        sampler(10, 2, steps=2, selection=problem.particles(4), generator=generator)

"""Classifier guidance is the law that it says, by enumeration, at the price that it says."""

import math

import guidance_checks as checks
import numpy as np
import pytest
import torch
import toy
from guidance_checks import ONE, PAIR, problems, seeded
from hypothesis import given
from hypothesis import strategies as st
from toy import PLAIN, PRIME
from toy_checks import bayes, process_of
from toy_guidance import Bayes, Linear, chances, sharp, weighted

from moldiff.diffusion import (
    Cap,
    Sampler,
    Transition,
)
from moldiff.errors import RunError
from moldiff.guidance import ClassifierBased, ClassifierFree, FirstOrder, PredictedGoal, Substitution
from moldiff.models.predictor import NoisyPredictor
from moldiff.models.predictor_heads import Values

# The laws


@problems
@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 3.0])
def test_the_law_is_the_normalised_tilt(problem, gamma):
    checks.check_masked(problem, gamma)


@problems
@pytest.mark.parametrize("base_gamma", [0.0, 1.0, 2.5])
def test_both_kinds_of_guidance_combine(problem, base_gamma):
    checks.check_masked(problem, 2.0, base_gamma=base_gamma)


@problems
def test_two_predictors_combine(problem):
    """Guidance is a base for guidance: predictors of different goals multiply, and both are counted."""
    predictors = Bayes(problem, 0.8 * sharp(problem) + 0.1), Linear(problem)
    guidance = checks.exact(predictors[1], 2.0, checks.exact(predictors[0], 0.5))
    found, step = checks.guided(guidance, bayes(problem), process_of(problem), z=problem.states)
    expected = problem.token_law
    for predictor, gamma in zip(predictors, (0.5, 2.0), strict=True):
        expected = weighted(expected, chances(problem, predictor, problem.states), gamma)
    at = problem.masked.any(-1)
    checks.assert_same_law(found[at], expected[at], "two predictors")
    rows = 2 * (problem.allowed * at[..., None]).sum((1, 2))
    assert step.predictor_passes.tolist() == rows.tolist()


@problems
def test_the_predictor_sees_all_digits_of_a_candidate(problem):
    checks.check_seen(problem)


@problems
def test_the_temperature_is_not_the_predictors(problem):
    checks.check_temperature(problem)


@pytest.mark.parametrize("gamma", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("shares", [(0.4, 0.7), (0.8, 1.0), (0.0, 0.1)])
def test_under_uniform_noise_the_kernel_is_tilted(gamma, shares):
    alpha_t, alpha_s = shares
    checks.check_uniform(PAIR, gamma, Transition(1 - alpha_t, 1 - alpha_s, alpha_t, alpha_s, remask=False))


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_one_position_under_uniform_noise_is_exact(steps):
    checks.check_uniform_chain(ONE, steps)


@problems
@pytest.mark.parametrize("gamma", [1.0, 2.5])
def test_left_to_right(problem, gamma):
    checks.check_left_to_right(problem, gamma)


@problems
@pytest.mark.parametrize("unit", ["digit", "token"])
def test_site_by_site_the_sample_has_the_law_given_the_goal(problem, unit):
    checks.check_site_by_site(problem, unit)


def test_all_sites_at_once_the_sample_has_another_law():
    """Tokens of one step are drawn apart, as without guidance: the exact statement is of single sites."""
    goal = sharp(PLAIN)
    found, _ = checks.guided(
        checks.exact(Bayes(PLAIN, goal), 1.0), bayes(PLAIN), process_of(PLAIN), z=PLAIN.states
    )
    law = PLAIN.finish(PLAIN.start(), PLAIN.product(found))
    assert toy.total_variation(law, PLAIN.p * goal / (PLAIN.p @ goal)) > 0.1


@problems
def test_gamma_0_is_the_base_law_and_asks_no_predictor(problem):
    for evidence in (Substitution, lambda goal: Substitution(goal, 2), FirstOrder):
        guidance = ClassifierBased(evidence(checks.asked(None)), 0.0)
        found, step = checks.guided(guidance, bayes(problem), process_of(problem), z=problem.states)
        checks.assert_same_law(found, problem.token_law, "gamma 0")
        assert step.predictor_passes == 0


# Goals that nothing meets, and answers that are none


@problems
@pytest.mark.parametrize("evidence", [Substitution, FirstOrder])
def test_an_impossible_goal_leaves_the_base_law_and_is_counted(problem, evidence):
    checks.check_impossible(problem, evidence)


def test_a_run_counts_tokens_drawn_without_guidance():
    nothing = Bayes(PRIME, np.zeros(len(PRIME.p)))
    sampler = Sampler(bayes(PRIME), process_of(PRIME))
    runs = [
        sampler(500, PRIME.L, steps=4, guidance=guidance, generator=seeded())
        for guidance in (checks.exact(nothing, 2.0), ClassifierFree(1.0))
    ]
    assert torch.equal(runs[0].tokens, runs[1].tokens)
    assert bool((runs[0].unguided >= PRIME.L).all())
    assert not runs[1].unguided.any()


@pytest.mark.parametrize("evidence", [Substitution, FirstOrder])
def test_what_a_predictor_never_saw_is_impossible(evidence):
    """It is a finite number of nats to a law of few values: no token outside V(z) may gain by it."""
    sizes = {"max_length": PRIME.L, "digits": 2, "width": 16, "depth": 1, "heads": 1}
    predictor = NoisyPredictor(PRIME.C, {"rings": Values(range(4))}, **sizes)
    goal = PredictedGoal(predictor, torch.tensor([9.0]), torch.tensor([math.inf]))
    guidance = ClassifierBased(evidence(goal))
    found, step = checks.guided(guidance, bayes(PRIME), process_of(PRIME), z=PRIME.states)
    checks.assert_same_law(found, PRIME.token_law, "the base law")
    assert step.unguided.tolist() == PRIME.masked.any(-1).sum(-1).tolist()


@given(seed=st.integers(0, 10_000), gamma=st.floats(0.01, 50), hole=st.floats(0, 1))
def test_no_mass_outside_what_is_compatible(seed, gamma, hole):
    """Whatever the predictor says: normalised, finite, and nothing outside V(z)."""
    generator = seeded(seed)

    class Anything:
        def log_prob(self, w, visible, low, high, t=None):
            value = -100 * torch.rand(len(w), generator=generator)
            return value.masked_fill(torch.rand(len(w), generator=generator) < hole, -torch.inf)

    found, _ = checks.guided(checks.exact(Anything(), gamma), bayes(PRIME), process_of(PRIME), z=PRIME.states)
    assert not found[~PRIME.allowed].any()
    assert np.allclose(found.sum(-1), 1.0, atol=1e-12)


@pytest.mark.parametrize("answer", [math.nan, math.inf])
def test_an_answer_that_is_no_number_is_said(answer):
    class Broken:
        def log_prob(self, w, visible, low, high, t=None):
            return w.sum((1, 2)) * answer

    for evidence in (Substitution, FirstOrder):
        guidance = ClassifierBased(evidence(checks.asked(Broken())), 1.0)
        with pytest.raises(RunError, match="answered nan or infinity for"):
            checks.guided(guidance, bayes(PRIME), process_of(PRIME), z=PRIME.states)


def test_guidance_leaves_the_coins_alone():
    runs = [
        Sampler(bayes(PRIME), process_of(PRIME), Cap(0.1))(
            64, PRIME.L, steps=4, guidance=checks.exact(Linear(PRIME), gamma), generator=seeded()
        )
        for gamma in (0.0, 5.0)
    ]
    for name in ("revealed", "remasked", "idle"):
        assert torch.equal(getattr(runs[0], name), getattr(runs[1], name)), name
    assert not torch.equal(runs[0].tokens, runs[1].tokens)


def test_networks_keep_no_gradients():
    class Learned(torch.nn.Linear):
        def log_prob(self, w, visible, low, high, t=None):
            return -self(w.flatten(1)).square().sum(1)

    network = Learned(PRIME.L * PRIME.C, 3).double()
    for evidence in (Substitution, FirstOrder):
        guidance = ClassifierBased(evidence(checks.asked(network)), 1.0)
        with torch.enable_grad():
            out = Sampler(bayes(PRIME), process_of(PRIME))(
                8, PRIME.L, steps=4, guidance=guidance, generator=seeded()
            )
        assert bool((out.nfe_predictor > 0).all())
        law, _ = checks.guided(guidance, bayes(PRIME), process_of(PRIME), z=PRIME.states)
        assert isinstance(law, np.ndarray), "numpy takes no tensor that has a history"
    assert network.weight.grad is None
    assert network.bias.grad is None


# Misuse


@pytest.mark.parametrize("gamma", [-1.0, math.nan, math.inf])
def test_a_gamma_that_is_none_is_refused(gamma):
    with pytest.raises(ValueError, match=r"gamma must be .*, got"):
        ClassifierBased(Substitution(checks.asked(None)), gamma)


@pytest.mark.parametrize(
    ("low", "high", "rows", "message"),
    [
        ([1.0], [0.5], 8, "low must be at most high"),
        ([1.0, math.nan], [2.0, 3.0], 8, "NaN where high is"),
        ([math.nan], [math.nan], 8, "ask for nothing"),
        ([1.0], [2.0, 3.0], 8, r"must be \(P,\), got \(1,\) and \(2,\)"),
        ([1.0], [2.0], 0, "rows must be at least 1, got 0"),
    ],
)
def test_bounds_that_are_none_are_refused(low, high, rows, message):
    with pytest.raises(ValueError, match=message):
        PredictedGoal(None, torch.tensor(low), torch.tensor(high), rows=rows)

"""Exact, top-k and first-order evidence: what they say, and what they cost."""

import guidance_checks as checks
import numpy as np
import pytest
import torch
from guidance_checks import PAIR, problems, seeded
from toy import PLAIN, PRIME
from toy_checks import bayes, process_of
from toy_guidance import Bayes, Linear, sharp

from moldiff.diffusion import (
    Cap,
    LeftToRight,
    MaskedProcess,
    Sampler,
    SubtokenCodec,
    Transition,
    UniformProcess,
)
from moldiff.errors import InputError, RunError
from moldiff.guidance import ClassifierBased, FirstOrder, Substitution


@problems
@pytest.mark.parametrize("k", [1, 2, 3])
def test_top_k(problem, k):
    _, step = checks.check_top_k(problem, k)
    revealed = problem.masked.any(-1).sum(1)
    assert (step.predictor_passes.numpy() <= k * revealed).all()


@problems
def test_all_tokens_are_the_exact_form(problem):
    every, step = checks.check_top_k(problem, problem.C)
    guidance = checks.exact(Bayes(problem, 0.8 * sharp(problem, share=0.6) + 0.1), 2.0)
    exact, other = checks.guided(guidance, bayes(problem), process_of(problem), z=problem.states)
    assert np.array_equal(every, exact)
    assert torch.equal(step.predictor_passes, other.predictor_passes)


@problems
def test_first_order_is_exact_where_the_predictor_is_linear(problem):
    checks.check_first_order(problem)


@problems
def test_first_order_is_the_slope_towards_the_token(problem):
    checks.check_slopes(problem)


def test_first_order_under_uniform_noise():
    """It is linear around the noisy token, which is one-hot."""
    process, predictor = UniformProcess(SubtokenCodec(torch.tensor(PAIR.codes))), Linear(PAIR)
    z, transition = PAIR.sequences[..., None], Transition(0.6, 0.3, 0.4, 0.7, remask=False)
    logits = torch.zeros(len(z), 2, 3, dtype=torch.float64)
    laws = [
        checks.guided(guidance, lambda z, y, t: logits, process, z=z, transition=transition)[0]
        for guidance in (
            ClassifierBased(FirstOrder(checks.asked(predictor)), 1.5),
            checks.exact(predictor, 1.5),
        )
    ]
    checks.assert_same_law(*laws, "first order")


def test_first_order_needs_finite_slopes():
    class Steep:
        def log_prob(self, w, visible, low, high, t=None):
            return -(w - w.detach()).sum((1, 2)).abs().sqrt()

    class Flat:
        def log_prob(self, w, visible, low, high, t=None):
            return torch.zeros(len(w))

    for predictor, error, message in (
        (Steep(), RunError, "gradient is not finite"),
        (Flat(), ValueError, "differentiable in w"),
    ):
        guidance = ClassifierBased(FirstOrder(checks.asked(predictor)), 1.0)
        with pytest.raises(error, match=message):
            checks.guided(guidance, bayes(PRIME), process_of(PRIME), z=PRIME.states)


def test_k_is_between_1_and_the_number_of_tokens():
    with pytest.raises(ValueError, match="k must be at least 1, got 0"):
        Substitution(checks.asked(None), 0)
    guidance = ClassifierBased(Substitution(checks.asked(None), 6), 1.0)
    with pytest.raises(InputError, match="k must be at most 5, the number of tokens, got 6"):
        checks.guided(guidance, bayes(PRIME), process_of(PRIME), z=PRIME.states)


# Price and memory


@problems
def test_every_predictor_row_is_counted(problem):
    checks.check_counts(problem)


@problems
@pytest.mark.parametrize("rows", [1, 7])
def test_chunks_change_nothing_and_bound_the_rows(problem, rows):
    for make in (Substitution, FirstOrder):
        laws, steps = [], []
        for size in (rows, 10**6):
            predictor = Bayes(problem, sharp(problem) + 0.1)
            guidance = ClassifierBased(make(checks.asked(predictor, size)), 2.0)
            law, step = checks.guided(guidance, bayes(problem), process_of(problem), z=problem.states)
            laws.append(law)
            steps.append(torch.as_tensor(step.predictor_passes))
            assert predictor.largest <= size
            assert predictor.rows == int(steps[-1].expand(len(problem.states)).sum())
        assert np.abs(laws[0] - laws[1]).max() < 1e-14
        assert torch.equal(*steps)


@pytest.mark.parametrize("process", [MaskedProcess, LeftToRight, UniformProcess])
def test_counts_of_a_run(process):
    """Without re-masking every position is drawn once, under uniform noise in every step."""
    noise, steps, rows = process(SubtokenCodec(torch.tensor(PLAIN.codes))), PLAIN.L, 60
    network = lambda z, y, t=None: torch.zeros(*z.shape[:2], PLAIN.C)  # noqa: E731
    draws = steps * PLAIN.L if process is UniformProcess else PLAIN.L
    for evidence, cost in ((Substitution, PLAIN.C), (lambda goal: Substitution(goal, 2), 2)):
        predictor = Linear(PLAIN)
        guidance = ClassifierBased(evidence(checks.asked(predictor)), 1.0)
        out = Sampler(network, noise)(rows, PLAIN.L, steps=steps, guidance=guidance, generator=seeded())
        assert bool((out.nfe_predictor == draws * cost).all())
        assert torch.equal(out.nfe, steps - out.idle)
    guidance = ClassifierBased(FirstOrder(checks.asked(Linear(PLAIN))), 1.0)
    out = Sampler(network, noise)(rows, PLAIN.L, steps=steps, guidance=guidance, generator=seeded())
    assert torch.equal(out.nfe_predictor, steps - out.idle)


def test_counts_of_a_run_are_the_predictors_rows():
    predictor = Bayes(PRIME, sharp(PRIME) + 0.1)
    out = Sampler(bayes(PRIME), process_of(PRIME), Cap(0.3))(
        50, PRIME.L, steps=8, guidance=checks.exact(predictor, 2.0), generator=seeded()
    )
    assert int(out.nfe_predictor.sum()) == predictor.rows
    assert len(out.nfe_predictor.unique()) > 1

import math

import ordering_checks as checks
import pytest
import torch
import toy
from toy import PRIME, TOYS
from toy_checks import bayes, process_of

from moldiff.diffusion import MASK, LeastEntropy, Plan, Sampler, SubtokenCodec

problems = pytest.mark.parametrize("problem", TOYS.values(), ids=TOYS)


@problems
def test_one_site_at_a_time_is_exact(problem):
    checks.check_chain_rule(problem)


@problems
def test_any_order_that_looks_at_what_is_visible_is_exact(problem):
    class Greatest(LeastEntropy):
        def __call__(self, law, plan, codec):
            chosen = torch.zeros_like(plan.reveal)
            for row, offered in enumerate(plan.reveal):
                entropy = codec.digit_entropies(law[row]).masked_fill(~offered, -1.0)
                if offered.any():
                    chosen[row].view(-1)[entropy.argmax()] = True
            return chosen

    checks.check_chain_rule(problem, Greatest())


@problems
def test_rounds_leave_the_law_alone(problem):
    checks.check_rounds(problem)


@pytest.mark.parametrize("problem", [*TOYS.values(), checks.COPIES], ids=[*TOYS, "copies"])
def test_error_is_bounded(problem):
    checks.check_bound(problem)


@pytest.mark.parametrize("rounds", [0, 2])
def test_runs_draw_from_the_law(rounds):
    checks.check_ordered_runs(PRIME, rounds)


@problems
@pytest.mark.parametrize("steps", [1, 2, 3, 7])
def test_steps_are_shared_out(problem, steps):
    checks.check_due(problem, steps)


def entropies(law, codec):
    return codec.digit_entropies(torch.tensor(law).log())


def test_entropies_of_digits_are_those_of_their_marginals():
    codec = SubtokenCodec(torch.tensor([[0, 0], [0, 1], [1, 0]]))
    found = entropies([[0.5, 0.25, 0.25], [1.0, 0.0, 0.0]], codec)
    first = toy.entropy([0.75, 0.25])
    assert torch.allclose(found, torch.tensor([[first, first], [0.0, 0.0]]))


@pytest.mark.parametrize(
    ("bound", "due", "chosen"),
    [
        (0.0, 1, [2]),
        (0.0, 2, [2, 0]),
        (0.0, 9, [2, 0, 3]),
        (0.15, 1, [2, 0]),  # the largest entropy is free
        (0.5, 1, [2, 0]),
        (0.64, 1, [2, 0, 3]),
        (math.inf, 1, [2, 0, 3]),
    ],
)
def test_as_many_as_are_due_and_as_the_bound_allows(bound, due, chosen):
    codec = SubtokenCodec(torch.arange(2)[:, None])
    law = torch.tensor([[[0.8, 0.2], [0.999, 0.001], [0.97, 0.03], [0.5, 0.5]]]).log()
    offered = torch.tensor([True, False, True, True])[None, :, None]
    plan = Plan(offered, torch.zeros_like(offered), torch.tensor([due]))
    found = LeastEntropy(bound)(law, plan, codec)
    assert sorted(found[0, :, 0].nonzero()[:, 0].tolist()) == sorted(chosen)


def test_what_is_certain_comes_along_for_nothing():
    codec = SubtokenCodec(torch.arange(2)[:, None])
    law = torch.tensor([[[1.0, 0.0], [1.0, 0.0], [0.5, 0.5], [0.6, 0.4]]]).log().clamp_min(-1e9)
    offered = torch.ones(1, 4, 1, dtype=torch.bool)
    plan = Plan(offered, ~offered, torch.tensor([1]))
    assert LeastEntropy()(law, plan, codec)[0, :, 0].tolist() == [True, True, False, True]


def test_frozen_positions_are_left_out():
    start = torch.full((40, PRIME.L, PRIME.K), MASK)
    start[:, 0] = torch.tensor(PRIME.codes)[torch.arange(40) % PRIME.C]
    frozen = torch.zeros(40, PRIME.L, dtype=torch.bool)
    frozen[:, 0] = True
    run = Sampler(bayes(PRIME), process_of(PRIME), None, checks.Rounds(2, 0.5), LeastEntropy())
    out = run(40, PRIME.L, steps=60, start=start, frozen=frozen, generator=torch.Generator().manual_seed(0))
    assert torch.equal(out.tokens[:, 0], torch.arange(40) % PRIME.C)
    assert torch.equal(out.revealed, (PRIME.L - 1) * PRIME.K + out.remasked)


@pytest.mark.parametrize("bound", [-0.1, math.nan])
def test_bounds_that_are_none(bound):
    with pytest.raises(ValueError, match="bound must be at least 0 nats"):
        LeastEntropy(bound)

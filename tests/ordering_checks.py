"""Checks of runs in an order that the network chooses, against the exact laws of toy.py."""

import numpy as np
import torch
import toy
from toy_checks import assert_drawn_from, assert_same_law, bayes, coin_law, process_of, states_of

from moldiff.diffusion import LeastEntropy, Plan, Rounds, Sampler, Straight

SUREST = LeastEntropy()
COPIES = toy.Toy([[0], [1]], np.array([1.0, *[1e-4] * 6, 1.0]).reshape(2, 2, 2))
"""Three tokens that are nearly always the same: drawn each for itself, they seldom are."""


def chosen_sites(problem, order, due):
    """The sites (S, L, K) that an order reveals of every state, ``due`` of them where there are as many."""
    state, process = states_of(problem), process_of(problem)
    law = process.log_kernel(bayes(problem)(state.z), state.z, None)
    plan = Plan(state.masked, torch.zeros_like(state.masked), torch.full((len(state.z),), due))
    chosen = order(law, plan, process.codec)
    assert not bool((chosen & ~state.masked).any()), "revealed what was visible"
    return chosen.numpy()


def as_coins(problem, flips):
    """The law of the outcomes (S, F) that flips the sites (S, L, K) for certain."""
    places = 2 ** np.arange(problem.L * problem.K)[::-1]
    out = np.zeros((len(problem.states), 2 ** (problem.L * problem.K)))
    out[np.arange(len(out)), flips.reshape(len(out), -1) @ places] = 1.0
    return out


def filled(problem, law, order, due=1):
    """The law of the states once nothing is masked, from a law of states, and the steps that it took."""
    coins, steps = as_coins(problem, chosen_sites(problem, order, due)), 0
    while law @ problem.masked.any((1, 2)) > 0:
        law, steps = problem.step(law, coins, problem.token_oracle), steps + 1
    return law, steps


def check_chain_rule(problem, order=SUREST):
    """One site at a time, tokens drawn each for itself end in p_data, whichever order the values suggest."""
    law, steps = filled(problem, problem.start(), order)
    assert steps <= problem.L * problem.K
    assert_same_law(problem.finish(law, problem.joint_oracle), problem.p, "law of the finished sample")


def check_rounds(problem, share=0.4):
    """Hiding a share of what is finished and revealing it again, one at a time, leaves p_data as it is."""
    process = process_of(problem)
    transitions = process.transitions(Rounds(1, share), 40, problem.L)
    [hides] = [step for step in transitions if step.alpha_s < step.alpha_t]
    law, _ = filled(problem, problem.start(), SUREST)
    hidden = problem.step(law, coin_law(problem, process, hides, None), problem.joint_oracle)
    assert abs(hidden @ problem.masked.mean((1, 2)) - share) < 1e-12, "the share that is hidden"
    law, _ = filled(problem, hidden, SUREST)
    assert_same_law(problem.finish(law, problem.joint_oracle), problem.p, "law after a round")


def divergence(problem, order):
    """KL(p_data, law of a run that reveals what the order allows), and the steps of the run."""
    law, steps = filled(problem, problem.start(), order)
    found = problem.finish(law, problem.joint_oracle)
    some = problem.p > 0
    return float((problem.p[some] * np.log(problem.p[some] / found[some])).sum()), steps


def check_bound(problem, bounds=(0.05, 0.2, 0.5, 1.0, 2.0)):
    """No step's error exceeds the bound: the divergence of a run is at most their sum."""
    for bound in bounds:
        error, steps = divergence(problem, LeastEntropy(bound))
        assert error <= bound * steps + 1e-9, f"{error} nats in {steps} steps of at most {bound}"
    everything, steps = divergence(problem, LeastEntropy(1e9))
    assert steps == 1
    assert everything > 0, "all at once is no draw from the joint law"


def check_ordered_runs(problem, rounds=0, rows=20000):
    """The sampler itself draws from p_data, at one network row for each digit that it reveals."""
    sampler = Sampler(bayes(problem), process_of(problem), None, Rounds(rounds, 0.4), LeastEntropy())
    sites = problem.L * problem.K
    out = sampler(rows, problem.L, steps=20 * sites, generator=torch.Generator().manual_seed(3))
    numbers = out.tokens.numpy() @ problem.C ** np.arange(problem.L)[::-1]
    assert_drawn_from(numbers, problem.p, "finished rows")
    assert torch.equal(out.revealed, sites + out.remasked), "digits revealed"
    assert bool((out.nfe <= out.revealed).all()), "network rows"
    assert bool(out.remasked.any()) == (rounds > 0)


def check_due(problem, steps, rows=50):
    """Where there are fewer steps than digits they are shared out evenly, and none is left."""
    sampler = Sampler(bayes(problem), process_of(problem), None, Straight(), LeastEntropy())
    out = sampler(rows, problem.L, steps=steps, generator=torch.Generator().manual_seed(0))
    assert not bool(out.filled.any())
    assert bool((out.nfe + out.idle == steps).all())
    assert bool((out.nfe <= min(steps, problem.L * problem.K)).all())

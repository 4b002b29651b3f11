"""Checks of classifier guidance against the exact laws of toy.py and toy_guidance.py.

Each is an AssertionError where it fails; guidance/test_detection_cbg.py breaks the code under it on purpose.
"""

import numpy as np
import pytest
import torch
import toy
from sampler_checks import TwoLaws
from toy import TOYS
from toy_checks import assert_same_law, bayes, process_of, states_of
from toy_guidance import Bayes, Linear, Noisy, chances, likeliest, sharp, weighted

from moldiff.diffusion import (
    LeftToRight,
    Plan,
    State,
    Step,
    Straight,
    SubtokenCodec,
    Transition,
    UniformProcess,
    conditional,
)
from moldiff.guidance import ClassifierBased, ClassifierFree, FirstOrder, PredictedGoal, Substitution

RISE = Transition(0.5, 0.4, 0.5, 0.6)
ASKED = torch.tensor([1.0])

problems = pytest.mark.parametrize("problem", TOYS.values(), ids=TOYS)
ONE = toy.Toy([[0], [1], [2]], toy.random_joint(3, 1, 4))
PAIR = toy.Toy([[0], [1], [2]], toy.random_joint(3, 2, 5))


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


# moldiff's law at given states


def asked(predictor, rows=512):
    return PredictedGoal(predictor, ASKED, ASKED, rows=rows)


def exact(predictor, gamma, base=conditional, *, rows=512):
    return ClassifierBased(Substitution(asked(predictor, rows)), gamma, base)


def guided(guidance, network, process, *, z, transition=RISE, temperature=1.0, reveal=None):
    """The law (R, L, C) at all states z, and the step it took."""
    state = State.of(torch.as_tensor(z), torch.ones(len(z), 1))
    everywhere = state.masked if process.masks else torch.ones_like(state.masked)
    reveal = everywhere if reveal is None else reveal
    step = Step(state, Plan(reveal, torch.zeros_like(reveal)), transition, process, network, temperature)
    with torch.no_grad():
        law = guidance(step)
    assert bool(law.isfinite().all()), "log-probabilities must be finite"
    return law.exp().double().numpy(), step


def assert_laws(found, expected, at, what):
    assert_same_law(found[at], expected[at], what)


# Checks


def check_masked(problem, gamma, predictor=None, base_gamma=None):
    """Every state: base(v) p(goal | z with v)^gamma on V(z), normalised; base alone or under D-CFG."""
    predictor = predictor or Bayes(problem, sharp(problem))
    network, base, law = bayes(problem), conditional, problem.token_law
    if base_gamma is not None:
        network, base = TwoLaws(problem), ClassifierFree(base_gamma)
        law = toy.tilted(network.law(True), network.law(False), problem.allowed, base_gamma)
    found, step = guided(exact(predictor, gamma, base), network, process_of(problem), z=problem.states)
    expected = weighted(law, chances(problem, predictor, problem.states), gamma)
    open_sites = problem.masked.any(-1)
    assert_laws(found, expected, open_sites, "D-CBG")
    assert_laws(found, law, ~open_sites, "law where nothing is revealed")
    assert not found[~problem.allowed].any(), "mass outside V(z)"
    assert step.passes == (2 if base_gamma not in (None, 0.0, 1.0) else 1), "network passes"
    return step


def check_seen(problem):
    """The predictor is told that all digits of a candidate are seen."""
    check_masked(problem, 1.5, Linear(problem, seen=1.0))


def check_temperature(problem):
    """The temperature divides the network's logits alone."""
    predictor = Bayes(problem, sharp(problem))
    found, _ = guided(
        exact(predictor, 1.0), bayes(problem), process_of(problem), z=problem.states, temperature=2.0
    )
    base = np.sqrt(problem.token_law)
    base /= base.sum(-1, keepdims=True)
    expected = weighted(base, chances(problem, predictor, problem.states), 1.0)
    assert_laws(found, expected, problem.masked.any(-1), "D-CBG at temperature 2")


def check_top_k(problem, k, gamma=2.0):
    """The k likeliest under the base law, renormalised."""
    predictor = Bayes(problem, 0.8 * sharp(problem, share=0.6) + 0.1)
    guidance = ClassifierBased(Substitution(asked(predictor), k), gamma)
    found, step = guided(guidance, bayes(problem), process_of(problem), z=problem.states)
    base = problem.token_law * likeliest(problem.token_law, k)
    expected = weighted(base, chances(problem, predictor, problem.states), gamma)
    assert_laws(found, expected, problem.masked.any(-1), f"top {k}")
    return found, step


def check_first_order(problem, gamma=1.5):
    """Equal to the exact law where log p is linear in w."""
    predictor = Linear(problem)
    guidance = ClassifierBased(FirstOrder(asked(predictor)), gamma)
    found, _ = guided(guidance, bayes(problem), process_of(problem), z=problem.states)
    expected = weighted(problem.token_law, chances(problem, predictor, problem.states), gamma)
    assert_laws(found, expected, problem.masked.any(-1), "first order")
    assert not found[~problem.allowed].any(), "mass outside V(z)"


def check_slopes(problem):
    """Elsewhere it is log p + its derivative towards the token, here by differences; p is positive."""
    predictor = Bayes(problem, 0.8 * sharp(problem) + 0.1)
    state = states_of(problem)
    plan = Plan(state.masked, torch.zeros_like(state.masked))
    step = Step(state, plan, RISE, process_of(problem), bayes(problem))
    laws = conditional(step)[plan.reveals]
    found = FirstOrder(asked(predictor))(step, laws)
    allowed = torch.tensor(problem.allowed).double()
    w = allowed / allowed.sum(-1, keepdim=True)
    for (row, i), evidence in zip(plan.reveals.nonzero().tolist(), found, strict=True):
        way = torch.zeros(problem.C, problem.L, problem.C, dtype=torch.float64)
        way[:, i] = torch.eye(problem.C) - w[row, i]
        ends = [predictor.log_prob(w[row] + h * way, None, None, None) for h in (1e-6, -1e-6)]
        expected = predictor.log_prob(w[row][None], None, None, None) + (ends[0] - ends[1]) / 2e-6
        worst = float(((evidence - expected) / (1 + expected.abs())).abs().max())
        assert worst < 1e-6, f"slopes off by {worst:.1e}"


def check_uniform(problem, gamma, transition):
    """Every state: q(z_s = v | z_t) p(goal | z with v, level s)^gamma, normalised over all tokens."""
    process = UniformProcess(SubtokenCodec(torch.tensor(problem.codes)))
    predictor = Noisy(problem, sharp(problem))
    logits = torch.randn(
        len(problem.p), problem.L, problem.C, dtype=torch.float64, generator=torch.Generator().manual_seed(0)
    )
    z = problem.sequences[..., None]
    network = lambda z, y, t=None: logits  # noqa: E731
    found, step = guided(exact(predictor, gamma), network, process, z=z, transition=transition)
    base = process.log_kernel(logits, torch.tensor(z), transition).exp().numpy()
    expected = weighted(base, chances(problem, predictor, z, transition.s), gamma)
    assert_same_law(found, expected, "D-CBG of uniform noise")
    assert bool((step.predictor_passes == problem.L * problem.C).all()), "predictor rows"


def check_uniform_chain(problem, steps):
    """One position: Bayes' rule at every step, so the run ends in p(x0 | goal) whatever the steps."""
    process = UniformProcess(SubtokenCodec(torch.tensor(problem.codes)))
    goal = sharp(problem)
    logits = torch.tensor(problem.p).log().expand(problem.C, 1, -1)
    law = np.full(problem.C, 1 / problem.C)
    z = np.arange(problem.C)[:, None, None]
    for transition in process.transitions(Straight(), steps, 1):
        kernel, _ = guided(
            exact(Noisy(problem, goal), 1.0),
            lambda z, y, t=None: logits,
            process,
            z=z,
            transition=transition,
        )
        law = law @ kernel[:, 0]
    assert_same_law(law, problem.p * goal / (problem.p @ goal), "one position under uniform noise")


def check_left_to_right(problem, gamma=1.0):
    """The whole tree: with p(goal | prefix) exact and gamma 1 the strings have the law p(x0 | goal)."""
    process = LeftToRight(SubtokenCodec(torch.tensor(problem.codes)))
    goal = sharp(problem)
    predictor = Bayes(problem, goal)
    law, direct = np.ones(len(problem.p)), np.ones(len(problem.p))
    for i, transition in enumerate(process.transitions(None, problem.L, problem.L)):
        z = problem.codes[problem.sequences]
        z[:, i:] = -1
        reveal = torch.zeros(z.shape, dtype=torch.bool)
        reveal[:, i] = True
        found, _ = guided(
            exact(predictor, gamma), bayes(problem), process, z=z, transition=transition, reveal=reveal
        )
        base = problem.token_law[problem.number(z)]
        expected = weighted(base, chances(problem, predictor, z), gamma)
        each = np.arange(len(law))
        law *= found[each, i, problem.sequences[:, i]]
        direct *= expected[each, i, problem.sequences[:, i]]
    assert_same_law(law, direct, "left to right")
    if gamma == 1.0:
        assert_same_law(law, problem.p * goal / (problem.p @ goal), "strings left to right")


def check_site_by_site(problem, unit="digit"):
    """One site a step, gamma 1, p(goal | z) exact: the finished sample has the law p(x0 | goal)."""
    goal = sharp(problem)
    process = process_of(problem, reveal="one", unit=unit)
    found, _ = guided(exact(Bayes(problem, goal), 1.0), bayes(problem), process, z=problem.states)
    law, posterior = problem.start(), problem.product(found)
    for _ in range(problem.L * (problem.K if unit == "digit" else 1)):
        law = problem.step(law, problem.one_site(unit), posterior)
    assert_same_law(problem.finish(law, posterior), problem.p * goal / (problem.p @ goal), "site by site")


def check_impossible(problem, evidence=Substitution):
    """Where no candidate can meet the goal the base law stands, and the position is counted."""
    goal = sharp(problem)
    guidance = ClassifierBased(evidence(asked(Bayes(problem, goal))), 1.0)
    found, step = guided(guidance, bayes(problem), process_of(problem), z=problem.states)
    hopeless = (problem.joint_oracle @ goal == 0) & problem.masked.any((1, 2))
    assert 0 < hopeless.sum() < len(hopeless), "nothing to find"
    assert_same_law(found[hopeless], problem.token_law[hopeless], "law without hope")
    lost = problem.masked.any(-1).sum(1) * hopeless
    assert step.unguided.tolist() == lost.tolist(), "positions that kept the base law"


def check_counts(problem):
    """Predictor rows: one for every token in V(z) of every revealed position, of that row."""
    predictor = Bayes(problem, sharp(problem))
    _, step = guided(exact(predictor, 1.0), bayes(problem), process_of(problem), z=problem.states)
    expected = (problem.allowed * problem.masked.any(-1)[..., None]).sum((1, 2))
    assert step.predictor_passes.tolist() == expected.tolist(), "predictor rows of each molecule"
    assert predictor.rows == expected.sum(), "predictor rows"

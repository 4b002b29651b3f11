"""The chain of re-mask and refill moves: its exact law, what it accepts, and what it leaves alone."""

from itertools import combinations, permutations
from math import comb, factorial

import numpy as np
import pytest
import torch
from toy import PLAIN, PRIME, Toy, random_joint, total_variation
from toy_checks import assert_drawn_from, assert_same_law, bayes, finished_law, process_of

from moldiff.diffusion import MaskedProcess, Sampler, SubtokenCodec, UniformProcess
from moldiff.diffusion.left_to_right import LeftToRight
from moldiff.guidance.metropolis import Metropolis, Refill, acceptance
from moldiff.models.causal import CausalDenoiser

ONE_TOKEN = Toy([[0, 0], [1, 0], [0, 2], [0, 1], [1, 1]], random_joint(5, 1, 8))
STRENGTH = 1.5


def scores(problem, seed=3):
    """A score for every sequence, (X,)."""
    return np.random.default_rng(seed).normal(size=len(problem.p))


def scorer(problem, table):
    place = torch.tensor(problem.C ** np.arange(problem.L)[::-1].copy())
    values = torch.tensor(table)
    return lambda tokens: values[(tokens * place).sum(1)]


def tilted(problem, table):
    law = problem.p * np.exp(STRENGTH * table)
    return law / law.sum()


def hidden_state(problem, x, hidden):
    z = problem.codes[problem.sequences[x]].copy()
    z[list(hidden)] = -1
    return problem.number(z[None])[0]


def refill_law(problem, x, order):
    """The law of x' when the positions in ``order`` are hidden and drawn one by one, (X,)."""
    law = np.zeros(len(problem.p))
    for new in np.ndindex((problem.C,) * len(order)):
        after, chance = problem.sequences[x].copy(), 1.0
        for k, (position, token) in enumerate(zip(order, new, strict=True)):
            seen = after @ problem.C ** np.arange(problem.L)[::-1]
            chance *= problem.token_law[hidden_state(problem, seen, order[k:]), position, token]
            after[position] = token
        law[after @ problem.C ** np.arange(problem.L)[::-1]] += chance
    return law


def one_shot_law(problem, x, hidden):
    """The law of x' when all hidden positions are drawn at once from their marginals, (X,)."""
    return problem.token_oracle[hidden_state(problem, x, hidden)]


def proposal(problem, most, *, one_shot=False):
    """The transition matrix (X, X) of a move before it is accepted or refused."""
    matrix = np.zeros((len(problem.p),) * 2)
    for x in range(len(problem.p)):
        for m in range(1, most + 1):
            for hidden in combinations(range(problem.L), min(m, problem.L)):
                weight = 1.0 / most / comb(problem.L, len(hidden))
                if one_shot:
                    matrix[x] += weight * one_shot_law(problem, x, hidden)
                    continue
                for order in permutations(hidden):
                    matrix[x] += weight / factorial(len(hidden)) * refill_law(problem, x, order)
    return matrix


def chain_matrix(proposed, table):
    """The transition matrix (X, X) of the chain, with the package's acceptance."""
    old, new = (torch.tensor(each) for each in np.broadcast_arrays(table[:, None], table[None]))
    accepted = acceptance(old.reshape(-1), new.reshape(-1), STRENGTH).view(old.shape).numpy()
    matrix = proposed * accepted
    return matrix + np.diag(1.0 - matrix.sum(1))


def stationary(matrix):
    """The law that the chain leaves as it is."""
    system = np.vstack([matrix.T - np.eye(len(matrix)), np.ones(len(matrix))])
    return np.linalg.lstsq(system, np.append(np.zeros(len(matrix)), 1.0), rcond=None)[0]


@pytest.mark.parametrize("problem", [PLAIN, PRIME, ONE_TOKEN], ids=["K=1", "K=2", "one token"])
def test_stationary_law_is_the_tilted_base_law(problem):
    table = scores(problem)
    matrix = chain_matrix(proposal(problem, problem.L), table)
    assert_same_law(matrix.sum(1), 1.0, "rows of the matrix")
    assert total_variation(stationary(matrix), tilted(problem, table)) < 1e-10


@pytest.mark.parametrize("problem", [PLAIN, PRIME], ids=["K=1", "K=2"])
def test_one_shot_refills_have_another_law(problem):
    table = scores(problem)
    matrix = chain_matrix(proposal(problem, problem.L, one_shot=True), table)
    assert total_variation(stationary(matrix), tilted(problem, table)) > 0.01


# From left to right


class Causal:
    """A network of three tokens on two positions whose laws need not be those of any other order."""

    rng = np.random.default_rng(4)
    first, second = rng.dirichlet(np.ones(3)), rng.dirichlet(np.ones(3), size=3)
    law = (first[:, None] * second).reshape(-1)

    def __call__(self, z, y, t=None):
        before = z[:, 0, 0].clamp_min(0)
        rows = torch.tensor(self.first).expand(len(z), -1), torch.tensor(self.second)[before]
        return torch.stack(rows, 1).log()

    def rewriting(self):
        """The transition matrix (X, X) of a move that hides the last token or both."""
        last = np.einsum("ac,bd->abcd", np.eye(3), np.ones((3, 3)))
        last = (last * self.second[None, None]).reshape(9, 9)
        return 0.5 * last + 0.5 * np.broadcast_to(self.law, (9, 9))


CAUSAL = LeftToRight(SubtokenCodec(torch.arange(3)[:, None]))
SEQUENCES = torch.tensor(list(np.ndindex(3, 3)))


def test_left_to_right_the_law_is_exact_for_any_network():
    table = np.random.default_rng(5).normal(size=9)
    expected = Causal.law * np.exp(STRENGTH * table)
    found = stationary(chain_matrix(Causal().rewriting(), table))
    assert total_variation(found, expected / expected.sum()) < 1e-10


def test_left_to_right_rewrites_the_last_tokens():
    refill = Refill(Causal(), CAUSAL, most=2)
    for x in (1, 5):
        rows = refill(SEQUENCES[x].expand(20000, -1), torch.zeros(20000, 0), torch.Generator().manual_seed(x))
        assert_drawn_from((rows @ torch.tensor([3, 1])).numpy(), Causal().rewriting()[x], "rewritten rows")


# What is drawn


def copies(problem, x, rows=20000):
    return torch.tensor(problem.sequences[x]).expand(rows, -1), torch.zeros(rows, 0)


@pytest.mark.parametrize(("problem", "most"), [(PLAIN, 3), (PLAIN, 2), (PRIME, 9)], ids=["3", "2", "K=2"])
def test_moves_have_the_law_of_the_matrix(problem, most):
    refill, place = Refill(bayes(problem), process_of(problem), most=most), problem.C ** np.arange(problem.L)
    for x in (0, len(problem.p) // 2):
        rows = refill(*copies(problem, x), torch.Generator().manual_seed(7))
        numbers = rows.numpy() @ place[::-1]
        assert_drawn_from(numbers, proposal(problem, most)[x], f"moves from {problem.sequences[x]}")
    hidden = min(most, problem.L)
    sizes = np.minimum(np.arange(1, most + 1), hidden)
    assert refill.passes / 40000 == pytest.approx(sizes.mean(), rel=0.02)


def test_chains_have_the_law_of_the_matrix():
    """What is drawn from one row is what the powers of the matrix say."""
    table, place = scores(PRIME), np.array([PRIME.C, 1])
    matrix = chain_matrix(proposal(PRIME, 2), table)
    refill = Refill(bayes(PRIME), process_of(PRIME), most=2)
    for moves in (1, 2, 10):
        chains = Metropolis(scorer(PRIME, table), refill, strength=STRENGTH, moves=moves)
        chain = chains.run(*copies(PRIME, 3), torch.Generator().manual_seed(moves))
        numbers = chain.tokens.numpy() @ place
        assert_drawn_from(numbers, np.linalg.matrix_power(matrix, moves)[3], f"{moves} moves")
        assert np.array_equal(chain.score.numpy(), table[numbers])
        assert bool((chain.accepted <= moves).all())


def test_one_shot_twin_is_found():
    """A refill that draws everything hidden at once fails the check that the right one passes."""

    class AtOnce(Refill):
        def __init__(self, network, process):
            super().__init__(network, process, most=2)
            self.sampler = Sampler(network, MaskedProcess(process.codec))

        def __call__(self, tokens, y, generator, frozen=None):
            hidden = self.hidden(torch.ones_like(tokens, dtype=torch.bool), generator)
            start = self.sampler.process.codec.encode(tokens).masked_fill(hidden[..., None], -1)
            shape = tokens.shape
            return self.sampler(*shape, steps=1, generator=generator, start=start, frozen=~hidden).tokens

    rows = AtOnce(bayes(PRIME), process_of(PRIME))(*copies(PRIME, 3), torch.Generator().manual_seed(0))
    numbers = rows.numpy() @ np.array([PRIME.C, 1])
    assert_drawn_from(numbers, proposal(PRIME, 2, one_shot=True)[3], "one-shot moves")
    with pytest.raises(AssertionError, match="chi-square"):
        assert_drawn_from(numbers, proposal(PRIME, 2)[3], "one-shot moves")


# As a selection


def chains(problem, table, **keywords):
    refill = Refill(bayes(problem), process_of(problem), most=2)
    return Metropolis(scorer(problem, table), refill, **{"strength": STRENGTH, "moves": 5, **keywords})


def test_as_a_selection_it_moves_finished_rows():
    table = scores(PRIME)
    sampler = Sampler(bayes(PRIME), process_of(PRIME))
    generator = torch.Generator().manual_seed(1)
    out = sampler(20000, 2, steps=4, generator=generator, selection=chains(PRIME, table))
    base = finished_law(PRIME, process_of(PRIME), None, steps=4, posterior=PRIME.token_oracle)
    law = base @ np.linalg.matrix_power(chain_matrix(proposal(PRIME, 2), table), 5)
    assert_drawn_from(out.tokens.numpy() @ np.array([PRIME.C, 1]), law, "finished rows after five moves")


def test_frozen_positions_stay():
    codec = process_of(PLAIN).codec
    given = torch.tensor([[2, 0, 1]]).expand(500, -1)
    frozen = torch.tensor([[True, False, True]]).expand(500, -1)
    out = Sampler(bayes(PLAIN), process_of(PLAIN))(
        500,
        3,
        steps=3,
        generator=torch.Generator().manual_seed(1),
        selection=chains(PLAIN, scores(PLAIN), moves=20),
        start=codec.encode(given),
        frozen=frozen,
    )
    assert bool((out.tokens[:, [0, 2]] == torch.tensor([2, 1])).all())
    assert len(out.tokens[:, 1].unique()) > 1


def test_proposals_without_a_score_are_refused_and_rows_without_one_are_left():
    table = np.where(np.arange(25) % 2, np.nan, 1.0)
    start = torch.arange(25).repeat(20)
    tokens = torch.stack([start // 5, start % 5], 1)
    chain = chains(PRIME, table, moves=30).run(tokens, torch.zeros(500, 0), torch.Generator().manual_seed(0))
    assert bool((chain.score == 1.0).all())


def test_until_ends_the_chains():
    left = iter([False, False, True])
    metropolis = chains(PRIME, scores(PRIME), moves=50, until=lambda: next(left))
    metropolis.run(*copies(PRIME, 3, rows=10), torch.Generator().manual_seed(0))
    assert next(left, "used up") == "used up"


def test_strength_zero_is_the_base_law():
    table = scores(PRIME)
    assert bool((acceptance(torch.tensor(table), torch.tensor(table[::-1].copy()), 0.0) == 1.0).all())


@pytest.mark.parametrize("strength", [-1.0, float("nan"), float("inf")])
def test_strength_out_of_range_is_refused(strength):
    with pytest.raises(ValueError, match="strength must be a finite number of at least 0"):
        chains(PRIME, scores(PRIME), strength=strength)


def test_impossible_settings_are_refused():
    with pytest.raises(ValueError, match="moves must be at least 1, got 0"):
        chains(PRIME, scores(PRIME), moves=0)
    with pytest.raises(ValueError, match="most must be at least 1, got 0"):
        Refill(bayes(PRIME), process_of(PRIME), most=0)
    with pytest.raises(ValueError, match="UniformProcess hides no token"):
        Refill(bayes(PLAIN), UniformProcess(process_of(PLAIN).codec))


def test_rows_that_are_rewritten_as_a_whole_beside_others():
    """A canvas no longer than a move: some rows are hidden from their first position on, others are not."""
    network = CausalDenoiser([3], 3, max_length=4, width=16, depth=1, heads=1).eval()
    torch.nn.init.normal_(network.head.weight)

    def forgetful(z, y, t=None):
        return network(z, y, t)

    tokens, nothing = torch.randint(3, (2, 4), generator=torch.Generator().manual_seed(0)), torch.zeros(2, 0)
    mixed = 0
    for seed in range(20):
        found = [
            Refill(form, CAUSAL, most=6)(tokens, nothing, torch.Generator().manual_seed(seed))
            for form in (network, forgetful)
        ]
        assert torch.equal(*found)
        mixed += len(set((found[0][:, 0] == tokens[:, 0]).tolist())) == 2
    assert mixed

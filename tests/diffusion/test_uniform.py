"""The uniform process against Bayes' rule and the entropy, by enumeration (UDLM, arXiv 2412.10193)."""

import itertools

import numpy as np
import pytest
import torch

from moldiff.diffusion import Cap, Sampler, Straight, SubtokenCodec, Transition, UniformProcess
from moldiff.diffusion.samplers import make_sampler

C = 3
CODEC = SubtokenCodec(torch.arange(C)[:, None])
SHARES = [(0.0, 0.4), (0.1, 0.3), (0.5, 0.5), (0.3, 0.9), (0.7, 1.0), (0.0, 1.0)]


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def noised(alpha):
    """q(z | x), (C, C): rows x."""
    return alpha * np.eye(C) + (1 - alpha) / C


def step(alpha_t, alpha_s):
    return Transition(1 - alpha_t, 1 - alpha_s, alpha_t, alpha_s, remask=False)


@pytest.mark.parametrize(("alpha_t", "alpha_s"), SHARES)
def test_the_kernel_is_bayes_rule(alpha_t, alpha_s):
    """q(z_s | z_t, x0) = q(z_t | z_s) q(z_s | x0) / q(z_t | x0), for every x0, z_t and z_s."""
    forward = noised(alpha_t / alpha_s)  # (z_s, z_t)
    for x0, z_t in itertools.product(range(C), range(C)):
        expected = forward[:, z_t] * noised(alpha_s)[x0]
        if not expected.any():  # a token that x0 cannot have become
            continue
        logits = torch.full((1, 1, C), -1e9, dtype=torch.float64)
        logits[..., x0] = 0.0
        z = torch.tensor([[[z_t]]])
        law = UniformProcess(CODEC).log_kernel(logits, z, step(alpha_t, alpha_s)).exp()
        np.testing.assert_allclose(law[0, 0].numpy(), expected / expected.sum(), atol=1e-12)


def laws(length, seed=5):
    """A law of x0 over C^length, and all sequences (X, L)."""
    p = np.random.default_rng(seed).dirichlet(np.full(C**length, 0.7))
    return p, np.array(list(itertools.product(range(C), repeat=length)))


def others(p, sequences, alpha, *, own=False):
    """log p(x0_i | noisy tokens of all other positions), (Z, L, C); with the own token too where asked."""
    length = sequences.shape[1]
    noise = noised(alpha)
    found = np.zeros((len(sequences), length, C))
    for n, z in enumerate(sequences):
        for i in range(length):
            weight = p.copy()
            for j in range(length):
                if j != i or own:
                    weight = weight * noise[sequences[:, j], z[j]]
            np.add.at(found[n, i], sequences[:, i], weight)
    return np.log(found / found.sum(-1, keepdims=True))


def bound(p, sequences, oracle, nodes=48):
    """The bound by quadrature over noise levels and the sum over all x0 and z."""
    process = UniformProcess(CODEC)
    at, weights = np.polynomial.legendre.leggauss(nodes)
    # Levels u^3 lie dense at 0, where the integrand has a logarithm.
    u = (at + 1) / 2
    total = 0.0
    for level, weight in zip(u**3, weights / 2 * 3 * u**2, strict=True):
        alpha = 1 - level
        logits = torch.from_numpy(oracle(p, sequences, alpha))
        z = torch.from_numpy(sequences)[:, :, None]
        t = torch.full((len(z),), level, dtype=torch.float64)
        scale = torch.full_like(t, 1 / (C * alpha))
        for x0, mass in zip(sequences, p, strict=True):
            chance = np.prod([noised(alpha)[x0[i], sequences[:, i]] for i in range(len(x0))], axis=0)
            clean = torch.from_numpy(np.tile(x0, (len(z), 1)))
            nats = process.bound(logits, clean, z, t, scale, "token").numpy()
            total += weight * mass * (chance * nats).sum()
    return total


@pytest.mark.parametrize("length", [1, 2])
def test_the_bound_of_the_perfect_network_is_the_entropy(length):
    p, sequences = laws(length)
    entropy = -(p * np.log(p)).sum()
    assert bound(p, sequences, others) == pytest.approx(entropy, abs=1e-5)


def test_other_networks_have_a_larger_bound():
    """One that looks at the token itself, one that is too sure, one that knows nothing."""
    p, sequences = laws(2)
    entropy = -(p * np.log(p)).sum()
    wrong = [
        lambda *given: others(*given, own=True),
        lambda *given: 1.5 * others(*given),
        lambda *given: 0.0 * others(*given),
    ]
    assert all(bound(p, sequences, oracle) > entropy + 0.01 for oracle in wrong)


@pytest.mark.parametrize("steps", [1, 4])
def test_one_position_is_sampled_exactly(steps):
    """The prior is uniform, and the kernels under the perfect network lead to p_data, whatever T."""
    p, _ = laws(1)
    process = UniformProcess(CODEC)
    law = np.full(C, 1 / C)
    logits = torch.from_numpy(np.log(p)).expand(C, 1, C)
    z = torch.arange(C)[:, None, None]
    for transition in process.transitions(Straight(), steps, 1):
        kernel = process.log_kernel(logits, z, transition).exp()[:, 0].numpy()
        law = law @ kernel
    np.testing.assert_allclose(law, p, atol=1e-12)


def test_the_sampler_draws_the_law_of_two_positions():
    p, sequences = laws(2)

    def network(z, y, t=None):
        rows = z[..., 0] @ torch.tensor([C, 1])
        return torch.from_numpy(others(p, sequences, 1 - float(t[0])))[rows]

    sampler = Sampler(network, UniformProcess(CODEC))
    out = sampler(10_000, 2, steps=64, generator=seeded())
    counts = np.bincount((out.tokens @ torch.tensor([C, 1])).numpy(), minlength=C**2)
    distance = 0.5 * np.abs(counts / counts.sum() - p).sum()
    floor = np.sqrt(2 / np.pi / 10_000) * np.sqrt(p * (1 - p)).sum() / 2
    assert distance < floor + 0.01
    assert bool((out.nfe == 64).all())
    assert not out.idle.any()
    assert not out.filled.any()


def test_noise_replaces_the_share_it_should():
    x0 = torch.zeros(4000, 5, dtype=torch.int64)
    z, t, _ = UniformProcess(CODEC).corrupt(x0, "token", seeded(), t=0.6)
    # A replaced token is itself with probability 1/C.
    assert float((z != 0).double().mean()) == pytest.approx(0.6 * (1 - 1 / C), abs=0.01)
    assert torch.allclose(t, torch.tensor(0.6))
    levels = UniformProcess(CODEC).corrupt(x0[:100], "mixed", seeded())[1].sort().values
    assert float(levels.diff().max()) < 0.0101


def test_frozen_positions_and_given_tokens_stay():
    start = torch.tensor([[[2], [-1], [1]]]).repeat(50, 1, 1)
    frozen = torch.tensor([[True, False, False]]).repeat(50, 1)
    network = lambda z, y, t=None: torch.zeros(*z.shape[:2], C)  # noqa: E731
    out = Sampler(network, UniformProcess(CODEC))(
        50, 3, steps=8, start=start, frozen=frozen, generator=seeded()
    )
    assert bool((out.tokens[:, 0] == 2).all())
    assert len(out.tokens[:, 1].unique()) == C
    assert len(out.tokens[:, 2].unique()) > 1


def test_several_digits_and_re_masking_are_refused():
    with pytest.raises(ValueError, match="one digit each, got 2"):
        UniformProcess(SubtokenCodec(torch.tensor([[0, 0], [0, 1], [1, 0]])))
    process = UniformProcess(CODEC)
    state = process.prior(2, 3, seeded())
    with pytest.raises(ValueError, match="UniformProcess hides nothing again"):
        process.plan(state, step(0.2, 0.5), Cap(), seeded())
    network = lambda z, y, t=None: torch.zeros(*z.shape[:2], C)  # noqa: E731
    with pytest.raises(ValueError, match="give no re-masking rule, got Cap"):
        Sampler(network, process, *make_sampler("loop"))(2, 3, steps=8, generator=seeded())
    with pytest.raises(ValueError, match="UniformProcess hides nothing, so there is nothing to order"):
        Sampler(network, process, *make_sampler("entropy"))

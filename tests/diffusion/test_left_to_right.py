"""The left-to-right process with a causal network: exact likelihoods, and a memory that changes nothing."""

import itertools
from dataclasses import replace

import pytest
import torch

from moldiff.diffusion import Cap, LeftToRight, Sampler, Straight, SubtokenCodec
from moldiff.guidance.classifier_free import ClassifierFree
from moldiff.models.causal import CausalDenoiser

C, L = 4, 5
CODEC = SubtokenCodec(torch.arange(C)[:, None])
DIGITS = SubtokenCodec(torch.tensor([[0, 0], [0, 1], [1, 0], [1, 1]]))


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(params=[CODEC, DIGITS], ids=["one digit", "two digits"])
def codec(request):
    return request.param


@pytest.fixture
def network(codec):
    """A causal network with random weights, none of them at its initial zero."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        network = CausalDenoiser(
            codec.bases, C, [0.0], [1.0], max_length=8, width=16, depth=3, heads=2, condition_width=8
        ).double()
        for weight in network.parameters():
            torch.nn.init.normal_(weight, std=0.5)
    return network.eval()


def without_memory(network):
    """The same network as a function, which knows no ``extend``."""
    return lambda z, y, t=None: network(z, y, t)


def some(codec, rows=3):
    return codec.encode(torch.randint(C, (rows, L), generator=seeded()))


@torch.no_grad()
def test_a_position_sees_only_those_before_it(network, codec):
    z, y = some(codec), torch.tensor([[0.3], [torch.nan], [-1.0]], dtype=torch.float64)
    logits = network(z, y)
    for position in range(L):
        other = z.clone()
        other[:, position:] = -1
        changed = network(other, y)
        assert torch.allclose(changed[:, : position + 1], logits[:, : position + 1], atol=1e-12)
        if position + 1 < L:
            assert not torch.allclose(changed[:, position + 1], logits[:, position + 1], atol=1e-3)


@torch.no_grad()
def test_kept_keys_and_values_change_no_logits(network, codec):
    z, y = some(codec), torch.tensor([[0.3], [torch.nan], [-1.0]], dtype=torch.float64)
    whole, memory = network(z, y), None
    for position in range(L):
        written = z.clone()
        written[:, position:] = -1
        logits, memory = network.extend(written, y, position, memory)
        assert torch.allclose(logits, whole[:, position], atol=1e-12)
    with pytest.raises(ValueError, match="position 2 needs the memory"):
        network.extend(z, y, 2, None)


@pytest.mark.parametrize("gamma", [1.0, 2.5])
def test_runs_with_and_without_memory_are_the_same(network, codec, gamma):
    y = torch.linspace(-1, 1, 40, dtype=torch.float64)[:, None]
    runs = [
        Sampler(form, LeftToRight(codec))(
            40, L, steps=L, y=y, guidance=ClassifierFree(gamma), generator=seeded()
        )
        for form in (network, without_memory(network))
    ]
    assert torch.equal(runs[0].tokens, runs[1].tokens)
    assert torch.equal(runs[0].nfe, runs[1].nfe)
    assert bool((runs[0].nfe == L * (1 if gamma == 1 else 2)).all())
    assert bool((runs[0].revealed == L * codec.digits).all())


def test_the_memory_goes_with_the_rows(network, codec):
    """A selection that permutes rows in the middle of a run: as if they had been there from the start."""
    turned = torch.arange(12).flip(0)
    seen = []

    def turn(state, transition, generator):
        seen.append(set(state.memory))
        return state.rows(turned)

    y = torch.linspace(-1, 1, 12, dtype=torch.float64)[:, None]
    runs = [
        Sampler(form, LeftToRight(codec))(12, L, steps=L, y=y, selection=turn, generator=seeded())
        for form in (network, without_memory(network))
    ]
    assert torch.equal(runs[0].tokens, runs[1].tokens)
    assert seen[: L - 1] == [{"pass 0"}] * (L - 1)


@torch.no_grad()
def test_probabilities_of_all_strings_sum_to_one(network, codec):
    process = LeftToRight(codec)
    x0 = torch.tensor(list(itertools.product(range(C), repeat=L)))
    z, t, weight = process.corrupt(x0, "mixed", seeded())
    y = torch.full((len(x0), 1), torch.nan, dtype=torch.float64)
    nats = process.bound(network(z, y, t), x0, z, t, weight, "token")
    assert float(torch.exp(-nats).sum()) == pytest.approx(1.0, abs=1e-12)


@torch.no_grad()
def test_strings_are_drawn_as_often_as_they_should(network, codec):
    process = LeftToRight(codec)
    x0 = torch.tensor(list(itertools.product(range(C), repeat=2)))
    z, t, weight = process.corrupt(x0, "token", seeded())
    y = torch.full((len(x0), 1), torch.nan, dtype=torch.float64)
    law = torch.exp(-process.bound(network(z, y, t), x0, z, t, weight, "token"))
    none = torch.full((20_000, 1), torch.nan, dtype=torch.float64)
    out = Sampler(network, process)(20_000, 2, steps=2, y=none, generator=seeded())
    counts = torch.bincount(out.tokens @ torch.tensor([C, 1]), minlength=C**2)
    expected = 20_000 * law
    enough = expected > 5
    chi_square = ((counts - expected).square() / expected)[enough].sum()
    assert float(chi_square) < 2.5 * int(enough.sum()) + 10


def test_frozen_positions_stay_and_are_read(network, codec):
    start = codec.encode(torch.zeros(30, L, dtype=torch.int64))
    start[:, 1] = codec.encode(torch.full((30, 1), 3))[:, 0]
    frozen = torch.zeros(30, L, dtype=torch.bool)
    frozen[:, 1] = True
    start[:, [0, 2, 3, 4]] = -1
    none = torch.full((30, 1), torch.nan, dtype=torch.float64)
    runs = [
        Sampler(form, LeftToRight(codec))(
            30, L, steps=L, y=none, start=start, frozen=frozen, generator=seeded()
        )
        for form in (network, without_memory(network))
    ]
    assert bool((runs[0].tokens[:, 1] == 3).all())
    assert torch.equal(runs[0].tokens, runs[1].tokens)
    assert bool((runs[0].nfe == L - 1).all())


def test_other_numbers_of_steps_and_re_masking_are_refused(codec):
    process = LeftToRight(codec)
    with pytest.raises(ValueError, match="each of 5 positions, got 4"):
        process.transitions(Straight(), 4, L)
    state = process.prior(2, L, seeded())
    transition = process.transitions(Straight(), L, L)[2]
    with pytest.raises(ValueError, match="LeftToRight hides nothing again"):
        process.plan(state, transition, Cap(), seeded())
    plan = process.plan(replace(state), transition, None, seeded())
    assert plan.reveals.tolist() == [[False, False, True, False, False]] * 2

"""Float32 masters, their average, and the learning-rate law."""

import pytest
import torch
from torch import nn

from moldiff.training.ema import WeightAverage
from moldiff.training.optimizer import MasterWeights, decay_start, muon_and_adamw, warm_constant_decay


def sgd(lr):
    return lambda masters: [torch.optim.SGD(masters, lr=lr)]


def test_updates_below_the_rounding_of_bfloat16_are_not_lost():
    weight = nn.Parameter(torch.ones(3, dtype=torch.bfloat16))
    plain = weight.detach().clone()
    optimizer = MasterWeights([weight], sgd(1e-4), clip=10.0)
    for _ in range(500):
        weight.grad = torch.ones_like(weight)
        optimizer.step()
        plain -= 1e-4
    assert plain.tolist() == [1.0] * 3  # in bfloat16 every single step rounds away
    torch.testing.assert_close(optimizer.masters[0].data, torch.full((3,), 0.95))
    assert weight.dtype == torch.bfloat16
    assert torch.equal(weight.data, optimizer.masters[0].data.bfloat16())


def test_gradients_are_clipped_together_in_float32():
    weights = [nn.Parameter(torch.zeros(2, dtype=torch.bfloat16)) for _ in range(2)]
    optimizer = MasterWeights(weights, sgd(1.0), clip=1.0)
    for weight, gradient in zip(weights, ([3.0, 0.0], [0.0, 4.0]), strict=True):
        weight.grad = torch.tensor(gradient, dtype=torch.bfloat16)
    optimizer.step()
    assert float(optimizer.gradient_norm) == pytest.approx(5.0)
    moved = torch.cat([master.data for master in optimizer.masters])
    assert moved.tolist() == pytest.approx([-0.6, 0.0, 0.0, -0.8], abs=1e-5)


def test_weights_without_a_gradient_stay():
    used, unused = nn.Parameter(torch.ones(1)), nn.Parameter(torch.ones(1))
    optimizer = MasterWeights([used, unused], sgd(0.5))
    used.grad = torch.ones(1)
    optimizer.step()
    assert [used.item(), unused.item()] == pytest.approx([0.5, 1.0], abs=1e-5)


def build(seed=0):
    """A small network with every kind of parameter that the optimisers tell apart."""
    torch.manual_seed(seed)
    named = {
        "trunk.blocks.0.up.weight": nn.Parameter(torch.randn(6, 4).bfloat16()),
        "head.weight": nn.Parameter(torch.randn(5, 4).bfloat16()),
        "head.bias": nn.Parameter(torch.randn(5).bfloat16()),
    }
    inner = muon_and_adamw(list(named), lr=0.01, muon_lr=0.02)
    return list(named.values()), MasterWeights(named.values(), inner)


def rates(optimizer):
    return [[group["lr"] for group in inner.param_groups] for inner in optimizer.inner]


def advance(weights, optimizer, steps):
    for step in steps:
        generator = torch.Generator().manual_seed(step)
        for weight in weights:
            weight.grad = torch.randn(weight.shape, generator=generator).bfloat16()
        optimizer.param_groups[0]["lr"] = 1.0 / (1 + step)
        optimizer.step()


def test_state_round_trip(tmp_path):
    with torch.random.fork_rng():
        weights, optimizer = build()
        advance(weights, optimizer, range(4))
        torch.save(optimizer.state_dict(), tmp_path / "state")
        advance(weights, optimizer, range(4, 9))
        again, resumed = build(seed=1)
        resumed.load_state_dict(torch.load(tmp_path / "state", weights_only=False))
        advance(again, resumed, range(4, 9))
    for mine, theirs in zip(optimizer.masters, resumed.masters, strict=True):
        assert torch.equal(mine, theirs)
    for mine, theirs in zip(weights, again, strict=True):
        assert torch.equal(mine, theirs)


def test_loading_restores_the_weights_at_once():
    with torch.random.fork_rng():
        weights, optimizer = build()
        advance(weights, optimizer, range(3))
        again, resumed = build(seed=1)
        resumed.load_state_dict(optimizer.state_dict())
    assert all(torch.equal(mine, theirs) for mine, theirs in zip(weights, again, strict=True))


def test_one_factor_drives_every_inner_optimizer():
    with torch.random.fork_rng():
        _, optimizer = build()
    assert rates(optimizer) == [[0.01, 0.01], [0.02]]
    weights = optimizer.weights
    optimizer.param_groups[0]["lr"] = 0.5
    for weight in weights:
        weight.grad = torch.ones_like(weight)
    optimizer.step()
    assert rates(optimizer) == [[0.005, 0.005], [0.01]]


def test_muon_takes_block_matrices_alone():
    with torch.random.fork_rng():
        _, optimizer = build()
    adam, muon = optimizer.inner
    assert [tuple(weight.shape) for group in muon.param_groups for weight in group["params"]] == [(6, 4)]
    shapes = [[tuple(weight.shape) for weight in group["params"]] for group in adam.param_groups]
    assert shapes == [[(5, 4)], [(5,)]]
    masters = [nn.Parameter(torch.zeros(6, 4))]
    assert len(muon_and_adamw(["trunk.blocks.0.up.weight"], lr=0.01, muon_lr=0.0)(masters)) == 1


def test_average_follows_its_formula():
    average = WeightAverage(decay=0.9, every=2)
    expected = None
    for step in range(1, 30):
        master = torch.tensor([float(step)])
        average.update([master], step)
        if expected is None:
            expected = master.clone()
        elif step % 2 == 0:
            decay = min(0.9, (1 + step) / (10 + step)) ** 2
            expected = expected + (1 - decay) * (master - expected)
        torch.testing.assert_close(average.average[0], expected)


def test_average_moves_where_one_of_bfloat16_would_not():
    still, average = torch.ones(1, dtype=torch.bfloat16), WeightAverage(decay=0.9995, every=1)
    average.update([torch.ones(1)], 10**6)
    for step in range(200):
        still.lerp_(torch.full((1,), 1.5, dtype=torch.bfloat16), 0.0005)
        average.update([torch.full((1,), 1.5)], 10**6 + step)
    assert still.item() == 1.0
    assert average.average[0].item() == pytest.approx(1.5 - 0.5 * 0.9995**200, abs=1e-4)
    assert average.average[0].dtype == torch.float32


def test_average_is_not_the_master_itself():
    average, master = WeightAverage(), torch.zeros(2)
    average.update([master], 1)
    master += 1
    assert average.average[0].tolist() == [0.0, 0.0]
    again = WeightAverage()
    again.load_state_dict(average.state_dict())
    assert torch.equal(again.average[0], average.average[0])


def test_learning_rate_rises_stays_and_falls():
    factor = warm_constant_decay(1000, warmup=100)
    assert [factor(0), factor(49), factor(99)] == pytest.approx([0.01, 0.5, 1.0])
    assert {factor(step) for step in range(99, decay_start(1000))} == {1.0}
    assert decay_start(1000) == 700
    assert [factor(700), factor(850), factor(999)] == pytest.approx([1.0, 0.5, 1 / 300])
    assert factor(1000) == 0.0
    assert all(0.0 <= factor(step) <= 1.0 for step in range(1100))


def test_a_longer_run_has_the_same_rates_until_the_shorter_one_decays():
    short, long = warm_constant_decay(1000), warm_constant_decay(5000)
    assert all(short(step) == long(step) for step in range(decay_start(1000)))


def test_short_runs_have_rates_too():
    assert all(0 < warm_constant_decay(total)(0) <= 1 for total in range(1, 10))

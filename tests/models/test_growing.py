"""A grown network says of what it knew what it said before."""

import pytest
import torch

from moldiff.models.causal import CausalDenoiser
from moldiff.models.denoiser import Denoiser
from moldiff.models.growing import grow

SIZES = {"width": 16, "depth": 2, "heads": 2, "condition_width": 8}


def make(kind, bases, vocab, properties, longest, seed=0, **keywords):
    torch.manual_seed(seed)
    scales = [[0.5 * i for i in range(properties)], [1.0 + i for i in range(properties)]]
    network = kind(bases, vocab, *scales, max_length=longest, **SIZES, **keywords)
    for weight in network.parameters():
        weight.data += 0.1 * torch.randn_like(weight)
    return network.eval()


@pytest.mark.parametrize("kind", [Denoiser, CausalDenoiser])
@pytest.mark.parametrize("length", [4, 8])
def test_what_it_knew_it_still_says(kind, length):
    old = make(kind, [3, 4], 7, 2, 8)
    new = make(kind, [3, 6], 10, 4, 16, seed=1)
    grow(new, old.state_dict())
    generator = torch.Generator().manual_seed(0)
    z = torch.stack([torch.randint(-1, base, (5, length), generator=generator) for base in (3, 4)], -1)
    y = torch.randn(5, 2, generator=generator)
    y[::2, 1] = torch.nan
    missing = torch.full((5, 2), torch.nan)
    before = old(z, y)
    torch.testing.assert_close(new(z, torch.cat([y, missing], 1))[..., :7], before)
    # A new property, too, changes nothing before it is trained.
    torch.testing.assert_close(new(z, torch.cat([y, torch.randn(5, 2)], 1))[..., :7], before)


def test_new_tokens_are_rare_and_new_positions_take_after_the_last():
    old, new = make(Denoiser, [7], 7, 1, 8), make(Denoiser, [9], 9, 1, 16, seed=1)
    grow(new, old.state_dict())
    assert torch.equal(new.head.bias[7:], old.head.bias.min().expand(2))
    torch.testing.assert_close(new.digits[0].weight[8], old.digits[0].weight[1:].mean(0))
    assert torch.equal(new.trunk.from_start.weight[15], old.trunk.from_start.weight[7])
    bias, before = (net.trunk.blocks[0].attention.distance_bias for net in (new, old))
    assert torch.equal(bias[:, 15], before[:, 7])  # distance 0
    assert torch.equal(bias[:, 30], before[:, 14])
    assert torch.equal(bias[:, 0], before[:, 0])
    z = torch.full((2, 16, 1), -1)
    assert new(z, torch.zeros(2, 1)).isfinite().all()


def test_a_timed_network_grows():
    old, new = make(Denoiser, [7], 7, 1, 8, timed=True), make(Denoiser, [8], 8, 2, 8, seed=1, timed=True)
    grow(new, old.state_dict())
    z, t = torch.randint(7, (3, 8, 1)), torch.rand(3)
    y = torch.randn(3, 1)
    more = torch.cat([y, torch.full((3, 1), torch.nan)], 1)
    torch.testing.assert_close(new(z, more, t)[..., :7], old(z, y, t))


@pytest.mark.parametrize(
    "smaller", [{"bases": [5]}, {"vocab": 6}, {"longest": 4}, {"properties": 0}, {"bases": [7, 2]}]
)
def test_what_knows_less_is_refused(smaller):
    given = {"bases": [7], "vocab": 7, "properties": 1, "longest": 8}
    old = make(Denoiser, **given)
    with pytest.raises(ValueError, match=r"does not fit|other weights"):
        grow(make(Denoiser, **{**given, **smaller}), old.state_dict())


def test_another_width_is_refused():
    old = make(Denoiser, [7], 7, 1, 8)
    wide = Denoiser([7], 7, [0.0], [1.0], max_length=8, **{**SIZES, "width": 32})
    with pytest.raises(ValueError, match="does not fit"):
        grow(wide, old.state_dict())

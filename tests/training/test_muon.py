"""Muon on stacked matrices against torch's, one matrix after another."""

from copy import deepcopy

import pytest
import torch
from torch import nn

from moldiff.training.muon import StackedMuon, orthogonalised

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
SHAPES = [(6, 4), (4, 6), (6, 4), (5, 5), (4, 6), (6, 4)]


def matrices():
    generator = torch.Generator().manual_seed(0)
    return [nn.Parameter(torch.randn(shape, generator=generator)) for shape in SHAPES]


def advance(weights, optimizer, steps, without=()):
    for step in steps:
        generator = torch.Generator().manual_seed(step)
        for place, weight in enumerate(weights):
            gradient = torch.randn(weight.shape, generator=generator)
            weight.grad = None if place in without else gradient
        optimizer.step()


def both(**settings):
    mine, theirs = matrices(), matrices()
    return (mine, StackedMuon(mine, **settings)), (theirs, torch.optim.Muon(theirs, **settings))


def assert_alike(mine, theirs):
    # The products are in bfloat16, and sums of other lengths round otherwise.
    for one, other in zip(mine, theirs, strict=True):
        torch.testing.assert_close(one, other, atol=0.02 * 0.05, rtol=0)


@pytest.mark.parametrize(
    "settings",
    [
        {"lr": 0.01, "nesterov": True},
        {"lr": 0.01, "nesterov": False},
        {"lr": 0.015, "adjust_lr_fn": "match_rms_adamw"},
    ],
)
def test_the_steps_are_those_of_one_matrix_after_another(settings):
    (mine, stacked), (theirs, plain) = both(weight_decay=0.1, momentum=0.95, **settings)
    start = [weight.detach().clone() for weight in mine]
    advance(mine, stacked, range(5))
    advance(theirs, plain, range(5))
    assert_alike(mine, theirs)
    assert all((one - before).abs().max() > 0.02 for one, before in zip(mine, start, strict=True))


def test_a_checkpoint_of_the_one_goes_on_with_the_other():
    (mine, stacked), (theirs, plain) = both(lr=0.01)
    advance(theirs, plain, range(3))
    for one, other in zip(mine, theirs, strict=True):
        one.data.copy_(other.data)
    stacked.load_state_dict(deepcopy(plain.state_dict()))  # torch shares what it loads
    advance(mine, stacked, range(3, 6))
    advance(theirs, plain, range(3, 6))
    assert_alike(mine, theirs)


def test_a_matrix_without_gradient_stays():
    weights = matrices()
    before = [weight.detach().clone() for weight in weights]
    advance(weights, StackedMuon(weights, lr=0.01, weight_decay=0.1), range(2), without={1, 3})
    moved = [not torch.equal(one, other) for one, other in zip(weights, before, strict=True)]
    assert moved == [True, False, True, False, True, True]


def test_nothing_to_move_is_no_error():
    weights = matrices()
    assert StackedMuon(weights, lr=0.01).step(lambda: 3.0) == 3.0


@pytest.mark.parametrize("shape", [(3, 8, 5), (3, 5, 8), (1, 6, 6)])
def test_singular_values_come_near_to_one(shape):
    stack = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    left, _, right = torch.linalg.svd(stack, full_matrices=False)
    turned = orthogonalised(stack, COEFFICIENTS, 5, 1e-7).float()
    inside = left.mT @ turned @ right.mT
    diagonal = torch.diagonal(inside, dim1=1, dim2=2)
    assert ((diagonal > 0.5) & (diagonal < 1.3)).all()
    torch.testing.assert_close(inside, torch.diag_embed(diagonal), atol=0.05, rtol=0)


def test_a_matrix_of_zeros_stays_zero():
    assert not orthogonalised(torch.zeros(2, 4, 3), COEFFICIENTS, 5, 1e-7).any()

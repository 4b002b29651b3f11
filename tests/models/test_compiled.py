"""Compiled networks: the same answers, for any number of rows, and one version a canvas size."""

from functools import partial
from types import SimpleNamespace

import pytest
import torch

from moldiff.models.compiled import (
    Compiled,
    CompiledPredictor,
    compile_blocks,
    many_shapes,
    plain_blocks,
)
from moldiff.models.denoiser import Denoiser
from moldiff.models.predictor import NoisyPredictor, soft_tokens
from moldiff.models.predictor_heads import Gaussian, Values

TINY = {"max_length": 12, "width": 16, "depth": 1, "heads": 2, "condition_width": 8}


@pytest.fixture
def versions(monkeypatch):
    """Compile to PyTorch's own operations, without a C++ compiler; tell the shapes that were compiled."""
    seen = []
    whole = torch.compile

    def backend(graph, inputs):
        seen.append([tuple(map(str, each.shape)) for each in inputs if isinstance(each, torch.Tensor)])
        return graph.forward

    monkeypatch.setattr(torch, "compile", partial(whole, backend=backend))
    torch._dynamo.reset()
    yield seen
    torch._dynamo.reset()


def awake(network):
    """Give weights that are not those of the beginning, which answer nothing."""
    torch.manual_seed(0)
    for weight in network.parameters():
        torch.nn.init.normal_(weight, std=0.3)
    return network.eval()


def states(rows, length, seed=0):
    generator = torch.Generator().manual_seed(seed + rows + length)
    z = torch.randint(-1, 3, (rows, length, 1), generator=generator)
    return z, torch.randn(rows, 1, generator=generator), torch.rand(rows, generator=generator)


@pytest.mark.parametrize("timed", [False, True])
def test_a_denoiser_answers_as_before_for_any_number_of_rows(versions, timed):
    network = awake(Denoiser([3], 3, [0.0], [1.0], timed=timed, **TINY))
    compiled = Compiled(network)
    with torch.no_grad():
        for rows, length in ((5, 8), (1, 8), (7, 8), (3, 4), (2, 4)):
            z, y, t = states(rows, length)
            given = (z, y, t) if timed else (z, y)
            expected = network(*given)
            assert expected.std() > 0.05  # so that a difference would show
            torch.testing.assert_close(compiled(*given), expected, rtol=1e-4, atol=1e-5)
    assert len(versions) == 2  # a canvas size each


@pytest.mark.parametrize("timed", [False, True])
def test_a_predictor_answers_as_before_and_so_does_its_slope(versions, timed):
    laws = {"logP": Gaussian(0.0, 1.0), "rings": Values(range(4))}
    network = awake(NoisyPredictor(3, laws, timed=timed, **TINY))
    low, high = torch.tensor([-0.5, 2.0]), torch.tensor([0.5, torch.inf])
    codec = SimpleNamespace(compatible=lambda z: (z == -1) | (z == torch.arange(3)))

    def slope(asked, rows, length):
        z, _, t = states(rows, length)
        w, visible = soft_tokens(codec, z)
        w.requires_grad_()
        answer = asked.log_prob(w, visible, low, high, t if timed else None)
        (gradient,) = torch.autograd.grad(answer.sum(), w)
        return answer.detach(), gradient

    shapes = ((5, 8), (1, 8), (7, 8), (3, 4))
    expected = [slope(network, *shape) for shape in shapes]
    compiled = CompiledPredictor(network)
    for shape, (answer, gradient) in zip(shapes, expected, strict=True):
        found = slope(compiled, *shape)
        assert answer.shape == (shape[0],)
        assert gradient.abs().max() > 1e-3
        torch.testing.assert_close(found[0], answer, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(found[1], gradient, rtol=1e-4, atol=1e-5)
    assert len(versions) == 2


def test_blocks_are_compiled_once_a_canvas_for_all_of_them(versions):
    make = partial(Denoiser, [3], 3, [0.0], [1.0], **{**TINY, "depth": 3})
    plain, network = awake(make()), awake(make())
    compile_blocks(network)
    with many_shapes():
        for length in (8, 4, 8):
            z, y, _ = states(5, length)
            torch.testing.assert_close(network(z, y), plain(z, y), rtol=1e-4, atol=1e-5)
    assert len(versions) == 2
    plain_blocks(network)
    z, y, _ = states(7, 6)
    torch.testing.assert_close(network(z, y), plain(z, y), rtol=1e-4, atol=1e-5)
    assert len(versions) == 2

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from moldiff.benchmarks import plain
from moldiff.benchmarks.common import options
from moldiff.benchmarks.plain import EveryRow, FullCanvas, TwoForwards, fused_attention
from moldiff.benchmarks.samples import Model
from moldiff.models import transformer
from moldiff.models.checkpoint import load_model


@pytest.fixture
def proposer(prime):
    words = ["-o", "x.json", "--steps", "6", "--chunk", "24", "--precision", "fp32"]
    words += ["--gamma", "2", "--temperature", "0.85", "--sampler", "forward-backward"]
    return Model(prime, options("test", n=10).parse_args(words)).proposer(["rings>=2"], seed=1)


@pytest.fixture
def network(prime):
    return load_model(Path(prime)).network


def batch(network, length):
    generator = torch.Generator().manual_seed(length)
    z = torch.stack(
        [torch.randint(-1, base, (5, length), generator=generator) for base in network.bases], dim=-1
    )
    y = torch.randn(5, len(network.conditions.mean), generator=generator)
    return z, y.masked_fill(torch.rand(y.shape, generator=generator) < 0.5, torch.nan)


@pytest.mark.parametrize("fused", [False, True])
def test_the_longest_canvas_gives_the_same_logits(network, fused):
    full = FullCanvas(network)
    with torch.no_grad(), fused_attention(fused):
        for length in (4, 8, network.max_length):
            z, y = batch(network, length)
            expected = network(z, y)
            assert expected.std() > 0.05  # so that a difference would show
            torch.testing.assert_close(full(z, y), expected, rtol=1e-4, atol=1e-5)


def test_without_the_mask_the_logits_would_differ(network, monkeypatch):
    full = FullCanvas(network)
    z, y = batch(network, 4)
    with torch.no_grad():
        right = full(z, y)
        monkeypatch.setattr(plain._Padded, "own", property(lambda self: 10**6, lambda self, _: None), False)
        assert (full(z, y) - right).abs().max() > 1e-3


def test_the_fused_kernel_is_used_only_inside_the_block():
    before = transformer.EXPLICIT_ATTENTION_BELOW
    assert before > 0
    with fused_attention(True):
        assert transformer.EXPLICIT_ATTENTION_BELOW == 0
    with fused_attention(False):
        assert before == transformer.EXPLICIT_ATTENTION_BELOW
    assert before == transformer.EXPLICIT_ATTENTION_BELOW


def test_every_part_leaves_the_proposals_as_they_are(proposer, network):
    shipped = proposer(0)
    old = proposer.sampler
    rows = EveryRow(old.network, old.process, old.remasking, old.trajectory)
    every = replace(proposer, sampler=rows)(0)
    forwards = replace(proposer, guidance=TwoForwards(proposer.gamma))(0)
    wide = replace(proposer, sampler=type(old)(FullCanvas(network), *list(vars(old).values())[1:]))(0)
    # Rounding may move a draw, but hardly ever.
    for other in (every, forwards, wide):
        assert (other.ids == shipped.ids).mean() > 0.98
    assert every.counts["nfe"] == 2 * 24 * 6 > shipped.counts["nfe"]
    assert forwards.counts["nfe"] == shipped.counts["nfe"]
    assert every.counts["revealed"] == shipped.counts["revealed"]


def test_two_forwards_are_two_calls(proposer, network):
    calls = []

    def watch(z, y, t=None):
        calls.append(len(z))
        return network(z, y, t)

    proposer.sampler.network = watch
    proposer(0)
    together = list(calls)
    calls.clear()
    replace(proposer, guidance=TwoForwards(proposer.gamma))(0)
    assert calls[::2] == calls[1::2] == [rows // 2 for rows in together]

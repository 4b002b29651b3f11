"""The plain path of sampling: the same network and the same law without any of the savings.

Each part gives up one saving and nothing else, so that proposals stay those of the shipped path but for
rounding: all rows go to the network in every step, guidance takes two calls, attention is the fused kernel,
and molecules of every canvas lie on the longest one, with a mask over the positions that are not theirs.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from moldiff.diffusion.codec import MASK
from moldiff.diffusion.sampler import Sampler, Step
from moldiff.diffusion.state import Plan
from moldiff.models import transformer
from moldiff.models.denoiser import Denoiser
from moldiff.models.transformer import Attention, Block


class EveryRow(Sampler):
    """The sampler with all rows evaluated in every step, whether or not they reveal anything."""

    def rows_to_evaluate(self, plan: Plan) -> Tensor:
        """Return the numbers of all rows."""
        return torch.arange(len(plan.reveal), device=plan.reveal.device)


class TwoForwards:
    """Classifier-free guidance with one network call for each of its two laws.

    Args:
        gamma: Strength.
    """

    def __init__(self, gamma: float) -> None:
        self.gamma = gamma

    def __call__(self, step: Step) -> Tensor:
        """Return the guided log-probabilities, (b, L, C)."""
        if bool(step.y.isnan().all()):
            return step.log_kernels(step.y)[0]
        (conditional,) = step.log_kernels(step.y)
        (unconditional,) = step.log_kernels(torch.full_like(step.y, torch.nan))
        return (unconditional + self.gamma * (conditional - unconditional)).log_softmax(-1)


@contextmanager
def fused_attention(wanted: bool) -> Iterator[None]:
    """Use the fused attention kernel at all lengths, if wanted, as long as the block runs."""
    before = transformer.EXPLICIT_ATTENTION_BELOW
    transformer.EXPLICIT_ATTENTION_BELOW = 0 if wanted else before
    try:
        yield
    finally:
        transformer.EXPLICIT_ATTENTION_BELOW = before


class FullCanvas:
    """A denoiser that runs every canvas on its longest one, with the surplus positions masked out.

    The logits of the molecule's own positions are those of the denoiser on its own canvas: condition,
    positions and distances are that canvas's.

    Args:
        network: The denoiser; a copy is changed.
    """

    def __init__(self, network: Denoiser) -> None:
        self.network = copy.deepcopy(network)
        self.length = network.max_length
        blocks: list[Block] = list(self.network.trunk.blocks)  # type: ignore[arg-type]
        self.blocks = [(block, _Padded(block.attention)) for block in blocks]
        for block, padded in self.blocks:
            block.attention = padded  # type: ignore[assignment]

    def __call__(self, z: Tensor, y: Tensor, t: Tensor | None = None) -> Tensor:
        """Return raw logits (B, L, C) of digits (B, L, K) and conditions (B, P)."""
        net, own = self.network, z.shape[1]
        wide = F.pad(z, (0, 0, 0, self.length - own), value=MASK)
        h = torch.stack([table(wide[..., j] + 1) for j, table in enumerate(net.digits)]).sum(0)
        position = torch.arange(self.length, device=z.device)
        from_end = (own - 1 - position).clamp_min(0)
        h = h + net.trunk.from_start(position) + net.trunk.from_end(from_end)
        condition = net.conditions(y, own)
        for block, padded in self.blocks:
            padded.own = own
            h = block(h, condition)
        logits: Tensor = net.head(net.trunk.final_norm(h, condition))
        return logits[:, :own]


class _Padded(nn.Module):
    """The attention of a block, with the positions from ``own`` on hidden from all others."""

    def __init__(self, attention: Attention) -> None:
        super().__init__()
        self.attention = attention
        self.own = attention.max_length

    def forward(self, h: Tensor, before: None = None) -> Tensor:
        """Attend within the molecule's own canvas: (B, L, D) to (B, L, D)."""
        part, (rows, length, width) = self.attention, h.shape
        size = width // part.heads
        q, k, v = part.qkv(h).view(rows, length, 3, part.heads, size).permute(2, 0, 3, 1, 4)
        q = F.rms_norm(q, q.shape[-1:]) * (part.sharpness / size)[:, None, None].to(q.dtype)
        k = F.rms_norm(k, k.shape[-1:])
        offset = torch.arange(length, device=h.device)
        bias = part.distance_bias[:, offset[:, None] - offset + part.max_length - 1]
        bias = bias.masked_fill(offset >= self.own, -math.inf)
        if h.device.type == "cpu" and length < transformer.EXPLICIT_ATTENTION_BELOW:
            mixed = (q @ k.transpose(-1, -2) + bias).softmax(-1) @ v
        else:
            mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=bias[None].to(q.dtype), scale=1.0)
        out: Tensor = part.out(mixed.transpose(1, 2).reshape(rows, length, width))
        return out

"""The transformer trunk: pre-norm blocks modulated by a condition vector, sized for two CPU cores."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from moldiff.models.normalisation import rms_norm

EXPLICIT_ATTENTION_BELOW = 64
"""Canvas length under which explicit softmax attention beats the fused kernel on CPUs."""

FORBIDDEN = -1e9
"""Added to the scores of positions that may not be seen: finite, so that no row of scores is all -inf."""


@dataclass
class KeysValues:
    """Keys and values of the positions before one, of every block: what a causal trunk goes on from.

    Attributes:
        memory: (B, depth, 2, H, L, D / H), filled up to ``position``; written in place.
        position: Of the token that is being computed.
        block: Which block's turn it is.
    """

    memory: Tensor
    position: int
    block: int = 0

    def extend(self, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Add a block's key and value (B, H, 1, D / H); return those of all positions up to this one."""
        here = self.memory[:, self.block]
        here[:, 0, :, self.position], here[:, 1, :, self.position] = k[:, :, 0], v[:, :, 0]
        self.block += 1
        keys, values = here[..., : self.position + 1, :].unbind(1)
        return keys, values


class AdaptiveNorm(nn.Module):
    """RMS normalisation with scale and shift from the condition: (B, L, D), (B, E) to (B, L, D).

    The adaLN of DiT (arXiv 2212.09748) without gates; it starts as a plain normalisation.
    """

    def __init__(self, width: int, condition_width: int) -> None:
        super().__init__()
        self.modulation = nn.Linear(condition_width, 2 * width)
        nn.init.zeros_(self.modulation.weight)
        nn.init.zeros_(self.modulation.bias)

    def forward(self, h: Tensor, condition: Tensor) -> Tensor:
        """Return rms_norm(h) * (1 + scale) + shift."""
        scale, shift = self.modulation(condition)[:, None].chunk(2, -1)
        return torch.addcmul(shift, rms_norm(h), 1 + scale)


class Attention(nn.Module):
    """Multi-head self-attention with normalised queries and keys and a learned bias per head and distance.

    Args:
        width: D, a multiple of ``heads``.
        heads: Number of heads; few and large ones are fast on CPUs.
        max_length: Longest canvas; distances are learned up to it.
        causal: Whether a position attends to itself and those before it only.
    """

    def __init__(self, width: int, heads: int, max_length: int, *, causal: bool = False) -> None:
        super().__init__()
        self.causal = causal
        self.heads = heads
        self.max_length = max_length
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.sharpness = nn.Parameter(torch.full((heads,), math.sqrt(width / heads)))
        self.distance_bias = nn.Parameter(torch.zeros(heads, 2 * max_length - 1))
        nn.init.zeros_(self.out.weight)

    def forward(self, h: Tensor, before: KeysValues | None = None) -> Tensor:
        """Attend within the canvas: (B, L, D) to (B, L, D); with ``before`` for one position, L = 1."""
        rows, length, width = h.shape
        # (B, L, 3D) to three (B, H, L, D / H)
        q, k, v = self.qkv(h).view(rows, length, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        q = rms_norm(q) * (self.sharpness / (width // self.heads))[:, None, None].to(q.dtype)
        k = rms_norm(k)
        place = torch.arange(length, device=h.device)
        if before is not None:
            place = place[:1] + before.position
            k, v = before.extend(k, v)
        distance = place[:, None] - torch.arange(k.shape[2], device=h.device)
        bias = self.distance_bias[:, distance + self.max_length - 1]
        if self.causal:
            bias = bias.masked_fill(distance < 0, FORBIDDEN)
        if h.device.type == "cpu" and length < EXPLICIT_ATTENTION_BELOW:
            mixed = (q @ k.transpose(-1, -2) + bias).softmax(-1) @ v
        else:
            mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=bias[None].to(q.dtype), scale=1.0)
        out: Tensor = self.out(mixed.transpose(1, 2).reshape(rows, length, width))
        return out


class Block(nn.Module):
    """Attention and a squared-ReLU feed-forward, each behind an adaptive norm and added to the stream."""

    def __init__(
        self, width: int, heads: int, condition_width: int, max_length: int, *, causal: bool = False
    ) -> None:
        super().__init__()
        self.attention_norm = AdaptiveNorm(width, condition_width)
        self.attention = Attention(width, heads, max_length, causal=causal)
        self.mlp_norm = AdaptiveNorm(width, condition_width)
        self.up = nn.Linear(width, 4 * width, bias=False)
        self.down = nn.Linear(4 * width, width, bias=False)
        nn.init.zeros_(self.down.weight)

    def forward(self, h: Tensor, condition: Tensor, before: KeysValues | None = None) -> Tensor:
        """Return the stream after the block, (B, L, D)."""
        h = h + self.attention(self.attention_norm(h, condition), before)
        out: Tensor = h + self.down(F.relu(self.up(self.mlp_norm(h, condition))).square())
        return out


class Trunk(nn.Module):
    """Positions and blocks, shared by every network of the project.

    A learned embedding of the position and one of the distance to the canvas end are added to the input:
    without them an all-masked canvas would look the same at every position.

    Args:
        width: D of the stream.
        depth: Number of blocks.
        heads: Attention heads.
        condition_width: E of the condition vector.
        max_length: Longest canvas.
        causal: Whether a position sees only those before it.
    """

    def __init__(
        self,
        width: int,
        depth: int,
        heads: int,
        condition_width: int,
        *,
        max_length: int,
        causal: bool = False,
    ) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"width must be a multiple of heads, got width={width}, heads={heads}")
        self.max_length = max_length
        self.heads = heads
        self.from_start = nn.Embedding(max_length, width)
        self.from_end = nn.Embedding(max_length, width)
        blocks = (Block(width, heads, condition_width, max_length, causal=causal) for _ in range(depth))
        self.blocks = nn.ModuleList(blocks)
        self.final_norm = AdaptiveNorm(width, condition_width)
        for table in (self.from_start, self.from_end):
            nn.init.normal_(table.weight, std=0.02)

    def forward(self, h: Tensor, condition: Tensor) -> Tensor:
        """Return features (B, L, D) of inputs h (B, L, D) under conditions (B, E)."""
        return self._blocks(h, condition, torch.arange(h.shape[1], device=h.device), h.shape[1])

    def extend(self, h: Tensor, condition: Tensor, before: KeysValues) -> Tensor:
        """Return the features (B, 1, D) of one more position of a causal trunk.

        Args:
            h: (B, 1, D) input at that position.
            condition: (B, E).
            before: Keys and values of the positions before it; those of this one are added.
        """
        position = torch.tensor([before.position], device=h.device)
        return self._blocks(h, condition, position, before.memory.shape[-2], before)

    def _blocks(
        self, h: Tensor, condition: Tensor, position: Tensor, length: int, *before: KeysValues
    ) -> Tensor:
        h = h + self.from_start(position) + self.from_end(length - 1 - position)
        for block in self.blocks:
            h = block(h, condition, *before)
        out: Tensor = self.final_norm(h, condition)
        return out

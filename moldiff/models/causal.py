"""The causal network of the left-to-right process."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from moldiff.diffusion.codec import MASK
from moldiff.models.denoiser import Denoiser
from moldiff.models.transformer import KeysValues


class CausalDenoiser(Denoiser):
    """Predict every token from the tokens before it: the trunk of ``Denoiser``, looking back only.

    Position i reads the token at i - 1, and the first one reads nothing (the mask). What is written at i and
    after it changes no logits at i, so the digits there may be masked.

    Args:
        args: As for ``Denoiser``.
        keywords: The same.

    Example:
        >>> network = CausalDenoiser([5], 5, max_length=8, width=16, depth=1, heads=2)
        >>> z, y = torch.randint(5, (2, 4, 1)), torch.zeros(2, 0)
        >>> logits, memory = network.extend(z, y, 0, None)
        >>> logits.shape, torch.allclose(logits, network(z, y)[:, 0], atol=1e-6)
        (torch.Size([2, 5]), True)
    """

    def __init__(self, *args: Any, **keywords: Any) -> None:
        super().__init__(*args, **keywords, causal=True)

    def forward(self, z: Tensor, y: Tensor, t: Tensor | None = None) -> Tensor:
        """Return raw logits (B, L, C); those at a position depend on the digits before it alone.

        The arguments are those of ``Denoiser``.
        """
        first = torch.full_like(z[:, :1], MASK)
        return super().forward(torch.cat([first, z[:, :-1]], 1), y, t)

    def extend(self, z: Tensor, y: Tensor, position: int, memory: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return the logits (B, C) at one position, from the keys and values of those before it.

        Args:
            z: (B, L, K) digits, of which only those at ``position`` - 1 are read.
            y: (B, P) conditions.
            position: Of the token that is asked for.
            memory: What the call for the position before returned, which is written to; None at the first.

        Raises:
            ValueError: If there is no memory of the positions before.
        """
        if memory is None:
            if position:
                raise ValueError(f"position {position} needs the memory of those before it")
            memory = self._memory(*z.shape[:2])
        before = torch.full_like(z[:, :1], MASK) if position == 0 else z[:, position - 1 : position]
        condition = self.conditions(y, z.shape[1])
        features = self.trunk.extend(self.embed(before), condition, KeysValues(memory, position))
        return self.head(features)[:, 0], memory

    def _memory(self, rows: int, length: int) -> Tensor:
        """Return room for the keys and values of a canvas, (B, depth, 2, H, L, D / H)."""
        blocks, heads = self.trunk.blocks, self.trunk.heads
        size = self.head.in_features // heads
        return self.head.weight.new_zeros(rows, len(blocks), 2, heads, length, size)

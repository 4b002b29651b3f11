"""The denoiser: logits over tokens from partly masked digits."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from moldiff.models.conditions import ConditionEmbedding
from moldiff.models.transformer import Trunk


class Denoiser(nn.Module):
    """Predict every token of a molecule from the digits that are visible (MDM-Prime, section 3.2).

    The digits' embeddings are summed (the paper concatenates them), so K digits cost no more than one token.
    Masked models take no time input: given the visible digits the posterior of the clean tokens does not
    depend on time.

    Args:
        bases: Base b_j of every digit of a token.
        vocab_size: C, the number of tokens.
        means: Training mean of every property, in its unit.
        stds: Training standard deviation of every property.
        max_length: Longest canvas.
        width: D of the transformer's stream.
        depth: Number of blocks.
        heads: Attention heads.
        condition_width: E of the condition vector.
        causal: Whether the trunk looks back only; see :class:`moldiff.models.causal.CausalDenoiser`.
        timed: Whether the network is told the time, as uniform noise asks for: then t has to be given.

    Example:
        >>> network = Denoiser([3, 2], 5, [0.0], [1.0], max_length=8, width=16, depth=1, heads=2)
        >>> z = torch.full((2, 4, 2), -1)
        >>> network(z, torch.tensor([[1.5], [float("nan")]])).shape
        torch.Size([2, 4, 5])
    """

    def __init__(
        self,
        bases: Sequence[int],
        vocab_size: int,
        means: Sequence[float] = (),
        stds: Sequence[float] = (),
        *,
        max_length: int,
        width: int = 192,
        depth: int = 6,
        heads: int = 3,
        condition_width: int = 128,
        causal: bool = False,
        timed: bool = False,
    ) -> None:
        super().__init__()
        self.bases = tuple(bases)
        self.vocab_size = vocab_size
        self.max_length = max_length
        # Row 0 of each table is the mask, so a digit is looked up at z + 1.
        self.digits = nn.ModuleList(nn.Embedding(base + 1, width) for base in bases)
        self.conditions = ConditionEmbedding(means, stds, condition_width, max_length, timed=timed)
        self.trunk = Trunk(width, depth, heads, condition_width, max_length=max_length, causal=causal)
        self.head = nn.Linear(width, vocab_size)
        for table in self.digits:
            nn.init.normal_(table.weight, std=0.5)  # type: ignore[arg-type]
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, z: Tensor, y: Tensor, t: Tensor | None = None) -> Tensor:
        """Return raw logits (B, L, C), in the dtype of the weights.

        Args:
            z: (B, L, K) int64 digits, -1 where masked.
            y: (B, P) float conditions in their own units, NaN where not given.
            t: (B,) times; masked models need none and ignore it.

        Raises:
            ValueError: If the canvas is longer than ``max_length`` or y has another number of columns than
                the model has properties.
        """
        if z.shape[1] > self.max_length:
            raise ValueError(f"canvas of {z.shape[1]} positions, the network takes at most {self.max_length}")
        logits: Tensor = self.head(self.trunk(self.embed(z), self.conditions(y, z.shape[1], t)))
        return logits

    def embed(self, z: Tensor) -> Tensor:
        """Return the sum of the digits' embeddings, (B, L, D)."""
        return torch.stack([table(z[..., j] + 1) for j, table in enumerate(self.digits)]).sum(0)

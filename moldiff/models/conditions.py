"""What a network is told about a molecule: its wanted properties and the size of its canvas."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from moldiff.models.normalisation import rms_norm

FREQUENCIES = 16
CLIP = 6.0


class ConditionEmbedding(nn.Module):
    """Properties, each a number or "not given", and the canvas size as one vector.

    A number is standardised with the training mean and deviation and expanded in Fourier features of
    16 wavelengths between 1/4 and 32 standard deviations, then embedded by a weight matrix of its own.
    A missing number (NaN) takes a learned vector instead.

    Args:
        means: Training mean of every property, in its unit.
        stds: Training standard deviation of every property, above 0.
        width: E of the condition vector.
        max_length: Longest canvas.
        timed: Whether the time is a condition too, in Fourier features like a number.
    """

    mean: Tensor
    std: Tensor
    frequency: Tensor

    def __init__(
        self,
        means: Sequence[float],
        stds: Sequence[float],
        width: int,
        max_length: int,
        *,
        timed: bool = False,
    ) -> None:
        super().__init__()
        if len(means) != len(stds) or not all(std > 0 for std in stds):
            raise ValueError("means and stds must have one entry a property, every std above 0")
        count = len(means)
        # Buffers stay float32 when weights are cast to bfloat16: a weight of 122.7 Da needs its digits.
        self.register_buffer("mean", torch.tensor(means, dtype=torch.float32), persistent=False)
        self.register_buffer("std", torch.tensor(stds, dtype=torch.float32), persistent=False)
        wavelengths = torch.logspace(math.log10(0.25), math.log10(32.0), FREQUENCIES)
        self.register_buffer("frequency", 2 * math.pi / wavelengths, persistent=False)
        self.values = nn.Parameter(
            torch.randn(count, 2 * FREQUENCIES + 1, width) * (2 * FREQUENCIES + 1) ** -0.5
        )
        self.not_given = nn.Parameter(torch.randn(count, width))
        self.canvas = nn.Embedding(max_length + 1, width)
        self.time = (
            nn.Parameter(torch.randn(2 * FREQUENCIES + 1, width) * FREQUENCIES**-0.5) if timed else None
        )
        self.mix = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU())

    def forward(self, y: Tensor, length: int, t: Tensor | None = None) -> Tensor:
        """Return the condition vectors (B, E) of properties y (B, P), NaN where not given, and times t (B,).

        Raises:
            ValueError: If y has another number of columns than the model has properties, or there is no t
                where the time is a condition.
        """
        if y.shape[-1] != len(self.mean):
            raise ValueError(f"y must have {len(self.mean)} columns, one a property, got {y.shape[-1]}")
        given = ~torch.isnan(y)
        # NaN must go before the features, not after: its gradient would survive the selection.
        u = ((torch.nan_to_num(y).float() - self.mean) / self.std).clamp(-CLIP, CLIP)
        numbers = torch.einsum("bpf,pfe->bpe", self._features(u), self.values)
        known = torch.where(given[..., None], numbers, self.not_given).sum(1)
        known = known + self.canvas(torch.full((len(y),), length, device=y.device))
        if self.time is not None:
            if t is None:
                raise ValueError("this network is told the time: give t")
            # Over four deviations of a number, so that the shortest wavelength is a sixteenth of the run.
            known = known + self._features(4.0 * t.float() - 2.0) @ self.time
        out: Tensor = self.mix(rms_norm(known))
        return out

    def _features(self, u: Tensor) -> Tensor:
        """Return a number and its Fourier features, (..., 2 F + 1), in the dtype of the weights."""
        angles = u[..., None] * self.frequency
        return torch.cat([u[..., None], angles.sin(), angles.cos()], -1).to(self.values.dtype)

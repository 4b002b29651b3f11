"""What a run carries from step to step, and the coins of one step."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Self

import torch
from torch import Tensor

from moldiff.diffusion.codec import MASK


@dataclass(frozen=True)
class Transition:
    """One step from time t to time s, which run from 1, noise, to 0, clean; forth again where alpha falls.

    Attributes:
        t: Time before the step.
        s: Time after the step.
        alpha_t: Probability that a digit is visible at t.
        alpha_s: Probability that a digit is visible at s (equal to ``alpha_t`` inside a loop).
        remask: Whether re-masking is on in this step.
    """

    t: float
    s: float
    alpha_t: float
    alpha_s: float
    remask: bool = True

    @property
    def sigma_max(self) -> float:
        """The largest sigma, min(1, (1 - alpha_s) / alpha_t) (ReMDM, arXiv 2503.00307, eq. 7).

        At alpha_t = 0 nothing is visible and nothing can be re-masked: 0.
        """
        return 0.0 if self.alpha_t <= 0 else min(1.0, (1.0 - self.alpha_s) / self.alpha_t)

    @property
    def sigma_min(self) -> float:
        """The smallest sigma: what hides a fall of alpha alone, 1 - alpha_s / alpha_t; 0 where it rises."""
        return 0.0 if self.alpha_s >= self.alpha_t else 1.0 - self.alpha_s / self.alpha_t


class Rows:
    """Mixin: everything in the dataclass belongs to the rows of one run, and is indexed together."""

    def rows(self, index: Tensor) -> Self:
        """Return the same object for a subset, a repetition or a permutation of the rows.

        Args:
            index: (b,) int64 row numbers or (B,) bool.
        """
        kept = {f.name: getattr(self, f.name) for f in fields(self)}  # type: ignore[arg-type]
        return type(self)(**{name: _take(value, index) for name, value in kept.items()})


def _take(value: object, index: Tensor) -> object:
    if isinstance(value, Tensor):
        return value[index]
    if isinstance(value, dict):
        return {name: _take(item, index) for name, item in value.items()}
    return value


@dataclass
class State(Rows):
    """All that belongs to the rows of one run of the sampler.

    Attributes:
        z: (B, L, K) int64 digits, ``MASK`` where masked.
        psi: (B, L, K) float, probability of each digit when it was revealed, +inf where masked or given.
        y: (B, P) float conditions in their own units, NaN where not given.
        frozen: (B, L) bool, positions that the run may not change.
        tokens: (B, L) int64, the last proposal x0_hat of each position (0 before the first).
        score: (B,) float, a scorer's value that travels with the row.
        log_weight: (B,) float, logarithm of the row's importance weight.
        memory: Named (B, ...) tensors, such as key-value caches.
    """

    z: Tensor
    psi: Tensor
    y: Tensor
    frozen: Tensor
    tokens: Tensor
    score: Tensor
    log_weight: Tensor
    memory: dict[str, Tensor] = field(default_factory=dict)

    @property
    def masked(self) -> Tensor:
        """(B, L, K) bool, the sites that are masked."""
        return self.z == MASK

    @property
    def changeable(self) -> Tensor:
        """(B, L, 1) bool, the positions that the run may change, to broadcast over digits."""
        return ~self.frozen[..., None]

    @classmethod
    def of(cls, z: Tensor, y: Tensor | None = None, frozen: Tensor | None = None) -> State:
        """Return a fresh state around digits z of shape (B, L, K)."""
        rows, length, _ = z.shape
        zeros = torch.zeros(rows, device=z.device)
        return cls(
            z=z,
            psi=torch.full(z.shape, torch.inf, device=z.device),
            y=torch.zeros(rows, 0, device=z.device) if y is None else y,
            frozen=torch.zeros(rows, length, dtype=torch.bool, device=z.device) if frozen is None else frozen,
            tokens=torch.zeros(rows, length, dtype=torch.int64, device=z.device),
            score=zeros,
            log_weight=zeros.clone(),
        )


@dataclass
class Plan(Rows):
    """The coins of one step, drawn before any network call.

    Attributes:
        reveal: (B, L, K) bool, masked digits that become visible; those on offer where an order chooses.
        remask: (B, L, K) bool, visible digits that become masked.
        due: (B,) int64, how many of the digits on offer an order has to choose; None for all of them.
    """

    reveal: Tensor
    remask: Tensor
    due: Tensor | None = None

    @property
    def reveals(self) -> Tensor:
        """(B, L) bool, the positions at which a token has to be drawn."""
        return self.reveal.any(-1)

    @property
    def counts(self) -> Tensor:
        """(B,) int64, how many digits become visible, unless an order chooses more."""
        return self.reveal.sum((1, 2)) if self.due is None else self.due

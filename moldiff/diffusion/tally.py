"""What a run costs: counts a row, kept while it goes on and handed out with its tokens."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from moldiff.diffusion.state import Plan


@dataclass(frozen=True)
class SampleOutput:
    """Finished rows and what they cost.

    Attributes:
        tokens: (B, L) int64.
        log_weight: (B,) float, importance weights left by a selection.
        nfe: (B,) int64, denoiser rows evaluated (classifier-free guidance counts 2).
        nfe_predictor: (B,) int64, predictor rows evaluated.
        revealed: (B,) int64, digits revealed.
        remasked: (B,) int64, digits hidden again.
        filled: (B,) int64, digits that were still masked at the end and were filled then.
        idle: (B,) int64, steps in which the row revealed nothing.
        unguided: (B,) int64, tokens drawn from the base law because no candidate could meet the goal.
    """

    tokens: Tensor
    log_weight: Tensor
    nfe: Tensor
    nfe_predictor: Tensor
    revealed: Tensor
    remasked: Tensor
    filled: Tensor
    idle: Tensor
    unguided: Tensor


class Tally:
    """Counts of one run, a row each."""

    def __init__(self, n: int, device: torch.device) -> None:
        def zeros() -> Tensor:
            return torch.zeros(n, dtype=torch.int64, device=device)

        self.nfe, self.nfe_predictor, self.filled = zeros(), zeros(), zeros()
        self.revealed, self.remasked, self.idle = zeros(), zeros(), zeros()
        self.unguided = zeros()

    def count(self, plan: Plan) -> None:
        """Add the coins of one step of the trajectory."""
        self.revealed += plan.reveal.sum((1, 2))
        self.remasked += plan.remask.sum((1, 2))
        self.idle += ~plan.reveals.any(1)

    def fill(self, left: Tensor) -> None:
        """Add the digits (B, L, K) bool that the steps left masked; filling them is no step."""
        self.revealed += left.sum((1, 2))
        self.filled += left.sum((1, 2))

    def output(self, tokens: Tensor, log_weight: Tensor) -> SampleOutput:
        """Return the counts with the finished rows."""
        return SampleOutput(
            tokens,
            log_weight,
            self.nfe,
            self.nfe_predictor,
            self.revealed,
            self.remasked,
            self.filled,
            self.idle,
            self.unguided,
        )

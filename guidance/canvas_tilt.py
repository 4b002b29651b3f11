"""The law of canvas sizes under classifier guidance."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from moldiff.diffusion.canvas import CanvasLaw
from moldiff.diffusion.process import Process
from moldiff.guidance.classifier_based import PredictedGoal
from moldiff.guidance.knobs import at_least_zero
from moldiff.models.predictor import soft_tokens

DRAWS = 64
"""Draws of pure noise over which the predictor's answer is averaged, where noise is random."""


@torch.no_grad()
def canvas_tilt(
    canvas: CanvasLaw,
    goal: PredictedGoal,
    process: Process,
    *,
    gamma: float,
    generator: torch.Generator,
) -> Tensor:
    """Return gamma log p(goal | pure noise on canvas c) of every size c: what ``tilted`` puts on a law of c.

    Pure noise is everything masked, or for uniform noise the average over draws: an exact predictor would say
    the same of all of them. At most ``DRAWS`` predictor rows a size, one where noise is not random.

    Args:
        canvas: The sizes.
        goal: What is asked of whom.
        process: The noise of the run.
        gamma: Strength; 0 leaves the law as it is.
        generator: Source of the noise, on the device of the predictor.

    Returns:
        (S,) float64 on the CPU; zeros if no size can meet the goal.

    Raises:
        ValueError: If gamma is negative, NaN or infinite.

    Example:
        >>> from moldiff.diffusion import MaskedProcess, SubtokenCodec
        >>> class Longer:
        ...     def log_prob(self, w, visible, low, high, t=None):
        ...         return torch.full((len(w),), float(w.shape[1])).log() - math.log(10)
        >>> goal = PredictedGoal(Longer(), torch.tensor([1.0]), torch.tensor([1.0]))
        >>> process = MaskedProcess(SubtokenCodec(torch.arange(3)[:, None]))
        >>> law = CanvasLaw(torch.tensor([4, 8]), torch.tensor([3, 1]), torch.empty(0, 0), torch.empty(0))
        >>> tilt = canvas_tilt(law, goal, process, gamma=2.0, generator=torch.Generator())
        >>> tilted(law.prior(), tilt)
        tensor([0.3333, 0.6667], dtype=torch.float64)
    """
    if at_least_zero("gamma", gamma) == 0.0:
        return torch.zeros(len(canvas.sizes), dtype=torch.float64)
    chances = [_log_chance(goal, process, int(size), generator) for size in canvas.sizes]
    tilt = gamma * torch.tensor(chances, dtype=torch.float64)
    return tilt if bool(tilt.isfinite().any()) else torch.zeros_like(tilt)


def tilted(law: Tensor, tilt: Tensor) -> Tensor:
    """Return a law of sizes (..., S) with every size c weighted by exp(tilt_c), normalised.

    Where all sizes that the law has come to weigh nothing, it is left as it is.
    """
    weights = law.log() + tilt
    possible = weights.isfinite().any(-1, keepdim=True)
    return torch.where(possible, weights.softmax(-1), law)


def _log_chance(goal: PredictedGoal, process: Process, size: int, generator: torch.Generator) -> float:
    """Return the logarithm of the mean of p(goal | pure noise) on a canvas."""
    noise, counts = process.prior(DRAWS, size, generator).z.unique(dim=0, return_counts=True)
    log_prob = goal.log_prob(*soft_tokens(process.codec, noise), torch.ones(len(noise), device=noise.device))
    return float((log_prob.double() + counts.double().log()).logsumexp(0)) - math.log(DRAWS)

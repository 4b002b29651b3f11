"""The law of canvas sizes under classifier guidance."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from moldiff.diffusion.canvas import CanvasLaw
from moldiff.diffusion.process import Process
from moldiff.guidance.classifier_based import PredictedGoal, check_gamma
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
    base: Tensor | None = None,
) -> Tensor:
    """Return p(c) p(goal | pure noise on canvas c)^gamma, normalised over the sizes c.

    Pure noise is everything masked, or for uniform noise the average over draws: an exact predictor would say
    the same of all of them. At most ``DRAWS`` predictor rows a size, one where noise is not random.

    Args:
        canvas: The sizes, and p(c).
        goal: What is asked of whom.
        process: The noise of the run.
        gamma: Strength; 0 is the base law.
        generator: Source of the noise, on the device of the predictor.
        base: (..., S) float64 law in the place of p(c), such as ``canvas.tilt(y, gamma)``.

    Returns:
        (..., S) float64 on the CPU; the base law if no size can meet the goal.

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
        >>> canvas_tilt(law, goal, process, gamma=2.0, generator=torch.Generator())
        tensor([0.3333, 0.6667], dtype=torch.float64)
    """
    law = canvas.prior() if base is None else base
    if check_gamma(gamma) == 0.0:
        return law
    chances = [_log_chance(goal, process, int(size), generator) for size in canvas.sizes]
    tilted = law.log() + gamma * torch.tensor(chances, dtype=torch.float64)
    return tilted.softmax(-1) if bool(tilted.isfinite().any()) else law


def _log_chance(goal: PredictedGoal, process: Process, size: int, generator: torch.Generator) -> float:
    """Return the logarithm of the mean of p(goal | pure noise) on a canvas."""
    noise, counts = process.prior(DRAWS, size, generator).z.unique(dim=0, return_counts=True)
    log_prob = goal.log_prob(*soft_tokens(process.codec, noise), torch.ones(len(noise), device=noise.device))
    return float((log_prob.double() + counts.double().log()).logsumexp(0)) - math.log(DRAWS)

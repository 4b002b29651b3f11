"""Weighted rows in groups: how uneven the weights are, rows drawn by them, what they estimate."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor


def effective_size(log_weight: Tensor) -> Tensor:
    """Return (sum w)^2 / sum w^2 of every group, between 1 and n (Kong, Liu and Wong, JASA 89, 1994).

    Args:
        log_weight: (G, n) float64; a group whose weights are all 0 gives NaN.

    Example:
        >>> effective_size(torch.tensor([[0.0, 0.0], [0.0, -torch.inf]])).tolist()
        [2.0, 1.0]
    """
    return (2.0 * log_weight.logsumexp(-1) - (2.0 * log_weight).logsumexp(-1)).exp()


def systematic(log_weight: Tensor, generator: torch.Generator) -> Tensor:
    """Draw n of n in every group: (G, n) weights to (G, n) int64 places within the group, ascending.

    Systematic resampling (Kitagawa, J. Comput. Graph. Stat. 5, 1996): one uniform number a group, and n
    evenly spaced points from it on. A row of share w comes n w times, rounded down or up, and on average
    n w times.

    Args:
        log_weight: (G, n) float64, not all minus infinity in a group.
        generator: Source of the uniform numbers.

    Example:
        >>> systematic(torch.tensor([[0.75, 0.0, 0.25, 0.0]]).log(), torch.Generator().manual_seed(0))
        tensor([[0, 0, 0, 2]])
    """
    groups, n = log_weight.shape
    device = log_weight.device
    upper = log_weight.double().softmax(-1).cumsum(-1)
    offset = torch.rand(groups, 1, dtype=torch.float64, generator=generator, device=device)
    points = (torch.arange(n, device=device) + offset) / n * upper[:, -1:]
    return torch.searchsorted(upper, points, right=True).clamp_max(n - 1)


def log_normaliser(log_weight: Tensor, n: int) -> Tensor:
    """Return log Z of every group of n rows: the logarithm of its mean weight, (G,) float64.

    Args:
        log_weight: (G n,), what a selection left on finished rows.
        n: Rows of a group.

    Example:
        >>> log_normaliser(torch.tensor([0.0, 0.0, 2.0, 2.0]), 2).tolist()
        [0.0, 2.0]
    """
    return log_weight.double().view(-1, n).logsumexp(-1) - math.log(n)


def combined_weights(log_weights: Sequence[Tensor], log_prior: Sequence[float]) -> list[Tensor]:
    """Return weights of rows from several canvases, which sum to 1 over all rows together.

    A row on canvas c counts p(c) w / M_c, so that the rows of c together count p(c) Z_c, where Z_c is the
    mean weight of the M_c rows of all its groups: those are the shares of the canvases under
    p(c) base(x0 | c) exp(strength score).

    Args:
        log_weights: (M_c,) of each canvas.
        log_prior: log p(c) of each canvas.

    Raises:
        ValueError: If no row has a weight above 0.

    Example:
        >>> parts = combined_weights([torch.zeros(2), torch.zeros(4)], [math.log(0.2), math.log(0.8)])
        >>> [round(part.sum().item(), 12) for part in parts]
        [0.2, 0.8]
    """
    pairs = zip(log_weights, log_prior, strict=True)
    rows = [weight.double() + prior - math.log(len(weight)) for weight, prior in pairs]
    total = torch.cat(rows).logsumexp(0)
    if not bool(total > -torch.inf):
        raise ValueError("no row has a weight above 0: nothing can be drawn from them")
    return [(row - total).exp() for row in rows]

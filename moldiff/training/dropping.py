"""Which properties a training molecule shows to the network."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

SHOWN = (0.1, 0.4, 0.2, 0.1)
"""Probabilities of showing exactly 0, 1, 2, 3 properties; what is left shows a number uniform on 0..P."""


def drop_conditions(
    y: Tensor, generator: torch.Generator, shown: Sequence[float] = SHOWN, emphasis: Sequence[float] = ()
) -> Tensor:
    """Hide a random subset of the properties, so that any combination of goals was seen in training.

    How many are shown is drawn first, then which, one after another without replacement, in proportion to
    their emphasis. Where none is shown, the network learns the unconditional law that classifier-free
    guidance needs. Missing labels stay missing.

    Args:
        y: (B, P) float properties, NaN where missing.
        generator: Source of the subsets, on y's device.
        shown: Probabilities of showing exactly 0, 1, 2 ... properties; what is left of 1 shows a number
            uniform on 0..P. All are shown where there are fewer than were drawn.
        emphasis: P positive numbers; all are alike unless given.

    Returns:
        (B, P) float, NaN where hidden or missing.
    """
    rows, count = y.shape
    if count == 0:
        return y
    # Summed up here and sent along: nothing waits for the device.
    edges = torch.tensor(shown).cumsum(0).to(y.device, non_blocking=True)
    draw = torch.rand(rows, generator=generator, device=y.device)
    number = torch.bucketize(draw, edges)
    uniform = torch.randint(0, count + 1, (rows,), generator=generator, device=y.device)
    number = torch.where(number == len(edges), uniform, number)
    order = torch.rand(rows, count, generator=generator, device=y.device)
    if emphasis:
        # The first of exponential clocks with these rates, and so on (Efraimidis and Spirakis 2006).
        rates = torch.tensor(emphasis, dtype=order.dtype).to(y.device, non_blocking=True)
        order = -torch.log1p(-order) / rates
    rank = order.argsort(1).argsort(1)
    return torch.where(rank < number[:, None], y, torch.nan)

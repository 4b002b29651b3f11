"""Orders: which masked sites a step reveals, by what the network says of them.

Coins decide without looking: every masked site is as likely to be next. An order looks at the law of each
site first. One site at a time, that changes nothing of what an exact network draws: which site is next
depends on what is visible alone, so what is hidden still has the law p(hidden | visible), and the chain rule
holds in any order. A trained network judges some sites better than others, and errs less where it is asked
for what it is sure of (arXiv 2502.06768).
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from moldiff.diffusion.codec import SubtokenCodec
from moldiff.diffusion.state import Plan


class Order(Protocol):
    """A rule that chooses the sites of a step."""

    def __call__(self, law: Tensor, plan: Plan, codec: SubtokenCodec) -> Tensor:
        """Return (b, L, K) bool, the sites that are revealed: some of those that the plan offers.

        Args:
            law: (b, L, C) log-probabilities over tokens, normalised where the plan reveals.
            plan: The sites that may be revealed, and how many of them are due.
            codec: The tokens' digits.
        """


class LeastEntropy:
    """Reveal the sites of least entropy: those that are due, and more while their joint error is bounded.

    Sites that are drawn together are drawn as if they were independent. That misses their joint law by a
    Kullback-Leibler divergence of at most the sum of their entropies less the largest: further sites join
    while this is at most ``bound`` (entropy-bounded unmasking, arXiv 2505.24857).

    Args:
        bound: In nats, at least 0; 0 reveals what is due, and what is certain.

    Raises:
        ValueError: If the bound is negative or NaN.

    Example:
        >>> codec = SubtokenCodec(torch.arange(2)[:, None])
        >>> law = torch.tensor([[[0.5, 0.5], [0.99, 0.01], [0.7, 0.3]]]).log()
        >>> offered = torch.ones(1, 3, 1, dtype=torch.bool)
        >>> plan = Plan(offered, ~offered, due=torch.tensor([1]))
        >>> LeastEntropy()(law, plan, codec)[0, :, 0].tolist()
        [False, True, False]
        >>> LeastEntropy(bound=0.1)(law, plan, codec)[0, :, 0].tolist()
        [False, True, True]
    """

    def __init__(self, bound: float = 0.0) -> None:
        if not bound >= 0:
            raise ValueError(f"bound must be at least 0 nats, got {bound}")
        self.bound = bound

    def __call__(self, law: Tensor, plan: Plan, codec: SubtokenCodec) -> Tensor:
        """Return the sites of least entropy, (b, L, K) bool."""
        entropy = codec.digit_entropies(law).masked_fill(~plan.reveal, torch.inf).flatten(1)
        rising, places = entropy.sort(dim=1, stable=True)
        # In this order the largest entropy is the last, so the sum less the largest is that of those before.
        before = rising.cumsum(1).roll(1, 1)
        before[:, 0] = 0.0
        bounded = (before <= self.bound).sum(1)
        offered = plan.reveal.flatten(1).sum(1)
        count = torch.minimum(torch.maximum(plan.counts, bounded), offered)
        taken = torch.arange(entropy.shape[1], device=law.device) < count[:, None]
        return torch.zeros_like(taken).scatter(1, places, taken).view_as(plan.reveal)

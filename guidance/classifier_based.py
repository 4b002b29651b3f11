"""Classifier guidance (D-CBG): tokens weighted by how likely they make the goal."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from moldiff.diffusion.codec import FORBIDDEN
from moldiff.diffusion.sampler import Guidance, Step, conditional
from moldiff.errors import RunError
from moldiff.guidance.knobs import at_least_zero

ROWS = 512
"""Rows of one predictor call: about 100 MB of activations for the small predictors of QM9."""


class Predictor(Protocol):
    """What classifier guidance asks of a network: how likely noisy molecules are to meet a goal."""

    def log_prob(
        self, w: Tensor, visible: Tensor, low: Tensor, high: Tensor, t: Tensor | None = None
    ) -> Tensor:
        """Return the log-probability (B,) that the goals are met, differentiable in w.

        Args:
            w: (B, L, C) float soft tokens: uniform on V(z), one-hot where the token is known.
            visible: (B, L) float, share of digits that are visible.
            low: (P,) float, NaN where nothing is asked.
            high: (P,) float; equal to ``low`` for a value or class, otherwise the end of an interval.
            t: (B,) float times, for networks of uniform noise.
        """


class PredictedGoal:
    """A goal, and the predictor that says how likely a noisy molecule is to meet it.

    Args:
        predictor: The network, trained on the noise of the run.
        low: (P,) float, NaN where nothing is asked.
        high: (P,) float, at least ``low``; equal to it for a value or class.
        rows: Largest number of rows of one predictor call, which bounds the memory.

    Raises:
        ValueError: If the bounds are no bounds or ask for nothing, or ``rows`` is below 1.

    Example:
        >>> goal = PredictedGoal(None, torch.tensor([4.0, torch.nan]), torch.tensor([torch.inf, torch.nan]))
        >>> goal.rows
        512
    """

    def __init__(self, predictor: Predictor, low: Tensor, high: Tensor, *, rows: int = ROWS) -> None:
        if low.ndim != 1 or low.shape != high.shape:
            raise ValueError(f"low and high must be (P,), got {tuple(low.shape)} and {tuple(high.shape)}")
        if bool((low.isnan() != high.isnan()).any() | (low > high).any()):
            raise ValueError(
                f"low must be at most high, NaN where high is, got {low.tolist()}, {high.tolist()}"
            )
        if bool(low.isnan().all()):
            raise ValueError("low and high ask for nothing: give at least one goal that the predictor knows")
        if rows < 1:
            raise ValueError(f"rows must be at least 1, got {rows}")
        self.predictor = predictor
        self.low = low
        self.high = high
        self.rows = rows

    def log_prob(self, w: Tensor, visible: Tensor, t: Tensor) -> Tensor:
        """Return the log-probability (B,) that the goals are met, from one predictor call.

        What a network writes for a chance of nothing, ``FORBIDDEN``, is minus infinity here: so many nats
        less, tokens of V(z) would be as unlikely as all others.

        The arguments are those of ``Predictor.log_prob``.

        Raises:
            RunError: If the predictor answers nan or plus infinity.
        """
        found = self.predictor.log_prob(w, visible, self.low.to(w.device), self.high.to(w.device), t)
        wrong = found.isnan() | found.isposinf()
        if bool(wrong.any()):
            raise RunError(
                f"the predictor answered nan or infinity for {int(wrong.sum())} of {len(wrong)} molecules: "
                "train it again, or use a guidance that needs none"
            )
        return found.masked_fill(found < FORBIDDEN / 2, -torch.inf)


class Evidence(Protocol):
    """How log p(goal | z with token v) is found for every token of every revealed position."""

    def __call__(self, step: Step, laws: Tensor) -> Tensor:
        """Return log p(goal | z with v), (M, C) float64, up to a number for each of the M rows.

        Args:
            step: The step, in which predictor rows are counted.
            laws: (M, C) base log-probabilities at the M revealed positions, in the order of
                ``step.plan.reveals.nonzero()``. Tokens that get minus infinity are left out of the law.
        """


class ClassifierBased:
    """Tilt the law of every revealed token v: p(v) p(goal | z with v)^gamma (arXiv 2412.10193, sec. 3.2).

    For masked noise p is the base law on V(z), for uniform noise the kernel q(z_s | z_t), left to right the
    next token (that form is FUDGE, arXiv 2104.05218). The law is normalised over tokens alone, so neither
    reveal nor re-masking rates change; the temperature of the run divides the network's logits and not the
    predictor's answer. Where no candidate can meet the goal, the base law is kept and the position counted in
    ``Step.unguided``.

    Args:
        evidence: Where log p(goal | z with v) comes from.
        gamma: Strength: 0 is the base law, 1 Bayes' rule, above 1 beyond it.
        base: The guidance whose law is tilted, so that both kinds combine.

    Raises:
        ValueError: If gamma is negative, NaN or infinite.

    Example:
        >>> ClassifierBased(lambda step, laws: torch.zeros_like(laws).double(), gamma=2.0).gamma
        2.0
    """

    def __init__(self, evidence: Evidence, gamma: float = 1.0, base: Guidance = conditional) -> None:
        self.evidence = evidence
        self.gamma = at_least_zero("gamma", gamma)
        self.base = base

    def __call__(self, step: Step) -> Tensor:
        """Return the guided log-probabilities, (b, L, C); those of the base where nothing is revealed."""
        law = self.base(step)
        if self.gamma == 0.0:
            return law
        at = step.plan.reveals
        laws = law[at]
        evidence = self.evidence(step, laws)
        possible = evidence.isfinite() & (laws > FORBIDDEN / 2)
        tilted = (laws + self.gamma * evidence).masked_fill(~possible, FORBIDDEN).log_softmax(-1)
        lost = ~possible.any(-1)
        step.unguided = step.unguided + torch.bincount(at.nonzero()[lost, 0], minlength=len(at))
        guided = law.clone()
        guided[at] = torch.where(lost[:, None], laws, tilted.to(law.dtype))
        return guided

"""Particles: rows that promise a better score are copied, others dropped, while they are drawn."""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor

from moldiff.diffusion.process import Process
from moldiff.diffusion.state import State, Transition
from moldiff.guidance.guesses import Score, Value
from moldiff.guidance.knobs import at_least_zero
from moldiff.guidance.resampling import effective_size, log_normaliser, systematic


class Particles:
    """Sequential Monte Carlo towards base(x0) exp(strength score(x0)), within one canvas.

    The base is the law of the run as it is without the selection, with its guidance. At a *look* every row
    is given a value s_t, an estimate of the score that it will have, and its weight grows by the potential
    G_t = exp(strength (s_t - s_previous)) (difference potentials: Feynman-Kac steering, arXiv 2501.06848).
    The value travels with the row, so that the potentials of a row telescope, and the last one takes the
    score of the finished row itself: the product is exp(strength score(x0)) whatever was guessed on the way.
    Guesses decide how soon good rows are told from bad ones, not where many rows end up.

    Rows come in groups of n, independent particle systems side by side. Where the effective sample size of a
    group falls below a share of n, its rows are drawn anew by their weights (systematic resampling), and each
    then weighs as much as they did on average. So (1/n) sum_i exp(log_weight_i) f(row_i) over the finished
    rows of a group is an unbiased estimate of the sum over x0 of base(x0) exp(strength score(x0)) f(x0), and
    with f = 1 of Z (``log_normaliser``; ``combined_weights`` joins canvases). Finished rows are not
    resampled: they keep their weights, and all are there to choose from.

    A guess without a score leaves weight and value as they are; a finished row without one weighs nothing.

    Args:
        score: Of finished tokens: (B, L) int64 to (B,) float64, NaN where there is none.
        process: The noise process of the run.
        strength: lambda, at least 0: how much a unit of the score counts, in nats.
        n: Particles of a group, at least 2; a run has a multiple of n rows.
        value: Estimate at a look; not needed without looks.
        looks: How often a run looks before it ends, evenly in alpha. Each look may cost as many scored
            molecules as there are rows. 0 is importance sampling, or, for the best row, best-of-n.
        start: Visible share alpha from which on the looks are spaced, in [0, 1).
        threshold: Share of n at or below which the effective sample size calls for resampling, in [0, 1]: 0
            never resamples, 1 at every look.

    Raises:
        ValueError: If a number is out of range, or there are looks and no value.

    Example:
        >>> from moldiff.diffusion import MaskedProcess, Sampler, SubtokenCodec
        >>> from moldiff.guidance.guesses import AsItStands
        >>> process = MaskedProcess(SubtokenCodec(torch.arange(3)[:, None]))
        >>> uniform = lambda z, y, t=None: torch.zeros(*z.shape[:2], 3)
        >>> twos = lambda tokens: (tokens == 2).sum(1).double()
        >>> particles = Particles(twos, process, strength=3.0, n=64, value=AsItStands(twos, process.codec))
        >>> run = Sampler(uniform, process)
        >>> out = run(64, 6, steps=6, selection=particles, generator=torch.Generator().manual_seed(0))
        >>> bool(twos(out.tokens).mean() > 4.5)
        True
    """

    def __init__(
        self,
        score: Score,
        process: Process,
        *,
        strength: float,
        n: int,
        value: Value | None = None,
        looks: int = 8,
        start: float = 0.0,
        threshold: float = 0.5,
    ) -> None:
        if n < 2:
            raise ValueError(f"particles are compared with each other: n must be at least 2, got {n}")
        if looks < 0 or (looks and value is None):
            raise ValueError(f"looks must be at least 0, and need a value to look at; got {looks}")
        if not (0.0 <= start < 1.0 and 0.0 <= threshold <= 1.0):
            raise ValueError(f"start must be in [0, 1) and threshold in [0, 1], got {start} and {threshold}")
        self.score = score
        self.process = process
        self.strength = at_least_zero("strength", strength)
        self.n = n
        self.value = value
        self.looks = looks
        self.start = start
        self.threshold = threshold

    @property
    def passes(self) -> int:
        """Network rows evaluated so far, beside those of the sampler."""
        return 0 if self.value is None else self.value.passes

    def __call__(self, state: State, transition: Transition, generator: torch.Generator) -> State:
        """Return the rows after a step, weighed and perhaps resampled.

        Raises:
            ValueError: If the number of rows is no multiple of n.
        """
        if len(state.z) % self.n:
            raise ValueError(f"{len(state.z)} rows do not make groups of {self.n} particles")
        if transition.alpha_s >= 1.0:
            return self._finished(state)
        if self.value is None or not self._looks(transition):
            return state
        guessed = self.value(state, transition, generator).double()
        return self._resampled(self._weighed(state, guessed), generator)

    def _looks(self, transition: Transition) -> bool:
        """Tell whether the step crosses one of the ``looks`` marks between ``start`` and 1."""
        marks = (
            math.floor((alpha - self.start) / (1.0 - self.start) * (self.looks + 1))
            for alpha in (transition.alpha_t, transition.alpha_s)
        )
        before, after = (max(0, mark) for mark in marks)
        return after > before

    def _weighed(self, state: State, guessed: Tensor) -> State:
        """Return the rows with the potentials of a look in their weights."""
        known = guessed.isfinite()
        value = torch.where(known, guessed, state.score.double())
        change = self.strength * (value - state.score)
        return replace(state, score=value, log_weight=state.log_weight.double() + change)

    def _finished(self, state: State) -> State:
        """Return the rows with their own scores, and the last potentials in their weights."""
        score = self.score(self.process.codec.decode(state.z)).double()
        state = replace(self._weighed(state, score), score=score)
        lost = ~score.isfinite() & (self.strength > 0.0)
        return replace(state, log_weight=state.log_weight.masked_fill(lost, -torch.inf))

    def _resampled(self, state: State, generator: torch.Generator) -> State:
        """Return the rows with every group drawn anew whose weights are too uneven."""
        weights = state.log_weight.view(-1, self.n)
        uneven = effective_size(weights) <= self.threshold * self.n
        if not bool(uneven.any()):
            return state
        index = torch.arange(len(state.z), device=weights.device).view_as(weights)
        index[uneven] = index[uneven].gather(1, systematic(weights[uneven], generator))
        mean = log_normaliser(state.log_weight, self.n)[:, None].expand_as(weights)
        weights = torch.where(uneven[:, None], mean, weights)
        return replace(state.rows(index.flatten()), log_weight=weights.flatten())

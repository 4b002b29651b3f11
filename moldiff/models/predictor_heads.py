"""Laws of one property: what a predictor says about its value, and how probable a goal is under it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from moldiff.diffusion.codec import FORBIDDEN
from moldiff.models.gaussian import log_density, log_interval

SMALLEST_SPREAD = 1e-3
"""Least standard deviation of a Gaussian law, in training standard deviations."""

LOG_SPREADS = (-3.0, 3.0)
"""Between these a law may be widened or narrowed by calibration."""


class Law(Protocol):
    """The law of one property, given S numbers that a network computes.

    ``parameters`` are (B, S); S is ``size``. ``low``, ``high`` and ``y`` are in the property's unit.
    """

    @property
    def size(self) -> int:
        """S, how many numbers the law takes from the network."""

    def parameters(self, raw: Tensor, log_spread: Tensor) -> Tensor:
        """Return the law's parameters (B, S) of raw outputs (B, S), widened by exp(log_spread) (B, 1)."""

    def log_prob(self, parameters: Tensor, low: float, high: float) -> Tensor:
        """Return log P(low <= value <= high), (B,); of a continuous law with low = high the log-density."""

    def log_likelihood(self, parameters: Tensor, y: Tensor) -> Tensor:
        """Return the log-probability or log-density of values y (B,), 0 where y is NaN: (B,)."""

    def summary(self, parameters: Tensor) -> tuple[Tensor, Tensor]:
        """Return the value to state, and how far off it is expected to be: each (B,)."""

    def error(self, stated: Tensor, y: Tensor) -> Tensor:
        """Return how far off stated values are, (B,)."""

    def below(self, parameters: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return P(value < y) and P(value = y), each (B,)."""

    def fit_spread(self, parameters: Tensor, y: Tensor, weights: Tensor, share: float) -> Tensor:
        """Return the log_spread that makes laws fit values best, for several weightings of them: (W,).

        Args:
            parameters: (N, S), without widening.
            y: (N,) what was measured.
            weights: (N, W) how much each counts, at least 0 and not all 0.
            share: Of the interval that calibration is for.
        """


@dataclass(frozen=True)
class Gaussian:
    """A continuous property: a normal law whose mean and standard deviation the network computes.

    Its parameters are mean and log standard deviation in training standard deviations.

    Args:
        mean: Training mean, in the property's unit.
        std: Training standard deviation, above 0.

    Raises:
        ValueError: If they are no such numbers.

    Example:
        >>> law, standard = Gaussian(1.0, 2.0), torch.zeros(1, 2)
        >>> round(float(law.log_prob(standard, 1.0, math.inf).exp()), 4)
        0.5
        >>> [float(part) for part in law.summary(standard)]
        [1.0, 2.0]
    """

    mean: float
    std: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.mean) and 0.0 < self.std < math.inf):
            raise ValueError(f"a Gaussian law takes a mean and a std above 0, got {self.mean}, {self.std}")

    @property
    def size(self) -> int:
        """2: mean and spread."""
        return 2

    def parameters(self, raw: Tensor, log_spread: Tensor) -> Tensor:
        """Return mean and log standard deviation; the standard deviation is softplus(raw) + 0.001."""
        log_std = (F.softplus(raw[:, 1:]) + SMALLEST_SPREAD).log() + log_spread
        return torch.cat([raw[:, :1], log_std], 1)

    def log_prob(self, parameters: Tensor, low: float, high: float) -> Tensor:
        """Return log P(low <= value <= high), (B,); with low = high the log-density, per unit."""
        mean, log_std = parameters.unbind(1)
        if low == high:
            return log_density((low - self.mean) / self.std, mean, log_std) - math.log(self.std)
        return log_interval((low - self.mean) / self.std, (high - self.mean) / self.std, mean, log_std)

    def log_likelihood(self, parameters: Tensor, y: Tensor) -> Tensor:
        """Return the log-density of values y (B,) in the property's unit, 0 where y is NaN."""
        mean, log_std = parameters.unbind(1)
        # NaN must go before the density: its gradient would survive the selection.
        density = log_density(self._standardised(y).nan_to_num(0.0), mean, log_std) - math.log(self.std)
        return torch.where(y.isnan(), 0.0, density)

    def summary(self, parameters: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and standard deviation in the property's unit."""
        mean, log_std = parameters.unbind(1)
        return mean * self.std + self.mean, log_std.exp() * self.std

    def error(self, stated: Tensor, y: Tensor) -> Tensor:
        """Return the absolute differences."""
        return (stated - y).abs()

    def below(self, parameters: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return Phi((y - mean) / standard deviation), and zeros."""
        mean, log_std = parameters.unbind(1)
        share = torch.special.ndtr((self._standardised(y) - mean) * (-log_std).exp())
        return share, torch.zeros_like(share)

    def fit_spread(self, parameters: Tensor, y: Tensor, weights: Tensor, share: float) -> Tensor:
        """Return the log_spread at which the central interval holds its share of the values.

        A few large errors would widen the law of largest likelihood far beyond what the others need.
        """
        mean, log_std = parameters.unbind(1)
        far, order = ((self._standardised(y) - mean) * (-log_std).exp()).abs().double().sort()
        held = weights[order].double().cumsum(0).T.contiguous()
        place = torch.searchsorted(held, share * held[:, -1:]).clamp_max(len(far) - 1)[:, 0]
        normal = torch.special.ndtri(torch.tensor(0.5 + 0.5 * share, dtype=torch.float64))
        return (far[place] / float(normal)).log().clamp(*LOG_SPREADS)

    def _standardised(self, y: Tensor) -> Tensor:
        return (y - self.mean) / self.std


@dataclass(frozen=True)
class Values:
    """A property of few whole numbers: a softmax over the values that were seen in training.

    Its parameters are logits.

    Args:
        values: The values, ascending.

    Raises:
        ValueError: If they are not ascending finite numbers, or there are none.

    Example:
        >>> law, even = Values((0.0, 1.0, 2.0, 5.0)), torch.zeros(1, 4)
        >>> float(law.log_prob(even, 1.0, 2.0).exp()), float(law.summary(even)[0])
        (0.5, 2.0)
    """

    values: Sequence[float]

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", tuple(float(value) for value in self.values))
        rising = all(a < b for a, b in zip(self.values, self.values[1:], strict=False))
        if not (self.values and rising and all(math.isfinite(value) for value in self.values)):
            raise ValueError(f"a softmax takes ascending values, at least one, got {list(self.values)!s:.80}")

    @property
    def size(self) -> int:
        """One logit a value."""
        return len(self.values)

    def parameters(self, raw: Tensor, log_spread: Tensor) -> Tensor:
        """Return the logits, divided by the temperature exp(log_spread)."""
        return raw * (-log_spread).exp()

    def log_prob(self, parameters: Tensor, low: float, high: float) -> Tensor:
        """Return log P(low <= value <= high), (B,); ``FORBIDDEN`` where no value lies there."""
        inside = [i for i, value in enumerate(self.values) if low <= value <= high]
        if not inside:
            return torch.full_like(parameters[:, 0], FORBIDDEN)
        return parameters.log_softmax(1)[:, inside].logsumexp(1)

    def log_likelihood(self, parameters: Tensor, y: Tensor) -> Tensor:
        """Return the log-probability of values y (B,); of a value that training never saw, of the nearest.

        It is 0 where y is NaN.
        """
        nearest = (y.nan_to_num(0.0)[:, None] - parameters.new_tensor(self.values)).abs().argmin(1)
        return parameters.log_softmax(1).gather(1, nearest[:, None])[:, 0].masked_fill(y.isnan(), 0.0)

    def summary(self, parameters: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and standard deviation."""
        law, values = parameters.softmax(1), parameters.new_tensor(self.values)
        mean = law @ values
        return mean, (law * (values - mean[:, None]).square()).sum(1).sqrt()

    def error(self, stated: Tensor, y: Tensor) -> Tensor:
        """Return the absolute differences."""
        return (stated - y).abs()

    def below(self, parameters: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return the probabilities of the values below y, and of y."""
        law, values = parameters.softmax(1), parameters.new_tensor(self.values)
        return (law * (values < y[:, None])).sum(1), (law * (values == y[:, None])).sum(1)

    def fit_spread(self, parameters: Tensor, y: Tensor, weights: Tensor, share: float) -> Tensor:
        """Return the logarithm of the temperature of largest likelihood, on a grid of .05."""
        grid = torch.arange(LOG_SPREADS[0], LOG_SPREADS[1] + 0.01, 0.05)
        grid = grid.to(parameters)
        tempered = (self.parameters(parameters, step.reshape(1, 1)) for step in grid)
        nats = torch.stack([self.log_likelihood(law, y) for law in tempered])
        best: Tensor = grid[(nats @ weights.to(nats)).argmax(0)]
        return best


@dataclass(frozen=True)
class Classes(Values):
    """A class: a softmax over labels, whose values are their places and have neither order nor mean.

    Args:
        values: 0, 1 ... in the order of the labels.

    Example:
        >>> law = Classes((0.0, 1.0, 2.0))
        >>> stated, wrong = law.summary(torch.tensor([[0.1, 0.3, 0.6]]).log())
        >>> float(stated), round(float(wrong), 4)
        (2.0, 0.4)
    """

    def summary(self, parameters: Tensor) -> tuple[Tensor, Tensor]:
        """Return the likeliest class, and the probability that it is another one."""
        chance, place = parameters.softmax(1).max(1)
        return parameters.new_tensor(self.values)[place], 1.0 - chance

    def error(self, stated: Tensor, y: Tensor) -> Tensor:
        """Return 1 where the class is another one."""
        return (stated != y).to(stated.dtype)


LAWS: dict[str, type[Gaussian] | type[Values] | type[Classes]] = {
    "gaussian": Gaussian,
    "values": Values,
    "classes": Classes,
}

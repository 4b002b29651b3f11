"""Logarithms of normal densities and of the probabilities of intervals, also far out in the tails."""

from __future__ import annotations

import math

import torch
from torch import Tensor

NARROW = 1 / 32
"""Width, in standard deviations, under which an interval is taken for one of exponential density."""

FAR = -20.0
"""Below this the logarithm of a normal tail is a series: torch's own has a wrong gradient at -1000."""

FARTHEST = 1e4
"""Goals are not looked for beyond, in training standard deviations: their squares would leave float32."""

NARROWEST = 1e-30
"""Least width of an interval, in training standard deviations."""


def log_density(x: float | Tensor, mean: Tensor, log_std: Tensor) -> Tensor:
    """Return the logarithm of the normal density at x, (B,), for means and log standard deviations (B,)."""
    if isinstance(x, float):
        x = min(max(x, -FARTHEST), FARTHEST)
    far = (x - mean) * (-log_std).exp()
    return -0.5 * far.square() - log_std - 0.5 * math.log(2.0 * math.pi)


def log_interval(low: float, high: float, mean: Tensor, log_std: Tensor) -> Tensor:
    """Return log (Phi(b) - Phi(a)) for a, b = (low - mean) / std, (high - mean) / std: (B,).

    An interval is mirrored to the lower tail, where log Phi keeps its digits: there it is
    log Phi(b) + log (1 - exp(log Phi(a) - log Phi(b))). For narrow intervals that difference has no digits
    left; their density is an exponential, phi(m) exp(-m u) at a distance u from the middle m (the factor
    exp(-u^2 / 2) that is left out is above 1 - 2^-13).

    Args:
        low: Lower limit, may be -inf.
        high: Upper limit, above ``low``, may be inf.
        mean: (B,).
        log_std: (B,) logarithms of the standard deviations.

    Example:
        >>> standard = torch.zeros(1)
        >>> round(float(log_interval(-1.0, 1.0, standard, standard).exp()), 4)
        0.6827
        >>> round(float(log_interval(30.0, 31.0, standard, standard)), 3)
        -454.321
    """
    inverse = (-log_std).exp()
    first, last = _within_reach(low, high)
    a, b = (first - mean) * inverse, (last - mean) * inverse
    if math.isinf(low) and math.isinf(high):
        return torch.zeros_like(mean)
    if math.isinf(low):
        return _log_below(b)
    if math.isinf(high):
        return _log_below(-a)
    width, middle = max(last - first, NARROWEST) * inverse, 0.5 * (a + b)
    narrow = width < NARROW
    # Each formula sees numbers that it can take, or the gradient of the one not chosen would be NaN.
    mirrored = middle > 0
    lower = torch.where(narrow, -1.0, torch.where(mirrored, -b, a))
    upper = torch.where(narrow, 0.0, torch.where(mirrored, -a, b))
    top = _log_below(upper)
    wide = top + torch.log(-torch.expm1(_log_below(lower) - top))
    return torch.where(narrow, _log_narrow(middle, torch.where(narrow, width, NARROW)), wide)


def _within_reach(low: float, high: float) -> tuple[float, float]:
    """Return limits that float32 can take; an interval too far out is moved, or it would have no width."""
    width = min(high - low, FARTHEST)
    if low > FARTHEST:
        return FARTHEST, FARTHEST + width
    if high < -FARTHEST:
        return -FARTHEST - width, -FARTHEST
    return max(low, -2.0 * FARTHEST), min(high, 2.0 * FARTHEST)


def _log_below(x: Tensor) -> Tensor:
    """Return log Phi(x); below -20 it is log phi(x) - log(-x) + log(1 - 1 / x^2 + 3 / x^4)."""
    far = x < FAR
    safe = torch.where(far, x, FAR)
    inverse = safe.square().reciprocal()
    series = -0.5 * safe.square() - 0.5 * math.log(2.0 * math.pi) - (-safe).log()
    tail = series + torch.log1p(inverse * (3.0 * inverse - 1.0))
    return torch.where(far, tail, torch.special.log_ndtr(torch.where(far, FAR, x)))


def _log_narrow(middle: Tensor, width: Tensor) -> Tensor:
    """Return the logarithm of density x width x sinh(h) / h, with h = |middle| width / 2."""
    h = 0.5 * middle.abs() * width
    small = h < 0.3
    square = torch.where(small, h, 0.0).square()
    near = square / 6.0 - square.square() / 180.0 + square.pow(3) / 2835.0
    safe = torch.where(small, 1.0, h)
    far = safe + torch.log(-torch.expm1(-2.0 * safe)) - torch.log(2.0 * safe)
    density = -0.5 * middle.square() - 0.5 * math.log(2.0 * math.pi)
    return density + width.log() + torch.where(small, near, far)

"""How far the law of a descriptor is from that of a reference, as GuacaMol measures it.

Kullback-Leibler divergences of a reference P from a sample Q (Brown et al. 2019, doi
10.1021/acs.jcim.8b00839): of numbers by Gaussian kernel estimates on 1,000 points, of counts by ten bins of
the reference.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.stats import entropy, gaussian_kde

__all__ = ["count_divergence", "number_divergence"]

POINTS = 1000
BINS = 10
FLOOR = 1e-10
"""Added to every density: what a sample lacks is not infinitely far."""


def number_divergence(reference: npt.ArrayLike, sample: npt.ArrayLike) -> float:
    """Return the divergence in nats of two lists of numbers.

    A list whose numbers are all the same has no kernel estimate: it is at -log 1e-10, and at 0 from itself.

    Args:
        reference: (M,) finite values.
        sample: (N,) finite values.

    Example:
        >>> number_divergence([0.0, 1.0, 2.0], [0.0, 1.0, 2.0])
        0.0
    """
    first, second = (np.asarray(values, dtype=np.float64) for values in (reference, sample))
    if not (np.ptp(first) and np.ptp(second)):
        return 0.0 if np.array_equal(np.unique(first), np.unique(second)) else -math.log(FLOOR)
    points = np.linspace(min(first.min(), second.min()), max(first.max(), second.max()), POINTS)
    return float(entropy(gaussian_kde(first)(points) + FLOOR, gaussian_kde(second)(points) + FLOOR))


def count_divergence(reference: npt.ArrayLike, sample: npt.ArrayLike) -> float:
    """Return the divergence in nats of two lists of counts.

    What lies outside the reference's bins is lost; a sample that has nothing else is at -log 1e-10.

    Args:
        reference: (M,) values, M >= 1.
        sample: (N,) values.
    """
    first, edges = np.histogram(np.asarray(reference, dtype=np.float64), bins=BINS, density=True)
    values = np.asarray(sample, dtype=np.float64)
    inside = values[(values >= edges[0]) & (values <= edges[-1])]
    if not len(inside):
        return -math.log(FLOOR)
    second = np.histogram(inside, bins=edges, density=True)[0]
    return float(entropy(first + FLOOR, second + FLOOR))

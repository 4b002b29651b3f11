"""Which of many points nobody beats, and how much of the plane they dominate, more being better."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["hypervolume", "non_dominated"]


def non_dominated(points: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """Tell which points no other point dominates.

    A point dominates another if it is at least as good on every axis and better on one. Equal points do not
    dominate each other.

    Args:
        points: (N, D) finite, more is better: give the negative of what should be small.

    Returns:
        (N,) bool.

    Raises:
        ValueError: If a coordinate is not finite.

    Example:
        >>> non_dominated([[1, 3], [2, 2], [1, 2], [3, 0]]).tolist()
        [True, True, False, True]
    """
    found = _points(points)
    no_worse = (found[:, None] >= found[None]).all(axis=2)
    better = (found[:, None] > found[None]).any(axis=2)
    dominated: npt.NDArray[np.bool_] = np.any(no_worse & better, axis=0)
    return ~dominated


def hypervolume(points: npt.ArrayLike, reference: npt.ArrayLike) -> float:
    """Return the area that points dominate above a reference point, in two dimensions.

    HV = area of the union of the rectangles from the reference to each point (Zitzler and Thiele 1998, doi
    10.1007/BFb0056872). A point that is not above the reference on both axes adds nothing.

    Args:
        points: (N, 2) finite, more is better; none at all have no area.
        reference: (2,) finite.

    Raises:
        ValueError: If a coordinate is not finite, or there are not two of them.

    Example:
        >>> hypervolume([[1, 3], [2, 2], [3, 0]], [0, 0])
        5.0
    """
    corner = np.asarray(reference, dtype=np.float64)
    if corner.shape != (2,) or not np.isfinite(corner).all():
        raise ValueError(f"the reference must be two finite numbers, got {reference!r}")
    if not len(np.asarray(points)):
        return 0.0
    found = _points(points)
    if found.shape[1] != 2:
        raise ValueError(f"expected points (N, 2), got {found.shape}")
    above = found - corner
    above = above[(above > 0).all(axis=1)]
    # From right to left each point adds what its height exceeds all heights so far.
    area, height = 0.0, 0.0
    for x, y in above[np.lexsort((-above[:, 1], -above[:, 0]))]:
        area += x * max(0.0, y - height)
        height = max(height, y)
    return float(area)


def _points(points: npt.ArrayLike) -> npt.NDArray[np.float64]:
    found = np.asarray(points, dtype=np.float64)
    if found.ndim != 2 or not np.isfinite(found).all():
        raise ValueError(f"expected finite points (N, D), got {found.shape}: leave out those without a value")
    return found

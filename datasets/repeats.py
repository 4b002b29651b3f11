"""Which rows of a table of any size are molecules that came before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from moldiff.datasets.cleaning import Cleaned
from moldiff.datasets.columns import Column

BUCKET = 1_000_000
"""Rows whose hashes are sorted at a time."""


def repeats(marks: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows whose mark came before, ascending, and the row where each came first.

    The rows go into buckets by their marks, one after another, so that memory is used for one bucket and for
    what is returned.

    Args:
        marks: (N,) hashes of molecules; an array or a memory map.

    Example:
        >>> [found.tolist() for found in repeats(np.array([7, 5, 7, 7, 5], dtype=np.uint64))]
        [[2, 3, 4], [0, 0, 1]]
    """
    buckets = len(marks) // BUCKET + 1
    found, origin = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for bucket in range(buckets):
        rows = np.concatenate(
            [
                start + np.flatnonzero(marks[start : start + BUCKET] % np.uint64(buckets) == bucket)
                for start in range(0, len(marks), BUCKET)
            ]
            or [np.zeros(0, np.int64)]
        )
        _, first, inverse = np.unique(marks[rows], return_index=True, return_inverse=True)
        again = np.ones(len(rows), dtype=bool)
        again[first] = False
        found.append(rows[again])
        origin.append(rows[first[inverse[again]]])
    order = np.argsort(np.concatenate(found), kind="stable")
    return np.concatenate(found)[order], np.concatenate(origin)[order]


class MergedLabels:
    """Labels of molecules that have several rows: medians of numbers, majorities of classes.

    Args:
        columns: What the Q labels are; their values do not matter.
        marks: Distinct hashes of the molecules with several rows.

    Example:
        >>> merged = MergedLabels([Column("x", "number", np.zeros(0), 0)], np.array([5, 7], np.uint64))
        >>> merged.add(np.array([7, 3, 7], np.uint64), np.array([[1.0], [9.0], [2.0]]))
        >>> labels = np.array([[1.0], [9.0]])
        >>> merged.fill(np.array([7, 3], np.uint64), labels)
        >>> labels.tolist()
        [[1.5], [9.0]]
    """

    def __init__(self, columns: Sequence[Column], marks: NDArray[np.uint64]) -> None:
        self.columns = list(columns)
        self.marks = np.unique(marks)
        self._places: list[NDArray[np.int64]] = []
        self._labels: list[NDArray[np.floating]] = []
        self._merged: NDArray[np.float64] | None = None

    def add(self, marks: NDArray[np.uint64], labels: NDArray[np.floating]) -> None:
        """Take in the rows (n,) of a piece with their labels (n, Q)."""
        place, known = self._find(marks)
        self._places.append(place[known])
        self._labels.append(labels[known])

    def fill(self, marks: NDArray[np.uint64], labels: NDArray[np.floating]) -> None:
        """Write the merged values into labels (n, Q) of molecules that have several rows, in place."""
        if not len(self.marks):
            return
        if self._merged is None:
            self._merged = self._merge()
        place, known = self._find(marks)
        labels[known] = self._merged[place[known]]

    def _find(self, marks: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        if not len(self.marks):
            return np.zeros(len(marks), np.int64), np.zeros(len(marks), bool)
        place = np.minimum(np.searchsorted(self.marks, marks), len(self.marks) - 1)
        return place, self.marks[place] == marks

    def _merge(self) -> NDArray[np.float64]:
        member = np.concatenate(self._places)
        labels = np.concatenate(self._labels).astype(np.float64)
        rows = Cleaned([""] * len(self.marks), member, [], {})
        merged = [
            rows.merge(replace(entry, values=labels[:, place]))[0] for place, entry in enumerate(self.columns)
        ]
        return np.stack(merged, axis=1) if merged else np.zeros((len(self.marks), 0))

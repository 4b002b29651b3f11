"""Token ids of many molecules in one array, in memory or mapped from a file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

import numpy as np
from numpy.typing import NDArray


class TokenRows(Sequence[NDArray[np.uint8]]):
    """Ids end to end, a molecule after another, without padding.

    Args:
        flat: (S,) uint8, all ids; an array or a memory map.
        lengths: (N,) how many of them each molecule has.

    Raises:
        ValueError: If the lengths do not sum to S.

    Example:
        >>> rows = TokenRows.joined([np.array([3, 2], np.uint8), np.array([1], np.uint8)])
        >>> rows.flat.tolist(), rows.starts.tolist(), rows[1].tolist()
        ([3, 2, 1], [0, 2, 3], [1])
    """

    def __init__(self, flat: NDArray[np.uint8], lengths: NDArray[np.integer]) -> None:
        self.flat = flat
        self.starts = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
        if self.starts[-1] != len(flat):
            raise ValueError(f"{len(flat)} ids, but the lengths sum to {self.starts[-1]}")

    @classmethod
    def joined(cls, rows: Sequence[NDArray[np.uint8]]) -> TokenRows:
        """Return rows end to end; such rows as they are."""
        if isinstance(rows, cls):
            return rows
        flat = np.concatenate([np.zeros(0, np.uint8), *rows]).astype(np.uint8)
        return cls(flat, np.array([len(row) for row in rows], dtype=np.int64))

    @property
    def lengths(self) -> NDArray[np.int64]:
        """(N,) ids of each molecule."""
        found: NDArray[np.int64] = np.diff(self.starts)
        return found

    def __len__(self) -> int:
        return len(self.starts) - 1

    @overload
    def __getitem__(self, row: int) -> NDArray[np.uint8]: ...
    @overload
    def __getitem__(self, row: slice) -> list[NDArray[np.uint8]]: ...
    def __getitem__(self, row: int | slice) -> NDArray[np.uint8] | list[NDArray[np.uint8]]:
        """Return the ids of a molecule, or of several."""
        if isinstance(row, slice):
            return [self[place] for place in range(*row.indices(len(self)))]
        place = range(len(self))[row]
        return self.flat[self.starts[place] : self.starts[place + 1]]

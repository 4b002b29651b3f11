"""Token data that lives on the training device, and the batch of every step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from moldiff.datasets.token_rows import TokenRows
from moldiff.diffusion.canvas import canvas_size

SHARE = 0.25
"""Of a device's memory that data may take; more stays in the file that it is mapped from."""


class _Store:
    """Ids end to end and properties, where they are: on the device if they fit, else mapped from a file.

    Args:
        ids: N molecules.
        y: (N / orders, P) numbers.
        orders: Rows of ids in a row that have the same numbers.
    """

    def __init__(self, ids: TokenRows, y: np.ndarray, orders: int) -> None:
        self.orders = orders
        self.flat = torch.from_numpy(ids.flat)
        self.starts = torch.from_numpy(ids.starts)
        self.y = torch.from_numpy(np.asarray(y, dtype=np.float32))
        self.device = torch.device("cpu")

    def to(self, device: torch.device) -> None:
        """Bring the data to the device where batches are wanted, if it fits there."""
        self.device = device
        size = sum(part.numel() * part.element_size() for part in (self.flat, self.starts, self.y))
        if device.type != "cuda" or size <= SHARE * torch.cuda.get_device_properties(device).total_memory:
            self.flat, self.starts, self.y = (part.to(device) for part in (self.flat, self.starts, self.y))

    def tokens(self, rows: Tensor, canvas: int) -> Tensor:
        """Return molecules (B,) on a canvas of c positions: (B, c) uint8 with [nop] (0) on the right."""
        rows = rows.to(self.flat.device)
        start, end = self.starts[rows, None], self.starts[rows + 1, None]
        source = start + torch.arange(canvas, device=rows.device)
        found = self.flat[source.clamp_max(len(self.flat) - 1)]
        return torch.where(source < end, found, 0).to(torch.uint8).to(self.device)

    def properties(self, rows: Tensor) -> Tensor:
        """Return the properties (B, P) float32 of molecules."""
        return self.y[rows.to(self.y.device) // self.orders].to(self.device)


@dataclass(frozen=True)
class CanvasGroup:
    """All molecules on one canvas size.

    Attributes:
        canvas: c, the size.
        rows: (N,) int64, their places in the data.
    """

    store: _Store
    canvas: int
    rows: Tensor

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def tokens(self) -> Tensor:
        """(N, c) uint8 with [nop] (0) on the right."""
        return self.store.tokens(self.rows, self.canvas)

    @property
    def y(self) -> Tensor:
        """(N, P) float32."""
        return self.store.properties(self.rows)

    def batch(self, chosen: Tensor) -> tuple[Tensor, Tensor]:
        """Return tokens (B, c) int64 and properties (B, P) of some of them, by their places in the group."""
        rows = self.rows[chosen.to(self.rows.device)]
        return self.store.tokens(rows, self.canvas).long(), self.store.properties(rows)


class ResidentTokens:
    """Molecules grouped by canvas size, served in batches of one size each, on the device given to ``to``.

    Batch ``step`` is a function of (seed, step) alone: restarts and the number of devices change nothing. An
    epoch shuffles every group, cuts it into batches of about ``batch_tokens`` tokens and shuffles the
    batches: molecules are seen equally often, but for the few that fill up the last batch of a group.

    Args:
        ids: Token ids of every molecule, 1-D uint8 arrays without padding.
        y: (N / orders, P) property values, NaN where missing.
        orders: How many rows of ids one after another are one molecule, in other orders of its atoms.
        rows: Which rows of ids to serve; all unless given.
        step: Canvas sizes are multiples of this.
        batch_tokens: Canvas tokens in a batch.
        seed: Seed of the order.

    Raises:
        ValueError: If there is nothing to train on, or the shapes disagree.
    """

    def __init__(
        self,
        ids: Sequence[np.ndarray],
        y: np.ndarray,
        *,
        orders: int = 1,
        rows: np.ndarray | None = None,
        step: int,
        batch_tokens: int = 4096,
        seed: int = 0,
    ) -> None:
        packed = TokenRows.joined(ids)
        chosen = torch.arange(len(packed)) if rows is None else torch.from_numpy(rows)
        if not len(chosen) or len(packed) != orders * len(y):
            raise ValueError(
                f"need as many rows of y as molecules, at least one; got {len(packed) // orders} and {len(y)}"
            )
        self.batch_tokens = batch_tokens
        self.seed = seed
        self.canvases = canvas_size(torch.from_numpy(packed.lengths)[chosen], step)
        self._store = _Store(packed, y, orders)
        self.groups = {
            canvas: CanvasGroup(self._store, canvas, chosen[self.canvases == canvas])
            for canvas in torch.unique(self.canvases).tolist()
        }
        self._epoch = -1
        self._order: list[tuple[int, Tensor]] = []
        batches = {
            canvas: -(-len(group) // self.rows_per_batch(canvas)) for canvas, group in self.groups.items()
        }
        self.batches_per_epoch = sum(batches.values())
        drawn = sum(count * self.rows_per_batch(canvas) * canvas for canvas, count in batches.items())
        self.tokens_per_step = drawn / self.batches_per_epoch

    def __len__(self) -> int:
        return len(self.canvases)

    @property
    def device(self) -> torch.device:
        """Where batches are served."""
        return self._store.device

    def to(self, device: torch.device) -> None:
        """Serve batches on a device, where the data are kept from now on if they fit."""
        self._epoch = -1
        self._store.to(device)
        # With the rows where the data are, no batch makes the device wait for the processor.
        self.groups = {
            canvas: replace(group, rows=group.rows.to(self._store.flat.device))
            for canvas, group in self.groups.items()
        }

    def rows_per_batch(self, canvas: int) -> int:
        """Return how many molecules of a canvas size make a batch."""
        return max(1, self.batch_tokens // canvas)

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        """Return tokens (B, L) int64 and properties (B, P) float32 of a training step."""
        epoch, index = divmod(step, self.batches_per_epoch)
        if epoch != self._epoch:
            self._order, self._epoch = self._shuffled(epoch), epoch
        canvas, chosen = self._order[index]
        return self.groups[canvas].batch(chosen)

    def _shuffled(self, epoch: int) -> list[tuple[int, Tensor]]:
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + epoch)
        batches = []
        for canvas, group in self.groups.items():
            count, size = len(group), self.rows_per_batch(canvas)
            order = torch.randperm(count, generator=generator)
            # The last batch is filled up from the start of the order: one static shape a canvas.
            filled = order[torch.arange(-(-count // size) * size) % count]
            batches += [(canvas, chosen) for chosen in filled.to(group.rows.device).split(size)]
        return [batches[i] for i in torch.randperm(len(batches), generator=generator).tolist()]

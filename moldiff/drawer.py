"""Lightning's view of a bulk generation: a batch is the number of a chunk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from lightning.pytorch import LightningModule
from torch import Tensor
from torch.utils.data import DataLoader

from moldiff.generation_run import GenerationRun
from moldiff.selecting import KEEP, SCAFFOLD
from moldiff.shards import Shards

Make = Callable[[torch.device], GenerationRun]
"""Makes a generation on a device: it is not iterated, but draws and judges."""

OnChunk = Callable[[int, int, int], None]
"""Told of chunks done, chunks planned and molecules kept so far, by the first process."""

COUNTS = ("proposed", "valid", "novel", "hits", "kept")
"""What is counted of every chunk: kept ones are valid, the first of their chunk, and pass what was asked."""


class Drawer(LightningModule):
    """Draw the chunks of a process's share, and keep them.

    Args:
        make: Makes the generation on a device.
        about: Returns what is known of a chunk that was drawn before, None of others.
        shards: Where chunks are kept.
        on_chunk: Told how far it is, in the first process.
    """

    def __init__(
        self,
        make: Make,
        about: Callable[[int], dict[str, Any] | None],
        shards: Shards,
        on_chunk: OnChunk | None,
    ) -> None:
        super().__init__()
        self.make, self.about, self.shards, self.on_chunk = make, about, shards, on_chunk
        self.run: GenerationRun | None = None
        self.start(range(1), 0)

    def start(self, chunks: range, found: int) -> None:
        """Begin a round: the chunks of all processes, and molecules found before."""
        self.chunks, self.found = chunks, found

    def predict_dataloader(self) -> DataLoader[int]:
        """Return the chunks of this process, one a batch."""
        mine = self.chunks[self.trainer.global_rank :: self.trainer.world_size]
        # Lightning takes no process without a batch: two then draw the same chunk, which they write alike.
        return DataLoader(list(mine) or [self.chunks.start], batch_size=1)  # type: ignore[arg-type]

    def setup(self, stage: str) -> None:
        """Make the generation on this process's device, once."""
        if self.run is None:
            self.run = self.make(self.trainer.strategy.root_device)

    def predict_step(self, batch: Tensor, batch_idx: int) -> None:
        """Draw a chunk and keep it, unless that was done."""
        index = int(batch)
        about = self.about(index) or self._draw(index)
        self.found += about["kept"] * self.trainer.world_size
        if self.on_chunk is not None and self.trainer.is_global_zero:
            done = min(len(self.chunks), (batch_idx + 1) * self.trainer.world_size)
            self.on_chunk(self.chunks.start + done, self.chunks.stop, self.found)

    def _draw(self, index: int) -> dict[str, Any]:
        run = self.run or self.make(self.trainer.strategy.root_device)
        chunk = run.proposer(index)
        frame = run.judged(chunk)
        kept = frame[frame[KEEP]].drop(columns=[KEEP, SCAFFOLD]).reset_index(drop=True)
        table = run.chemistry.finished(kept, run.targets)
        about = {
            "proposed": len(frame),
            "valid": int(frame["valid"].sum()),
            "novel": int((frame["novel"] & frame["unique"]).sum()),
            "hits": int(frame["hit"].fillna(0).astype(bool).sum()),
            "kept": len(kept),
            "seconds": chunk.seconds,
            **chunk.counts,
        }
        self.shards.write(index, table, about)
        return about

"""Models along the way of a run: what it would have come to with less training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from moldiff.models.denoiser import Denoiser
from moldiff.training.ema import WeightAverage
from moldiff.training.fit import FitReport
from moldiff.training.module import DenoisingModule

Write = Callable[[Denoiser, FitReport], object]
"""Keeps an averaged network, and what it took."""


class Snapshots(Callback):
    """Hand on the averaged network at evenly spaced steps, the last one left out: that is the result.

    The learning rate has not fallen yet at most of them, so each is a little behind a run of its length.

    Args:
        network: The network in training.
        average: The callback whose averaged weights are kept.
        count: How many times.
        write: Called with a copy of the averaged network.
    """

    def __init__(self, network: Denoiser, average: WeightAverage, count: int, write: Write) -> None:
        self.network = network
        self.average = average
        self.count = count
        self.write = write

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *args: Any) -> None:
        """Lightning's hook after an optimiser step."""
        step, total, parts = trainer.global_step, trainer.max_steps, self.count + 1
        due = step < total and step * parts // total > (step - 1) * parts // total
        if due and trainer.is_global_zero and isinstance(pl_module, DenoisingModule):
            report = FitReport(step, pl_module.tokens_seen, pl_module.seconds)
            self.write(self.average.averaged(self.network), report)

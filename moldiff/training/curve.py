"""The learning curve: likelihood bounds of the averaged network on held-out molecules, while it trains."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from lightning.pytorch import Callback, LightningModule, Trainer

from moldiff.diffusion.process import Process
from moldiff.files import whole_file
from moldiff.models.denoiser import Denoiser
from moldiff.training.bounds import both_bounds
from moldiff.training.ema import WeightAverage
from moldiff.training.module import DenoisingModule
from moldiff.training.optimizer import MasterWeights
from moldiff.training.prepare import Prepared

MOST = 4000
"""Held-out molecules that are scored for a row of the curve, so that those of a large table cost no hours."""


class LearningCurve(Callback):
    """Append both bounds to ``curve.csv`` every so many steps.

    Args:
        network: The network in training.
        process: Its noise.
        prepared: Its validation molecules are scored.
        average: The callback whose averaged weights are scored.
        path: The CSV file; a resumed run goes on with it.
        every: Steps between rows.
    """

    def __init__(
        self,
        network: Denoiser,
        process: Process,
        prepared: Prepared,
        *,
        average: WeightAverage,
        path: Path,
        every: int = 1000,
    ) -> None:
        self.network = network
        self.process = process
        self.prepared = prepared
        self.average = average
        self.path = path
        self.every = every

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Bring the held-out molecules to the training device."""
        self.prepared.validation.to(pl_module.device)

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *args: Any) -> None:
        """Lightning's hook after an optimiser step."""
        step = trainer.global_step
        due = step % self.every == 0 or step == trainer.max_steps
        if not (due and trainer.is_global_zero and isinstance(pl_module, DenoisingModule)):
            return
        optimizer = trainer.optimizers[0]
        if not isinstance(optimizer, MasterWeights):
            return
        # A copy, so that scoring neither disturbs the weights in training nor compiles them again.
        network = self.average.averaged(self.network)
        row: dict[str, float] = {"step": step, "tokens": pl_module.tokens_seen}
        row["seconds"] = round(pl_module.seconds, 1)
        bounds = both_bounds(network, self.process, self.prepared.validation, self.prepared.canvas, most=MOST)
        for name, bound in bounds.items():
            row |= {name: round(bound.nats, 4), f"{name}_se": round(bound.standard_error, 4)}
        self._append(row)

    def _append(self, row: dict[str, float]) -> None:
        rows = pd.DataFrame([row])
        if self.path.exists():
            before = pd.read_csv(self.path)
            rows = pd.concat([before[before["step"] < row["step"]], rows])
        with whole_file(self.path) as part:
            rows.to_csv(part, index=False)

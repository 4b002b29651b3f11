"""The training loss, as a table that a resumed run continues without a gap or a repeat."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from moldiff.files import whole_file
from moldiff.training.module import DenoisingModule


class LossLog(Callback):
    """Write the mean loss of every so many steps to ``loss.csv``: step, tokens, loss, lr.

    The rows travel in the checkpoint, and the file is written anew with it. So what a killed run had logged
    beyond its last checkpoint does not appear twice, and the table of a run that was stopped any number of
    times is, byte for byte, the table of one that was not.

    Args:
        path: The CSV file.
        every: Steps averaged into a row.
    """

    def __init__(self, path: Path, every: int = 50) -> None:
        self.path = path
        self.every = every
        self.rows: list[dict[str, float]] = []
        self.total = torch.zeros((), dtype=torch.float64)
        self.steps = 0

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, *args: Any
    ) -> None:
        """Lightning's hook after an optimiser step."""
        # Kept on the device: reading the loss at every step would make the device wait.
        loss = outputs["loss"].detach().double()
        if trainer.world_size > 1:
            loss = trainer.strategy.reduce(loss, reduce_op="mean")
        self.total = self.total.to(pl_module.device) + loss
        self.steps += 1
        if self.steps == self.every and isinstance(pl_module, DenoisingModule):
            row = {"step": trainer.global_step, "tokens": pl_module.tokens_seen}
            factor = trainer.optimizers[0].param_groups[0]["lr"]
            self.rows.append({**row, "loss": float(self.total) / self.steps, "lr": factor})
            self.total, self.steps = torch.zeros_like(self.total), 0

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Lightning's hook at the end of the run."""
        self._write(trainer)

    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Lightning's hook before a checkpoint is written."""
        self._write(trainer)

    def state_dict(self) -> dict[str, Any]:
        """Return the rows and the unfinished mean for a checkpoint."""
        return {"rows": list(self.rows), "total": self.total.cpu(), "steps": self.steps}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore them from a checkpoint."""
        self.rows, self.total = list(state_dict["rows"]), state_dict["total"]
        self.steps = state_dict["steps"]

    def _write(self, trainer: Trainer) -> None:
        if self.rows and trainer.is_global_zero:
            with whole_file(self.path) as part:
                pd.DataFrame(self.rows).to_csv(part, index=False)

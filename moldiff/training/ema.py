"""An exponential moving average of the float32 masters."""

from __future__ import annotations

import copy
from typing import Any, TypeVar

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor, nn

from moldiff.training.optimizer import MasterWeights

Network = TypeVar("Network", bound=nn.Module)


class WeightAverage(Callback):
    """Average the masters every few steps: average += (1 - decay^every) (master - average).

    The average is kept in float32: in bfloat16 a step of one thousandth of the difference rounds to nothing,
    and the average never moves.

    Args:
        decay: Decay for one step; early on it is min(decay, (1 + n) / (10 + n)).
        every: Steps between updates.
    """

    def __init__(self, decay: float = 0.999, every: int = 4) -> None:
        self.decay = decay
        self.every = every
        self.average: list[Tensor] = []

    @torch.no_grad()
    def update(self, masters: list[Tensor], step: int) -> None:
        """Take in the masters after a step (1-based); the first call copies them."""
        if not self.average:
            self.average = [master.detach().clone() for master in masters]
            return
        if step % self.every == 0:
            decay = min(self.decay, (1 + step) / (10 + step)) ** self.every
            torch._foreach_lerp_(self.average, [master.detach() for master in masters], 1.0 - decay)

    def averaged(self, network: Network) -> Network:
        """Return a copy of the network in training with the averaged weights, on its device."""
        found = copy.deepcopy(network)
        weights = [parameter for parameter in found.parameters() if parameter.requires_grad]
        for weight, value in zip(weights, self.average, strict=True):
            weight.data.copy_(value)
        return found

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *args: Any) -> None:
        """Lightning's hook after an optimiser step."""
        optimizer = trainer.optimizers[0]
        if isinstance(optimizer, MasterWeights):
            self.update(list(optimizer.masters), trainer.global_step)

    def state_dict(self) -> dict[str, Any]:
        """Return the average for a checkpoint."""
        return {"average": self.average}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the average from a checkpoint."""
        self.average = state_dict["average"]

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Bring a restored average to the training device."""
        self.average = [tensor.to(pl_module.device) for tensor in self.average]

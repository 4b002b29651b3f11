"""The Lightning module: noise, loss and learning-rate law of one training step."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch
from lightning.pytorch import LightningModule
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR

from moldiff.diffusion.codec import SubtokenCodec
from moldiff.diffusion.process import Pattern
from moldiff.errors import InputError
from moldiff.models.compiled import compile_blocks, many_shapes
from moldiff.training.data import ResidentTokens
from moldiff.training.dropping import SHOWN, drop_conditions
from moldiff.training.optimizer import MasterWeights, muon_and_adamw, warm_constant_decay


class Noise(Protocol):
    """What a training step asks of a process."""

    @property
    def codec(self) -> SubtokenCodec:
        """The tokens' digits, on the device of the tokens that are corrupted."""

    def corrupt(
        self, x0: Tensor, pattern: Pattern, generator: torch.Generator
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return noisy digits (B, L, K), times (B,) and weights (B,) of clean tokens (B, L)."""

    def loss(self, logits: Tensor, x0: Tensor, z: Tensor, t: Tensor, weight: Tensor) -> Tensor:
        """Return the loss (B,) of what the network says of noisy digits."""


class Objective(nn.Module):
    """Network and loss as one module, so that one compiled graph holds both.

    Args:
        network: From noisy digits (B, L, K), labels (B, P) and times (B,) to what the loss takes.
        process: Noise and loss.
    """

    def __init__(self, network: nn.Module, process: Noise) -> None:
        super().__init__()
        self.network = network
        self.process = process

    def forward(self, x0: Tensor, z: Tensor, y: Tensor, t: Tensor, weight: Tensor) -> Tensor:
        """Return the mean loss in nats per canvas token, a scalar."""
        logits = self.network(z, y, t)
        return self.process.loss(logits, x0, z, t, weight).sum() / x0.numel()


class DenoisingModule(LightningModule):
    """One step: the batch and the noise of (seed, step), a random subset of conditions, the weighted loss.

    Args:
        network: What is trained, in the training precision.
        process: Noise and loss.
        data: Training molecules.
        total_steps: Length of the run; the learning rate falls over its last 30%.
        pattern: Noise pattern of training: "mixed" for K >= 2.
        shown: How many conditions a molecule shows: probabilities of 0, 1, 2 ...
        emphasis: How readily each of them is among these; all alike unless given.
        lr: Learning rate of AdamW.
        muon_lr: Learning rate of Muon; 0 turns it off.
        seed: Seed of the noise.
        compiled: Whether to compile network and loss (one static shape a canvas).
    """

    def __init__(
        self,
        network: nn.Module,
        process: Noise,
        data: ResidentTokens,
        *,
        total_steps: int,
        pattern: Pattern = "mixed",
        shown: Sequence[float] = SHOWN,
        emphasis: Sequence[float] = (),
        lr: float = 2e-3,
        muon_lr: float = 0.02,
        seed: int = 0,
        compiled: bool = False,
    ) -> None:
        super().__init__()
        self.objective = Objective(network, process)
        self.codec = process.codec  # part of the module, so that its tables follow to the device
        self.data = data
        self.total_steps = total_steps
        self.pattern: Pattern = pattern
        self.shown, self.emphasis = tuple(shown), tuple(emphasis)
        self.lr = lr
        self.muon_lr = muon_lr
        self.seed = seed
        self.tokens_seen = 0
        self.seconds_before = 0.0
        self.started = time.perf_counter()
        self._forward: Callable[..., Tensor] = self.objective
        if compiled and data.device.type == "cpu":
            self._forward = torch.compile(self.objective, dynamic=False)
        elif compiled:
            # Where a step takes milliseconds, compiling a whole network for every canvas takes longer than
            # it saves; the blocks are alike and compiled once.
            compile_blocks(network)

    @property
    def seconds(self) -> float:
        """Wall time of training so far, earlier parts of a resumed run included."""
        return self.seconds_before + time.perf_counter() - self.started

    def configure_optimizers(self) -> Any:
        """Return the master weights and the learning-rate law."""
        named = [(name, p) for name, p in self.objective.named_parameters() if p.requires_grad]
        inner = muon_and_adamw([name for name, _ in named], lr=self.lr, muon_lr=self.muon_lr)
        optimizer = MasterWeights([p for _, p in named], inner)
        law = warm_constant_decay(self.total_steps)
        schedule = {"scheduler": LambdaLR(optimizer, law), "interval": "step"}
        return {"optimizer": optimizer, "lr_scheduler": schedule}

    def training_step(self, batch: Tensor, batch_idx: int) -> Tensor:
        """Return the loss of the current global step; the loader's batch is only a tick of the clock."""
        step = self.global_step
        x0, y = self.data.batch(step)
        generator = torch.Generator(device=x0.device).manual_seed(self.seed * 1_000_003 + step)
        y = drop_conditions(y, generator, self.shown, self.emphasis)
        z, t, weight = self.objective.process.corrupt(x0, self.pattern, generator)
        self.tokens_seen += x0.numel()
        # Noise is drawn for the whole batch and then shared out, so the number of devices changes nothing.
        world = self.trainer.world_size
        mine = slice(self.trainer.global_rank, None, world)
        with many_shapes():
            loss: Tensor = self._forward(x0[mine], z[mine], y[mine], t[mine], weight[mine])
        # Gradients are averaged over the devices, whose shares may differ by a molecule.
        loss = loss * (len(x0[mine]) * world / len(x0))
        self.log("loss", loss.detach(), prog_bar=True)
        return loss

    def on_train_start(self) -> None:
        """Refuse more devices than a batch has molecules."""
        fewest = min(self.data.rows_per_batch(canvas) for canvas in self.data.groups)
        if fewest < self.trainer.world_size:
            raise InputError(
                f"a batch of {fewest} molecules cannot be shared by {self.trainer.world_size} devices: raise "
                "--batch-tokens"
            )

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the token count and the time spent with the weights."""
        checkpoint |= {"tokens_seen": self.tokens_seen, "seconds": self.seconds}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Restore the token count and the time spent."""
        self.tokens_seen = int(checkpoint["tokens_seen"])
        self.seconds_before = float(checkpoint["seconds"])

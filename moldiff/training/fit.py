"""Run the training of a network: devices, precision, log, checkpoints, resume."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint, RichProgressBar
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset

from moldiff.diffusion.process import Pattern
from moldiff.machine import machine_count
from moldiff.models.compiled import plain_blocks
from moldiff.models.precision import cast_parameters, resolve_precision
from moldiff.termination import EndOnSigterm
from moldiff.training.data import ResidentTokens
from moldiff.training.dropping import SHOWN
from moldiff.training.ema import WeightAverage
from moldiff.training.loss_log import LossLog
from moldiff.training.module import DenoisingModule, Noise
from moldiff.training.optimizer import MasterWeights, decay_start


class Ticks(IterableDataset[Tensor]):
    """An endless clock: the module finds its batch by the global step, so no loader state can be lost."""

    def __iter__(self) -> Iterator[Tensor]:
        """Yield zeros for ever."""
        while True:
            yield torch.zeros(())


@contextmanager
def without_advice() -> Iterator[None]:
    """Keep Lightning's tips and remarks off the screen: folders and loaders are as they should be."""
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"lightning\.")
            yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)


@dataclass(frozen=True)
class FitReport:
    """What a training run took.

    Attributes:
        steps: Optimiser steps, earlier parts of a resumed run included.
        tokens: Canvas tokens seen in them.
        seconds: Wall time, earlier parts of a resumed run included.
    """

    steps: int
    tokens: int
    seconds: float


@dataclass
class Fit:
    """A training run: constructor keywords are its settings, calling it trains a network in place.

    On several devices every process has the same batches and noise and takes its rows of them, so the run is
    that of one device but for rounding. All but the first process end with the training.

    A checkpoint ``last.ckpt`` in ``folder`` is resumed from. Because the learning rate is constant until the
    last 30%, a run is prolonged by resuming ``constant.ckpt``, copied to ``last.ckpt``, with a larger budget.

    Args:
        folder: Where log and checkpoints go.
        tokens: Canvas tokens to train on in all.
        pattern: Noise pattern.
        shown: How many conditions a molecule shows: probabilities of 0, 1, 2 ...
        emphasis: How readily each of them is among these; all alike unless given.
        lr: Learning rate of AdamW.
        muon_lr: Learning rate of Muon; 0 turns it off.
        seed: Seed of the noise.
        precision: "auto", "bf16" or "fp32".
        accelerator: Lightning's accelerator.
        devices: Lightning's devices.
        compiled: Whether to compile.
        checkpoint_every: Steps between checkpoints.
        progress: Whether to show a progress bar.
    """

    folder: Path
    tokens: float
    pattern: Pattern = "mixed"
    shown: Sequence[float] = SHOWN
    emphasis: Sequence[float] = ()
    lr: float = 2e-3
    muon_lr: float = 0.02
    seed: int = 0
    precision: str = "auto"
    accelerator: str = "auto"
    devices: int | str = 1
    compiled: bool = True
    checkpoint_every: int = 500
    progress: bool = True

    def __call__(
        self,
        network: nn.Module,
        process: Noise,
        data: ResidentTokens,
        callbacks: Callable[[WeightAverage], list[Callback]] | None = None,
    ) -> FitReport:
        """Train ``network`` and leave the averaged weights in it, in float32.

        Args:
            network: What is trained: see ``Objective``.
            process: Noise and loss.
            data: Training molecules; they end on the training device.
            callbacks: Makes further Lightning callbacks, given the one that averages the weights.
        """
        total = max(1, round(self.tokens / data.tokens_per_step))
        average = WeightAverage()
        trainer = self._trainer(total, [average, *(callbacks(average) if callbacks else [])])
        data.to(trainer.strategy.root_device)
        cast_parameters(network, resolve_precision(self.precision, data.device))
        module = DenoisingModule(
            network,
            process,
            data,
            total_steps=total,
            pattern=self.pattern,
            shown=self.shown,
            emphasis=self.emphasis,
            lr=self.lr,
            muon_lr=self.muon_lr,
            seed=self.seed,
            compiled=self.compiled,
        )
        last = self.folder / "last.ckpt"
        ticks: DataLoader[Tensor] = DataLoader(Ticks(), batch_size=None)
        with without_advice():
            trainer.fit(module, ticks, ckpt_path=str(last) if last.exists() else None, weights_only=False)
        if not trainer.is_global_zero:
            raise SystemExit(0)  # this process has done its part: the first alone writes what was learned
        plain_blocks(network)
        load_average(trainer.optimizers[0], average)
        return FitReport(trainer.global_step, module.tokens_seen, module.seconds)

    @without_advice()
    def _trainer(self, total: int, callbacks: list[Callback]) -> Trainer:
        """Return Lightning's trainer with log, checkpoints and progress bar."""
        keep = ModelCheckpoint(
            self.folder,
            "step",
            every_n_train_steps=self.checkpoint_every,
            save_last=True,
            save_top_k=1,
            # A checkpoint that was copied here to be prolonged would otherwise stay beside last-v1.ckpt.
            enable_version_counter=False,
        )
        # The last checkpoint of the constant part stays, to prolong a finished run from.
        prolong = ModelCheckpoint(
            self.folder, "constant", every_n_train_steps=decay_start(total), enable_version_counter=False
        )
        bar: list[Callback] = [RichProgressBar(refresh_rate=20)] if self.progress else []
        return Trainer(
            accelerator=self.accelerator,
            devices=self.devices,
            num_nodes=machine_count(),
            max_steps=total,
            logger=False,
            callbacks=[EndOnSigterm(), keep, prolong, LossLog(self.folder / "loss.csv"), *bar, *callbacks],
            enable_progress_bar=self.progress,
            enable_model_summary=False,
            use_distributed_sampler=False,
        )


def load_average(optimizer: torch.optim.Optimizer, average: WeightAverage) -> None:
    """Put the averaged masters into the optimiser's network, in float32.

    Raises:
        ValueError: If the optimiser keeps no masters.
    """
    if not isinstance(optimizer, MasterWeights):
        raise ValueError("the run has no float32 masters")
    for weight, value in zip(optimizer.weights, average.average, strict=True):
        weight.data = value.detach().clone().to(weight.device)

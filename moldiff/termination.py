"""SIGTERM ends a run on many devices at once, as it ends any other program."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType

from lightning.pytorch import Callback, LightningModule, Trainer


class EndOnSigterm(Callback):
    """Gives SIGTERM back what it did before Lightning took it, for the processes that it started, too.

    Lightning only notes the signal. Its predict loop never asks for the note; in training its handler speaks
    to the other processes in the middle of what they are adding up, and all wait for ever (Lightning issue
    20806). To end at once loses nothing here: checkpoints and shards are written whole, and the same command
    goes on from them.
    """

    def __init__(self) -> None:
        self.before = signal.getsignal(signal.SIGTERM)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take the signal."""
        self._take(trainer)

    def on_predict_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take the signal."""
        self._take(trainer)

    def _take(self, trainer: Trainer) -> None:
        """Let the signal reach the processes that this one started, and then do what it did before.

        Lightning gives the former handler back at the end.
        """

        def end(number: int, _: FrameType | None) -> None:
            launcher = trainer.strategy.launcher
            if launcher is not None:
                launcher.kill(number)
            signal.signal(number, self.before)
            os.kill(os.getpid(), number)

        if threading.current_thread() is threading.main_thread():  # the only one that may
            signal.signal(signal.SIGTERM, end)

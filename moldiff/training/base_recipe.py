"""What the recipes of models and of predictors have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import torch
from torch import nn

from moldiff.datasets import MoleculeTable, PackedTable
from moldiff.errors import InputError, did_you_mean
from moldiff.machine import describe_machine
from moldiff.models.families import FAMILIES
from moldiff.training.claim import claim
from moldiff.training.fit import FitReport
from moldiff.training.prepare import Prepared


@dataclass
class BaseRecipe:
    """A network's size, and how long and how fast it learns.

    Args:
        family: A key of ``FAMILIES``.
        width: D of the transformer's stream.
        depth: Number of blocks.
        heads: Attention heads.
        condition_width: E of the condition vector.
        tokens: Canvas tokens to train on in all; a recipe says how many unless given.
        lr: Learning rate of AdamW.
        muon_lr: Learning rate of Muon.
        seed: Seed of weights, order and noise.

    Raises:
        InputError: If there is no such family, or nothing to train on.
    """

    family: str = "prime"
    width: int = 192
    depth: int = 6
    heads: int = 3
    condition_width: int = 128
    tokens: float | None = None
    lr: float = 2e-3
    muon_lr: float = 0.02
    seed: int = 0

    def __post_init__(self) -> None:
        if self.family not in FAMILIES:
            raise InputError(f"unknown family '{self.family}'{did_you_mean(self.family, FAMILIES)}")
        if self.tokens is not None and not self.tokens > 0:
            raise InputError(f"tokens must be above 0, got {self.tokens}")

    @property
    def pace(self) -> dict[str, Any]:
        """Keywords of ``Fit``: how fast it learns, and the seed of its noise."""
        return {"lr": self.lr, "muon_lr": self.muon_lr, "seed": self.seed}

    def network_keywords(self, prepared: Prepared) -> dict[str, int]:
        """Return the sizes of the network for a prepared table."""
        sizes = ("width", "depth", "heads", "condition_width")
        return {"max_length": prepared.longest, **{name: getattr(self, name) for name in sizes}}

    def claim(self, work: Path, about: Mapping[str, Any]) -> None:
        """Refuse to go on with a run that was started otherwise; only its length may change.

        Args:
            work: The run's folder.
            about: What else must be the same: data and properties.
        """
        settings = {**asdict(self), **about}
        del settings["tokens"]
        claim(work, settings, {entry.name: entry.default for entry in fields(self)})

    def record(
        self,
        prepared: Prepared,
        table: MoleculeTable | PackedTable,
        network: nn.Module,
        report: FitReport,
        precision: str,
    ) -> dict[str, Any]:
        """Return what a configuration says of the training."""
        return {
            "data": table.name,
            "molecules": len(prepared.keys),
            "parameters": sum(weight.numel() for weight in network.parameters()),
            "recipe": asdict(self),
            "report": asdict(report),
            "machine": f"{_accelerator(prepared)}{describe_machine()}, {torch.get_num_threads()} threads",
            "precision": precision,
            "torch": torch.__version__,
        }


def _accelerator(prepared: Prepared) -> str:
    """Return the name of the GPU that a table was trained on, with a comma; nothing without one."""
    device = prepared.train.device
    return f"{torch.cuda.get_device_name(device)}, " if device.type == "cuda" else ""

"""From a table to a trained model folder: the whole of ``moldiff train``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning.pytorch import Callback

from moldiff.datasets import DATASETS, MoleculeTable, PackedTable
from moldiff.errors import InputError
from moldiff.files import whole_file, write_json
from moldiff.metrics.keys import TrainingKeys
from moldiff.models.checkpoint import PRESET, SavedModel, save_model
from moldiff.models.denoiser import Denoiser
from moldiff.models.families import FAMILIES
from moldiff.training.base_recipe import BaseRecipe
from moldiff.training.bounds import both_bounds
from moldiff.training.card import write_card
from moldiff.training.curve import LearningCurve
from moldiff.training.dropping import SHOWN
from moldiff.training.ema import WeightAverage
from moldiff.training.fit import Fit, FitReport
from moldiff.training.prepare import Prepared, prepare
from moldiff.training.snapshots import Snapshots
from moldiff.training.starting import StartingPoint

SIZES = ("width", "depth", "heads", "condition_width")
"""Keywords that say how large the network is."""

OF_INIT = ("family", "digits", "code", "canvas_step", *SIZES)
"""Keywords that ``init`` settles."""

MOST = 10_000
"""Held-out molecules that the bounds of the finished model are over."""

TOKENS, PASSES = 2e8, 64
"""Canvas tokens to train on; passes over the table that are enough where a model goes on from another."""

BATCH, INIT_BATCH = 4096, 1024
"""Canvas tokens in a batch; and where a model goes on from another, mostly on a small table."""

INIT_RATE = 0.25
"""Of the learning rates, where a model goes on from another."""


@dataclass
class Recipe(BaseRecipe):
    """What to train, and how: the constructor keywords are the configuration.

    Args:
        family: A key of ``FAMILIES``: prime, mdlm, udlm or ar. It, ``width``, ``depth``, ``heads``,
            ``condition_width``, ``lr``, ``muon_lr`` and ``seed`` are those of ``BaseRecipe``.
        tokens: Canvas tokens to train on in all: 2e8 unless given; with ``init`` 64 passes over the table,
            where that is less.
        digits: K, sub-tokens of a token; the family's own unless given.
        code: Name of the code of the tokens.
        canvas_step: Canvas sizes are multiples of this; chosen by the lengths of the molecules unless given.
        batch_tokens: Canvas tokens in a batch: 4096 unless given, 1024 with ``init``.
        shown: How many conditions a training molecule shows: the probabilities of 0, 1, 2 ..., and a number
            uniform on 0..P with what is left of 1.
        init: A model to go on from, a folder or the name of a bundled one: family, digits, code, canvases
            and sizes are then the model's, and the learning rates a quarter of those given. It learns the
            symbols and properties that the table adds, and keeps its own; new properties are shown more often
            than those that it knows.
    """

    digits: int | None = None
    code: str = "chemistry"
    canvas_step: int | None = None
    batch_tokens: int | None = None
    shown: Sequence[float] = SHOWN
    init: str | None = None

    def __post_init__(self) -> None:
        if self.start is not None:
            config = self.start.saved.config
            self.family, self.code, self.canvas_step = config["family"], config["code"], config["canvas_step"]
            self.digits = self.start.notation.codec.digits
            for name in SIZES:
                setattr(self, name, config["network"][name])
        super().__post_init__()
        if FAMILIES[self.family].digits == 1 and self.digits not in (None, 1):
            name = self.family
            raise InputError(f"family {name} has one digit a token, got digits={self.digits}: say prime")
        self.shown = tuple(self.shown)
        if not (all(0 <= share <= 1 for share in self.shown) and 0 < sum(self.shown) <= 1 + 1e-6):
            raise InputError(f"shown must hold probabilities that sum to at most 1, got {list(self.shown)}")

    @cached_property
    def start(self) -> StartingPoint | None:
        """The model to go on from; None for a fresh one."""
        return None if self.init is None else StartingPoint.read(self.init)

    @property
    def pace(self) -> dict[str, Any]:
        """Keywords of ``Fit``: how fast it learns, and the seed of its noise."""
        scale = 1.0 if self.start is None else INIT_RATE
        return {"lr": scale * self.lr, "muon_lr": scale * self.muon_lr, "seed": self.seed}

    @property
    def batch(self) -> int:
        """Canvas tokens in a batch."""
        return self.batch_tokens or (BATCH if self.start is None else INIT_BATCH)

    def claim(self, work: Path, about: Mapping[str, Any]) -> None:
        """Refuse to go on with a run that was started otherwise, its batches as they come to be included."""
        super().claim(work, {**about, "batch_tokens": self.batch})

    def budget(self, prepared: Prepared) -> float:
        """Return the canvas tokens to train on in all."""
        if self.tokens is not None:
            return self.tokens
        once = prepared.train.batches_per_epoch * prepared.train.tokens_per_step
        return TOKENS if self.start is None else min(TOKENS, PASSES * once)

    def fitting(self, prepared: Prepared) -> dict[str, Any]:
        """Return keywords of ``Fit``: how long and how fast it learns, and which properties it is shown."""
        emphasis = () if self.start is None else self.start.emphasis(len(prepared.statistics))
        return {
            "tokens": self.budget(prepared),
            "shown": self.shown,
            "emphasis": emphasis,
            **self.pace,
        }

    def prepare(
        self, table: MoleculeTable | PackedTable, properties: Sequence[str], *, n_jobs: int = 1
    ) -> Prepared:
        """Return the table as tokens, codes and conditions, those of the model to go on from first."""
        if self.start is not None:
            packed = self.start.pack(table, properties, n_jobs=n_jobs)
            return prepare(
                packed,
                packed.offered,
                like=self.start.notation_of(packed),
                known=self.start.statistics,
                batch_tokens=self.batch,
                seed=self.seed,
            )
        return prepare(
            table,
            properties,
            digits=self.digits or FAMILIES[self.family].digits,
            code=self.code,
            canvas_step=self.canvas_step,
            batch_tokens=self.batch,
            seed=self.seed,
            n_jobs=n_jobs,
        )

    def network(self, prepared: Prepared) -> Denoiser:
        """Return a network for the prepared table; what is fresh of it is a function of the seed."""
        means = [entry.mean for entry in prepared.statistics]
        stds = [entry.scale for entry in prepared.statistics]
        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            codec = prepared.codec
            make, keywords = FAMILIES[self.family].network, self.network_keywords(prepared)
            network = make(codec.bases, codec.vocab_size, means, stds, **keywords)
        if self.start is not None:
            self.start.fill(network)
        return network

    def train(
        self,
        table: MoleculeTable | PackedTable,
        properties: Sequence[str],
        folder: Path,
        *,
        n_jobs: int = 1,
        command: str | None = None,
        snapshots: int = 0,
        **running: Any,
    ) -> SavedModel:
        """Train on a table and write a model folder.

        Log, learning curve and checkpoints go to ``folder/training``; a run that was stopped goes on
        from there.

        Args:
            table: Molecules with canonical SMILES, or packed.
            properties: Conditions of the model.
            folder: The model folder.
            n_jobs: Processes for measuring properties.
            command: What the card says that trains the model; the command of this recipe unless given.
            snapshots: Models to keep along the way, in ``folder/training/after-TOKENS``.
            running: Keywords of ``Fit`` that do not change the result: accelerator, devices, precision ...
        """
        work = folder / "training"
        self.claim(work, {"data": table.name, "molecules": len(table), "properties": list(properties)})
        prepared = self.prepare(table, properties, n_jobs=n_jobs)
        network = self.network(prepared)
        process = FAMILIES[self.family].process(prepared.codec)
        run = Fit(work, **self.fitting(prepared), **running)
        precision, command = running.get("precision", "auto"), command or self.command(table, properties)

        def config(report: FitReport) -> dict[str, Any]:
            training = self.record(prepared, table, network, report, precision)
            return self._config(prepared, {**training, "digits": prepared.codec.digits, "command": command})

        def keep(averaged: Denoiser, report: FitReport) -> None:
            self._write(work / f"after-{report.tokens}", averaged, prepared, config(report))

        def along(average: WeightAverage) -> list[Callback]:
            curve = LearningCurve(network, process, prepared, average=average, path=work / "curve.csv")
            return [curve, Snapshots(network, average, snapshots, keep)]

        found = config(run(network, process, prepared.train, along))
        for part in (network, process.codec):
            part.to(prepared.validation.device)
        bounds = both_bounds(
            network.eval(), process, prepared.validation, prepared.canvas, draws=4, most=MOST
        )
        found["training"]["validation"] = {name: asdict(bound) for name, bound in bounds.items()}
        statistics = {entry.name: entry for entry in prepared.statistics}
        write_card(folder, found, statistics, citation=table.citation, curve=work / "curve.csv")
        return self._write(folder, network, prepared, found)

    def _write(
        self, folder: Path, network: Denoiser, prepared: Prepared, config: dict[str, Any]
    ) -> SavedModel:
        """Write a model folder, its card apart."""
        # A copy of the tables, for a run that goes on keeps its own on its device.
        model = SavedModel(network.cpu(), deepcopy(prepared.codec).cpu(), prepared.canvas, config)
        statistics = {entry.name: entry.to_dict() for entry in prepared.statistics}
        write_json(folder / "properties.json", statistics)
        keys = np.unique(prepared.keys)
        known = TrainingKeys(keys) if self.start is None else self.start.with_keys(keys)
        known.save(folder / "train_keys.bin")
        if self.start is not None and self.start.preset:
            with whole_file(folder / PRESET) as part:
                part.write_text(self.start.preset, encoding="utf-8")
        # The configuration comes last: a folder without it is not a model.
        save_model(folder, model, list(prepared.tokenizer.tokens))
        return model

    def command(self, table: MoleculeTable | PackedTable, properties: Sequence[str]) -> str:
        """Return the command that trains this recipe: what differs from the defaults is spelled out."""
        words = [f"--property {name}" for name in properties if list(properties) != table.offered]
        for entry in fields(self):
            value = getattr(self, entry.name)
            if value != entry.default and not (self.init and entry.name in OF_INIT):
                each = value if isinstance(value, tuple) else [value]
                texts = [f"{one:g}" if isinstance(one, float) else one for one in each]
                words += [f"--{entry.name.replace('_', '-')} {text}" for text in texts]
        if table.name not in DATASETS:
            return "MoleculeGenerator.fit, with " + " ".join(words)
        return " ".join(["moldiff train", table.name, *words, "-o MODEL"])

    def _config(self, prepared: Prepared, training: dict[str, Any]) -> dict[str, Any]:
        return {
            "family": self.family,
            "code": self.code,
            "canvas_step": prepared.canvas_step,
            "network": self.network_keywords(prepared),
            "training": training,
        }

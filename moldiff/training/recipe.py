"""From a table to a trained model folder: the whole of ``moldiff train``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning.pytorch import Callback

from moldiff.datasets import DATASETS, MoleculeTable, PackedTable
from moldiff.errors import InputError
from moldiff.files import write_json
from moldiff.metrics.keys import TrainingKeys
from moldiff.models.checkpoint import SavedModel, load_model, read_json, save_model
from moldiff.models.denoiser import Denoiser
from moldiff.models.families import FAMILIES
from moldiff.training.base_recipe import BaseRecipe
from moldiff.training.bounds import both_bounds
from moldiff.training.card import write_card
from moldiff.training.curve import LearningCurve
from moldiff.training.dropping import SHOWN
from moldiff.training.ema import WeightAverage
from moldiff.training.fit import Fit
from moldiff.training.prepare import Prepared, prepare


@dataclass
class Recipe(BaseRecipe):
    """What to train, and how: the constructor keywords are the configuration.

    Args:
        family: A key of ``FAMILIES``: prime, mdlm, udlm or ar. It, ``width``, ``depth``, ``heads``,
            ``condition_width``, ``tokens``, ``lr``, ``muon_lr`` and ``seed`` are those of ``BaseRecipe``.
        digits: K, sub-tokens of a token; the family's own unless given.
        code: Name of the code of the tokens.
        canvas_step: Canvas sizes are multiples of this; chosen by the lengths of the molecules unless given.
        batch_tokens: Canvas tokens in a batch.
        shown: How many conditions a training molecule shows: the probabilities of 0, 1, 2 ..., and a number
            uniform on 0..P with what is left of 1.
    """

    digits: int | None = None
    code: str = "chemistry"
    canvas_step: int | None = None
    batch_tokens: int = 4096
    shown: Sequence[float] = SHOWN

    def __post_init__(self) -> None:
        super().__post_init__()
        if FAMILIES[self.family].digits == 1 and self.digits not in (None, 1):
            name = self.family
            raise InputError(f"family {name} has one digit a token, got digits={self.digits}: say prime")
        self.shown = tuple(self.shown)
        if not (all(0 <= share <= 1 for share in self.shown) and 0 < sum(self.shown) <= 1 + 1e-6):
            raise InputError(f"shown must hold probabilities that sum to at most 1, got {list(self.shown)}")

    def prepare(
        self, table: MoleculeTable | PackedTable, properties: Sequence[str], *, n_jobs: int = 1
    ) -> Prepared:
        """Return the table as tokens, codes and conditions."""
        return prepare(
            table,
            properties,
            digits=self.digits or FAMILIES[self.family].digits,
            code=self.code,
            canvas_step=self.canvas_step,
            batch_tokens=self.batch_tokens,
            seed=self.seed,
            n_jobs=n_jobs,
        )

    def network(self, prepared: Prepared) -> Denoiser:
        """Return a fresh network for the prepared table; its weights are a function of the seed."""
        means = [entry.mean for entry in prepared.statistics]
        stds = [entry.scale for entry in prepared.statistics]
        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            codec = prepared.codec
            make, keywords = FAMILIES[self.family].network, self.network_keywords(prepared)
            return make(codec.bases, codec.vocab_size, means, stds, **keywords)

    def train(
        self,
        table: MoleculeTable | PackedTable,
        properties: Sequence[str],
        folder: Path,
        *,
        init: Path | None = None,
        n_jobs: int = 1,
        command: str | None = None,
        **running: Any,
    ) -> SavedModel:
        """Train on a table and write a model folder.

        Log, learning curve and checkpoints go to ``folder/training``; a run that was stopped goes on
        from there.

        Args:
            table: Molecules with canonical SMILES, or packed.
            properties: Conditions of the model.
            folder: The model folder.
            init: A model folder whose weights to start from; codes and properties must be the same.
            n_jobs: Processes for measuring properties.
            command: What the card says that trains the model; the command of this recipe unless given.
            running: Keywords of ``Fit`` that do not change the result: accelerator, devices, precision ...
        """
        work = folder / "training"
        self.claim(work, {"data": table.name, "molecules": len(table), "properties": list(properties)})
        prepared = self.prepare(table, properties, n_jobs=n_jobs)
        network = self.network(prepared)
        if init is not None:
            self._start_from(network, prepared, init)
        process = FAMILIES[self.family].process(prepared.codec)
        run = Fit(work, self.tokens, shown=self.shown, **self.pace, **running)

        def curve(average: WeightAverage) -> list[Callback]:
            return [LearningCurve(network, process, prepared, average=average, path=work / "curve.csv")]

        report = run(network, process, prepared.train, curve)
        bounds = both_bounds(network.eval(), process, prepared.validation, prepared.canvas, draws=4)
        training = self.record(prepared, table, network, report, running.get("precision", "auto"))
        training |= {"digits": prepared.codec.digits, "command": command or self.command(table, properties)}
        training["validation"] = {name: asdict(bound) for name, bound in bounds.items()}
        config = self._config(prepared, training)
        model = SavedModel(network.cpu(), prepared.codec, prepared.canvas, config)
        statistics = {entry.name: entry for entry in prepared.statistics}
        write_json(folder / "properties.json", {name: entry.to_dict() for name, entry in statistics.items()})
        TrainingKeys(np.unique(prepared.keys)).save(folder / "train_keys.bin")
        write_card(folder, config, statistics, citation=table.citation, curve=work / "curve.csv")
        # The configuration comes last: a folder without it is not a model.
        save_model(folder, model, list(prepared.tokenizer.tokens))
        return model

    def command(self, table: MoleculeTable | PackedTable, properties: Sequence[str]) -> str:
        """Return the command that trains this recipe: what differs from the defaults is spelled out."""
        words = [f"--property {name}" for name in properties if list(properties) != table.offered]
        for entry in fields(self):
            value = getattr(self, entry.name)
            if value != entry.default:
                each = value if isinstance(value, tuple) else [value]
                texts = [f"{one:g}" if isinstance(one, float) else one for one in each]
                words += [f"--{entry.name.replace('_', '-')} {text}" for text in texts]
        if table.name not in DATASETS:
            return "MoleculeGenerator.fit, with " + " ".join(words)
        return " ".join(["moldiff train", table.name, *words, "-o MODEL"])

    def _start_from(self, network: Denoiser, prepared: Prepared, init: Path) -> None:
        before = load_model(init)
        if not torch.equal(before.codec.codes, prepared.codec.codes):
            raise InputError(f"the model in {init} has other tokens or codes: it cannot be continued here")
        known, wanted = list(read_json(init / "properties.json")), [e.name for e in prepared.statistics]
        if known != wanted:
            names = ", ".join(known)
            raise InputError(
                f"the model in {init} has the properties {names}: continue it with the same ones"
            )
        try:
            network.load_state_dict(before.network.state_dict())
        except RuntimeError as error:
            raise InputError(f"the model in {init} has another shape: {error}") from error

    def _config(self, prepared: Prepared, training: dict[str, Any]) -> dict[str, Any]:
        return {
            "family": self.family,
            "code": self.code,
            "canvas_step": prepared.canvas_step,
            "network": self.network_keywords(prepared),
            "training": training,
        }

"""From prepared molecules to a predictor folder: the whole of ``moldiff train --predictor``."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from moldiff.datasets import MoleculeTable, PackedTable
from moldiff.diffusion.codec import SubtokenCodec
from moldiff.diffusion.process import Pattern
from moldiff.files import whole_file, write_json
from moldiff.models.predictor import NoisyPredictor, soft_tokens
from moldiff.models.predictor_folder import SavedPredictor, save_predictor
from moldiff.models.predictor_heads import Classes, Gaussian, Law, Values
from moldiff.models.predictor_noise import NOISES, NoiseKind, noise_of
from moldiff.training.base_recipe import BaseRecipe
from moldiff.training.calibration import HeldOut, calibrate, calibration_table
from moldiff.training.fit import Fit
from moldiff.training.notation import Notation, read_notation
from moldiff.training.predictor_card import write_predictor_card
from moldiff.training.prepare import Prepared

MAX_VALUES = 64
"""A property of more distinct whole numbers gets a continuous law."""


class LabelNats(nn.Module):
    """A predictor as a training step sees a network: from digits, labels and times to nats.

    Args:
        predictor: What is trained.
        codec: The tokens' digits.
    """

    def __init__(self, predictor: NoisyPredictor, codec: SubtokenCodec) -> None:
        super().__init__()
        self.predictor = predictor
        self.codec = codec

    def forward(self, z: Tensor, y: Tensor, t: Tensor) -> Tensor:
        """Return -log p(labels | z) a property, (B,): missing labels cost nothing.

        Args:
            z: (B, L, K) int64 noisy digits.
            y: (B, P) labels, NaN where missing.
            t: (B,) noise levels.
        """
        parameters = self.predictor(*soft_tokens(self.codec, z), t)
        return -self.predictor.log_likelihood(parameters, y).mean(1)


@dataclass(frozen=True)
class LabelNoise:
    """The noise of a predictor's training as a training step sees a process.

    Args:
        kind: Which states are shown.
        codec: The tokens' digits.
    """

    kind: NoiseKind
    codec: SubtokenCodec

    def corrupt(
        self, x0: Tensor, pattern: Pattern, generator: torch.Generator
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return noisy digits (B, L, K), noise levels (B,) and weights of 1; the kind has its own pattern."""
        z, t = self.kind.states(self.codec, x0, generator)
        return z, t, torch.ones_like(t)

    def loss(self, nats: Tensor, x0: Tensor, z: Tensor, t: Tensor, weight: Tensor) -> Tensor:
        """Return the nats (B,) times the canvas, since training divides a batch's loss by its tokens."""
        return nats * x0.shape[1]


@dataclass
class PredictorRecipe(BaseRecipe):
    """What predictor to train, and how: the constructor keywords are the configuration.

    Args:
        family: Of the models that it is for, a key of ``FAMILIES``; those of one kind of noise share one. The
            keywords that are not listed here are those of ``BaseRecipe`` too.
        model: The model that it is for, a folder or the name of a bundled one: family, symbols, digits and
            canvases are then the model's. ``notation`` says what it can write, and goes to ``prepare``.

    Raises:
        InputError: If there is no such family or model, or nothing to train on.

    Example:
        >>> PredictorRecipe(family="ar").noise
        'masked'
    """

    width: int = 128
    depth: int = 5
    heads: int = 2
    condition_width: int = 32
    tokens: float = 1e8
    model: str | None = None

    def __post_init__(self) -> None:
        if self.notation is not None:
            self.family = self.notation.family
        super().__post_init__()

    @cached_property
    def notation(self) -> Notation | None:
        """How the model writes molecules; None if the predictor is for no model in particular."""
        return None if self.model is None else read_notation(self.model)

    @property
    def noise(self) -> str:
        """The kind of noise, a key of ``NOISES``."""
        return noise_of(self.family)

    def network(self, prepared: Prepared) -> NoisyPredictor:
        """Return a fresh predictor for the prepared table; its weights are a function of the seed."""
        laws, timed = laws_of(prepared), NOISES[self.noise].timed
        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            keywords = self.network_keywords(prepared)
            return NoisyPredictor(prepared.codec.vocab_size, laws, timed=timed, **keywords)

    def train(
        self,
        prepared: Prepared,
        table: MoleculeTable | PackedTable,
        folder: Path,
        *,
        command: str,
        **running: Any,
    ) -> SavedPredictor:
        """Train on a table, calibrate on half of its validation part, and write a predictor folder.

        Log and checkpoints go to ``folder/training``; a run that was stopped goes on from there. The other
        half of the validation part is what the card and ``calibration.csv`` report on.

        Args:
            prepared: The table as tokens, codes and labels; all of its properties are predicted.
            table: The table itself, for the card.
            folder: The predictor folder.
            command: What the card says that trains the predictor.
            running: Keywords of ``Fit`` that do not change the result: accelerator, devices, precision ...

        Raises:
            ValueError: If the table was not prepared like the model that the predictor is for.
        """
        if self.notation is not None and prepared.tokenizer != self.notation.tokenizer:
            raise ValueError("prepare the table with like=recipe.notation: its symbols are not the model's")
        work = folder / "training"
        names = [entry.name for entry in prepared.statistics]
        about = {"predictor": self.noise, "data": table.name, "molecules": len(table), "properties": names}
        self.claim(work, {**about, "digits": prepared.codec.digits, "code": prepared.code})
        network, kind, codec = self.network(prepared), NOISES[self.noise], prepared.codec
        # Every label is shown in every step: it is what is learned, not a condition that may be missing.
        every = (*(0.0 for _ in network.laws), 1.0)
        run = Fit(work, self.tokens, shown=every, **self.pace, **running)
        report = run(LabelNats(network, codec), LabelNoise(kind, codec), prepared.train)
        calibrate(network.cpu().eval(), HeldOut(kind, codec, prepared.validation, first=0, stride=2))
        figures = calibration_table(network, HeldOut(kind, codec, prepared.validation, first=1, stride=2))
        training = self.record(prepared, table, network, report, running.get("precision", "auto"))
        config = {
            "noise": self.noise,
            "code": prepared.code,
            "canvas_step": prepared.canvas_step,
            "network": self.network_keywords(prepared),
            "training": {**training, "command": command},
        }
        saved = SavedPredictor(network, codec, list(prepared.tokenizer.tokens), config)
        statistics = {entry.name: entry.to_dict() for entry in prepared.statistics}
        write_json(folder / "properties.json", statistics)
        with whole_file(folder / "calibration.csv") as part:
            figures.to_csv(part, index=False, float_format="%.6g")
        write_predictor_card(folder, config, figures, prepared.statistics, citation=table.citation)
        # The configuration comes last: a folder without it is no predictor.
        save_predictor(folder, saved)
        return saved

    def network_keywords(self, prepared: Prepared) -> dict[str, int]:
        """Return the sizes of the predictor for a prepared table."""
        return {**super().network_keywords(prepared), "digits": prepared.codec.digits}


def laws_of(prepared: Prepared) -> dict[str, Law]:
    """Return the law of every property: classes, few whole numbers, or a continuous one.

    Args:
        prepared: Whole numbers are told by its statistics, the values by its training molecules.
    """
    y = torch.cat([group.y for group in prepared.train.groups.values()])
    laws: dict[str, Law] = {}
    for column, entry in enumerate(prepared.statistics):
        values = y[:, column]
        seen = values[~values.isnan()].unique().tolist()
        if entry.classes:
            laws[entry.name] = Classes(range(len(entry.classes)))
        elif entry.integer and len(seen) <= MAX_VALUES:
            laws[entry.name] = Values(seen)
        else:
            laws[entry.name] = Gaussian(entry.mean, entry.scale)
    return laws

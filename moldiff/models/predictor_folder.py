"""Predictor folders: a predictor on disk, what it was trained for, and whether it fits a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from moldiff.diffusion.codec import SubtokenCodec
from moldiff.errors import InputError
from moldiff.files import whole_file, write_json
from moldiff.models.checkpoint import (
    FORMAT_VERSION,
    filled,
    read_codec,
    read_config,
    read_json,
    refusing_damage,
    stored_weights,
)
from moldiff.models.predictor import NoisyPredictor
from moldiff.models.predictor_heads import LAWS, Classes, Law
from moldiff.models.predictor_noise import NOISES, NoiseKind


@dataclass
class SavedPredictor:
    """What a predictor folder holds, but for the properties' statistics.

    Attributes:
        network: The predictor, float32, calibrated.
        codec: The digits that it was trained with.
        tokens: The C tokens, in the order of the codes.
        config: ``config.json``: noise, canvas step, the network's keywords, how it was trained.
    """

    network: NoisyPredictor
    codec: SubtokenCodec
    tokens: list[str]
    config: dict[str, Any]

    @property
    def properties(self) -> list[str]:
        """The P properties, in the order of the laws."""
        return list(self.network.laws)

    @property
    def canvas_step(self) -> int:
        """Canvas sizes are multiples of this; predictors that do not say were trained on multiples of 4."""
        step: int = self.config.get("canvas_step", 4)
        return step

    @property
    def noise(self) -> NoiseKind:
        """The noise that it was trained on."""
        return NOISES[self.config["noise"]]

    def check(self, family: str, tokens: Sequence[str], codec: SubtokenCodec, longest: int) -> None:
        """Refuse to predict for a model whose states this predictor was not trained on.

        A predictor of several digits a token has seen whole tokens too, so it serves models of one digit.

        Args:
            family: The model's, a key of ``FAMILIES``.
            tokens: The model's.
            codec: The model's.
            longest: The model's longest canvas.

        Raises:
            InputError: If noise, tokens, codes or canvases are others.
        """
        again = "train one with: moldiff train TABLE --predictor --for MODEL"
        if family not in self.noise.families:
            raise InputError(
                f"the predictor was trained on {self.config['noise']} noise, for models of the families "
                f"{', '.join(self.noise.families)}; this model is of the family {family}: {again}"
            )
        if list(tokens) != self.tokens:
            raise InputError(
                f"the predictor has another vocabulary, of {len(self.tokens)} tokens; this model has "
                f"{len(tokens)}: {again}"
            )
        if codec.digits > 1 and not torch.equal(codec.codes.cpu(), self.codec.codes.cpu()):
            raise InputError(
                f"the predictor has other codes, of {self.codec.digits} digits a token; this model's are of "
                f"{codec.digits}: {again}"
            )
        if longest > self.network.max_length:
            raise InputError(
                f"the predictor takes {self.network.max_length} positions, this model's canvases have up to "
                f"{longest}: {again}"
            )


def save_predictor(folder: Path, predictor: SavedPredictor) -> None:
    """Write ``model.safetensors`` (bfloat16), ``vocab.json`` and ``config.json``, the last one at the end.

    Args:
        folder: Made if missing.
        predictor: What is written.
    """
    with whole_file(folder / "model.safetensors") as part:
        save_file(stored_weights(predictor.network), part)
    codes = predictor.codec.codes.tolist()
    write_json(folder / "vocab.json", {"tokens": predictor.tokens, "codes": codes})
    names = {kind: name for name, kind in LAWS.items()}
    laws: dict[str, Any] = {
        name: {"law": names[type(law)], **asdict(law)}  # type: ignore[call-overload, index]
        for name, law in predictor.network.laws.items()
    }
    write_json(
        folder / "config.json", {"format_version": FORMAT_VERSION, **predictor.config, "properties": laws}
    )


def load_predictor(folder: Path) -> SavedPredictor:
    """Read what ``save_predictor`` wrote, beside the ``properties.json`` of its training.

    The folder may come from a stranger: nothing in it is run, and nothing is built that its weights do not
    fill.

    Raises:
        InputError: If a file is missing, damaged, of a newer format, or does not fit the others.
    """
    config = read_config(folder)
    if "noise" not in config:
        raise InputError(
            f"{folder} holds no predictor: train one with moldiff train TABLE --predictor -o DIR and give DIR"
        )
    vocab = read_json(folder / "vocab.json")
    statistics = read_json(folder / "properties.json")
    with refusing_damage(f"the predictor in {folder}"):
        weights = load_file(folder / "model.safetensors")
        codec = read_codec(vocab)
        laws = _laws(config["properties"], statistics)
        keywords, timed = dict(config["network"]), NOISES[config["noise"]].timed

        def make() -> NoisyPredictor:
            return NoisyPredictor(codec.vocab_size, laws, timed=timed, **keywords)

        network = filled(make, keywords, weights)
        if network.digits != codec.digits:
            raise ValueError(f"it reads {network.digits} digits a token, its codes have {codec.digits}")
        saved = SavedPredictor(network.eval(), codec, list(vocab["tokens"]), config)
        step = saved.canvas_step
        if type(step) is not int or not 1 <= step <= network.max_length:
            raise ValueError(f"canvas_step {step!r}, longest canvas {network.max_length}")
    return saved


def _laws(stored: dict[str, dict[str, Any]], statistics: dict[str, Any]) -> dict[str, Law]:
    """Return the laws of a configuration.

    Raises:
        ValueError: If they are of other properties or classes than the statistics.
    """
    if list(stored) != list(statistics):
        raise ValueError(f"laws of {', '.join(stored)}, statistics of {', '.join(statistics)}")
    laws: dict[str, Law] = {}
    for name, entry in stored.items():
        keywords = dict(entry)
        laws[name] = LAWS[keywords.pop("law")](**keywords)
        labels = len(statistics[name].get("classes", []))
        if labels != (laws[name].size if isinstance(laws[name], Classes) else 0):
            raise ValueError(f"{name} has {labels} classes in the statistics, and another law")
    return laws

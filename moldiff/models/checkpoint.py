"""Model folders: weights and configuration on disk, never a pickle."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from moldiff.diffusion.canvas import CanvasLaw
from moldiff.diffusion.codec import SubtokenCodec
from moldiff.diffusion.process import Process
from moldiff.errors import InputError
from moldiff.files import whole_file, write_json
from moldiff.models.denoiser import Denoiser
from moldiff.models.families import FAMILIES, Family

FORMAT_VERSION = 1

PRESET = "preset.toml"
"""File of a model folder that says how it is drawn where nothing else is said; it need not be there."""

Network = TypeVar("Network", bound=nn.Module)

DAMAGES = (
    AttributeError,
    IndexError,
    KeyError,
    MemoryError,
    OSError,
    OverflowError,
    RuntimeError,
    SafetensorError,
    TypeError,
    ValueError,
)
"""What reading a damaged or foreign model raises, in torch, safetensors and here."""


@dataclass
class SavedModel:
    """What a model folder holds, but for chemistry (tokens, statistics, training keys).

    Attributes:
        network: The denoiser, float32.
        codec: The tokens' digits.
        canvas: The law of canvas sizes.
        config: ``config.json``: family, canvas step, the network's keywords, how it was trained.
    """

    network: Denoiser
    codec: SubtokenCodec
    canvas: CanvasLaw
    config: dict[str, Any]

    @property
    def family(self) -> Family:
        """The kind of model."""
        return FAMILIES[self.config["family"]]

    @property
    def process(self) -> Process:
        """The noise that the network undoes."""
        return self.family.process(self.codec)


def save_model(folder: Path, model: SavedModel, tokens: list[str]) -> None:
    """Write ``model.safetensors`` (bfloat16 weights, canvas table), ``vocab.json`` and ``config.json``.

    The configuration is written last: a folder without it is not a model.

    Args:
        folder: Made if missing.
        model: What is written.
        tokens: The C tokens, in the order of the codes.
    """
    with whole_file(folder / "model.safetensors") as part:
        save_file({**stored_weights(model.network), **model.canvas.tensors()}, part)
    write_json(folder / "vocab.json", {"tokens": tokens, "codes": model.codec.codes.tolist()})
    write_json(folder / "config.json", {"format_version": FORMAT_VERSION, **model.config})


def load_model(folder: Path) -> SavedModel:
    """Read what ``save_model`` wrote, with the property scales of ``properties.json``.

    The folder may come from a stranger: nothing in it is run, and nothing is built that its weights do not
    fill.

    Raises:
        InputError: If a file is missing, damaged, of a newer format, or does not fit the others.
    """
    config = read_config(folder)
    vocab = read_json(folder / "vocab.json")
    scales = read_json(folder / "properties.json")
    with refusing_damage(f"the model in {folder}"):
        tensors = load_file(folder / "model.safetensors")
        codec = read_codec(vocab)
        network = _network(FAMILIES[config["family"]], config["network"], codec, scales, tensors)
        canvas = CanvasLaw.from_tensors(tensors)
        _check_canvas(canvas, len(scales), network.max_length)
    return SavedModel(network.eval(), codec, canvas, config)


def _network(
    family: Family,
    keywords: dict[str, Any],
    codec: SubtokenCodec,
    scales: dict[str, Any],
    tensors: dict[str, Tensor],
) -> Denoiser:
    """Return the network that the weights fill.

    Raises:
        ValueError: If they do not fill it, or are not finite.
    """
    weights = {name: value for name, value in tensors.items() if not name.startswith("canvas.")}
    means = [float(entry["mean"]) for entry in scales.values()]
    stds = [float(entry["std"] or 1.0) for entry in scales.values()]

    def make() -> Denoiser:
        return family.network(codec.bases, codec.vocab_size, means, stds, **keywords)

    return filled(make, keywords, weights)


def _check_canvas(canvas: CanvasLaw, properties: int, max_length: int) -> None:
    """Refuse a canvas table that is not one of this model."""
    sizes, counts, rows = canvas.sizes, canvas.counts, len(canvas.canvases)
    fits = (
        sizes.ndim == counts.ndim == canvas.canvases.ndim == 1
        and 0 < len(sizes) == len(counts)
        and sizes.dtype == counts.dtype == torch.int64
        and canvas.properties.shape == (rows, properties)
        and bool((counts >= 0).all())
        and 1 <= int(sizes.min()) <= int(sizes.max()) <= max_length
        and bool(torch.isin(canvas.canvases, sizes).all())
        and not bool(canvas.properties.isinf().any())
    )
    if not fits:
        raise ValueError("its table of canvas sizes is damaged")


def read_json(path: Path) -> dict[str, Any]:
    """Return the JSON object in a file.

    Raises:
        InputError: If there is none.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"cannot read {path}: {error}") from error
    if not isinstance(found, dict):
        raise InputError(f"cannot read {path}: expected a JSON object, got {type(found).__name__}")
    return found


def read_config(folder: Path) -> dict[str, Any]:
    """Return ``config.json`` of a folder.

    Raises:
        InputError: If there is none, or it has a format that this release does not read.
    """
    config = read_json(folder / "config.json")
    version = config.get("format_version")
    if version != FORMAT_VERSION:
        raise InputError(
            f"{folder} has model format {version!r}, this release reads {FORMAT_VERSION}: "
            "upgrade moldiff, or train the model again"
        )
    return config


@contextmanager
def refusing_damage(what: str) -> Iterator[None]:
    """Turn whatever damaged or foreign files raise into one error that says what cannot be read.

    Args:
        what: Such as "the model in DIR".

    Raises:
        InputError: If the block raises any of ``DAMAGES``.
    """
    try:
        yield
    except DAMAGES as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise InputError(f"{what} cannot be read ({reason}): copy or train it again") from error


def read_codec(vocab: Mapping[str, Any]) -> SubtokenCodec:
    """Return the codec of ``vocab.json``, whose codes have to be as many as its tokens.

    Raises:
        ValueError: If they are not, or are no codes.
    """
    codec = SubtokenCodec(torch.tensor(vocab["codes"], dtype=torch.int64))
    if len(vocab["tokens"]) != codec.vocab_size:
        raise ValueError(f"{len(vocab['tokens'])} tokens and {codec.vocab_size} codes")
    return codec


def stored_weights(network: nn.Module) -> dict[str, Tensor]:
    """Return what a network's file holds: weights and buffers in bfloat16."""
    state = network.state_dict()
    return {name: value.detach().to(torch.bfloat16).contiguous().cpu() for name, value in state.items()}


def filled(
    make: Callable[[], Network], keywords: Mapping[str, Any], weights: Mapping[str, Tensor]
) -> Network:
    """Return the network that weights fill, in float32.

    Args:
        make: Makes it.
        keywords: The sizes that ``make`` was given; they come from the stranger.
        weights: By name.

    Raises:
        ValueError: If the weights do not fill it, or are not finite.
    """
    sizes = [size for value in weights.values() for size in value.shape]
    # Every keyword is a size of some tensor, or counts tensors: larger ones would only take memory.
    largest = max([*sizes, len(weights)], default=0)
    if not all(type(value) is int and 1 <= value <= largest for value in keywords.values()):
        raise ValueError(f"the network's sizes {keywords} do not fit its weights")
    with torch.device("meta"):
        wanted = {name: value.shape for name, value in make().state_dict().items()}
    if wanted != {name: value.shape for name, value in weights.items()}:
        raise ValueError("the weights are of another network")
    if not all(bool(value.isfinite().all()) for value in weights.values()):
        raise ValueError("some weights are no finite numbers")
    network = make()
    network.load_state_dict({name: value.float() for name, value in weights.items()})
    return network

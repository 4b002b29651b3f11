"""A model in use: on its device, with what decodes, predicts and judges its molecules."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import torch

from moldiff.chemistry import Chemistry, read_chemistry
from moldiff.diffusion.left_to_right import Incremental
from moldiff.diffusion.process import Network
from moldiff.files import whole_file, write_json
from moldiff.model_preset import ModelPreset
from moldiff.models.checkpoint import PRESET, SavedModel, load_model, save_model
from moldiff.models.compiled import Compiled
from moldiff.models.precision import cast_parameters
from moldiff.property_prediction import PropertyPredictor, read_predictor
from moldiff.settings import usable_device, usable_dtype


@dataclass
class LoadedModel:
    """A model folder as it is used.

    Attributes:
        saved: Network, codec, canvas law and configuration, on the device.
        chemistry: Tokens, property statistics, training molecules.
        device: Where it computes.
        name: What records call it.
        card: The folder's README, "" where there is none.
        predictor: A predictor that goes with it; None for none.
        preset: How it is drawn where nothing else is said.

    Example:
        >>> from moldiff.bundled import model_folder
        >>> loaded = LoadedModel.read(model_folder("qm9"))
        >>> loaded.name, loaded.saved.config["family"]
        ('qm9-mdlm', 'mdlm')
    """

    saved: SavedModel
    chemistry: Chemistry
    device: torch.device
    name: str
    card: str = ""
    predictor: PropertyPredictor | None = None
    preset: ModelPreset = field(default_factory=ModelPreset)
    _bulk: Network | None = None
    _fitting: dict[Path, tuple[int, PropertyPredictor]] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path, *, precision: str = "auto", device: str | None = None) -> Self:
        """Load a model folder.

        Args:
            folder: The folder.
            precision: "auto", "bf16" or "fp32".
            device: "cpu", "cuda" or such; what is there unless given.

        Raises:
            InputError: If there is no such device or precision, or the model cannot be read.
        """
        place = usable_device(device)
        dtype = usable_dtype(precision, place)
        model, chemistry, preset = load_model(folder), read_chemistry(folder), ModelPreset.read(folder)
        # Weights lie on disk in bfloat16, so that casting them loses nothing that saving them would keep.
        cast_parameters(model.network.to(place), dtype)
        model.codec.to(place)
        card = folder / "README.md"
        text = card.read_text(encoding="utf-8", errors="replace") if card.is_file() else ""
        return cls(model, chemistry, place, folder.resolve().name, text, preset=preset)

    def save(self, folder: Path) -> None:
        """Write a folder that ``read`` reads."""
        # Until the new one is whole the folder is no model: weights and vocabulary of two would not fit.
        (folder / "config.json").unlink(missing_ok=True)
        # Nor would the preset of another model.
        (folder / PRESET).unlink(missing_ok=True)
        statistics = self.chemistry.statistics
        write_json(folder / "properties.json", {name: entry.to_dict() for name, entry in statistics.items()})
        self.chemistry.known.save(folder / "train_keys.bin")
        for name, text in ((PRESET, self.preset.text), ("README.md", self.card)):
            if text:
                with whole_file(folder / name) as part:
                    part.write_text(text, encoding="utf-8")
        save_model(folder, self.saved, list(self.chemistry.tokenizer.tokens))

    def compiled(self) -> Network:
        """Return the compiled network, the same one for all runs.

        A causal network goes from position to position with what it remembers: it is as fast as it is.
        """
        if self._bulk is None:
            network = self.saved.network
            self._bulk = network if isinstance(network, Incremental) else Compiled(network)
        return self._bulk

    def guide(self, folder: str | Path | None) -> PropertyPredictor | None:
        """Return the predictor in a folder; the one that comes with the model for None, if there is one.

        Raises:
            InputError: If it cannot be read, or does not fit the model.
        """
        return self.predictor if folder is None else self.fitting(Path(folder))

    def fitting(self, folder: Path) -> PropertyPredictor:
        """Return the predictor in a folder, read once as long as it stays the same.

        Raises:
            InputError: If it cannot be read, or was trained for other noise, tokens or canvases.
        """
        weights = folder.resolve() / "model.safetensors"
        state = weights.stat().st_mtime_ns if weights.is_file() else 0
        read, predictor = self._fitting.get(weights, (None, None))
        if predictor is None or read != state:
            predictor = self._read_fitting(folder)
            self._fitting[weights] = state, predictor
        return predictor

    def _read_fitting(self, folder: Path) -> PropertyPredictor:
        predictor, model = read_predictor(folder), self.saved
        tokens = list(self.chemistry.tokenizer.tokens)
        longest = int(model.canvas.sizes.max())
        predictor.saved.check(model.config["family"], tokens, model.codec, longest)
        return predictor

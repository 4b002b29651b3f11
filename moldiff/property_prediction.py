"""Properties of finished molecules from a trained predictor, for columns that nothing computes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from moldiff.chem.standardise import canonical
from moldiff.chem.statistics import PropertyStatistics
from moldiff.chem.tokenizer import Ids, SelfiesTokenizer
from moldiff.diffusion.canvas import canvas_size
from moldiff.errors import InputError, did_you_mean
from moldiff.guidance.classifier_based import Predictor
from moldiff.models.checkpoint import read_json, refusing_damage
from moldiff.models.compiled import CompiledPredictor
from moldiff.models.precision import cast_parameters
from moldiff.models.predictor import soft_tokens
from moldiff.models.predictor_folder import SavedPredictor, load_predictor

ROWS = 1024
"""Molecules in one network call, at most."""

POSITIONS = 2**16
"""Canvas positions in one network call, at most: long canvases go in smaller batches."""


class PropertyPredictor:
    """Predict the properties of finished molecules: SMILES to values and stated errors.

    A molecule is written as in training: the tokens of its canonical SMILES, nothing hidden, on the smallest
    canvas that holds them. What comes out depends on the molecule alone, up to the rounding of float32, and
    on nothing that stands beside it.

    Args:
        saved: The predictor; its network and its codes may live on any device.
        statistics: Of its properties in training.
        held_out_error: Mean absolute error (of a class: share that is wrong) on held-out molecules.
        name: What records call it.

    Attributes:
        properties: What it predicts.
        statistics: Of each of them in training, with unit and classes.
        held_out_error: Of each of them; NaN where it is not known.

    Raises:
        InputError: If the predictor's tokens are no SELFIES symbols.

    Example:
        >>> from moldiff.diffusion import SubtokenCodec
        >>> from moldiff.models.predictor import NoisyPredictor
        >>> from moldiff.models.predictor_heads import Gaussian
        >>> network = NoisyPredictor(3, {"gap": Gaussian(0.25, 0.05)}, max_length=8, width=16, depth=1)
        >>> codec = SubtokenCodec(torch.arange(3)[:, None])
        >>> saved = SavedPredictor(network, codec, ["[nop]", "[C]", "[O]"], {"noise": "masked"})
        >>> values, errors = PropertyPredictor(saved, {})(["CCO", "CCN"], ["gap"])
        >>> values["gap"].round(3).tolist()    # untrained: the mean; nitrogen is no symbol of it
        [0.25, nan]
    """

    def __init__(
        self,
        saved: SavedPredictor,
        statistics: Mapping[str, PropertyStatistics],
        held_out_error: Mapping[str, float] | None = None,
        name: str = "",
    ) -> None:
        self.saved = saved
        self.name = name
        self.properties = saved.properties
        self.statistics = dict(statistics)
        known = held_out_error or {}
        self.held_out_error = {name: known.get(name, math.nan) for name in self.properties}
        self.tokenizer = SelfiesTokenizer(saved.tokens)
        self._guiding: dict[tuple[torch.device, torch.dtype, bool], Predictor] = {}

    def __call__(self, smiles: Sequence[str], names: Sequence[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Return values and how far off each is expected to be, in the properties' units.

        A value is the mean of the predicted law, its error the standard deviation; of a class the number of
        the likeliest one, and the probability that it is another. Both are NaN for what is no molecule, has
        symbols that the predictor does not know or is longer than its longest canvas. Repeats are predicted
        once.

        Args:
            smiles: B molecules, "" where there is none.
            names: Some of ``properties``.

        Returns:
            Two tables of B rows and a column a name.

        Raises:
            InputError: If a name is not one of ``properties``.
        """
        for name in names:
            if name not in self.properties:
                near = did_you_mean(name, self.properties)
                raise InputError(f"the predictor knows no property '{name}'{near}")
        found = canonical(smiles)
        distinct = {text: row for row, text in enumerate(dict.fromkeys(found))}
        everything = np.full((2, len(distinct), len(self.properties)), np.nan)
        for rows, x0 in self._batches(list(distinct)):
            everything[:, rows] = self._predict(x0)
        columns = [self.properties.index(name) for name in names]
        each = everything[:, [distinct[text] for text in found]][:, :, columns]
        values, errors = (pd.DataFrame(part, columns=list(names)) for part in each)
        return values, errors

    def guiding(self, device: torch.device, dtype: torch.dtype, *, compiled: bool = False) -> Predictor:
        """Return the network as classifier guidance asks it, the same one for all runs.

        Args:
            device: Where it computes.
            dtype: Of its weights.
            compiled: Whether to compile it: for thousands of molecules.
        """
        kind = (device, dtype, compiled)
        if kind not in self._guiding:
            network = cast_parameters(deepcopy(self.saved.network).to(device), dtype)
            self._guiding[kind] = CompiledPredictor(network) if compiled else network
        return self._guiding[kind]

    def _batches(self, smiles: Sequence[str]) -> Iterator[tuple[list[int], torch.Tensor]]:
        """Yield the rows of molecules that share a canvas, and their tokens (b, L) int64 on it."""
        groups: dict[int, list[tuple[int, Ids]]] = {}
        for row, ids in enumerate(self.tokenizer.try_encode(smiles)):
            if isinstance(ids, InputError):
                continue
            canvas = int(canvas_size(torch.tensor(len(ids)), self.saved.canvas_step))
            if canvas <= self.saved.network.max_length:
                groups.setdefault(canvas, []).append((row, ids))
        for canvas, members in sorted(groups.items()):
            size = min(ROWS, max(1, POSITIONS // canvas))
            for start in range(0, len(members), size):
                rows, tokens = zip(*members[start : start + size], strict=True)
                x0 = torch.zeros(len(rows), canvas, dtype=torch.int64)
                for place, ids in enumerate(tokens):
                    x0[place, : len(ids)] = torch.from_numpy(ids)
                yield list(rows), x0

    @torch.no_grad()
    def _predict(self, x0: torch.Tensor) -> NDArray[np.float64]:
        """Return values and errors (2, b, P) of tokens (b, L) without noise."""
        codec = self.saved.codec
        w, visible = soft_tokens(codec, codec.encode(x0.to(codec.codes.device)))
        found = self.saved.network.predict(w, visible, torch.zeros(len(w), device=w.device))
        return torch.stack(found).double().cpu().numpy()


def read_predictor(folder: Path) -> PropertyPredictor:
    """Return the predictor in a folder, with its statistics and its errors on held-out molecules.

    Raises:
        InputError: If a file is missing or damaged; only ``calibration.csv`` may be missing.
    """
    saved = load_predictor(folder)
    stored = read_json(folder / "properties.json")
    with refusing_damage(f"the predictor in {folder}"):
        statistics = {name: PropertyStatistics.from_dict(entry) for name, entry in stored.items()}
        errors = _held_out_error(folder / "calibration.csv")
        return PropertyPredictor(saved, statistics, errors, folder.resolve().name)


def _held_out_error(path: Path) -> dict[str, float]:
    """Return the error of every property without noise, of the calibration's report."""
    if not path.exists():
        return {}
    figures = pd.read_csv(path)
    clean = figures[figures["level"] == 0]
    return {str(name): float(error) for name, error in zip(clean["property"], clean["error"], strict=True)}

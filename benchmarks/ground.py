"""A model to search with: its unsteered molecules, and how a search goes on from them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from moldiff.chem.tokenizer import SelfiesTokenizer
from moldiff.diffusion.process import Network
from moldiff.diffusion.sampler import Sampler
from moldiff.diffusion.samplers import make_sampler
from moldiff.diffusion.tally import SampleOutput
from moldiff.models.checkpoint import load_model, read_json
from moldiff.models.precision import cast_parameters, resolve_precision
from moldiff.sweep.arm import read_sampler

PILOT = 128
PILOT_SAMPLER, PILOT_STEPS = "ancestral", 32


@dataclass(frozen=True)
class Way:
    """How a search goes on after its pilot, round after round, until the budget is used up.

    Attributes:
        selection: A key of ``SELECTIONS``; "best-of" draws and scores, and nothing else.
        rows: Drawn side by side in a round.
        strengths: lambda times the standard deviation of the pilot's scores; several take turns.
        begin: A key of ``BEGINNINGS``: where the rows of a round come from.
        sampler: As in ``read_sampler``; a run that begins with whole molecules has nothing to draw.
        steps: T.
        temperature: Divides the logits.
        knobs: Of the selection, but for the strength.
    """

    selection: str
    rows: int = PILOT
    strengths: tuple[float, ...] = ()
    begin: str = "noise"
    sampler: str = PILOT_SAMPLER
    steps: int = PILOT_STEPS
    temperature: float = 1.0
    knobs: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Drawn:
    """Unsteered rows of one canvas.

    Attributes:
        tokens: (b, L) int64.
        evaluated: Network rows that they took.
    """

    tokens: Tensor
    evaluated: int


class Counted:
    """A network that counts the rows it evaluates.

    Args:
        network: The network.

    Attributes:
        rows: How many so far.
    """

    def __init__(self, network: Network) -> None:
        self.network = network
        self.rows = 0

    @torch.no_grad()
    def __call__(self, z: Tensor, y: Tensor, t: Tensor | None = None) -> Tensor:
        """Return the network's logits (B, L, C)."""
        self.rows += len(z)
        return self.network(z, y, t)


class Ground:
    """A model to search with, without any condition, and its unsteered molecules, which all scorers share.

    Args:
        folder: Of the model.
        precision: "auto", "bf16" or "fp32".
    """

    def __init__(self, folder: Path, precision: str = "auto") -> None:
        saved = load_model(folder)
        dtype = resolve_precision(precision, torch.device("cpu"))
        self.network = Counted(cast_parameters(saved.network, dtype))
        self.process, self.canvas = saved.process, saved.canvas
        self.tokenizer = SelfiesTokenizer(read_json(folder / "vocab.json")["tokens"])
        self._names: dict[bytes, str] = {}
        self._chunks: dict[tuple[str, int, float, int, int], list[Drawn]] = {}

    def unsteered(self, way: Way, seed: int, index: int) -> list[Drawn]:
        """Return ``PILOT`` rows by canvas: chunk ``index`` of a seed, drawn once for all scorers."""
        key = (way.sampler, way.steps, way.temperature, seed, index)
        if key not in self._chunks:
            generator = seeded(seed, index)
            sizes = counted(self.canvases(PILOT, generator))
            self._chunks[key] = [self._drawn(way, rows, length, generator) for length, rows in sizes]
        return self._chunks[key]

    def _drawn(self, way: Way, rows: int, length: int, generator: torch.Generator) -> Drawn:
        before = self.network.rows
        tokens = self.run(self.sampler(way), way, rows, length, generator).tokens
        return Drawn(tokens, self.network.rows - before)

    def smiles(self, tokens: Tensor) -> list[str]:
        """Return the SMILES of rows (B, L); chains often come back to what was decoded before."""
        rows = {row.tobytes(): row for row in tokens.numpy()}
        new = [key for key in rows if key not in self._names]
        names = self.tokenizer.decode(np.stack([rows[key] for key in new])) if new else []
        self._names |= zip(new, names, strict=True)
        return [self._names[row.tobytes()] for row in tokens.numpy()]

    def canvases(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw n canvas sizes, (n,) int64."""
        return self.canvas.draw(self.canvas.prior().expand(n, -1), generator)

    def sampler(self, way: Way) -> Sampler:
        """Return the sampler of a way."""
        return Sampler(self.network, self.process, *make_sampler(*read_sampler(way.sampler, way.steps)))

    def run(
        self, sampler: Sampler, way: Way, rows: int, length: int, generator: torch.Generator, **more: Any
    ) -> SampleOutput:
        """Return what a sampler draws without conditions."""
        nothing = torch.full((rows, self.canvas.properties.shape[1]), torch.nan)
        return sampler(
            rows,
            length,
            steps=way.steps,
            generator=generator,
            y=nothing,
            temperature=way.temperature,
            **more,
        )


def seeded(seed: int, index: int) -> torch.Generator:
    """Return the generator of round ``index`` of a seed."""
    return torch.Generator().manual_seed(int(np.random.SeedSequence([seed, index]).generate_state(1)[0]))


def counted(sizes: Tensor) -> list[tuple[int, int]]:
    """Return the distinct sizes (B,), ascending, with how many rows have each."""
    return [(int(size), int(count)) for size, count in zip(*sizes.unique(return_counts=True), strict=True)]

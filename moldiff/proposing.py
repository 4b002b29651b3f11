"""Draw proposals in chunks: conditions, canvases and one sampler call for each canvas size."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from moldiff.diffusion.canvas import CanvasLaw
from moldiff.diffusion.sampler import Guidance, Sampler, Selection
from moldiff.diffusion.tally import SampleOutput
from moldiff.errors import RunError
from moldiff.guidance.canvas_tilt import tilted

COSTS = ("nfe", "nfe_predictor", "revealed", "remasked", "filled", "idle", "unguided")
"""What is counted for every proposal: fields of ``SampleOutput``."""

_COST_NAMES = {
    "nfe": "nfe",
    "nfe_predictor": "nfe_predictor",
    "revealed": "revealed_digits",
    "remasked": "remasked_digits",
    "filled": "filled_digits",
    "idle": "idle_steps",
    "unguided": "unguided_tokens",
}


@dataclass
class Proposed:
    """One chunk of proposals.

    Attributes:
        ids: (B, L) uint8 token ids, padded with [nop] (0) to the longest canvas.
        y: (B, P) float32, the conditions that were asked for; NaN where none.
        canvas: (B,) int64.
        counts: Sums over the rows of what ``SampleOutput`` counts.
        seconds: Wall time of the sampling.
    """

    ids: np.ndarray
    y: np.ndarray
    canvas: np.ndarray
    counts: dict[str, int]
    seconds: float


@dataclass
class Proposer:
    """Draw chunk number i of a run: a function of (seed, i) alone, whatever came before.

    Args:
        sampler: Network, process, re-masking and trajectory.
        canvas: Law of canvas sizes.
        conditions: Draws (n, P) conditions from a generator.
        guidance: How the conditions steer.
        gamma: Strength of classifier-free guidance, and of the canvas tilt unless that has its own.
        temperature: Divides the logits.
        steps: T; None for one step for each position.
        seed: Seed of the run.
        chunk: Rows of a chunk.
        device: Where the network lives.
        threads: Of a network call on the CPU: in float32 their number changes the last bits.
        names: What ``settings`` says of sampler and methods: their names and knobs.
        tilt: (S,) float64, what ``canvas_tilt`` puts on the law of canvas sizes; None for nothing.
        canvas_gamma: Strength of the canvas tilt; gamma unless given.
        selection: Keeps, copies or changes rows by a score.
        group: Rows that belong together: they share conditions and canvas.

    Example:
        >>> from moldiff.diffusion import MaskedProcess, SubtokenCodec
        >>> from moldiff.diffusion.sampler import conditional
        >>> uniform = lambda z, y, t=None: torch.zeros(*z.shape[:2], 3)
        >>> sampler = Sampler(uniform, MaskedProcess(SubtokenCodec(torch.arange(3)[:, None])))
        >>> law = CanvasLaw(torch.tensor([4]), torch.tensor([9]), torch.zeros(1, 1), torch.tensor([4]))
        >>> nothing = lambda n, generator: torch.full((n, 1), torch.nan)
        >>> propose = Proposer(sampler, law, nothing, conditional, 1.0, chunk=8)
        >>> propose(3).ids.shape, bool((propose(3).ids == propose(3).ids).all())
        ((8, 4), True)
    """

    sampler: Sampler
    canvas: CanvasLaw
    conditions: Callable[[int, torch.Generator], Tensor]
    guidance: Guidance
    gamma: float
    temperature: float = 1.0
    steps: int | None = 64
    seed: int = 0
    chunk: int = 256
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    threads: int = 1
    names: dict[str, Any] = field(default_factory=dict)
    tilt: Tensor | None = None
    canvas_gamma: float | None = None
    selection: Selection | None = None
    group: int = 1

    @property
    def rows(self) -> int | None:
        """Proposals of a chunk; None where that differs from one to the next."""
        return self.chunk

    @property
    def settings(self) -> dict[str, Any]:
        """Everything but model and goals that decides what is drawn, with the values in use."""
        numbers = ("gamma", "temperature", "steps", "seed", "chunk", "threads")
        used = {name: getattr(self, name) for name in numbers}
        return {**used, "canvas_gamma": self._canvas_strength, **self.names}

    @property
    def _canvas_strength(self) -> float:
        return self.gamma if self.canvas_gamma is None else self.canvas_gamma

    def __post_init__(self) -> None:
        if self.chunk % self.group:
            raise ValueError(f"a chunk of {self.chunk} rows does not hold whole groups of {self.group}")

    def __call__(self, index: int) -> Proposed:
        """Return chunk ``index``, counted from 0.

        Raises:
            RunError: If the memory does not suffice for a chunk.
        """
        started = time.perf_counter()
        # The host draws conditions and canvases, the device all else: both seeds come from (seed, index).
        host, device = (int(word) for word in np.random.SeedSequence([self.seed, index]).generate_state(2))
        generator = torch.Generator().manual_seed(host)
        asked = self.conditions(self.chunk // self.group, generator)
        y, canvases = (
            part.repeat_interleave(self.group, 0) for part in (asked, self._canvases(asked, generator))
        )
        noise = torch.Generator(device=self.device).manual_seed(device)
        ids = np.zeros((len(canvases), int(canvases.max())), dtype=np.uint8)
        counts = dict.fromkeys(COSTS, 0)
        with _threads(self.threads), _memory(self.chunk):
            for length in canvases.unique().tolist():
                rows = (canvases == length).nonzero()[:, 0]
                output = self._run(len(rows), length, y[rows], noise)
                ids[rows.numpy(), :length] = output.tokens.cpu().numpy()
                for name in COSTS:
                    counts[name] += int(getattr(output, name).sum())
        return Proposed(ids, y.numpy(), canvases.numpy(), counts, time.perf_counter() - started)

    def _canvases(self, y: Tensor, generator: torch.Generator) -> Tensor:
        """Draw the canvas of every row, (B,) int64; rows that ask for the same share one law."""
        # NaN differs from NaN and would make every row distinct; no condition is infinite.
        known = np.where(np.isnan(y.numpy()), np.inf, y.numpy())
        distinct, which = np.unique(known, axis=0, return_inverse=True)
        asked = torch.from_numpy(np.where(np.isinf(distinct), np.nan, distinct))
        law = self.canvas.tilt(asked, self._canvas_strength)
        law = law if self.tilt is None else tilted(law, self.tilt)
        return self.canvas.draw(law[torch.from_numpy(which.reshape(-1))], generator)

    def _run(self, rows: int, length: int, y: Tensor, noise: torch.Generator) -> SampleOutput:
        return self.sampler(
            rows,
            length,
            steps=length if self.steps is None else self.steps,
            generator=noise,
            y=y.to(self.device),
            temperature=self.temperature,
            guidance=self.guidance,
            selection=self.selection,
        )


@contextmanager
def _threads(number: int) -> Iterator[None]:
    """Let torch compute with so many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _memory(chunk: int) -> Iterator[None]:
    """Say what to do where torch finds no memory."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if "memory" not in str(error).lower() and not isinstance(error, MemoryError):
            raise
        raise RunError(
            f"the memory does not suffice for a chunk of {chunk} rows: give a smaller one"
        ) from error


def cost_summary(counts: dict[str, int], proposed: int, returned: int, seconds: float) -> dict[str, float]:
    """Return what a run took, in all, a proposal and a second.

    Args:
        counts: Sums over all proposals, by the names in ``COSTS``.
        proposed: Number of proposals.
        returned: Molecules returned.
        seconds: Wall time of the generation.
    """
    shares = {f"{_COST_NAMES[name]}_per_proposal": counts[name] / max(1, proposed) for name in COSTS}
    return {
        "seconds": seconds,
        "proposals_per_second": proposed / seconds if seconds else 0.0,
        "molecules_per_second": returned / seconds if seconds else 0.0,
        **shares,
    }

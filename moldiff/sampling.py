"""How proposals are drawn: the settings of a run, with their defaults, and the proposer that they make."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch

from moldiff.diffusion.canvas import CanvasLaw
from moldiff.diffusion.codec import SubtokenCodec
from moldiff.diffusion.masked import MaskedProcess
from moldiff.diffusion.sampler import Network, Sampler
from moldiff.diffusion.samplers import make_sampler, sampler_knobs
from moldiff.errors import InputError
from moldiff.guidance.classifier_free import ClassifierFree
from moldiff.proposing import Proposer
from moldiff.settings import check_numbers
from moldiff.targets import Targets


@dataclass(frozen=True)
class Sampling:
    """How proposals are drawn.

    Args:
        gamma: Strength of classifier-free guidance: 0 unconditional, 1 conditional, above 1 beyond.
        temperature: Divides the network's logits; 1 is the model's own law.
        steps: T.
        sampler: A key of ``SAMPLERS``.
        knobs: Keywords of that sampler.
        seed: Seed of the run, 0 or more.
        chunk: Rows of a chunk.
        threads: Of a network call on the CPU. They are part of what decides the result: in float32 another
            number changes the last bits.
        compiled: Whether to compile the network: for thousands of molecules.

    Raises:
        InputError: If a value is out of range or a name unknown.

    Example:
        >>> Sampling(steps=32).gamma
        2.0
        >>> Sampling(sampler="lop")
        Traceback (most recent call last):
        moldiff.errors.InputError: unknown sampler 'lop': did you mean 'loop'?
    """

    gamma: float = 2.0
    temperature: float = 0.85
    steps: int = 64
    sampler: str = "forward-backward"
    knobs: dict[str, Any] | None = None
    seed: int = 0
    chunk: int = 256
    threads: int = 1
    compiled: bool = False

    def __post_init__(self) -> None:
        check_numbers(
            temperature=self.temperature,
            gamma=self.gamma,
            steps=self.steps,
            chunk=self.chunk,
            seed=self.seed,
            threads=self.threads,
        )
        make_sampler(self.sampler, self.knobs)
        for knob, value in (self.knobs or {}).items():
            if isinstance(value, float) and math.isinf(value):
                raise InputError(f"sampler '{self.sampler}': {knob} must be a finite number, got {value}")

    def proposer(
        self,
        network: Network,
        codec: SubtokenCodec,
        canvas: CanvasLaw,
        targets: Targets,
        *,
        device: torch.device,
    ) -> Proposer:
        """Return what draws the proposals of a run.

        Args:
            network: The denoiser, on the device.
            codec: The tokens' digits, there too.
            canvas: Law of canvas sizes.
            targets: Conditions of the molecules.
            device: Where the network computes.
        """
        remasking, trajectory = make_sampler(self.sampler, self.knobs)
        return Proposer(
            Sampler(network, MaskedProcess(codec), remasking, trajectory),
            canvas,
            targets.draw,
            ClassifierFree(self.gamma),
            self.gamma,
            self.temperature,
            self.steps,
            self.seed,
            self.chunk,
            device,
            self.threads,
            {
                "guidance": "cfg",
                "sampler": self.sampler,
                "knobs": sampler_knobs(self.sampler, self.knobs),
                "compiled": self.compiled,
            },
        )

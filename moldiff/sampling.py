"""How proposals are drawn: the settings of a run, with their defaults, and the proposer that they make."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch

from moldiff.diffusion.process import Network
from moldiff.diffusion.sampler import Sampler
from moldiff.diffusion.samplers import make_sampler, sampler_knobs
from moldiff.errors import InputError
from moldiff.guidance.classifier_free import ClassifierFree
from moldiff.models.checkpoint import SavedModel
from moldiff.proposing import Proposer
from moldiff.settings import check_numbers
from moldiff.targets import Targets


@dataclass(frozen=True)
class Sampling:
    """How proposals are drawn.

    Args:
        gamma: Strength of classifier-free guidance: 0 unconditional, 1 conditional, above 1 beyond.
        temperature: Divides the network's logits; 1 is the model's own law.
        steps: T; 64, or one for each position left to right, unless given.
        sampler: A key of ``SAMPLERS``; the one of the model's family unless given.
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
    steps: int | None = None
    sampler: str | None = None
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
        if self.sampler is not None:
            make_sampler(self.sampler, self.knobs)
        for knob, value in (self.knobs or {}).items():
            if isinstance(value, float) and math.isinf(value):
                raise InputError(f"knob {knob} must be a finite number, got {value}")

    def proposer(
        self,
        model: SavedModel,
        targets: Targets,
        *,
        network: Network | None = None,
        device: torch.device,
    ) -> Proposer:
        """Return what draws the proposals of a run.

        Args:
            model: The model, on the device.
            targets: Conditions of the molecules.
            network: Its network in another form; as it is unless given.
            device: Where the network computes.

        Raises:
            InputError: If the model's family has no such sampler or number of steps.
        """
        family, process = model.family, model.process
        name = self.sampler or family.sampler
        remasking, trajectory = make_sampler(name, self.knobs)
        if remasking is not None and not process.masks:
            raise InputError(
                f"sampler '{name}' hides tokens again, and family {model.config['family']} never does: "
                "leave the sampler out"
            )
        if self.steps is not None and family.steps is None:
            raise InputError(
                f"family {model.config['family']} takes one step for each position: "
                "leave the number of steps out"
            )
        return Proposer(
            Sampler(model.network if network is None else network, process, remasking, trajectory),
            model.canvas,
            targets.draw,
            ClassifierFree(self.gamma),
            self.gamma,
            self.temperature,
            self.steps or family.steps,
            self.seed,
            self.chunk,
            device,
            self.threads,
            {
                "guidance": "cfg",
                "sampler": name,
                "knobs": sampler_knobs(name, self.knobs),
                "compiled": self.compiled,
            },
        )

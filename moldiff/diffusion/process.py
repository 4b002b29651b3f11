"""The contract of a noise process: how tokens are corrupted, scored and brought back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Literal, Protocol, get_args

import torch
from torch import Tensor

from moldiff.diffusion.codec import SubtokenCodec
from moldiff.diffusion.schedules import LogLinear, NoiseSchedule
from moldiff.diffusion.state import Plan, State, Transition

if TYPE_CHECKING:
    from moldiff.diffusion.remasking import Remasking
    from moldiff.diffusion.trajectories import Trajectory

Pattern = Literal["token", "digit", "mixed"]


class Network(Protocol):
    """Anything with the denoiser's call: raw logits (B, L, C) from digits (B, L, K) and conditions (B, P)."""

    def __call__(self, z: Tensor, y: Tensor, t: Tensor | None = None) -> Tensor:
        """Return raw logits."""


class Process(ABC):
    """A corruption of tokens that a network learns to undo.

    Shapes: B molecules, L canvas positions, K digits a token, C tokens.

    Args:
        codec: The tokens' digits.
        schedule: alpha(t); log-linear unless given.

    Attributes:
        masks: Whether what is visible can be hidden again, so that a re-masking rule means something.
    """

    masks = True

    def __init__(self, codec: SubtokenCodec, schedule: NoiseSchedule | None = None) -> None:
        self.codec = codec
        self.schedule: NoiseSchedule = LogLinear() if schedule is None else schedule

    @abstractmethod
    def prior(self, n: int, length: int, generator: torch.Generator) -> State:
        """Return n rows of pure noise on a canvas of ``length`` positions."""

    @abstractmethod
    def corrupt(
        self, x0: Tensor, pattern: Pattern, generator: torch.Generator, t: float | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return noisy digits z (B, L, K), times t (B,) and loss weights (B,) for clean tokens x0 (B, L).

        Args:
            x0: (B, L) int64 clean tokens.
            pattern: What is masked together: whole tokens, single digits, or half the rows each.
            generator: Source of the noise.
            t: A fixed time for all rows; None draws from the training law.
        """

    @abstractmethod
    def loss(self, logits: Tensor, x0: Tensor, z: Tensor, t: Tensor, weight: Tensor) -> Tensor:
        """Return the training objective of every row, (B,) nats."""

    @abstractmethod
    def bound(  # noqa: PLR0917 - what corrupt returned, in its order
        self, logits: Tensor, x0: Tensor, z: Tensor, t: Tensor, weight: Tensor, pattern: Pattern
    ) -> Tensor:
        """Return one-draw estimates, (B,) nats, of a valid upper bound on -log p(x0)."""

    @abstractmethod
    def transitions(self, trajectory: Trajectory, steps: int, length: int) -> list[Transition]:
        """Return the reverse steps of a run."""

    @abstractmethod
    def coins(
        self, state: State, transition: Transition, remasking: Remasking | None
    ) -> tuple[Tensor, Tensor]:
        """Return the probabilities (B, L, K) of revealing each masked digit, re-masking each visible one."""

    @abstractmethod
    def plan(
        self, state: State, transition: Transition, remasking: Remasking | None, generator: torch.Generator
    ) -> Plan:
        """Draw the coins of one step; never at frozen positions."""

    def evaluate(
        self,
        network: Network,
        state: State,
        conditions: tuple[Tensor, ...],
        transition: Transition,
        first: int,
    ) -> Tensor:
        """Return raw logits (b, L, C) of the rows under each set of conditions, one after another.

        Args:
            network: The denoiser.
            state: The rows.
            conditions: Tensors (b, P), NaN where not given.
            transition: The step, whose time the network is told.
            first: How often these rows went through the network in this step before.
        """
        z, count = state.z, len(conditions)
        time = torch.full((len(z) * count,), transition.t, device=z.device)
        return network(z.repeat(count, 1, 1), torch.cat(conditions), time)

    @abstractmethod
    def log_kernel(self, logits: Tensor, z: Tensor, transition: Transition) -> Tensor:
        """Return the log-probabilities (B, L, C) that guidance tilts."""

    @abstractmethod
    def move(self, state: State, tokens: Tensor, log_probs: Tensor | None, plan: Plan) -> State:
        """Return the state after the step, with ``tokens`` (B, L) drawn where the plan reveals."""


def check_pattern(pattern: Pattern) -> None:
    """Raise for a noise pattern that does not exist.

    Raises:
        ValueError: If there is none of that name.
    """
    if pattern not in get_args(Pattern):
        raise ValueError(f"pattern must be 'token', 'digit' or 'mixed', got {pattern!r}")

"""The left-to-right process: an autoregressive model, one token a step."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import torch
from torch import Tensor
from torch.nn import functional as F

from moldiff.diffusion.codec import MASK
from moldiff.diffusion.maskless import Maskless
from moldiff.diffusion.process import Network, Pattern, check_pattern
from moldiff.diffusion.state import State, Transition

if TYPE_CHECKING:
    from moldiff.diffusion.trajectories import Trajectory


@runtime_checkable
class Incremental(Protocol):
    """A causal network that can go on from what it computed for the tokens before."""

    def extend(self, z: Tensor, y: Tensor, position: int, memory: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return logits (B, C) of the token at a position, and the memory with that position in it.

        Args:
            z: (B, L, K) digits; those from ``position`` on are not looked at.
            y: (B, P) conditions.
            position: Of the next token.
            memory: What the call for the position before returned; None at the first one.
        """


class LeftToRight(Maskless):
    """No noise: every token is drawn given those before it, in the order of the string.

    Digits that are not written yet are ``MASK``. A run has one step for each position. The network must be
    causal: its logits at a position look at the positions before it alone.

    Example:
        >>> from moldiff.diffusion import SubtokenCodec
        >>> process = LeftToRight(SubtokenCodec(torch.arange(3)[:, None]))
        >>> [round(step.alpha_t, 2) for step in process.transitions(None, 4, length=4)]
        [0.0, 0.25, 0.5, 0.75]
    """

    def prior(self, n: int, length: int, generator: torch.Generator) -> State:
        """Return n rows in which nothing is written."""
        return State.of(torch.full((n, length, self.codec.digits), MASK, device=generator.device))

    def corrupt(
        self, x0: Tensor, pattern: Pattern, generator: torch.Generator, t: float | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return the clean digits, time 0 and weight 1: a causal network learns all positions at once."""
        check_pattern(pattern)
        zeros = torch.zeros(len(x0), device=x0.device)
        return self.codec.encode(x0), zeros, torch.ones_like(zeros)

    def loss(self, logits: Tensor, x0: Tensor, z: Tensor, t: Tensor, weight: Tensor) -> Tensor:
        """Return -log p(x0), the sum over positions of -log p(token | tokens before): (B,) nats."""
        wide = logits if logits.dtype == torch.float64 else logits.float()
        nats = F.cross_entropy(wide.flatten(0, 1), x0.flatten(), reduction="none").view_as(x0)
        return nats.sum(1) * weight

    def bound(  # noqa: PLR0917 - what corrupt returned, in its order
        self, logits: Tensor, x0: Tensor, z: Tensor, t: Tensor, weight: Tensor, pattern: Pattern
    ) -> Tensor:
        """Return -log p(x0) itself, (B,) nats: the chain rule is exact."""
        return self.loss(logits, x0, z, t, weight)

    def transitions(self, trajectory: Trajectory | None, steps: int, length: int) -> list[Transition]:
        """Return one step for each position.

        Raises:
            ValueError: If ``steps`` is not ``length``.
        """
        if steps != length:
            raise ValueError(f"left to right takes one step for each of {length} positions, got {steps}")
        shares = [i / length for i in range(length + 1)]
        return [Transition(1.0 - a, 1.0 - b, a, b, remask=False) for a, b in pairwise(shares)]

    def sites(self, state: State, transition: Transition) -> Tensor:
        """Return True at the position of the step alone."""
        here = torch.zeros_like(state.masked)
        here[:, _position(transition, state.z.shape[1])] = True
        return here

    def evaluate(
        self,
        network: Network,
        state: State,
        conditions: tuple[Tensor, ...],
        transition: Transition,
        first: int,
    ) -> Tensor:
        """Return raw logits under each set of conditions, from what earlier steps left in the memory.

        A network without ``extend``, or rows with frozen positions (whose steps are skipped), are evaluated
        from the beginning; and so are rows that took their earlier steps without the others, for what those
        steps left went with a copy of the rows.
        """
        position = _position(transition, state.z.shape[1])
        kept = position == 0 or f"pass {first}" in state.memory
        if not isinstance(network, Incremental) or bool(state.frozen.any()) or not kept:
            return super().evaluate(network, state, conditions, transition, first)
        parts = []
        for number, y in enumerate(conditions, start=first):
            logits, memory = network.extend(state.z, y, position, state.memory.get(f"pass {number}"))
            state.memory[f"pass {number}"] = memory
            parts.append(logits)
        here = torch.cat(parts)
        every = here.new_zeros(len(here), state.z.shape[1], here.shape[-1])
        every[:, position] = here
        return every

    def log_kernel(self, logits: Tensor, z: Tensor, transition: Transition) -> Tensor:
        """Return the law of the next token, (B, L, C), normalised; of what is written, its one token."""
        return self.codec.restrict(logits, z).log_softmax(-1)


def _position(transition: Transition, length: int) -> int:
    """Return the position that a step writes: as many are written before it."""
    return round(transition.alpha_t * length)

"""What processes share that hide nothing again: no coins, and tokens that are written where a step says."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from moldiff.diffusion.process import Process
from moldiff.diffusion.state import Plan, State, Transition

if TYPE_CHECKING:
    from moldiff.diffusion.remasking import Remasking


class Maskless(Process):
    """A process in which the step alone decides which positions are drawn."""

    masks = False

    @abstractmethod
    def sites(self, state: State, transition: Transition) -> Tensor:
        """Return (B, L, K) bool, the sites that a step draws; frozen ones are left out afterwards."""

    def coins(
        self, state: State, transition: Transition, remasking: Remasking | None
    ) -> tuple[Tensor, Tensor]:
        """Return ones where the step draws, unless a position is frozen, and zeros.

        Raises:
            ValueError: If there is a re-masking rule.
        """
        if remasking is not None:
            names = type(self).__name__, type(remasking).__name__
            raise ValueError("{} hides nothing again: give no re-masking rule, got {}".format(*names))
        drawn = (self.sites(state, transition) & state.changeable).double()
        return drawn, torch.zeros_like(drawn)

    def plan(
        self, state: State, transition: Transition, remasking: Remasking | None, generator: torch.Generator
    ) -> Plan:
        """Return the plan of the step; there are no coins to draw."""
        reveal, remask = self.coins(state, transition, remasking)
        return Plan(reveal.bool(), remask.bool())

    def move(self, state: State, tokens: Tensor, log_probs: Tensor | None, plan: Plan) -> State:
        """Write the drawn tokens where the plan says.

        Args:
            state: Before the step.
            tokens: (B, L) int64.
            log_probs: Not used: nothing is hidden again, so no confidence is kept.
            plan: Where tokens were drawn.
        """
        drawn = torch.where(plan.reveals, tokens, state.tokens)
        z = torch.where(plan.reveal, self.codec.encode(drawn), state.z)
        return State(z, state.psi, state.y, state.frozen, drawn, state.score, state.log_weight, state.memory)

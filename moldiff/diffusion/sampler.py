"""The sampler: coins first, then the network for the rows that need it, then one draw a token.

With an order, coins say how many sites of a row are due, and the order which ones, after the network.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Tensor

from moldiff.diffusion.codec import MASK
from moldiff.diffusion.ordering import Order
from moldiff.diffusion.process import Network, Process
from moldiff.diffusion.remasking import Remasking
from moldiff.diffusion.state import Plan, State, Transition
from moldiff.diffusion.tally import SampleOutput, Tally
from moldiff.diffusion.trajectories import Straight, Trajectory

ROUNDING = 1e-6
"""A sum of chances may exceed a whole number by this and still be it."""


@dataclass
class Step:
    """What guidance sees of one step: the rows that reveal something, and counted access to the network.

    Attributes:
        state: Those rows.
        plan: Their coins; only positions with a reveal are used of what guidance returns.
        transition: The step's times.
        process: The noise process.
        network: The denoiser.
        temperature: Divides the network's logits.
        passes: Network rows evaluated for each of these rows so far.
        predictor_passes: The same for a predictor, or (b,) int64 where the rows differ.
        unguided: Positions, or (b,) int64 of each row, at which the predictor held the goal for impossible
            with every candidate, so that the base law was kept.
    """

    state: State
    plan: Plan
    transition: Transition
    process: Process
    network: Network
    temperature: float = 1.0
    passes: int = 0
    predictor_passes: int | Tensor = 0
    unguided: int | Tensor = 0

    @property
    def y(self) -> Tensor:
        """(b, P) conditions of the rows, NaN where not given."""
        return self.state.y

    def log_kernels(self, *conditions: Tensor) -> tuple[Tensor, ...]:
        """Return the process's log-kernel (b, L, C) under each set of conditions, from one network call.

        Args:
            conditions: Tensors (b, P), NaN where not given.
        """
        process, count = self.process, len(conditions)
        logits = process.evaluate(self.network, self.state, conditions, self.transition, self.passes)
        self.passes += count
        parts = (logits / self.temperature).chunk(count)
        return tuple(process.log_kernel(part, self.state.z, self.transition) for part in parts)


class Guidance(Protocol):
    """How a goal steers a reverse step."""

    def __call__(self, step: Step) -> Tensor:
        """Return log-probabilities over tokens, (b, L, C), normalised where the plan reveals."""


class Selection(Protocol):
    """How rows are kept, copied or dropped after a step (particles, best-of)."""

    def __call__(self, state: State, transition: Transition, generator: torch.Generator) -> State:
        """Return the selected rows, as many as before."""


def conditional(step: Step) -> Tensor:
    """Return the kernel under the rows' own conditions: no guidance."""
    return step.log_kernels(step.y)[0]


def draw(log_probs: Tensor, generator: torch.Generator) -> Tensor:
    """Draw one category from each law in float64: (M, C) log-probabilities to (M,) int64.

    An exponential race: argmin of E / p is distributed as p. In float32 the noise has no tail, which acts
    like a lower temperature (arXiv 2409.02908).
    """
    race = torch.empty(log_probs.shape, dtype=torch.float64, device=log_probs.device)
    return (log_probs.double() - race.exponential_(generator=generator).log()).argmax(-1)


class Sampler:
    """Run a reverse process with a network.

    Args:
        network: The denoiser.
        process: The noise process it was trained on.
        remasking: Rule for sigma; None never hides a digit again.
        trajectory: Path of alpha; straight unless given.
        order: Chooses the sites of a step, of masked processes; each has its own coin unless given.

    Raises:
        ValueError: If there is an order, and the process hides nothing.

    Example:
        >>> from moldiff.diffusion import MaskedProcess, SubtokenCodec
        >>> process = MaskedProcess(SubtokenCodec(torch.arange(3)[:, None]))
        >>> uniform = lambda z, y, t=None: torch.zeros(*z.shape[:2], 3)
        >>> out = Sampler(uniform, process)(5, 4, steps=8, generator=torch.Generator().manual_seed(0))
        >>> out.tokens.shape, bool((out.revealed == 4).all())
        (torch.Size([5, 4]), True)
    """

    def __init__(
        self,
        network: Network,
        process: Process,
        remasking: Remasking | None = None,
        trajectory: Trajectory | None = None,
        order: Order | None = None,
    ) -> None:
        if order is not None and not process.masks:
            raise ValueError(f"{type(process).__name__} hides nothing, so there is nothing to order")
        self.network = network
        self.process = process
        self.remasking = remasking
        self.trajectory: Trajectory = Straight() if trajectory is None else trajectory
        self.order = order

    @torch.no_grad()
    def __call__(
        self,
        n: int,
        length: int,
        *,
        steps: int,
        generator: torch.Generator,
        y: Tensor | None = None,
        temperature: float = 1.0,
        guidance: Guidance = conditional,
        selection: Selection | None = None,
        start: Tensor | None = None,
        frozen: Tensor | None = None,
    ) -> SampleOutput:
        """Draw n molecules on a canvas of ``length`` positions.

        Args:
            n: Rows.
            length: L.
            steps: Network steps T.
            generator: Source of all noise, on the device of the run.
            y: (n, P) conditions, NaN where not given; none unless given.
            temperature: Divides the logits before kernel and guidance.
            guidance: The law of the drawn tokens.
            selection: Applied after every step.
            start: (n, L, K) digits to start from, ``MASK`` where open; pure noise unless given.
            frozen: (n, L) bool, positions that stay as in ``start``.

        Raises:
            ValueError: If the temperature is not above 0 or frozen positions come without ``start``.
        """
        if not temperature > 0:
            raise ValueError(f"temperature must be above 0, got {temperature}")
        if frozen is not None and start is None:
            raise ValueError("frozen positions need start, the digits that they hold")
        state = self.process.prior(n, length, generator)
        if start is not None:
            state = replace(state, z=torch.where(start == MASK, state.z, start))
        state = replace(
            state, y=state.y if y is None else y, frozen=state.frozen if frozen is None else frozen
        )
        tally = Tally(n, state.z.device)
        move = _Move(self, guidance, temperature, generator, tally)
        transitions = self.process.transitions(self.trajectory, steps, length)
        for transition in transitions:
            state = move(state, self._plan(state, transition, generator), transition)
            if selection is not None:
                state = selection(state, transition, generator)
        left = state.masked & state.changeable
        if bool(left.any()):
            state = move.fill(state, left, transitions[-1])
        return tally.output(self.process.codec.decode(state.z), state.log_weight)

    def _plan(self, state: State, transition: Transition, generator: torch.Generator) -> Plan:
        """Return the coins of a step; for an order, what it may choose from, and how much is due."""
        plan = self.process.plan(state, transition, self.remasking, generator)
        if self.order is None:
            return plan
        chances, _ = self.process.coins(state, transition, self.remasking)
        # As many as the coins show on average, rounded up: without chance, no two where one would do.
        due = (chances.sum((1, 2)) - ROUNDING).ceil().long()
        return Plan((chances > 0) & (due > 0)[:, None, None], plan.remask, due)

    def rows_to_evaluate(self, plan: Plan) -> Tensor:
        """Return the numbers of the rows that need the network in a step: those that reveal something."""
        return plan.reveals.any(1).nonzero()[:, 0]


@dataclass
class _Move:
    """One step of a run: the network for the rows that need it, one draw a revealed token, the new state."""

    sampler: Sampler
    guidance: Guidance
    temperature: float
    generator: torch.Generator
    tally: Tally

    def __call__(self, state: State, plan: Plan, transition: Transition) -> State:
        state, plan = self._moved(state, plan, transition)
        self.tally.count(plan)
        return state

    def fill(self, state: State, left: Tensor, transition: Transition) -> State:
        """Reveal the digits (B, L, K) bool that the steps left masked; that is no step."""
        self.tally.fill(left)
        return self._moved(state, Plan(left, torch.zeros_like(left)), transition)[0]

    def _moved(self, state: State, plan: Plan, transition: Transition) -> tuple[State, Plan]:
        """Return the state after a step, and the plan as it was carried out."""
        sampler, process = self.sampler, self.sampler.process
        rows = sampler.rows_to_evaluate(plan)
        if not len(rows):
            return process.move(state, state.tokens, None, plan), plan
        # All rows as they are, uncopied: what the network keeps for the next step is then kept in the state.
        some = state if len(rows) == len(state.z) else state.rows(rows)
        step = Step(some, plan.rows(rows), transition, process, sampler.network, self.temperature)
        law = self.guidance(step)
        self.tally.nfe[rows] += step.passes
        self.tally.nfe_predictor[rows] += step.predictor_passes
        self.tally.unguided[rows] += step.unguided
        if plan.due is not None and sampler.order is not None:
            chosen = sampler.order(law, step.plan, process.codec)
            plan = Plan(torch.zeros_like(plan.reveal).index_copy_(0, rows, chosen), plan.remask)
        log_probs = law.new_zeros(*state.tokens.shape, law.shape[-1]).index_copy_(0, rows, law)
        tokens = state.tokens.clone()
        # Only revealed positions are drawn: there are as many as events, not L in every step.
        tokens[plan.reveals] = draw(log_probs[plan.reveals], self.generator)
        return process.move(state, tokens, log_probs, plan), plan

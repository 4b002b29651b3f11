"""The sampler: coins first, then the network for the rows that need it, then one draw a token."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Tensor

from moldiff.diffusion.codec import MASK
from moldiff.diffusion.process import Network, Process
from moldiff.diffusion.remasking import Remasking
from moldiff.diffusion.state import Plan, State, Transition
from moldiff.diffusion.trajectories import Straight, Trajectory


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


@dataclass(frozen=True)
class SampleOutput:
    """Finished rows and what they cost.

    Attributes:
        tokens: (B, L) int64.
        log_weight: (B,) float, importance weights left by a selection.
        nfe: (B,) int64, denoiser rows evaluated (classifier-free guidance counts 2).
        nfe_predictor: (B,) int64, predictor rows evaluated.
        revealed: (B,) int64, digits revealed.
        remasked: (B,) int64, digits hidden again.
        filled: (B,) int64, digits that were still masked at the end and were filled then.
        idle: (B,) int64, steps in which the row revealed nothing.
        unguided: (B,) int64, tokens drawn from the base law because no candidate could meet the goal.
    """

    tokens: Tensor
    log_weight: Tensor
    nfe: Tensor
    nfe_predictor: Tensor
    revealed: Tensor
    remasked: Tensor
    filled: Tensor
    idle: Tensor
    unguided: Tensor


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
    ) -> None:
        self.network = network
        self.process = process
        self.remasking = remasking
        self.trajectory: Trajectory = Straight() if trajectory is None else trajectory

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
        tally = _Tally(n, state.z.device)
        move = _Move(self, guidance, temperature, generator, tally)
        transitions = self.process.transitions(self.trajectory, steps, length)
        for transition in transitions:
            plan = self.process.plan(state, transition, self.remasking, generator)
            tally.count(plan)
            state = move(state, plan, transition)
            if selection is not None:
                state = selection(state, transition, generator)
        left = state.masked & state.changeable
        if bool(left.any()):
            state = move(state, Plan(left, torch.zeros_like(left)), transitions[-1])
            tally.fill(left)
        return tally.output(self.process.codec.decode(state.z), state.log_weight)

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
    tally: _Tally

    def __call__(self, state: State, plan: Plan, transition: Transition) -> State:
        process, network = self.sampler.process, self.sampler.network
        rows = self.sampler.rows_to_evaluate(plan)
        if not len(rows):
            return process.move(state, state.tokens, None, plan)
        # All rows as they are, uncopied: what the network keeps for the next step is then kept in the state.
        some = state if len(rows) == len(state.z) else state.rows(rows)
        step = Step(some, plan.rows(rows), transition, process, network, self.temperature)
        law = self.guidance(step)
        self.tally.nfe[rows] += step.passes
        self.tally.nfe_predictor[rows] += step.predictor_passes
        self.tally.unguided[rows] += step.unguided
        log_probs = law.new_zeros(*state.tokens.shape, law.shape[-1]).index_copy_(0, rows, law)
        tokens = state.tokens.clone()
        # Only revealed positions are drawn: there are as many as events, not L in every step.
        tokens[plan.reveals] = draw(log_probs[plan.reveals], self.generator)
        return process.move(state, tokens, log_probs, plan)


class _Tally:
    """Counts of one run, a row each."""

    def __init__(self, n: int, device: torch.device) -> None:
        def zeros() -> Tensor:
            return torch.zeros(n, dtype=torch.int64, device=device)

        self.nfe, self.nfe_predictor, self.filled = zeros(), zeros(), zeros()
        self.revealed, self.remasked, self.idle = zeros(), zeros(), zeros()
        self.unguided = zeros()

    def count(self, plan: Plan) -> None:
        """Add the coins of one step of the trajectory."""
        self.revealed += plan.reveal.sum((1, 2))
        self.remasked += plan.remask.sum((1, 2))
        self.idle += ~plan.reveals.any(1)

    def fill(self, left: Tensor) -> None:
        """Add the digits (B, L, K) bool that the steps left masked; filling them is no step."""
        self.revealed += left.sum((1, 2))
        self.filled += left.sum((1, 2))

    def output(self, tokens: Tensor, log_weight: Tensor) -> SampleOutput:
        """Return the counts with the finished rows."""
        return SampleOutput(
            tokens,
            log_weight,
            self.nfe,
            self.nfe_predictor,
            self.revealed,
            self.remasked,
            self.filled,
            self.idle,
            self.unguided,
        )

"""A Metropolis chain on finished molecules: hide some tokens, refill them, and keep what pays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from moldiff.diffusion.codec import MASK
from moldiff.diffusion.left_to_right import LeftToRight
from moldiff.diffusion.masked import MaskedProcess
from moldiff.diffusion.process import Network, Process
from moldiff.diffusion.sampler import Guidance, Sampler, conditional
from moldiff.diffusion.state import State, Transition
from moldiff.guidance.guesses import Score
from moldiff.guidance.knobs import at_least_zero


def refills(process: Process) -> bool:
    """Tell whether tokens can be hidden and drawn again under a process.

    Example:
        >>> from moldiff.diffusion import SubtokenCodec, UniformProcess
        >>> codec = SubtokenCodec(torch.arange(3)[:, None])
        >>> refills(MaskedProcess(codec)), refills(UniformProcess(codec))
        (True, False)
    """
    return isinstance(process, MaskedProcess | LeftToRight)


class Refill:
    """Hide a random set of tokens and draw them again, one at a time.

    How many are hidden is uniform on 1..most, and which ones does not look at values: for masked processes
    every set of that size is as likely, refilled in random order; from left to right it is the last ones,
    rewritten in order.

    Args:
        network: The denoiser.
        process: The noise process that it was trained on.
        most: Tokens that a move hides at most; more than a row has free are as many as it has.
        guidance: The law of the refilled tokens.
        temperature: Divides the logits.

    Attributes:
        passes: Network rows evaluated so far.

    Raises:
        ValueError: If nothing can be hidden under the process, or ``most`` is below 1.

    Example:
        >>> from moldiff.diffusion import SubtokenCodec
        >>> process = MaskedProcess(SubtokenCodec(torch.arange(3)[:, None]))
        >>> uniform = lambda z, y, t=None: torch.zeros(*z.shape[:2], 3)
        >>> tokens, nothing = torch.tensor([[0, 1, 2]]), torch.zeros(1, 0)
        >>> Refill(uniform, process, most=1)(tokens, nothing, torch.Generator().manual_seed(1)).tolist()
        [[0, 0, 2]]
    """

    def __init__(
        self,
        network: Network,
        process: Process,
        *,
        most: int = 6,
        guidance: Guidance = conditional,
        temperature: float = 1.0,
    ) -> None:
        if most < 1:
            raise ValueError(f"a move hides at least one token: most must be at least 1, got {most}")
        if isinstance(process, MaskedProcess):
            process = MaskedProcess(process.codec, process.schedule, reveal="one", unit="token")
        if not refills(process):
            raise ValueError(f"{type(process).__name__} hides no token, so there is nothing to refill")
        self.sampler = Sampler(network, process)
        self.most = most
        self.guidance = guidance
        self.temperature = temperature
        self.passes = 0

    def __call__(
        self, tokens: Tensor, y: Tensor, generator: torch.Generator, frozen: Tensor | None = None
    ) -> Tensor:
        """Return (B, L) int64 tokens, some of them drawn again.

        Args:
            tokens: (B, L) int64 finished rows.
            y: (B, P) conditions.
            generator: Source of all noise.
            frozen: (B, L) bool, positions that stay.
        """
        free = torch.ones_like(tokens, dtype=torch.bool) if frozen is None else ~frozen
        hidden = self.hidden(free, generator)
        start = self.sampler.process.codec.encode(tokens).masked_fill(hidden[..., None], MASK)
        length = tokens.shape[1]
        out = self.sampler(
            *tokens.shape,
            steps=length,
            generator=generator,
            y=y,
            temperature=self.temperature,
            guidance=self.guidance,
            start=start,
            frozen=~hidden,
        )
        self.passes += int(out.nfe.sum())
        return out.tokens

    def hidden(self, free: Tensor, generator: torch.Generator) -> Tensor:
        """Draw what a move hides: (B, L) bool, from the free positions (B, L) bool."""
        size = torch.randint(1, self.most + 1, (len(free), 1), generator=generator, device=free.device)
        if isinstance(self.sampler.process, LeftToRight):
            order = torch.arange(free.shape[1], device=free.device).expand(free.shape).double()
        else:
            order = torch.rand(free.shape, dtype=torch.float64, generator=generator, device=free.device)
        rank = order.masked_fill(~free, -1.0).argsort(1, descending=True).argsort(1)
        return free & (rank < size)


@dataclass(frozen=True)
class Chain:
    """Where the chains stand.

    Attributes:
        tokens: (B, L) int64.
        score: (B,) float64, NaN where there is none.
        accepted: (B,) int64, moves that changed the row and were accepted.
    """

    tokens: Tensor
    score: Tensor
    accepted: Tensor


class Metropolis:
    """Chains on finished molecules towards base(x0) exp(strength score(x0)).

    A move hides a set S of tokens, drawn without looking at values, and refills it one token at a time from
    p(x_i | all that is visible). If these conditionals are those of one law p, as an exact network's are, the
    chain rule makes the refill a draw from p(x_S | rest), whatever the order. So the flow from x to x' with
    the same rest is p(rest) p(x_S | rest) P(S) p(x'_S | rest), which is symmetric: the move is reversible
    with respect to p. For the target p exp(strength score) the Metropolis ratio
    (target(x') / target(x)) (P(x' to x) / P(x to x')) is therefore exp(strength (score' - score)), and the
    move is accepted with the smaller of that and 1; p itself, which no masked model can compute, cancels.

    Two limits. Several tokens drawn at once from their marginals are not a draw from p(x_S | rest): one at a
    time is part of the method. And the conditionals of a trained network, guided or at another temperature
    all the more, agree with one another only about: the chain then has a law near the target that no formula
    names, as the samplers' own laws are near p. From left to right the conditionals of suffixes always agree,
    and the target is exact for any network.

    As a selection it lets a run finish and then makes the moves on its rows. A row without a score is left
    for any that has one; a proposal without one is refused.

    Args:
        score: Of finished tokens: (B, L) int64 to (B,) float64, NaN where there is none.
        refill: Proposes.
        strength: lambda, at least 0: how much a unit of the score counts, in nats.
        moves: Moves of a run, at least 1. Each may cost as many scored molecules as there are rows.
        until: Asked before every move: True ends the chains, for example when a budget is used up.
        elite: Whether the chunks of a generation go on from the best molecules so far: a search for better
            ones, with no law that a formula names.

    Attributes:
        n: Rows that belong together: each is a chain of its own.

    Raises:
        ValueError: If a number is out of range.

    Example:
        >>> from moldiff.diffusion import SubtokenCodec
        >>> process = MaskedProcess(SubtokenCodec(torch.arange(3)[:, None]))
        >>> uniform = lambda z, y, t=None: torch.zeros(*z.shape[:2], 3)
        >>> twos = lambda tokens: (tokens == 2).sum(1).double()
        >>> metropolis = Metropolis(twos, Refill(uniform, process, most=1), strength=3.0, moves=60)
        >>> run = Sampler(uniform, process)
        >>> out = run(32, 6, steps=6, selection=metropolis, generator=torch.Generator().manual_seed(0))
        >>> bool(twos(out.tokens).mean() > 4.5)
        True
    """

    n = 1

    def __init__(
        self,
        score: Score,
        refill: Refill,
        *,
        strength: float,
        moves: int,
        until: Callable[[], bool] | None = None,
        elite: bool = False,
    ) -> None:
        if moves < 1:
            raise ValueError(f"moves must be at least 1, got {moves}")
        self.score = score
        self.refill = refill
        self.strength = at_least_zero("strength", strength)
        self.moves = moves
        self.until = until
        self.elite = elite

    @property
    def passes(self) -> int:
        """Network rows evaluated so far, beside those of the sampler."""
        return self.refill.passes

    def __call__(self, state: State, transition: Transition, generator: torch.Generator) -> State:
        """Return the rows, after the chains' moves if the step was the last one."""
        if transition.alpha_s < 1.0:
            return state
        codec = self.refill.sampler.process.codec
        chain = self.run(codec.decode(state.z), state.y, generator, state.frozen)
        psi = torch.full_like(state.psi, torch.inf)
        z = codec.encode(chain.tokens)
        return replace(state, z=z, psi=psi, tokens=chain.tokens, score=chain.score)

    def run(
        self, tokens: Tensor, y: Tensor, generator: torch.Generator, frozen: Tensor | None = None
    ) -> Chain:
        """Return the chains from finished rows after all moves.

        Args:
            tokens: (B, L) int64, where the chains begin.
            y: (B, P) conditions of the refills, NaN where not given.
            generator: Source of all noise.
            frozen: (B, L) bool, positions that stay.
        """
        tried = torch.zeros(len(tokens), dtype=torch.int64, device=tokens.device)
        chain = Chain(tokens, self.score(tokens).double(), tried)
        for _ in range(self.moves):
            if self.until is not None and self.until():
                break
            chain = self._moved(chain, self.refill(chain.tokens, y, generator, frozen), generator)
        return chain

    def _moved(self, chain: Chain, proposed: Tensor, generator: torch.Generator) -> Chain:
        """Return the chains with each row moved to its proposal or left where it is."""
        score = self.score(proposed).double()
        chance = acceptance(chain.score, score, self.strength)
        coin = torch.rand(len(chance), dtype=torch.float64, generator=generator, device=generator.device)
        moved = coin < chance
        return Chain(
            torch.where(moved[:, None], proposed, chain.tokens),
            torch.where(moved, score, chain.score),
            chain.accepted + (moved & (proposed != chain.tokens).any(1)),
        )


def acceptance(old: Tensor, new: Tensor, strength: float) -> Tensor:
    """Return min(1, exp(strength (new - old))), (B,) float64, where no score is the worst one.

    Args:
        old: (B,) scores, not finite where there is none.
        new: The same of the proposals.
        strength: lambda.

    Example:
        >>> nan = torch.nan
        >>> acceptance(torch.tensor([0.0, 1.0, nan, 1.0]), torch.tensor([1.0, 0.0, 0.0, nan]), 2.0)
        tensor([1.0000, 0.1353, 1.0000, 0.0000], dtype=torch.float64)
    """
    change = (strength * (new.double() - old.double())).clamp_max(0.0).exp()
    return torch.where(old.isfinite() & new.isfinite(), change, (~old.isfinite()).double())

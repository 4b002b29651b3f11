"""What an unfinished molecule is worth: guesses at the finished one, scored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias

import torch
from torch import Tensor

from moldiff.diffusion.codec import SubtokenCodec
from moldiff.diffusion.left_to_right import LeftToRight
from moldiff.diffusion.process import Network, Process
from moldiff.diffusion.sampler import draw
from moldiff.diffusion.state import State, Transition

Score: TypeAlias = Callable[[Tensor], Tensor]
"""From tokens (B, L) int64 of finished molecules to scores (B,) float64, NaN where there is none."""


class Value(Protocol):
    """An estimate of the score that unfinished rows will have.

    Attributes:
        passes: Network rows evaluated so far.
    """

    passes: int

    def __call__(self, state: State, transition: Transition, generator: torch.Generator) -> Tensor:
        """Return (B,) float64 for rows as they are after the step; not finite where nothing is known."""


class OneShot:
    """Finish every row in one step and score what comes out.

    x0_hat is drawn position by position from p(x0 | z), which for masked rows means V(z) at each position,
    for uniform noise Bayes' rule. One network row and at most one scored molecule for every row.

    Args:
        score: Of finished tokens.
        network: The denoiser of the run.
        process: The noise process of the run.
        temperature: Divides the logits; lower guesses are more typical ones.

    Attributes:
        passes: Network rows evaluated so far.

    Raises:
        ValueError: If the process writes from left to right, so that the network says nothing of what is
            more than one token away.

    Example:
        >>> from moldiff.diffusion import MaskedProcess
        >>> process = MaskedProcess(SubtokenCodec(torch.arange(3)[:, None]))
        >>> sure = lambda z, y, t=None: 99.0 * torch.eye(3)[torch.ones(z.shape[:2], dtype=torch.int64)]
        >>> value = OneShot(lambda tokens: tokens.sum(1).double(), sure, process)
        >>> half = State.of(torch.tensor([[[2], [-1]]]))
        >>> value(half, Transition(1.0, 0.5, 0.0, 0.5), torch.Generator().manual_seed(0)).item()
        3.0
    """

    def __init__(self, score: Score, network: Network, process: Process, temperature: float = 1.0) -> None:
        if isinstance(process, LeftToRight):
            raise ValueError("a left-to-right network cannot finish a row in one step: use AsItStands")
        if not temperature > 0:
            raise ValueError(f"temperature must be above 0, got {temperature}")
        self.score = score
        self.network = network
        self.process = process
        self.temperature = temperature
        self.passes = 0

    @torch.no_grad()
    def __call__(self, state: State, transition: Transition, generator: torch.Generator) -> Tensor:
        """Return the scores of the guesses, (B,) float64."""
        jump = Transition(transition.s, 0.0, transition.alpha_s, 1.0, remask=False)
        logits = self.process.evaluate(self.network, state, (state.y,), jump, 0)
        self.passes += len(state.z)
        law = self.process.log_kernel(logits / self.temperature, state.z, jump)
        kept = self.process.codec.restrict(law, state.z)
        return self.score(draw(torch.where(state.frozen[..., None], kept, law), generator))


class AsItStands:
    """Score what is written so far, with [nop] wherever a digit is still masked: no network row.

    The natural value of a prefix, since every SELFIES prefix is a molecule; of masked rows a rough one.

    Args:
        score: Of finished tokens.
        codec: The tokens' digits.

    Attributes:
        passes: Network rows evaluated: none.

    Example:
        >>> codec = SubtokenCodec(torch.arange(3)[:, None])
        >>> value = AsItStands(lambda tokens: tokens.sum(1).double(), codec)
        >>> half = State.of(torch.tensor([[[2], [-1]]]))
        >>> value(half, Transition(1.0, 0.5, 0.0, 0.5), torch.Generator()).item()
        2.0
    """

    def __init__(self, score: Score, codec: SubtokenCodec) -> None:
        self.score = score
        self.codec = codec
        self.passes = 0

    def __call__(self, state: State, transition: Transition, generator: torch.Generator) -> Tensor:
        """Return the scores of the rows as they are, (B,) float64."""
        written = self.codec.compatible(state.z).int().argmax(-1)
        return self.score(written.masked_fill(state.masked.any(-1), 0))

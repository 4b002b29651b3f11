"""Particles that take back what a loop hid and wrote anew, unless it pays."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from moldiff.diffusion.state import State, Transition
from moldiff.guidance.metropolis import acceptance
from moldiff.guidance.particles import Particles

_PARTS = ("z before", "psi before", "tokens before")
"""Names in the memory of what a row goes back to."""


class Backtracking(Particles):
    """Particles for which the steps of a loop are Metropolis moves.

    Where alpha is held, hiding and revealing is reversible with respect to the law of z at that alpha: given
    x0 every digit is a chain of two states, and x0_hat is drawn from p(x0 | z). A row with value s that a
    step makes one with value s' is therefore accepted with probability min(1, exp(strength (s' - s))), and
    otherwise put back as it was before the step. That leaves the law of the weighted rows as it is, so the
    weights stay: Particles would multiply them by exp(strength (s' - s)) instead, and lose the rows whose
    step was a bad one. Every step of the loop is looked at.

    Exact where x0_hat is a joint draw, so where a step reveals at most one token: this is what short steps of
    a loop come near to, and ``Particles`` alone is exact for every step. A guess without a score is refused.

    Args:
        score: As for ``Particles``, like all further arguments.

    Example:
        >>> from moldiff.diffusion import Cap, Loop, MaskedProcess, Sampler, SubtokenCodec
        >>> from moldiff.guidance.guesses import AsItStands
        >>> process = MaskedProcess(SubtokenCodec(torch.arange(3)[:, None]))
        >>> uniform = lambda z, y, t=None: torch.zeros(*z.shape[:2], 3)
        >>> twos = lambda tokens: (tokens == 2).sum(1).double()
        >>> value = AsItStands(twos, process.codec)
        >>> particles = Backtracking(twos, process, strength=3.0, n=8, value=value, looks=2)
        >>> run = Sampler(uniform, process, Cap(0.1), Loop(0.8))
        >>> out = run(64, 6, steps=24, selection=particles, generator=torch.Generator().manual_seed(0))
        >>> bool(twos(out.tokens).mean() > 3)
        True
    """

    def __call__(self, state: State, transition: Transition, generator: torch.Generator) -> State:
        """Return the rows after a step, taken back or weighed and perhaps resampled."""
        # Only a row that was looked at after the step before has the value of the row it would go back to.
        if self.value is not None and self._held(transition) and _PARTS[0] in state.memory:
            guessed = self.value(state, transition, generator).double()
            state = self._taken_back(state, guessed, generator)
        else:
            state = super().__call__(state, transition, generator)
        memory = {name: part for name, part in state.memory.items() if name not in _PARTS}
        if self._looks(transition):
            memory |= zip(_PARTS, (state.z, state.psi, state.tokens), strict=True)
        return replace(state, memory=memory)

    def _looks(self, transition: Transition) -> bool:
        return self._held(transition) or super()._looks(transition)

    def _held(self, transition: Transition) -> bool:
        return 0.0 < transition.alpha_t == transition.alpha_s < 1.0

    def _taken_back(self, state: State, guessed: Tensor, generator: torch.Generator) -> State:
        """Return each row as the step made it, or as it was before."""
        chance = acceptance(state.score, guessed, self.strength)
        coin = torch.rand(len(chance), dtype=torch.float64, generator=generator, device=generator.device)
        kept = coin < chance
        after = (state.z, state.psi, state.tokens)
        z, psi, tokens = (
            torch.where(kept.view(-1, *[1] * (new.ndim - 1)), new, state.memory[name])
            for new, name in zip(after, _PARTS, strict=True)
        )
        score = torch.where(kept, guessed, state.score)
        return replace(state, z=z, psi=psi, tokens=tokens, score=score)

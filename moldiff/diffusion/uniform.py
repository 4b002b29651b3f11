"""The uniform process: tokens are replaced by random ones, and none is ever hidden."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from moldiff.diffusion.codec import SubtokenCodec
from moldiff.diffusion.maskless import Maskless
from moldiff.diffusion.process import Pattern, check_pattern
from moldiff.diffusion.schedules import NoiseSchedule
from moldiff.diffusion.state import State, Transition

if TYPE_CHECKING:
    from moldiff.diffusion.trajectories import Trajectory

LOWEST, HIGHEST = 1e-5, 1.0 - 1e-3
"""Noise levels between which training draws: at 0 and 1 the integrand of the bound is a limit."""


class UniformProcess(Maskless):
    """Uniform noise on tokens: q(z_t | x0) = alpha_t x0 + (1 - alpha_t) / C (UDLM, arXiv 2412.10193, sec. 4).

    The network's answer enters the reverse step as if it were x0, so what it has to learn for a position is
    the law of its clean token given the noisy tokens of all others: that is where the bound is smallest.

    Times handed out are noise levels 1 - alpha, whatever the schedule: the bound is an integral over them, so
    the schedule only decides how the steps of a run are spaced.

    Args:
        codec: One digit a token.
        schedule: alpha(t); log-linear unless given.

    Raises:
        ValueError: If the codec has several digits a token.

    Example:
        >>> process = UniformProcess(SubtokenCodec(torch.arange(3)[:, None]))
        >>> z = process.prior(1000, 2, torch.Generator().manual_seed(0)).z
        >>> int(z.min()), int(z.max())
        (0, 2)
    """

    def __init__(self, codec: SubtokenCodec, schedule: NoiseSchedule | None = None) -> None:
        super().__init__(codec, schedule)
        if codec.digits != 1:
            raise ValueError(f"uniform noise replaces whole tokens: one digit each, got {codec.digits}")

    def prior(self, n: int, length: int, generator: torch.Generator) -> State:
        """Return n rows of independent uniform tokens."""
        shape = (n, length)
        tokens = torch.randint(self.codec.vocab_size, shape, generator=generator, device=generator.device)
        return State.of(self.codec.encode(tokens))

    def corrupt(
        self, x0: Tensor, pattern: Pattern, generator: torch.Generator, t: float | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Replace each token with probability 1 - alpha by a uniform one, itself included.

        With ``t`` None the noise levels of a batch lie on a randomly shifted even grid. Every pattern is the
        same, for a token has one digit.

        Returns:
            z (B, L, 1) int64, noise levels (B,) float, weights 1 / (C alpha) (B,) float.
        """
        check_pattern(pattern)
        rows = len(x0)
        if t is None:
            offset = torch.rand((), generator=generator, device=x0.device)
            even = (offset + torch.arange(rows, device=x0.device) / rows) % 1.0
            level = even.clamp(LOWEST, HIGHEST)
        else:
            level = torch.full((rows,), 1.0 - self.schedule.alpha(t), device=x0.device)
        replaced = torch.rand(x0.shape, generator=generator, device=x0.device) < level[:, None]
        other = torch.randint(self.codec.vocab_size, x0.shape, generator=generator, device=x0.device)
        z = self.codec.encode(torch.where(replaced, other, x0))
        return z, level, 1.0 / (self.codec.vocab_size * (1.0 - level))

    def loss(self, logits: Tensor, x0: Tensor, z: Tensor, t: Tensor, weight: Tensor) -> Tensor:
        """Return the integrand of the continuous-time bound, (B,) nats (UDLM, section 4.2).

        With i the noisy token, a_j = C alpha [j = x0] + 1 - alpha and b_j = C alpha p_j + 1 - alpha, a site
        costs C / b_i - C / a_i + sum_j a_j / a_i log(b_i a_j / (b_j a_i)): the Kullback-Leibler rate
        between the jumps of the reverse processes under x0 and under the network.
        """
        size = self.codec.vocab_size
        wide = torch.float64 if logits.dtype == torch.float64 else torch.float32
        alpha = (1.0 - t.to(wide))[:, None]
        log_b = torch.log(size * alpha[..., None] * logits.to(wide).softmax(-1) + (1.0 - alpha[..., None]))
        noisy = self.codec.decode(z)
        log_b_i = log_b.gather(-1, noisy[..., None])[..., 0]
        log_b_x = log_b.gather(-1, x0[..., None])[..., 0]
        low = 1.0 - alpha
        high = size * alpha + low
        a_i = torch.where(noisy == x0, high, low)
        # a_j is high at x0 and low elsewhere, and sums to C: no second tensor over the tokens is needed.
        cross = low * log_b.sum(-1) + (high - low) * log_b_x
        entropy = (size - 1) * low * low.log() + high * high.log()
        jumps = (size * (log_b_i - a_i.log()) - cross + entropy) / a_i
        return (size * (-log_b_i).exp() - size / a_i + jumps).sum(1) * weight.to(wide)

    def bound(  # noqa: PLR0917 - what corrupt returned, in its order
        self, logits: Tensor, x0: Tensor, z: Tensor, t: Tensor, weight: Tensor, pattern: Pattern
    ) -> Tensor:
        """Return draws of the continuous-time bound, (B,) nats: the training loss is one already."""
        return self.loss(logits, x0, z, t, weight)

    def transitions(self, trajectory: Trajectory, steps: int, length: int) -> list[Transition]:
        """Return the steps of a trajectory.

        Raises:
            ValueError: If ``steps`` is below 1.
        """
        if steps < 1:
            raise ValueError(f"steps must be at least 1, got {steps}")
        alphas = trajectory.alphas(self.schedule, steps)
        return [Transition(1.0 - a, 1.0 - b, a, b, remask=False) for a, b, _ in alphas]

    def sites(self, state: State, transition: Transition) -> Tensor:
        """Return True everywhere: every step draws every token."""
        return torch.ones_like(state.masked)

    def log_kernel(self, logits: Tensor, z: Tensor, transition: Transition) -> Tensor:
        """Return log q(z_s | z_t, x0 = p), (B, L, C), with the network's law p in the place of x0.

        q is proportional to (alpha_s - alpha_t) p + (1 - alpha_t / alpha_s) (1 - alpha_s) / C, and at z_t
        besides to C alpha_t p + alpha_t / alpha_s - alpha_t (UDLM, eq. 11): Bayes' rule.
        """
        size, alpha_t, alpha_s = self.codec.vocab_size, transition.alpha_t, transition.alpha_s
        p = logits.softmax(-1)
        kept = alpha_t / alpha_s
        law = (alpha_s - alpha_t) * p + (1.0 - kept) * (1.0 - alpha_s) / size
        here = self.codec.decode(z)[..., None]
        stays = size * alpha_t * p.gather(-1, here) + (kept - alpha_t)
        law = law.scatter_add(-1, here, stays.to(law.dtype))
        return (law / law.sum(-1, keepdim=True)).clamp_min(torch.finfo(law.dtype).tiny).log()

"""What a predictor says of each token that a revealed position may get: token by token, or by its slope."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from moldiff.diffusion.codec import FORBIDDEN
from moldiff.diffusion.sampler import Step
from moldiff.errors import InputError, RunError
from moldiff.guidance.classifier_based import PredictedGoal
from moldiff.models.predictor import soft_tokens


class Substitution:
    """Put every candidate in its place and ask the predictor: exact, one predictor row a candidate.

    Candidates are the tokens that the base law allows, or the k likeliest of them.

    Args:
        goal: What is asked of whom.
        k: Candidates of a position; all unless given, which is the same as k = C.

    Raises:
        ValueError: If k is below 1.

    Example:
        >>> goal = PredictedGoal(None, torch.tensor([1.0]), torch.tensor([2.0]))
        >>> Substitution(goal, k=8).k
        8
    """

    def __init__(self, goal: PredictedGoal, k: int | None = None) -> None:
        if k is not None and k < 1:
            raise ValueError(f"k must be at least 1, got {k}")
        self.goal = goal
        self.k = k

    @torch.no_grad()
    def __call__(self, step: Step, laws: Tensor) -> Tensor:
        """Return log p(goal | z with v), (M, C) float64, minus infinity where v is no candidate.

        Raises:
            InputError: If k is above the number of tokens.
        """
        rows, positions = step.plan.reveals.nonzero(as_tuple=True)
        which, tokens = self._candidates(laws).nonzero(as_tuple=True)
        w, visible = _soft(step, laws)
        found = [laws.new_empty(0)]
        # A chunk's molecules are built when it is asked: all candidates at once are (N, L, C) numbers.
        for part in torch.arange(len(which), device=laws.device).split(self.goal.rows):
            row, position = rows[which[part]], positions[which[part]]
            filled, seen, each = w[row], visible[row], torch.arange(len(part), device=laws.device)
            filled[each, position] = F.one_hot(tokens[part], laws.shape[-1]).to(w.dtype)
            seen[each, position] = 1.0
            found.append(self.goal.log_prob(filled, seen, reached(step, filled)))
        step.predictor_passes = step.predictor_passes + torch.bincount(rows[which], minlength=len(w))
        evidence = torch.full(laws.shape, -torch.inf, dtype=torch.float64, device=laws.device)
        evidence[which, tokens] = torch.cat(found).double()
        return evidence

    def _candidates(self, laws: Tensor) -> Tensor:
        """Return (M, C) bool, the tokens that are asked about."""
        allowed = laws > FORBIDDEN / 2
        if self.k is None:
            return allowed
        check_candidates(self.k, laws.shape[-1])
        likeliest = laws.topk(self.k, -1).indices
        return allowed & torch.zeros_like(allowed).scatter_(-1, likeliest, value=True)


def check_candidates(k: int | None, tokens: int) -> None:
    """Refuse more candidates than there are tokens.

    Raises:
        InputError: If k is above the number of tokens.
    """
    if k is not None and k > tokens:
        raise InputError(f"k must be at most {tokens}, the number of tokens, got {k}: give a smaller one")


class FirstOrder:
    """Take the predictor as linear in the soft tokens: one predictor row, forward and backward, a molecule.

    log p(goal | z with v) ~ log p(goal | z) + g_v - sum_u w_u g_u with g = d log p(goal | z) / d w at the
    position (arXiv 2412.10193, section 3.2; the idea is that of arXiv 2406.01572).

    Args:
        goal: What is asked of whom; the predictor must be differentiable in w.

    Example:
        >>> goal = PredictedGoal(None, torch.tensor([1.0]), torch.tensor([2.0]))
        >>> FirstOrder(goal).goal.rows
        512
    """

    def __init__(self, goal: PredictedGoal) -> None:
        self.goal = goal

    def __call__(self, step: Step, laws: Tensor) -> Tensor:
        """Return the linear estimate of log p(goal | z with v), (M, C) float64, for every token v.

        Raises:
            ValueError: If the predictor's answer does not depend on w.
            RunError: If its gradient is not finite where its answer is.
        """
        rows, positions = step.plan.reveals.nonzero(as_tuple=True)
        w, visible = _soft(step, laws)
        parts = torch.arange(len(w), device=w.device).split(self.goal.rows)
        answers = [self._slopes(step, w[part], visible[part]) for part in parts]
        log_prob, slopes = (torch.cat(each).double() for each in zip(*answers, strict=True))
        step.predictor_passes = step.predictor_passes + 1
        here = slopes[rows, positions]
        centre = (w[rows, positions].double() * here).sum(-1)
        evidence = (log_prob[rows] - centre)[:, None] + here
        possible = log_prob.isfinite()[rows, None]
        if not bool((evidence.isfinite() | ~possible).all()):
            raise RunError("the predictor's gradient is not finite: use its exact form, or train it again")
        return evidence.masked_fill(~possible, -torch.inf)

    def _slopes(self, step: Step, w: Tensor, visible: Tensor) -> tuple[Tensor, Tensor]:
        """Return log p(goal | z), (B,), and its gradient in w, (B, L, C); parameters get none."""
        # The sampler runs without gradients: they are wanted here, and of w alone.
        with torch.enable_grad():
            w = w.detach().requires_grad_()
            log_prob = self.goal.log_prob(w, visible, reached(step, w))
            if not log_prob.requires_grad:
                raise ValueError("first-order guidance needs a predictor that is differentiable in w")
            (slopes,) = torch.autograd.grad(log_prob.sum(), w)
        return log_prob.detach(), slopes


def _soft(step: Step, laws: Tensor) -> tuple[Tensor, Tensor]:
    """Return the step's rows as a predictor reads them, in float64 where the network answers in it."""
    return soft_tokens(step.process.codec, step.state.z, torch.promote_types(laws.dtype, torch.float32))


def reached(step: Step, w: Tensor) -> Tensor:
    """Return the time (B,) that a predictor of w (B, L, C) is told: that of the tokens drawn in the step.

    Bayes' rule for p(z_s | z_t, goal) asks for p(goal | z_s). With time s a single position is sampled
    exactly in any number of steps, with time t it is not; masked networks take no time.
    """
    return w.new_full((len(w),), step.transition.s)

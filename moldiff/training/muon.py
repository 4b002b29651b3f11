"""Muon for many matrices of few shapes: those of one shape are orthogonalised together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Muon
from torch.optim._muon import _adjust_lr


class StackedMuon(Muon):
    """torch's Muon, with one chain of products a shape in the place of one a matrix.

    A transformer has four shapes of matrices however deep it is. One after another they are small products by
    the hundred, and a GPU waits for each to be launched. Arguments, state and the learning rate of a shape
    are those of ``torch.optim.Muon``: its checkpoints go on with this one, and the other way round.
    """

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take one step on every matrix that has a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            self._step_group(group)
        return loss

    def _step_group(self, group: dict[str, Any]) -> None:
        weights: list[Tensor] = []
        gradients: list[Tensor] = []
        momenta: list[Tensor] = []
        self._init_group(group, weights, gradients, momenta)
        if not weights:
            return
        lr, momentum = float(group["lr"]), group["momentum"]
        torch._foreach_lerp_(momenta, gradients, 1 - momentum)
        updates = torch._foreach_lerp(gradients, momenta, momentum) if group["nesterov"] else momenta
        torch._foreach_mul_(weights, 1 - lr * group["weight_decay"])
        shapes: defaultdict[torch.Size, list[int]] = defaultdict(list)
        for place, weight in enumerate(weights):
            shapes[weight.shape].append(place)
        for shape, places in shapes.items():
            stack = torch.stack([updates[place] for place in places])
            turned = orthogonalised(stack, group["ns_coefficients"], group["ns_steps"], group["eps"])
            torch._foreach_add_(
                [weights[place] for place in places],
                list(turned.to(stack.dtype).unbind()),
                alpha=-_adjust_lr(lr, group["adjust_lr_fn"], shape),
            )


def orthogonalised(stack: Tensor, coefficients: tuple[float, float, float], steps: int, eps: float) -> Tensor:
    """Return matrices with about the same singular vectors and singular values near 1, in bfloat16.

    The quintic Newton-Schulz iteration of K. Jordan (2024), on all matrices at once.

    Args:
        stack: (N, rows, columns).
        coefficients: Of x, x^3 and x^5.
        steps: Iterations.
        eps: Least norm that is divided by.
    """
    first, third, fifth = coefficients
    upright = stack.shape[1] > stack.shape[2]
    x = (stack.mT if upright else stack).bfloat16()
    x = x / x.norm(dim=(1, 2), keepdim=True).clamp_min(eps)
    for _ in range(steps):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=third, alpha=fifth), x, beta=first)
    return x.mT if upright else x

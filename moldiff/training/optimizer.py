"""Float32 masters of low-precision weights, and the optimisers that update them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer

from moldiff.training.muon import StackedMuon


class MasterWeights(Optimizer):
    """Keep float32 masters of a network's weights, update them, and copy them back.

    Updates of bfloat16 weights in bfloat16 are lost to rounding; those of float32 masters are not. The one
    parameter group's "lr" is a factor on the inner optimisers' own learning rates, so any scheduler of torch
    drives them all.

    Args:
        parameters: The network's parameters.
        inner: Makes the optimisers from the masters, which come in the order of ``parameters``.
        clip: Largest norm of the whole gradient.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        inner: Callable[[list[Tensor]], list[Optimizer]],
        clip: float = 1.0,
    ) -> None:
        super().__init__(list(parameters), {"lr": 1.0})
        self.clip = clip
        self.weights: list[nn.Parameter] = self.param_groups[0]["params"]
        self.masters = [nn.Parameter(weight.detach().float().clone()) for weight in self.weights]
        self.inner = inner(list(self.masters))
        self.rates = [[group["lr"] for group in optimizer.param_groups] for optimizer in self.inner]
        self.gradient_norm = torch.zeros(())

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take one step on the masters with the weights' gradients, clipped in float32."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for weight, master in zip(self.weights, self.masters, strict=True):
            master.grad = torch.zeros_like(master) if weight.grad is None else weight.grad.float()
        self.gradient_norm = nn.utils.clip_grad_norm_(self.masters, self.clip)
        factor = self.param_groups[0]["lr"]
        for optimizer, rates in zip(self.inner, self.rates, strict=True):
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * factor
            optimizer.step()
        self.copy_back()
        return loss

    @torch.no_grad()
    def copy_back(self) -> None:
        """Write the masters into the network's weights."""
        torch._foreach_copy_(
            [weight.data for weight in self.weights], [master.data for master in self.masters]
        )

    def state_dict(self) -> dict[str, Any]:
        """Return masters, inner states and the learning-rate factor."""
        return {
            "outer": super().state_dict(),
            "masters": [master.detach() for master in self.masters],
            "inner": [optimizer.state_dict() for optimizer in self.inner],
        }

    @torch.no_grad()
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore what ``state_dict`` returned, and the network's weights from the masters."""
        super().load_state_dict(state_dict["outer"])
        for master, saved in zip(self.masters, state_dict["masters"], strict=True):
            master.copy_(saved)
        for optimizer, saved in zip(self.inner, state_dict["inner"], strict=True):
            optimizer.load_state_dict(saved)
        self.copy_back()


def muon_and_adamw(
    names: list[str], *, lr: float = 2e-3, muon_lr: float = 0.02, weight_decay: float = 0.01
) -> Callable[[list[Tensor]], list[Optimizer]]:
    """Return a maker of optimisers: Muon for the blocks' matrices, AdamW for everything else.

    Muon (K. Jordan, 2024) orthogonalises the momentum of a matrix before the step. Embeddings, the head, the
    conditions and the modulations, whose rows are looked up or small, stay with AdamW.

    Args:
        names: The parameters' names, in their order.
        lr: Learning rate of AdamW.
        muon_lr: Learning rate of Muon; 0 gives every parameter to AdamW.
        weight_decay: Decoupled decay of matrices.
    """

    def make(masters: list[Tensor]) -> list[Optimizer]:
        inside = [muon_lr > 0 and _is_block_matrix(name, m) for name, m in zip(names, masters, strict=True)]
        rest = [m for m, is_inside in zip(masters, inside, strict=True) if not is_inside]
        groups = [
            {"params": [m for m in rest if m.ndim >= 2], "weight_decay": weight_decay},
            {"params": [m for m in rest if m.ndim < 2], "weight_decay": 0.0},
        ]
        made: list[Optimizer] = [AdamW(groups, lr=lr, betas=(0.9, 0.98), fused=True)]
        matrices = [m for m, is_inside in zip(masters, inside, strict=True) if is_inside]
        if matrices:
            made.append(StackedMuon(matrices, lr=muon_lr, weight_decay=weight_decay, momentum=0.95))
        return made

    return make


def _is_block_matrix(name: str, weight: Tensor) -> bool:
    return weight.ndim == 2 and ".blocks." in name and "modulation" not in name and "bias" not in name


def decay_start(total: int, decay_share: float = 0.3) -> int:
    """Return the step at which the learning rate begins to fall."""
    return max(1, total - int(decay_share * total))


def warm_constant_decay(total: int, warmup: int = 300, decay_share: float = 0.3) -> Callable[[int], float]:
    """Return the learning-rate factor of a step: linear warm-up, constant, linear decay over the last 30%.

    A run can be prolonged from any checkpoint of its constant part by giving it a larger total.
    """
    decay_from = decay_start(total, decay_share)

    def factor(step: int) -> float:
        rise = min(1.0, (step + 1) / max(1, warmup))
        fall = 1.0 if step < decay_from else max(0.0, (total - step) / max(1, total - decay_from))
        return min(rise, fall)

    return factor

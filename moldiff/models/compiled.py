"""Networks compiled for sampling in bulk."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import torch
from torch import Tensor, nn

from moldiff.models.denoiser import Denoiser
from moldiff.models.predictor import NoisyPredictor
from moldiff.models.transformer import Block

VERSIONS = 64
"""Canvas sizes, over all models of a process, that are compiled before the rest runs uncompiled."""


def many_shapes() -> AbstractContextManager[None]:
    """Return a context in which a function may be compiled for every canvas size.

    The compiler's own limit is 8 versions of a function, after which the rest silently runs uncompiled.
    """
    found: AbstractContextManager[None] = torch._dynamo.config.patch(recompile_limit=VERSIONS)
    return found


def compile_blocks(network: nn.Module) -> None:
    """Compile a network in place, block by block: one compilation for each canvas size serves all blocks."""
    for part in network.modules():
        if isinstance(part, Block):
            part.compile(dynamic=False)


def plain_blocks(network: nn.Module) -> None:
    """Undo ``compile_blocks``: sets of other sizes would each be compiled for."""
    for part in network.modules():
        if isinstance(part, Block):
            part._compiled_call_impl = None


class Compiled:
    """A denoiser compiled once for each canvas size, for any number of rows.

    It pays for thousands of molecules: compiling takes tens of seconds a canvas size, the first time.

    Args:
        network: The denoiser.
    """

    def __init__(self, network: Denoiser) -> None:
        self.call: Callable[[Tensor, Tensor, Tensor | None], Tensor] = torch.compile(network)

    def __call__(self, z: Tensor, y: Tensor, t: Tensor | None = None) -> Tensor:
        """Return raw logits (B, L, C) of digits (B, L, K), conditions (B, P) and times (B,), if any."""
        with many_shapes():
            return self.call(_any_rows(z), _any_rows(y), t if t is None else _any_rows(t))[: len(z)]


class CompiledPredictor:
    """A predictor compiled as ``Compiled`` is, for classifier guidance: its answer and its slope.

    Args:
        network: The predictor, which becomes its compiled self; its weights get no gradient any more.
    """

    def __init__(self, network: NoisyPredictor) -> None:
        self.network = network.requires_grad_(requires_grad=False)
        network.compile()

    def log_prob(
        self, w: Tensor, visible: Tensor, low: Tensor, high: Tensor, t: Tensor | None = None
    ) -> Tensor:
        """Return the log-probability (B,) that all goals are met, differentiable in w.

        The arguments are those of ``NoisyPredictor.log_prob``.
        """
        time = t if t is None else _any_rows(t)
        with many_shapes():
            return self.network.log_prob(_any_rows(w), _any_rows(visible), low, high, time)[: len(w)]


def _any_rows(tensor: Tensor) -> Tensor:
    """Return a tensor whose rows the compiler takes for any number of rows."""
    if len(tensor) == 1:
        # A batch of one row would be compiled for one row only.
        tensor = tensor.expand(2, *tensor.shape[1:]).clone()
    torch._dynamo.mark_dynamic(tensor, 0)
    if tensor.ndim > 1:
        # Or the second canvas size would make the compiler take lengths for dynamic, which is slower.
        torch._dynamo.mark_static(tensor, 1)
    return tensor

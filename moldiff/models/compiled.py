"""A network compiled for sampling in bulk."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import torch
from torch import Tensor

from moldiff.models.denoiser import Denoiser

VERSIONS = 64
"""Canvas sizes, over all models of a process, that are compiled before the rest runs uncompiled."""


def many_shapes() -> AbstractContextManager[None]:
    """Return a context in which a function may be compiled for every canvas size.

    The compiler's own limit is 8 versions of a function, after which the rest silently runs uncompiled.
    """
    found: AbstractContextManager[None] = torch._dynamo.config.patch(recompile_limit=VERSIONS)
    return found


class Compiled:
    """A denoiser compiled once for each canvas size, for any number of rows.

    It pays for thousands of molecules: compiling takes tens of seconds a canvas size, the first time.

    Args:
        network: The denoiser.
    """

    def __init__(self, network: Denoiser) -> None:
        self.call: Callable[[Tensor, Tensor], Tensor] = torch.compile(network)

    def __call__(self, z: Tensor, y: Tensor, t: Tensor | None = None) -> Tensor:
        """Return raw logits (B, L, C) of digits (B, L, K) and conditions (B, P)."""
        # A batch of one row would be compiled for one row only.
        rows = len(z)
        if rows == 1:
            z, y = z.repeat(2, 1, 1), y.repeat(2, 1)
        for tensor in (z, y):
            torch._dynamo.mark_dynamic(tensor, 0)
        # Or the second canvas size would make the compiler take lengths for dynamic, which is slower.
        torch._dynamo.mark_static(z, 1)
        with many_shapes():
            return self.call(z, y)[:rows]

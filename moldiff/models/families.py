"""The families of models: which process a network undoes, and what network that takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from moldiff.diffusion.codec import SubtokenCodec
from moldiff.diffusion.left_to_right import LeftToRight
from moldiff.diffusion.masked import MaskedProcess
from moldiff.diffusion.process import Process
from moldiff.diffusion.uniform import UniformProcess
from moldiff.models.causal import CausalDenoiser
from moldiff.models.denoiser import Denoiser


@dataclass(frozen=True)
class Family:
    """A kind of model.

    Attributes:
        about: What it is, in a line.
        process: Makes the noise process from a codec.
        network: Makes the network, with the arguments of ``Denoiser``.
        digits: K; another number can be asked for where it is above 1.
        sampler: How it samples unless another way is asked for.
        steps: How many steps a run takes unless told; None where there is one for each position.

    Example:
        >>> FAMILIES["udlm"].digits, FAMILIES["prime"].digits
        (1, 2)
    """

    about: str
    process: Callable[[SubtokenCodec], Process]
    network: Callable[..., Denoiser]
    digits: int = 1
    sampler: str = "ancestral"
    steps: int | None = 64


FAMILIES: dict[str, Family] = {
    "prime": Family("partially masked diffusion (MDM-Prime)", MaskedProcess, Denoiser, 2, "forward-backward"),
    "mdlm": Family("masked diffusion (MDLM)", MaskedProcess, Denoiser, sampler="forward-backward"),
    "udlm": Family("uniform-noise diffusion (UDLM)", UniformProcess, partial(Denoiser, timed=True)),
    "ar": Family("autoregressive, left to right", LeftToRight, CausalDenoiser, steps=None),
}

"""The kinds of noise that predictors are trained for, and the states that each is shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from moldiff.diffusion.codec import MASK, SubtokenCodec
from moldiff.diffusion.masked import MaskedProcess
from moldiff.diffusion.process import Process
from moldiff.diffusion.uniform import UniformProcess

CLEAN = 1 / 4
"""Share of finished molecules among the states of training: noise by itself never leaves all in view."""


@dataclass(frozen=True)
class NoiseKind:
    """What one predictor reads: the noisy states of some families of models.

    Attributes:
        families: Whose states they are.
        process: Makes the noise from a codec.
        timed: Whether the predictor has to be told the time.
        prefixes: Share of states that are written left to right up to somewhere, among the noisy ones.

    Example:
        >>> codec = SubtokenCodec(torch.arange(3)[:, None])
        >>> x0 = torch.tensor([[1, 2, 2, 0]])
        >>> NOISES["masked"].states(codec, x0, torch.Generator(), level=1.0)[0].tolist()
        [[[-1], [-1], [-1], [-1]]]
    """

    families: tuple[str, ...]
    process: Callable[[SubtokenCodec], Process]
    timed: bool = False
    prefixes: float = 0.0

    def states(
        self, codec: SubtokenCodec, x0: Tensor, generator: torch.Generator, level: float | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return noisy states z (B, L, K) of clean tokens x0 (B, L), and their noise levels t (B,).

        Args:
            codec: The tokens' digits.
            x0: (B, L) int64.
            generator: Source of the noise.
            level: Noise level in [0, 1] of all rows, the expected share of masked digits or of replaced
                tokens; None draws from the training law: all levels, and ``CLEAN`` of the rows without noise.

        Returns:
            z (B, L, K) int64 and t (B,) float; t means something for timed predictors only.
        """
        clean = codec.encode(x0)
        if level == 0.0:
            return clean, torch.zeros(len(x0), device=x0.device)
        process = self.process(codec)
        time = None if level is None else process.schedule.time(1.0 - level)
        z, t, _ = process.corrupt(x0, "mixed", generator, time)
        which, where = torch.rand(2, len(x0), generator=generator, device=x0.device)
        length = x0.shape[1]
        written = (where * (length + 1)).long() if level is None else round((1.0 - level) * length)
        kept = torch.arange(length, device=x0.device) < torch.as_tensor(written, device=x0.device)[..., None]
        prefix = clean.masked_fill(~kept[..., None], MASK)
        z = torch.where((which < self.prefixes)[:, None, None], prefix, z)
        if level is None:
            finished = which > 1.0 - CLEAN
            z, t = torch.where(finished[:, None, None], clean, z), t.masked_fill(finished, 0.0)
        return z, t


NOISES: dict[str, NoiseKind] = {
    "masked": NoiseKind(("prime", "mdlm", "ar"), MaskedProcess, prefixes=0.25),
    "uniform": NoiseKind(("udlm",), UniformProcess, timed=True),
}


def noise_of(family: str) -> str:
    """Return the name of the noise that a predictor for models of a family is trained on.

    Raises:
        ValueError: If no kind of noise is that family's.

    Example:
        >>> noise_of("mdlm"), noise_of("udlm")
        ('masked', 'uniform')
    """
    for name, kind in NOISES.items():
        if family in kind.families:
            return name
    raise ValueError(f"no noise of predictors is that of the family {family!r}")

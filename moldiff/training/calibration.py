"""How far a predictor can be trusted on molecules it never saw, and its calibration on them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd
import torch
from torch import Tensor

from moldiff.diffusion.codec import SubtokenCodec
from moldiff.models.predictor import KNOTS, NoisyPredictor, soft_tokens
from moldiff.models.predictor_heads import Law
from moldiff.models.predictor_noise import NoiseKind
from moldiff.training.data import ResidentTokens

LEVELS = tuple(i / (KNOTS - 1) for i in range(KNOTS))
"""Noise levels of calibration and of its report: 0 is the finished molecule, 1 an empty canvas."""

SHARE = 0.9
"""Of the intervals that are calibrated and reported."""

FEWEST = 20
"""Labels at a knot below which a law is left as training made it."""


@dataclass(frozen=True)
class Answers:
    """What a predictor says about held-out molecules.

    Attributes:
        parameters: (N, S) of all laws.
        y: (N, P) labels, NaN where missing.
        knots: (N, KNOTS) how much each knot counts at the row's noise level.
    """

    parameters: Tensor
    y: Tensor
    knots: Tensor

    def of(self, network: NoisyPredictor) -> list[tuple[Law, Tensor, Tensor, Tensor]]:
        """Return law, parameters (n, size), labels (n,) and knots of each property, labelled rows alone."""
        found = []
        columns = zip(self.parameters.split(network.sizes, 1), self.y.unbind(1), strict=True)
        for law, (part, y) in zip(network.laws.values(), columns, strict=True):
            known = ~y.isnan()
            found.append((law, part[known], y[known], self.knots[known]))
        return found


@dataclass(frozen=True)
class HeldOut:
    """Held-out molecules and the noise that is put on them.

    Args:
        noise: The predictor's kind of noise.
        codec: The tokens' digits.
        data: The molecules.
        first: Of every canvas size the molecules ``first``, ``first`` + ``stride`` ... are used.
        stride: 1 uses all.
        seed: Seed of the noise.
        rows: Molecules in one network call.
    """

    noise: NoiseKind
    codec: SubtokenCodec
    data: ResidentTokens
    first: int = 0
    stride: int = 1
    seed: int = 0
    rows: int = 1024

    @torch.no_grad()
    def ask(self, network: NoisyPredictor, *levels: float) -> Answers:
        """Return what the predictor says when shares ``levels`` of every molecule are hidden or replaced."""
        parts = [part for level in levels for part in self._ask(network, level)]
        return Answers(*(torch.cat(each) for each in zip(*parts, strict=True)))

    def _ask(self, network: NoisyPredictor, level: float) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        seed = self.seed * 1_000_003 + round(level * 1000)
        generator = torch.Generator(device=self.data.device).manual_seed(seed)
        for group in self.data.groups.values():
            for chosen in torch.arange(self.first, len(group), self.stride).split(self.rows):
                x0, y = group.batch(chosen)
                z, t = self.noise.states(self.codec, x0, generator, level)
                w, visible = soft_tokens(self.codec, z)
                yield network(w, visible, t), y, network.knots(visible, t)


@torch.no_grad()
def calibrate(network: NoisyPredictor, held_out: HeldOut) -> None:
    """Widen or narrow every law at every knot, so that it is right about held-out molecules.

    Gaussian laws get the factor on their standard deviation at which the central 90% interval holds 90% of
    the labels, softmaxes the temperature of largest likelihood (arXiv 1706.04599). Between two knots the
    logarithms are interpolated, so a molecule counts at both, by how near its noise level is.

    Args:
        network: Its ``log_spread`` is set.
        held_out: Molecules that it was not trained on.
    """
    network.log_spread.zero_()
    for column, (law, part, y, knots) in enumerate(held_out.ask(network, *LEVELS).of(network)):
        enough = knots.sum(0) >= FEWEST
        if bool(enough.any()):
            found = law.fit_spread(part, y, knots[:, enough], SHARE)
            network.log_spread[enough, column] = found.to(network.log_spread)


def calibration_table(network: NoisyPredictor, held_out: HeldOut) -> pd.DataFrame:
    """Return error and interval coverage of every property at every noise level.

    The columns: property; level; molecules that have the label; error, the mean absolute error of the stated
    value (of a class: the share that is wrong); stated, the mean of the stated standard deviation (of a
    class: the mean probability of being wrong); nats, the mean log-likelihood of the labels; coverage, the
    share of the labels within the central 90% interval.

    A law of whole numbers has no interval of exactly 90%: a label counts by the share of its own probability
    that lies in the middle 90%, which is .9 in the mean for a law that is right (a randomised probability
    integral transform, averaged over its coin).

    Args:
        network: The predictor.
        held_out: Molecules that it was neither trained nor calibrated on.
    """
    rows = []
    for level in LEVELS:
        answers = held_out.ask(network, level).of(network)
        for name, (law, part, y, _) in zip(network.laws, answers, strict=True):
            value, stated = law.summary(part)
            figures = {
                "error": law.error(value, y),
                "stated": stated,
                "nats": law.log_likelihood(part, y),
                "coverage": covered(law, part, y),
            }
            means = {column: float(figure.double().mean()) for column, figure in figures.items()}
            rows.append({"property": name, "level": level, "molecules": len(y), **means})
    return pd.DataFrame(rows)


def covered(law: Law, parameters: Tensor, y: Tensor, share: float = SHARE) -> Tensor:
    """Return how much of each label (n,) lies within the law's central interval: 0 to 1.

    Args:
        law: The law of the property.
        parameters: (n, size).
        y: (n,) labels.
        share: Of the interval.
    """
    edge = 0.5 * (1.0 - share)
    below, at = law.below(parameters, y)
    middle = ((below + at).clamp_max(1.0 - edge) - below.clamp_min(edge)).clamp_min(0.0)
    point = ((below >= edge) & (below <= 1.0 - edge)).to(below.dtype)
    return torch.where(at > 0, middle / torch.where(at > 0, at, 1.0), point)

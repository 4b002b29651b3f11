"""The predictor: what a noisy state says about the properties of the finished molecule."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from moldiff.diffusion.codec import MASK, SubtokenCodec
from moldiff.models.conditions import ConditionEmbedding
from moldiff.models.predictor_heads import Law
from moldiff.models.transformer import Trunk

KNOTS = 8
"""Noise levels, from 0 to 1 in equal steps, at which a predictor is calibrated."""


def soft_tokens(codec: SubtokenCodec, z: Tensor, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    """Return a state as a predictor reads it: soft tokens w, and how much of every token is seen.

    w_v = [v in V(z)] / |V(z)|: one-hot where all digits are visible, uniform over the vocabulary where none
    is. So a token, a partly masked token and a mask are points of one simplex, and a gradient with respect to
    w ranks tokens under any code.

    Args:
        codec: The tokens' digits.
        z: (B, L, K) int64 digits, ``MASK`` where masked.
        dtype: Of what is returned.

    Returns:
        w (B, L, C) and the share of visible digits (B, L), both of ``dtype``.

    Example:
        >>> codec = SubtokenCodec(torch.tensor([[0, 0], [0, 1], [1, 0]]))
        >>> w, visible = soft_tokens(codec, torch.tensor([[[0, MASK], [1, 0]]]))
        >>> w.tolist(), visible.tolist()
        ([[[0.5, 0.5, 0.0], [0.0, 0.0, 1.0]]], [[0.5, 1.0]])
    """
    allowed = codec.compatible(z).to(dtype)
    return allowed / allowed.sum(-1, keepdim=True), (z != MASK).to(dtype).mean(-1)


class NoisyPredictor(nn.Module):
    """Predict all properties of a molecule from a noisy state of it: p(value | z), a law for each property.

    A position is read as e = sum_v w_v E_v, with w uniform on V(z), plus an embedding of the share of its
    visible digits. So log p(goal | z) is differentiable in w, and its gradient ranks tokens under any code.
    The features of all positions are averaged, and one hidden layer on the mean gives the laws' parameters.

    Properties are taken to be independent given the state: the probability that several goals are met is the
    product of theirs.

    Args:
        vocab_size: C, the number of tokens.
        laws: The law of each property, by name.
        max_length: Longest canvas.
        digits: K of the codec; 1 reads whole tokens only.
        width: D of the transformer's stream.
        depth: Number of blocks.
        heads: Attention heads.
        condition_width: E of the condition vector: the canvas size, and the time if there is one.
        timed: Whether the network is told the time, as uniform noise asks for: then t has to be given.

    Example:
        >>> from moldiff.models.predictor_heads import Gaussian, Values
        >>> laws = {"logP": Gaussian(0.2, 1.0), "rings": Values(range(5))}
        >>> predictor = NoisyPredictor(3, laws, max_length=8, width=16, depth=1, heads=2)
        >>> state = soft_tokens(SubtokenCodec(torch.arange(3)[:, None]), torch.tensor([[[0], [-1]]]))
        >>> low, high = torch.tensor([torch.nan, 3.0]), torch.tensor([torch.nan, torch.inf])
        >>> round(predictor.log_prob(*state, low, high).exp().item(), 3)    # untrained: 3 and 4 of 0 to 4
        0.4
    """

    log_spread: Tensor

    def __init__(
        self,
        vocab_size: int,
        laws: Mapping[str, Law],
        *,
        max_length: int,
        digits: int = 1,
        width: int = 128,
        depth: int = 5,
        heads: int = 2,
        condition_width: int = 32,
        timed: bool = False,
    ) -> None:
        super().__init__()
        if not laws:
            raise ValueError("a predictor needs at least one property")
        self.laws = dict(laws)
        self.max_length = max_length
        self.digits = digits
        self.timed = timed
        self.sizes = [law.size for law in self.laws.values()]
        self.tokens = nn.Embedding(vocab_size, width)
        self.seen = nn.Embedding(digits + 1, width)
        self.conditions = ConditionEmbedding([], [], condition_width, max_length, timed=timed)
        self.trunk = Trunk(width, depth, heads, condition_width, max_length=max_length)
        self.hidden = nn.Linear(width, 2 * width)
        self.head = nn.Linear(2 * width, sum(self.sizes))
        # Widens the law of every property at each knot: calibration sets it, training leaves it at 0.
        self.register_buffer("log_spread", torch.zeros(KNOTS, len(self.laws)))
        for table in (self.tokens, self.seen):
            nn.init.normal_(table.weight, std=0.5)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, w: Tensor, visible: Tensor, t: Tensor | None = None) -> Tensor:
        """Return the parameters of all laws side by side, (B, S) float32 (float64 if the weights are).

        Args:
            w: (B, L, C) soft tokens.
            visible: (B, L) share of digits seen at each position.
            t: (B,) noise levels; masked noise needs none and ignores it.

        Raises:
            ValueError: If the canvas is longer than ``max_length``, or there is no t where it is asked for.
        """
        if w.shape[1] > self.max_length:
            raise ValueError(f"canvas of {w.shape[1]} positions, the predictor takes {self.max_length}")
        weights = self.tokens.weight
        seen = _hat(visible * self.digits, self.digits + 1).to(weights.dtype) @ self.seen.weight
        # Without the time the condition is the same in all rows: one of them is enough.
        nothing = weights.new_zeros(len(w) if self.timed else 1, 0)
        condition = self.conditions(nothing, w.shape[1], t if self.timed else None)
        features = self.trunk(w.to(weights.dtype) @ weights + seen, condition)
        # From here on in float32: bfloat16 has no digits for a mean and its error.
        wide = torch.promote_types(weights.dtype, torch.float32)
        pooled = features.to(wide).mean(1)
        inner = F.relu(F.linear(pooled, self.hidden.weight.to(wide), self.hidden.bias.to(wide))).square()
        raw = F.linear(inner, self.head.weight.to(wide), self.head.bias.to(wide))
        return self._spread(raw, self.knots(visible, t))

    def log_prob(
        self, w: Tensor, visible: Tensor, low: Tensor, high: Tensor, t: Tensor | None = None
    ) -> Tensor:
        """Return the log-probability that all goals are met, (B,), differentiable in w.

        The sum over the properties that are asked for of log P(low <= value <= high); of a continuous
        property with low = high the log-density. Goals count as independent given the state.

        Args:
            w: (B, L, C) soft tokens.
            visible: (B, L) share of digits seen.
            low: (P,) lower limits in the properties' units, -inf for none; NaN where nothing is asked.
            high: (P,) upper limits; equal to ``low`` for a value or a class.
            t: (B,) noise levels, for uniform noise.

        Raises:
            ValueError: If the limits do not fit the properties or each other.
        """
        goals = self._goals(low, high)
        parameters: Tensor = self(w, visible, t)
        # Not new zeros: without any goal the sum still has a gradient, which is 0.
        total = (parameters * 0.0).sum(1)
        for law, part, goal in zip(self.laws.values(), parameters.split(self.sizes, 1), goals, strict=True):
            if goal is not None:
                total = total + law.log_prob(part, *goal)
        return total

    def log_likelihood(self, parameters: Tensor, y: Tensor) -> Tensor:
        """Return the log-probability or log-density of every label, (B, P), 0 where it is missing.

        Args:
            parameters: (B, S), what ``forward`` returned.
            y: (B, P) labels in the properties' units, NaN where missing.
        """
        parts = zip(self.laws.values(), parameters.split(self.sizes, 1), y.unbind(1), strict=True)
        return torch.stack([law.log_likelihood(part, labels) for law, part, labels in parts], 1)

    def predict(self, w: Tensor, visible: Tensor, t: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return means and standard deviations of all properties, each (B, P), in their own units.

        Of a class: the number of the likeliest one, and the probability that it is another.

        Args:
            w: (B, L, C) soft tokens.
            visible: (B, L) share of digits seen.
            t: (B,) noise levels, for uniform noise.
        """
        parts = self(w, visible, t).split(self.sizes, 1)
        stated = [law.summary(part) for law, part in zip(self.laws.values(), parts, strict=True)]
        values, errors = zip(*stated, strict=True)
        return torch.stack(values, 1), torch.stack(errors, 1)

    def _goals(self, low: Tensor, high: Tensor) -> list[tuple[float, float] | None]:
        """Return the limits of every property that is asked for.

        Raises:
            ValueError: If they do not fit.
        """
        if low.shape != high.shape or low.shape != (len(self.laws),):
            shapes = tuple(low.shape), tuple(high.shape)
            raise ValueError(f"low and high must have {len(self.laws)} entries, one a property, got {shapes}")
        if bool((low.isnan() != high.isnan()).any()):
            raise ValueError("low and high must be NaN together, where nothing is asked")
        if bool((low > high).any()) or bool(torch.isposinf(low).any()) or bool(torch.isneginf(high).any()):
            raise ValueError(f"no value lies between low {low.tolist()} and high {high.tolist()}")
        asked = (~low.isnan()).tolist()
        limits = zip(low.tolist(), high.tolist(), strict=True)
        return [pair if is_asked else None for pair, is_asked in zip(limits, asked, strict=True)]

    def knots(self, visible: Tensor, t: Tensor | None) -> Tensor:
        """Return how much each knot counts at the noise level of every row, (B, KNOTS), summing to 1.

        The noise level is the time where there is one, or the row's own share of masked digits.

        Args:
            visible: (B, L) share of digits seen.
            t: (B,) noise levels, for uniform noise.

        Raises:
            ValueError: If there is no t where it is asked for.
        """
        if self.timed and t is None:
            raise ValueError("this predictor is told the time: give t")
        level = t if self.timed and t is not None else 1.0 - visible.mean(1)
        return _hat(level.clamp(0.0, 1.0) * (KNOTS - 1), KNOTS)

    def _spread(self, raw: Tensor, knots: Tensor) -> Tensor:
        """Return the parameters of raw outputs (B, S), each law widened as calibration found at its level."""
        log_spread = knots.to(raw.dtype) @ self.log_spread.to(raw.dtype)
        parts = zip(self.laws.values(), raw.split(self.sizes, 1), log_spread.split(1, 1), strict=True)
        return torch.cat([law.parameters(part, wider) for law, part, wider in parts], 1)


def _hat(x: Tensor, count: int) -> Tensor:
    """Return the weights (..., count) that interpolate a table linearly at places x in [0, count - 1]."""
    return (1.0 - (x[..., None] - torch.arange(count, device=x.device)).abs()).clamp_min(0.0)

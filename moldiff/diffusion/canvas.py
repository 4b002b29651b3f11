"""The law of canvas sizes: how many positions a molecule is drawn on, with and without goals."""

from __future__ import annotations

from typing import Self

import torch
from torch import Tensor

MAX_ROWS = 8192
NEIGHBOURS = 256
PRIOR_WEIGHT = 8.0
MAX_RATIO = 8.0
MAX_STRENGTH = 3.0


def canvas_size(n: Tensor, step: int) -> Tensor:
    """Return ceil((n + 1) / step) * step, the canvas of n tokens: at least one [nop] closes it."""
    return (n // step + 1) * step


class CanvasLaw:
    """Sizes of the canvases in training, with the properties of a sample of training rows.

    Two laws come from it. Without conditions, p(c) = (N_c + 1) / (N + #c). With conditions,
    p(c | y) = (n_c + 8 p(c)) / (k + 8) over the k = 256 rows that are nearest in the given properties.

    Args:
        sizes: (S,) int64, the distinct canvas sizes, ascending.
        counts: (S,) int64, training molecules on each.
        properties: (R, P) float, properties of at most 8,192 training rows; NaN where missing.
        canvases: (R,) int64, the canvas of each of those rows.

    Example:
        >>> law = CanvasLaw(torch.tensor([4, 8]), torch.tensor([1, 5]), torch.empty(0, 0), torch.empty(0))
        >>> law.prior()
        tensor([0.2500, 0.7500], dtype=torch.float64)
    """

    def __init__(self, sizes: Tensor, counts: Tensor, properties: Tensor, canvases: Tensor) -> None:
        self.sizes = sizes
        self.counts = counts
        # Kept as float16 in the model file; float32 for the arithmetic.
        self.properties = properties.float()
        self.canvases = canvases.to(torch.int64)
        self.scale = _spread(self.properties)

    @classmethod
    def fit(cls, canvases: Tensor, properties: Tensor, generator: torch.Generator) -> Self:
        """Count the canvases (N,) of all training rows and keep the properties (N, P) of a random sample."""
        sizes, counts = torch.unique(canvases, return_counts=True)
        kept = torch.randperm(len(canvases), generator=generator)[:MAX_ROWS]
        return cls(sizes, counts, properties[kept].to(torch.float16), canvases[kept])

    def only(self, size: int) -> CanvasLaw:
        """Return the law that knows this size alone: every molecule is drawn on it, whatever is asked.

        Raises:
            ValueError: If no training molecule has it.
        """
        kept = self.sizes == size
        if not kept.any():
            raise ValueError(f"size must be one of {self.sizes.tolist()}, got {size}")
        return CanvasLaw(self.sizes[kept], self.counts[kept], self.properties, self.canvases)

    def tensors(self) -> dict[str, Tensor]:
        """Return what the model file stores."""
        return {
            "canvas.sizes": self.sizes.to(torch.int64),
            "canvas.counts": self.counts.to(torch.int64),
            "canvas.properties": self.properties.to(torch.float16).contiguous(),
            "canvas.canvases": self.canvases.to(torch.uint8 if int(self.sizes.max()) < 256 else torch.int64),
        }

    @classmethod
    def from_tensors(cls, tensors: dict[str, Tensor]) -> Self:
        """Rebuild the law from ``tensors()``."""
        return cls(*(tensors[f"canvas.{name}"] for name in ("sizes", "counts", "properties", "canvases")))

    def prior(self) -> Tensor:
        """Return p(c), (S,) float64."""
        counts = self.counts.double()
        return (counts + 1) / (counts.sum() + len(counts))

    def given(self, y: Tensor) -> Tensor:
        """Return p(c | y) for conditions y (B, P), NaN where not given: (B, S) float64."""
        # Rows in slices: the distances of one slice to all table rows are (64, 8192, P) numbers.
        return torch.cat([self._given(part) for part in y.split(64)])

    def _given(self, y: Tensor) -> Tensor:
        prior = self.prior()
        asked = ~torch.isnan(y)
        difference = (self.properties[None] - y[:, None].float()) / self.scale
        # A row that lacks an asked property cannot be a neighbour.
        far = (difference.isnan() & asked[:, None]).any(-1)
        distance = difference.masked_fill(~asked[:, None], 0.0).nan_to_num(0.0).square().sum(-1)
        k = min(NEIGHBOURS, len(self.properties))
        nearest = distance.masked_fill(far, torch.inf).topk(k, largest=False)
        found = nearest.values.isfinite()
        hits = (self.canvases[nearest.indices][..., None] == self.sizes) & found[..., None]
        law = (hits.sum(1) + PRIOR_WEIGHT * prior) / (found.sum(1, keepdim=True) + PRIOR_WEIGHT)
        return torch.where(asked.any(-1, keepdim=True), law, prior)

    def tilt(self, y: Tensor, gamma: float) -> Tensor:
        """Return p(c) clip(p(c|y) / p(c), 1/8, 8)^min(gamma, 3), normalised: (B, S) float64.

        The clip keeps a rare canvas from taking all the mass at large gamma.
        """
        prior = self.prior()
        ratio = (self.given(y) / prior).clamp(1 / MAX_RATIO, MAX_RATIO)
        law = prior * ratio ** min(gamma, MAX_STRENGTH)
        return law / law.sum(-1, keepdim=True)

    def draw(self, law: Tensor, generator: torch.Generator) -> Tensor:
        """Draw one canvas a row from a law (B, S): (B,) int64."""
        return self.sizes[torch.multinomial(law, 1, generator=generator)[:, 0]]

    def log_prior(self, canvas: int) -> float:
        """Return log p(c) of one canvas size; a size outside training has the mass of an empty one."""
        index = (self.sizes == canvas).nonzero()
        count = float(self.counts[index[0, 0]]) if len(index) else 0.0
        return float(torch.tensor((count + 1) / (float(self.counts.sum()) + len(self.counts))).log())


def _spread(properties: Tensor) -> Tensor:
    """Return the standard deviation of every column without its NaN entries, at least 1e-6: (P,)."""
    seen = ~properties.isnan()
    count = seen.sum(0).clamp_min(1)
    mean = properties.nan_to_num(0.0).sum(0) / count
    square = ((properties - mean).nan_to_num(0.0).square() * seen).sum(0) / count
    return square.sqrt().clamp_min(1e-6)

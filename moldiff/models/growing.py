"""A network that starts from a smaller one: with more tokens, more properties, longer canvases."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional as F

from moldiff.models.denoiser import Denoiser


def grow(network: Denoiser, weights: Mapping[str, Tensor]) -> None:
    """Copy weights into a network of the same width and depth that knows at least as much.

    On canvases, tokens and properties that both know, it then says the same, but for what it gives to tokens
    that are new. A new token looks like the mean of all and is as rare as the rarest; a new property changes
    nothing; positions and distances beyond the longest take after the last.

    Args:
        network: Filled in place.
        weights: The smaller network's, by name: all of them.

    Raises:
        ValueError: If a weight is not there, or does not fit.
    """
    state = network.state_dict()
    if set(state) != set(weights):
        raise ValueError(f"other weights: {sorted(set(state) ^ set(weights))[:4]}")
    for name, value in weights.items():
        wanted = state[name].shape
        if value.ndim != len(wanted) or any(had > now for had, now in zip(value.shape, wanted, strict=True)):
            raise ValueError(f"{name} is {tuple(value.shape)} and does not fit {tuple(wanted)}")
        grown = value if value.shape == wanted else _grown(name, value, wanted)
        if grown.shape != wanted:
            raise ValueError(f"{name} is {tuple(value.shape)} and does not fit {tuple(wanted)}")
        state[name] = grown
    network.load_state_dict(state)


def _grown(name: str, value: Tensor, wanted: torch.Size) -> Tensor:
    """Return a weight with more rows; of the wrong shape where it is none that grows."""
    more = wanted[0] - len(value)
    if name.endswith("distance_bias"):
        # (H, 2 max_length - 1), distance 0 in the middle: both ends are longest distances.
        side = (wanted[1] - value.shape[1]) // 2
        return F.pad(value[None], (side, side), mode="replicate")[0]
    if name.endswith(("from_start.weight", "from_end.weight", "canvas.weight")):
        return torch.cat([value, value[-1:].expand(more, -1)])
    if name.startswith("digits."):
        # Row 0 is the mask.
        return torch.cat([value, value[1:].mean(0, keepdim=True).expand(more, -1)])
    if name == "head.weight":
        return torch.cat([value, value.mean(0, keepdim=True).expand(more, -1)])
    if name == "head.bias":
        return torch.cat([value, value.min().expand(more)])
    if name in ("conditions.values", "conditions.not_given"):
        return torch.cat([value, value.new_zeros(more, *value.shape[1:])])
    return value

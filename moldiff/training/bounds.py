"""Likelihood bounds of held-out molecules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from moldiff.diffusion.canvas import CanvasLaw
from moldiff.diffusion.process import Process
from moldiff.models.denoiser import Denoiser
from moldiff.training.data import ResidentTokens


@dataclass(frozen=True)
class Bound:
    """An upper bound on the mean of -log p(molecule), unconditional, in nats per molecule.

    Attributes:
        nats: The bound, canvas included.
        standard_error: Of the mean over molecules, the noise of the masks included.
        canvas_nats: The part -log p(canvas).
        molecules: How many molecules were scored.
        draws: Noise draws for each.
    """

    nats: float
    standard_error: float
    canvas_nats: float
    molecules: int
    draws: int


def likelihood_bound(
    network: Denoiser,
    process: Process,
    data: ResidentTokens,
    canvas_law: CanvasLaw,
    *,
    pattern: Literal["token", "digit"],
    draws: int = 1,
    most: int | None = None,
    seed: int = 0,
    rows: int = 512,
) -> Bound:
    """Estimate the token bound or the marginal bound (any-order form of the continuous-time bound).

    Args:
        network: Denoiser with raw logits.
        process: The noise; its codec must be the network's.
        data: Molecules to score.
        canvas_law: p(c), whose -log is added.
        pattern: "token" for the token bound, "digit" for the marginal bound (equal for K = 1).
        draws: Noise draws for each molecule.
        most: Of larger data about so many molecules are scored, evenly spaced; all unless given.
        seed: Seed of the noise.
        rows: Molecules in one network call.
    """
    generator = torch.Generator(device=data.device).manual_seed(seed)
    totals, canvas_nats = [], []
    every = 1 if most is None else max(1, round(len(data) / most))
    with torch.no_grad():
        for canvas, group in data.groups.items():
            extra = -canvas_law.log_prior(canvas)
            tokens = group.tokens[::every]
            canvas_nats.append(torch.full((len(tokens),), extra, dtype=torch.float64))
            for part in tokens.split(rows):
                repeats = [_one_draw(network, process, part.long(), pattern, generator) for _ in range(draws)]
                totals.append(torch.stack(repeats).double().mean(0).cpu() + extra)
    nats = torch.cat(totals)
    error = float(nats.std() / len(nats) ** 0.5) if len(nats) > 1 else float("nan")
    return Bound(float(nats.mean()), error, float(torch.cat(canvas_nats).mean()), len(nats), draws)


def both_bounds(
    network: Denoiser,
    process: Process,
    data: ResidentTokens,
    canvas_law: CanvasLaw,
    *,
    draws: int = 1,
    most: int | None = None,
) -> dict[str, Bound]:
    """Return the token bound and the marginal bound by name: one number twice where a token is one digit."""
    token = likelihood_bound(network, process, data, canvas_law, pattern="token", draws=draws, most=most)
    if process.codec.digits == 1:
        return {"token_bound": token, "marginal_bound": token}
    return {
        "token_bound": token,
        "marginal_bound": likelihood_bound(
            network, process, data, canvas_law, pattern="digit", draws=draws, most=most
        ),
    }


def _one_draw(
    network: Denoiser,
    process: Process,
    x0: Tensor,
    pattern: Literal["token", "digit"],
    generator: torch.Generator,
) -> Tensor:
    z, t, weight = process.corrupt(x0, pattern, generator)
    y = torch.full((len(x0), len(network.conditions.mean)), torch.nan, device=x0.device)
    return process.bound(network(z, y, t), x0, z, t, weight, pattern)

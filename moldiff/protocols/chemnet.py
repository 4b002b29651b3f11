"""Frechet ChemNet distance: how far two sets of molecules are in the eyes of a network that knows drugs.

Preuer et al. 2018, doi 10.1021/acs.jcim.8b00234: the 512 activations of ChemNet's last hidden layer are taken
for a Gaussian, and FCD = |m - m'|^2 + tr(S + S' - 2 (S S')^(1/2)). The network comes from the package
fcd_torch (the extra ``moses``); the distance is computed here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from moldiff.errors import InputError

WIDTH = 512
"""Activations of a molecule."""

BATCH = 256


@dataclass(frozen=True)
class Moments:
    """Mean (512,) and covariance (512, 512) of the activations of some molecules, float64."""

    mean: NDArray[np.float64]
    covariance: NDArray[np.float64]

    @classmethod
    def of(cls, activations: NDArray[np.floating]) -> Moments:
        """Return the moments of activations (N, 512), N >= 2."""
        return cls(activations.mean(axis=0, dtype=np.float64), np.cov(activations.T.astype(np.float64)))


def frechet_distance(first: Moments, second: Moments) -> float:
    """Return the squared Frechet distance of two Gaussians.

    Example:
        >>> moments = Moments(np.zeros(2), np.eye(2))
        >>> frechet_distance(moments, Moments(np.array([3.0, 4.0]), np.eye(2)))
        25.0
        >>> frechet_distance(moments, Moments(np.zeros(2), 4 * np.eye(2)))
        2.0
    """
    # tr (S S')^(1/2) through symmetric products: the root of S S' itself may be complex by rounding, and is
    # wrong where few molecules leave S without full rank.
    values, vectors = np.linalg.eigh(first.covariance)
    root = (vectors * np.sqrt(values.clip(0.0))) @ vectors.T
    eigenvalues = np.linalg.eigvalsh(root @ second.covariance @ root)
    cross = float(np.sqrt(eigenvalues.clip(0.0)).sum())
    shift = float(((first.mean - second.mean) ** 2).sum())
    spread = float(np.trace(first.covariance) + np.trace(second.covariance)) - 2.0 * cross
    return shift + max(0.0, spread)  # below 0 by rounding alone


def activations(smiles: Sequence[str], *, device: str = "cpu") -> NDArray[np.float32]:
    """Return ChemNet's activations, (N, 512).

    Args:
        smiles: Canonical SMILES; of more than 349 letters the network sees the first.
        device: Where the network runs.

    Raises:
        InputError: If the package with the network is not installed.
    """
    network = _network().to(device)
    found = [np.zeros((0, WIDTH), dtype=np.float32)]
    with torch.inference_mode():
        for start in range(0, len(smiles), BATCH):
            letters = torch.from_numpy(_one_hot(smiles[start : start + BATCH])).float()
            found.append(network(letters.transpose(1, 2).to(device)).cpu().numpy())
    return np.concatenate(found)


def _one_hot(smiles: Sequence[str]) -> NDArray[np.float64]:
    """Return molecules as the network reads them, (B, 350, 35)."""
    from fcd_torch.utils import SmilesDataset

    rows = SmilesDataset(list(smiles), canonize=False)
    return np.stack([rows[place] for place in range(len(rows))])


@cache
def _network() -> nn.Module:
    try:
        import fcd_torch
        from fcd_torch.utils import load_imported_model
    except ImportError:
        raise InputError(
            "the Frechet ChemNet distance needs the package fcd_torch: pip install 'moldiff[moses]'"
        ) from None
    path = Path(fcd_torch.__file__).with_name("ChemNet_v0.13_pretrained.pt")
    network: nn.Module = load_imported_model(torch.load(path, weights_only=True))
    return network.eval()

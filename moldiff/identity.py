"""Which model a run uses: what its record says of it, and what tells it from any other."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import torch

from moldiff.chemistry import Chemistry
from moldiff.models.checkpoint import SavedModel
from moldiff.property_prediction import PropertyPredictor


def model_record(model: SavedModel, name: str, device: torch.device) -> dict[str, Any]:
    """Return what the record of a run says of its model.

    Args:
        model: The model.
        name: What it is called.
        device: Where it computes.
    """
    precision = str(next(model.network.parameters()).dtype).removeprefix("torch.")
    family = model.config.get("family")
    return {"model": name, "family": family, "device": str(device), "precision": precision}


def trained_on(model: SavedModel) -> str | None:
    """Return the name of the data set that a model says it was trained on, None where it says none."""
    training = model.config.get("training")
    name = training.get("data") if isinstance(training, dict) else None
    return name if isinstance(name, str) else None


def fingerprint(model: SavedModel, chemistry: Chemistry, predictor: PropertyPredictor | None = None) -> str:
    """Return a digest of all of a model that decides what it draws.

    Args:
        model: Its weights as they compute, its codes and its canvas table.
        chemistry: Its tokens and property scales.
        predictor: What may guide it; None for nothing.
    """
    digest = hashlib.blake2b(digest_size=16)
    tensors = {**model.network.state_dict(), **model.canvas.tensors(), "codes": model.codec.codes}
    others = {} if predictor is None else predictor.saved.network.state_dict()
    tensors |= {f"predictor {name}": tensor for name, tensor in others.items()}
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    scales = [entry.to_dict() for entry in chemistry.statistics.values()]
    digest.update(json.dumps([list(chemistry.tokenizer.tokens), scales]).encode())
    return digest.hexdigest()

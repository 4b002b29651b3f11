"""A training folder belongs to the run that was started in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from moldiff.errors import InputError
from moldiff.files import remove_leftovers, write_json
from moldiff.models.checkpoint import read_json

MADE = ("loss.csv", "curve.csv")
FINISHED = (
    "README.md",
    "model.safetensors",
    "vocab.json",
    "config.json",
    "properties.json",
    "train_keys.bin",
    "calibration.csv",
)
"""What a run writes in its folder and in the model's, all of it when every process of it has begun."""


def claim(work: Path, settings: Mapping[str, Any], defaults: Mapping[str, Any]) -> None:
    """Write down what a run is started with; refuse to go on with one that was started otherwise.

    What a killed run left half written is removed.

    Args:
        work: The run's folder.
        settings: What must not change when a run goes on.
        defaults: What a run of an older release had, which knew nothing of a newer setting.

    Raises:
        InputError: If there is a run with other settings.
    """
    record = work / "recipe.json"
    if record.exists():
        before = read_json(record)
        for name, value in settings.items():
            old = before.get(name, defaults.get(name))
            if json.dumps(old) != json.dumps(value):
                raise InputError(
                    f"the run in {work} was started with {name} {old}, not {value}: "
                    "give another folder, or what it was started with"
                )
    write_json(record, dict(settings))
    for path in (*(work / name for name in MADE), *(work.parent / name for name in FINISHED)):
        remove_leftovers(path)

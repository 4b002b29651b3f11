"""Which trial won, and the settings of presets as those of arms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from optuna.trial import FrozenTrial

from moldiff.errors import InputError, RunError
from moldiff.metrics import non_dominated
from moldiff.presets import TABLES, read_preset
from moldiff.sweep.arm import write_sampler
from moldiff.tuning.study import feasible
from moldiff.tuning.task import Task


def front(task: Task, trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """Return the trials within the limits that nobody dominates, the best by the first objective first."""
    able = feasible(trials)
    if not able:
        return []
    points = np.array([trial.values for trial in able]) * task.signs
    kept = [
        (trial, point) for trial, point, free in zip(able, points, non_dominated(points), strict=True) if free
    ]
    return [trial for trial, _ in sorted(kept, key=lambda entry: (*-entry[1], entry[0].number))]


def best(task: Task, trials: Sequence[FrozenTrial]) -> FrozenTrial:
    """Return the trial within the limits that is best by the first objective.

    Raises:
        RunError: If none keeps the limits.
    """
    found = front(task, trials)
    if found:
        return found[0]
    limits = ", ".join(map(str, task.limits)) or "any value of the objectives"
    raise RunError(
        f"none of {len(trials)} finished trials keeps {limits}: loosen it under another --study, or go on "
        "with more --trials"
    )


def arm_settings(preset: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a preset as those of an arm, which are flat.

    Example:
        >>> arm_settings({"gamma": 2, "sampler": "cap", "knobs": {"eta": 0.1, "unit": "digit"}})
        {'gamma': 2, 'sampler': 'cap:eta=0.1,unit=digit'}
    """
    found = {name: value for name, value in preset.items() if name not in TABLES}
    if "knobs" in preset:
        if "sampler" not in preset:
            raise InputError("a preset with [knobs] has to name the sampler that they are of")
        found["sampler"] = write_sampler(preset["sampler"], preset["knobs"])
    return {**found, **preset.get("method_knobs", {})}


def read_settings(path: str | Path) -> dict[str, Any]:
    """Return the settings of a preset file as those of an arm.

    Raises:
        InputError: If it cannot be read, or holds what no arm can have.
    """
    try:
        return arm_settings(read_preset(path))
    except InputError as error:
        raise InputError(f"{error}" if str(path) in str(error) else f"preset {path}: {error}") from None

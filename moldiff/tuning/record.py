"""What a search found, as files: every trial in a table, all of it as JSON, the winner as a preset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from optuna.trial import FrozenTrial, TrialState

from moldiff.files import whole_file, write_json
from moldiff.machine import describe_machine
from moldiff.presets import write_preset
from moldiff.records import plain, versions
from moldiff.sweep.arm import Arm
from moldiff.tuning.contest import Comparison
from moldiff.tuning.objectives import OBJECTIVES
from moldiff.tuning.storage import shown
from moldiff.tuning.study import Place
from moldiff.tuning.task import Task
from moldiff.tuning.trying import FIGURES, SETTINGS
from moldiff.tuning.winner import front

FORMAT_VERSION = 1
"""Of ``tuning.json``: raised when a key that a report needs changes its meaning."""

TABLE, JSON, PRESET = "trials.csv", "tuning.json", "preset.toml"


@dataclass(frozen=True)
class Tuned:
    """What a search found.

    Attributes:
        task: What was tuned.
        place: Where the study is.
        trials: All that were begun.
        winner: The best; None where none keeps the limits.
        comparisons: It against what it is to replace, for the goals that were tuned first.
        base: Settings of what that is.
        fresh_seeds: Seeds of the comparisons.
    """

    task: Task
    place: Place
    trials: Sequence[FrozenTrial]
    winner: FrozenTrial | None
    comparisons: Sequence[Comparison]
    base: dict[str, Any]
    fresh_seeds: tuple[int, ...]

    @property
    def settings(self) -> dict[str, Any]:
        """The winner's settings; a ValueError if there is no winner."""
        if self.winner is None:
            raise ValueError("no trial won")
        found: dict[str, Any] = self.winner.user_attrs[SETTINGS]
        return found


def trial_record(trial: FrozenTrial, task: Task) -> dict[str, Any]:
    """Return what is told of a trial.

    Args:
        trial: Whatever became of it.
        task: What is tuned.
    """
    figures = trial.user_attrs.get(FIGURES, {})
    took = trial.duration
    return {
        "number": trial.number,
        "state": trial.state.name.lower(),
        "values": _values(trial, task),
        "kept_limits": all(value <= 0 for value in trial.constraints.values()),
        "settings": trial.user_attrs.get(SETTINGS, {}),
        "parameters": trial.params,
        "figures": figures,
        "seconds": None if took is None else round(took.total_seconds(), 2),
    }


def _values(trial: FrozenTrial, task: Task) -> dict[str, float] | None:
    """Return the objectives: of a trial that was given up the means over the seeds that it had."""
    if trial.state == TrialState.COMPLETE:
        return dict(zip(task.objectives, trial.values, strict=True))
    figures = trial.user_attrs.get(FIGURES, {})
    return {name: float(np.mean(figures[name])) for name in task.objectives} if figures else None


def table(tuned: Tuned) -> pd.DataFrame:
    """Return a row a trial: number, state, objectives, limits, settings, and the mean of every figure."""
    rows = []
    for trial in tuned.trials:
        told = trial_record(trial, tuned.task)
        means = {name: float(np.mean(values)) for name, values in told["figures"].items()}
        rows.append(
            {
                **{name: told[name] for name in ("number", "state", "kept_limits")},
                **{f"objective {name}": value for name, value in (told["values"] or {}).items()},
                "seeds": len(next(iter(told["figures"].values()), [])),
                **told["settings"],
                **means,
                "trial_seconds": told["seconds"],
            }
        )
    return pd.DataFrame(rows)


def record(tuned: Tuned, *, command: str, seconds: float) -> dict[str, Any]:
    """Return all that was found, as ``tuning.json`` has it.

    Args:
        tuned: What was found.
        command: How to repeat it.
        seconds: Wall time of this call.
    """
    task = tuned.task
    return {
        "format_version": FORMAT_VERSION,
        "kind": "tuning",
        # Records are passed on; passwords are not.
        "command": command.replace(tuned.place.storage, shown(tuned.place.storage)),
        "seconds": round(seconds, 1),
        "study": tuned.place.name,
        "storage": shown(tuned.place.storage),
        "search_seed": tuned.place.seed,
        **task.identity,
        "model": task.model,
        "digest": task.digest,
        "precision": task.precision,
        "objectives": [
            {"name": name, "text": OBJECTIVES[name].text, "sign": sign}
            for name, sign in zip(task.objectives, task.signs, strict=True)
        ],
        "fresh_seeds": list(tuned.fresh_seeds),
        "trials": [trial_record(trial, task) for trial in tuned.trials],
        "front": [trial.number for trial in front(task, tuned.trials)],
        "winner": None if tuned.winner is None else trial_record(tuned.winner, task),
        "base": tuned.base,
        "comparisons": [comparison.record() for comparison in tuned.comparisons],
        "versions": {**versions(), "optuna": version("optuna")},
        "machine": describe_machine(),
    }


def write(tuned: Tuned, folder: Path, *, command: str, seconds: float) -> list[Path]:
    """Write table, record and, if there is a winner, preset: each whole or not at all.

    Returns:
        The files.
    """
    places = [folder / TABLE, folder / JSON]
    with whole_file(places[0]) as part:
        table(tuned).to_csv(part, index=False, float_format="%.6g")
    write_json(places[1], plain(record(tuned, command=command, seconds=seconds)))
    if tuned.winner is not None:
        arm = Arm(tuned.task.problem.name, tuned.task.model, tuned.settings)
        places.append(folder / PRESET)
        write_preset(places[-1], arm.keywords, about=_about(tuned))
    return places


def _about(tuned: Tuned) -> str:
    task = tuned.task
    lines = [
        f"Tuned for {task.problem.name} with model {Path(task.model).name}: {', '.join(task.objectives)}"
        + (f", subject to {', '.join(map(str, task.limits))}" if task.limits else ""),
        f"Trial {tuned.winner.number} of {len(tuned.trials)}; on fresh seeds:" if tuned.winner else "",
    ]
    for comparison in tuned.comparisons[:1]:
        for name in task.objectives:
            mean, other = comparison.winner[name].mean(), comparison.base[name].mean()
            lines.append(f"  {name} {mean:.4g}, before {other:.4g}, difference {comparison.difference(name)}")
    return "\n".join(lines)

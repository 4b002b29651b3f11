"""Pictures of a search, as Optuna draws them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from optuna import Study
from optuna.importance import FanovaImportanceEvaluator
from optuna.trial import FrozenTrial

from moldiff.files import whole_file
from moldiff.tuning.study import feasible, finished
from moldiff.tuning.task import Task

FORMATS = ("png", "svg")

LEAST = 4
"""Trials from which it can be told how much settings matter."""


def write(study: Study, task: Task, folder: Path) -> list[Path]:
    """Draw history and importances of every objective, and the front of two, as PNG and SVG.

    Args:
        study: The search.
        task: What was tuned.
        folder: Where to.

    Returns:
        The files: those pictures for which there are enough trials.
    """
    import matplotlib as mpl

    places = []
    with mpl.rc_context({"svg.hashsalt": "moldiff"}), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Optuna's are about its own interface, matplotlib's about labels
        for name, draw in _pictures(study, task).items():
            places += _save(draw(), folder / name)
    return places


def _save(axes: Any, place: Path) -> list[Path]:
    """Write what Optuna drew, in a size that its legends fit, and forget it."""
    import matplotlib.pyplot as plt

    figure, places = axes.figure, []
    figure.set_size_inches(8.0, 5.0)
    for suffix in FORMATS:
        places.append(place.with_name(f"{place.name}.{suffix}"))
        dated = {"metadata": {"Date": None}} if suffix == "svg" else {}
        with whole_file(places[-1]) as part:
            figure.savefig(part, dpi=150, bbox_inches="tight", **dated)
    plt.close(figure)
    return places


def _pictures(study: Study, task: Task) -> dict[str, Callable[[], Any]]:
    """Return what draws each picture, by the name of its files."""
    from optuna.visualization import matplotlib as charts

    done = feasible(finished(study))
    found: dict[str, Callable[[], Any]] = {}
    if not done:
        return found
    several = len(task.objectives) > 1
    shared = sorted(set.intersection(*({*trial.params} for trial in done)))
    for place, name in enumerate(task.objectives):
        end = f"-{name}" if several else ""
        told: dict[str, Any] = {"target_name": name}
        if several:
            told["target"] = partial(_value, place)
        found[f"history{end}"] = partial(charts.plot_optimization_history, study, **told)
        if shared and _varied(done, place):
            # Knobs that a few trials have would look important by chance.
            judged: dict[str, Any] = {"params": shared, "evaluator": FanovaImportanceEvaluator(seed=0)}
            found[f"importances{end}"] = partial(charts.plot_param_importances, study, **judged, **told)
    if len(task.objectives) == 2:
        found["front"] = partial(charts.plot_pareto_front, study, target_names=list(task.objectives))
    return found


def _value(place: int, trial: FrozenTrial) -> float:
    return float(trial.values[place])


def _varied(trials: Sequence[FrozenTrial], place: int) -> bool:
    """Tell whether trials are many enough, and differ in an objective."""
    return len(trials) >= LEAST and len({trial.values[place] for trial in trials}) > 1

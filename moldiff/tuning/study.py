"""The study of a task: made or gone on with, and never with another task's trials in it."""

from __future__ import annotations

import json
import os
import socket
import uuid
import warnings
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import optuna
from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, TPESampler
from optuna.storages import BaseStorage, RDBStorage
from optuna.trial import FrozenTrial, TrialState

from moldiff.errors import InputError
from moldiff.tuning.pruner import SpreadPruner
from moldiff.tuning.storage import retry
from moldiff.tuning.task import Task

IDENTITY = "moldiff"
"""Attribute of a study that says what it is of."""

WORKER = "worker"
"""Attribute of a trial that says which process draws it."""

FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)

STARTS = 16
"""Trials before the search goes by what the others gave."""


class ByTrial(BaseSampler):
    """Tree-structured Parzen estimators whose random numbers are those of the trial's number.

    So what a trial tries depends on the seed, its number and the trials before it alone: a study that was
    stopped goes on as if it had not been, and workers that begin together do not try the same.

    Args:
        seed: Of the search.
        first: Values of the first trial; what is missing is drawn. They do not wait in the storage, where two
            workers that begin together could both take them up.

    Example:
        >>> optuna.logging.set_verbosity(optuna.logging.WARNING)
        >>> def first(seed):
        ...     return optuna.create_study(sampler=ByTrial(seed)).ask().suggest_float("gamma", 0, 1)
        >>> first(0) == first(0), first(0) == first(1)
        (True, False)
    """

    def __init__(self, seed: int, first: Mapping[str, Any] | None = None) -> None:
        self.seed = seed
        self.first = dict(first or {})
        self._inner = _estimators(seed)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Begin with the random numbers of this trial."""
        state = np.random.SeedSequence([self.seed, trial.number]).generate_state(1)
        self._inner = _estimators(int(state[0]))

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Return what is drawn together."""
        return self._inner.infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return values that are drawn together."""
        return self._inner.sample_relative(study, trial, search_space)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Return a value that is drawn alone, or that the first trial is to have."""
        if trial.number == 0 and param_name in self.first:
            return self.first[param_name]
        return self._inner.sample_independent(study, trial, param_name, param_distribution)

    def after_trial(
        self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None
    ) -> None:
        """Leave the trial to the estimators."""
        self._inner.after_trial(study, trial, state, values)


def _estimators(seed: int) -> TPESampler:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        # Settings that only some trials have are drawn together with those of their kind.
        return TPESampler(seed=seed, n_startup_trials=STARTS, multivariate=True, group=True)


@dataclass(frozen=True)
class Place:
    """Where a study is.

    Attributes:
        storage: As ``open_storage`` takes it.
        name: Of the study, since a storage holds many.
        seed: Of the search.
    """

    storage: str
    name: str
    seed: int = 0


def open_study(task: Task, storage: BaseStorage, place: Place) -> Study:
    """Return the study of a task, made if there is none of that name.

    Raises:
        InputError: If the study of that name is of something else.
    """
    signs = task.signs
    study = optuna.create_study(
        storage=storage,
        study_name=place.name,
        load_if_exists=True,
        sampler=ByTrial(place.seed, task.space.usual()),
        pruner=SpreadPruner(),
        directions=["maximize" if sign > 0 else "minimize" for sign in signs],
    )
    found = study.user_attrs.get(IDENTITY)
    if found is None and study.get_trials(deepcopy=False):
        raise InputError(f"the study '{place.name}' was not made by moldiff: give another --study name")
    if found is None:
        study.set_user_attr(IDENTITY, task.identity)
    else:
        check_identity(found, task, place.name)
    return study


def check_identity(found: dict[str, Any], task: Task, name: str) -> None:
    """Refuse a study of something else.

    Raises:
        InputError: Naming the first thing that differs.
    """
    for key, mine in task.identity.items():
        theirs = found.get(key)
        if theirs == mine:
            continue
        if isinstance(mine, dict) and isinstance(theirs, dict):
            inner = next(entry for entry in {**mine, **theirs} if mine.get(entry) != theirs.get(entry))
            key, mine, theirs = f"{key} ({inner})", mine.get(inner), theirs.get(inner)
        raise InputError(
            f"the study '{name}' has another {key}: {_text(theirs)} there, {_text(mine)} here; give another "
            "--study name, or the same again"
        )


def _text(value: Any) -> str:
    return "none" if value is None else json.dumps(value, ensure_ascii=False)


def me() -> str:
    """Return what tells this process from others, on this machine and elsewhere."""
    return f"{_machine()} {os.getpid()}"


def _machine() -> str:
    return f"{socket.gethostname()}-{uuid.getnode():x}"


def under_way(study: Study, storage: BaseStorage) -> list[FrozenTrial]:
    """Return the trials that somebody draws, as far as one can know."""
    beats = isinstance(storage, RDBStorage)
    running = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    return [trial for trial in running if _alive(trial, elsewhere=beats)]


def _alive(trial: FrozenTrial, *, elsewhere: bool) -> bool:
    """Tell whether the process of a trial is there; on another machine that is what ``elsewhere`` says."""
    machine, _, process = trial.user_attrs.get(WORKER, "").rpartition(" ")
    if not machine:
        return (
            False  # begun a moment ago, or left in that moment: better a trial too many than a wait for none
        )
    if machine != _machine():
        return elsewhere
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def free_the_dead(study: Study) -> None:
    """Have the trials begun again whose process on this machine has died."""
    for trial in study.get_trials(states=(TrialState.RUNNING,)):
        here = trial.user_attrs.get(WORKER, "").startswith(f"{_machine()} ")
        if here and not _alive(trial, elsewhere=True):
            with suppress(optuna.exceptions.UpdateFinishedTrialError, ValueError):
                study.tell(trial.number, state=TrialState.FAIL)
                retry()(study, trial)


def begin_again(study: Study) -> None:
    """Have the trial begun again that this process was stopped in."""
    mine = [trial for trial in study.get_trials() if trial.user_attrs.get(WORKER) == me()]
    if mine and mine[-1].state == TrialState.FAIL:
        retry()(study, mine[-1])


def finished(study: Study) -> list[FrozenTrial]:
    """Return the trials that are done, given up ones included."""
    return study.get_trials(deepcopy=False, states=FINISHED)


def feasible(trials: Iterable[FrozenTrial]) -> list[FrozenTrial]:
    """Return the trials that were drawn in full and keep every limit."""
    return [
        trial
        for trial in trials
        if trial.state == TrialState.COMPLETE and all(value <= 0 for value in trial.constraints.values())
    ]

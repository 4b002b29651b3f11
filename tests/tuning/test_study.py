import os

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState
from tuning_checks import SERVING, make_search, make_task

from moldiff.errors import InputError
from moldiff.sweep.problem import Problem
from moldiff.tuning.objectives import Limit
from moldiff.tuning.space import Space
from moldiff.tuning.storage import open_storage
from moldiff.tuning.study import STARTS, WORKER, ByTrial, Place, free_the_dead, me, open_study, under_way
from moldiff.tuning.task import Task


@pytest.fixture
def place(tmp_path):
    return Place(f"sqlite:///{tmp_path / 'study.db'}", "rings")


def opened(task, place):
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = open_storage(place.storage)
    return open_study(task, storage, place), storage


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"table": {"gamma": [1, 4]}}, r"another space \(gamma\): .*6.0.* there, .*4.0.* here"),
        ({"table": {"steps": [32, 64]}}, r"another space \(steps\)"),
        ({"n": 50}, "another n: 100 there, 50 here"),
        ({"seeds": (0, 1)}, r"another seeds: \[0, 1, 2\] there, \[0, 1\] here"),
        ({"objectives": ("hit_rate",)}, "another objectives"),
        ({"objectives": ("novel_hits", "nfe")}, "another objectives"),
        ({"limits": (Limit.parse("nfe<=40"),)}, "another limits"),
        ({"digest": "abd"}, "another model"),
    ],
)
def test_a_study_of_something_else_is_refused(place, change, message):
    study, _ = opened(make_task(), place)
    study.ask()
    with pytest.raises(InputError, match=f"the study 'rings' has {message}.*give another --study name"):
        opened(make_task(**change), place)
    assert len(study.get_trials()) == 1
    opened(make_task(), place)
    opened(make_task(**change), Place(place.storage, "other"))


def test_other_goals_are_something_else(place):
    opened(make_task(), place)
    with pytest.raises(InputError, match=r"another problem \(name\)"):
        opened(Task(Problem("x", ("rings>=3",)), "qm9", Space.of(SERVING), n=100, digest="abc"), place)


def test_a_study_of_somebody_else_is_refused(place):
    storage = open_storage(place.storage)
    optuna.create_study(storage=storage, study_name="rings", direction="maximize").ask()
    with pytest.raises(InputError, match="the study 'rings' was not made by moldiff"):
        opened(make_task(), place)


def test_the_defaults_come_first_and_once(place):
    space = make_task().space
    first, second = (space.settings(opened(make_task(), place)[0].ask()) for _ in range(2))
    assert {name: first[name] for name in ("gamma", "temperature", "steps")} == {
        "gamma": 2.0,
        "temperature": 0.85,
        "steps": 64,
    }
    assert (second["gamma"], second["temperature"]) != (2.0, 0.85)


def test_no_trial_waits_for_two_workers_to_take_it_up(place):
    study, _ = opened(make_task(), place)
    assert study.get_trials(states=(TrialState.WAITING,)) == []


def test_what_a_trial_tries_is_told_by_seed_and_number(tmp_path):
    def tries(folder, parts, seed=0):
        for trials in parts:
            study = make_search(
                tmp_path, trials=trials, seed=seed, storage=f"journal:{tmp_path / folder}"
            ).run()
        return [trial.params for trial in study.trials]

    whole = tries("whole", [20])
    assert tries("parts", [3, 17, 20]) == whole
    assert tries("other", [3], seed=1)[1:] != whole[1:3]


def test_a_trial_whose_process_died_is_begun_again(place):
    study, storage = opened(make_task(), place)
    trial = study.ask()
    trial.suggest_float("gamma", 0, 6, step=0.25)
    machine = me().rpartition(" ")[0]
    ended = os.fork()
    if not ended:
        os._exit(0)
    os.waitpid(ended, 0)
    trial.set_user_attr(WORKER, f"{machine} {ended}")
    assert under_way(study, storage) == []
    free_the_dead(study)
    first, again = study.get_trials()
    assert (first.state, again.state) == (TrialState.FAIL, TrialState.WAITING)
    assert again.params == first.params


def test_trials_of_the_living_are_left_alone(place, tmp_path):
    study, storage = opened(make_task(), place)
    for worker in (me(), "another-machine 123"):
        study.ask().set_user_attr(WORKER, worker)
    free_the_dead(study)
    assert [trial.state for trial in study.get_trials()] == [TrialState.RUNNING] * 2
    assert len(under_way(study, storage)) == 2
    # A journal has no signs of life: what another machine began may be gone, and is not waited for.
    study, storage = opened(make_task(), Place(f"journal:{tmp_path}/study", "rings"))
    study.ask().set_user_attr(WORKER, "another-machine 123")
    assert under_way(study, storage) == []


def test_databases_have_signs_of_life(place):
    _, storage = opened(make_task(), place)
    assert storage._backend.heartbeat_interval if hasattr(storage, "_backend") else storage.heartbeat_interval


def test_the_estimators_learn():
    optuna.logging.set_verbosity(optuna.logging.WARNING)

    def middle(sampler):
        study = optuna.create_study(sampler=sampler)
        study.optimize(lambda trial: abs(trial.suggest_float("x", 0, 1) - 0.3), n_trials=40)
        return np.median([trial.value for trial in study.trials[STARTS:]])

    assert middle(ByTrial(0)) < 0.5 * middle(optuna.samplers.RandomSampler(seed=0))

import multiprocessing
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from optuna.trial import TrialState
from tuning_checks import Stuck, Together, fails, made_up, make_search, make_task

from moldiff.errors import InputError, RunError
from moldiff.sweep.arm import Arm
from moldiff.sweep.measuring import Cell
from moldiff.tuning import searching
from moldiff.tuning.objectives import Limit
from moldiff.tuning.study import WORKER, feasible, finished
from moldiff.tuning.trying import FIGURES, SETTINGS
from moldiff.tuning.winner import best

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))  # noqa: PTH100, PTH120


def truth(settings):
    """Return the mean of many seeds."""
    task = make_task()
    cells = [Cell(Arm("rings", "qm9", settings), task.problem, seed, 100) for seed in range(50)]
    return np.mean([made_up(cell)["novel_hits"] for cell in cells])


# These keep their studies in journals, which are quick.
def test_a_search_finds_better_settings_than_the_defaults(tmp_path):
    study = make_search(tmp_path, trials=50, storage=f"journal:{tmp_path}/study").run()
    winner = best(make_task(), finished(study))
    default = study.trials[0].user_attrs[SETTINGS]
    assert truth(default) < 60
    # The top is 90; half of what random settings give lies below 50.
    assert truth(winner.user_attrs[SETTINGS]) > 84
    assert 3.0 <= winner.params["gamma"] <= 5.0
    pruned = [trial for trial in study.trials if trial.state == TrialState.PRUNED]
    assert 10 <= len(pruned) < 45
    assert all(len(trial.user_attrs[FIGURES]["nfe"]) < 3 for trial in pruned)


def test_limits_are_honoured(tmp_path):
    task = make_task({"sampler": "ancestral"}, limits=(Limit.parse("novelty>=0.75"), Limit.parse("nfe<=40")))
    study = make_search(tmp_path, task, trials=40, storage=f"journal:{tmp_path}/study").run()
    settings = best(task, finished(study)).user_attrs[SETTINGS]
    assert settings["steps"] <= 32
    assert 2.0 <= settings["gamma"] <= 2.5
    assert len(feasible(study.trials)) < len(finished(study))


def test_a_front_of_two(tmp_path):
    task = make_task(
        {"sampler": "ancestral", "temperature": 0.6, "steps": 32}, objectives=("novel_hits", "novelty")
    )
    study = make_search(tmp_path, task, trials=25, storage=f"journal:{tmp_path}/study").run()
    assert all(trial.state == TrialState.COMPLETE for trial in study.trials)
    assert best(task, finished(study)).values[0] == max(trial.values[0] for trial in study.trials)


def test_trials_are_those_of_the_study(tmp_path):
    seen = []
    make_search(tmp_path, trials=3).run(watch=lambda study: seen.append(len(finished(study))))
    study = make_search(tmp_path, trials=5).run()
    assert seen == [0, 1, 2, 3]
    assert len(study.trials) == 5
    assert len(make_search(tmp_path, trials=4, measure=fails).run().trials) == 5


def test_ctrl_c_keeps_what_is_finished(tmp_path):
    def interrupted(cell):
        if cell.seed == 1 and len(list(tmp_path.glob("*.seen"))) == 2:
            raise KeyboardInterrupt
        if cell.seed == 1:
            (tmp_path / f"{time.monotonic_ns()}.seen").touch()
        return made_up(cell)

    with pytest.raises(KeyboardInterrupt):
        make_search(tmp_path, trials=5, measure=interrupted).run()
    study = make_search(tmp_path, trials=5).run()
    assert len(finished(study)) == 5
    (stopped,) = [trial for trial in study.trials if trial.state == TrialState.FAIL]
    again = study.trials[stopped.number + 1]
    assert again.params == stopped.params


KILLED = """
import sys
sys.path[:0] = {paths!r}
from tuning_checks import Stuck, make_search
make_search({folder!r}, trials=6, measure=Stuck({folder!r}, 7)).run()
"""


def test_a_killed_search_goes_on(tmp_path):
    folder = str(tmp_path)
    words = KILLED.format(paths=[f"{ROOT}/tests", ROOT], folder=folder)
    process = subprocess.Popen([sys.executable, "-c", words])
    until = time.monotonic() + 300
    while not (tmp_path / "stuck").exists() and time.monotonic() < until and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    study = make_search(tmp_path, trials=6).run()
    states = [trial.state for trial in study.trials]
    assert states.count(TrialState.COMPLETE) == 6
    assert states.count(TrialState.FAIL) == 1
    assert study.trials[2].state == TrialState.FAIL
    (again,) = [trial for trial in study.trials[3:] if trial.params == study.trials[2].params]
    assert again.state == TrialState.COMPLETE


@pytest.fixture
def forked(monkeypatch):
    """Workers that begin at once, with all modules of the tests."""
    monkeypatch.setattr(searching, "CONTEXT", multiprocessing.get_context("fork"))


def test_workers_are_processes_of_their_own(tmp_path):
    study = make_search(tmp_path, trials=3, measure=Together(tmp_path)).run(workers=2)
    assert len({trial.user_attrs[WORKER] for trial in study.trials}) == 2


@pytest.mark.usefixtures("forked")
def test_two_workers_share_a_study(tmp_path, storage):
    search = make_search(tmp_path, trials=6, storage=storage, measure=Together(tmp_path), name="together")
    study = search.run(workers=2)
    assert 6 <= len(finished(study)) <= 7  # each may begin one while the other begins the last
    assert len({trial.user_attrs[WORKER] for trial in study.trials}) == 2
    tried = [tuple(sorted(trial.params.items())) for trial in study.trials]
    assert len({*tried}) == len(tried)
    # Somebody else's process sees the same study.
    assert len(make_search(tmp_path, trials=3, storage=storage, name="together").run().trials) == len(tried)


@pytest.mark.usefixtures("forked")
def test_what_goes_wrong_in_a_worker_is_told(tmp_path):
    with pytest.raises(RunError, match="a worker process failed: ValueError: no such operator"):
        make_search(tmp_path, trials=3, measure=fails).run(workers=2)


@pytest.mark.usefixtures("forked")
def test_a_worker_that_is_killed_is_told(tmp_path):
    def kill(study):
        for trial in study.get_trials(states=(TrialState.RUNNING,)):
            if WORKER in trial.user_attrs:
                os.kill(int(trial.user_attrs[WORKER].split()[-1]), signal.SIGKILL)

    search = make_search(tmp_path, trials=3, measure=Stuck(tmp_path, 0))
    with pytest.raises(RunError, match=r"ended early \(exit status -9\): .*finished trials are kept"):
        search.run(workers=2, watch=kill)
    study = make_search(tmp_path, trials=3).run()
    assert len(finished(study)) == 3


@pytest.mark.parametrize(("trials", "workers"), [(0, 1), (1, 0)])
def test_no_trials_or_workers(tmp_path, trials, workers):
    with pytest.raises(InputError, match="at least one trial and worker"):
        make_search(tmp_path, trials=trials).run(workers=workers)


@pytest.mark.usefixtures("forked")
def test_ctrl_c_ends_the_workers(tmp_path):
    def stop(study):
        if any(WORKER in trial.user_attrs for trial in study.get_trials(states=(TrialState.RUNNING,))):
            raise KeyboardInterrupt

    before = multiprocessing.active_children()  # other tests may have left a pool that waits for more
    with pytest.raises(KeyboardInterrupt):
        make_search(tmp_path, trials=3, measure=Stuck(tmp_path, 0)).run(workers=2, watch=stop)
    assert not set(multiprocessing.active_children()) - set(before)
    study = make_search(tmp_path, trials=3).run()
    assert len(finished(study)) == 3
    assert any(trial.state == TrialState.FAIL for trial in study.trials)

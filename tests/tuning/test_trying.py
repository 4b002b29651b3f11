import optuna
import pytest
from tuning_checks import made_up, make_task, nothing

from moldiff.tuning.objectives import Limit
from moldiff.tuning.study import WORKER, feasible, me
from moldiff.tuning.trying import FIGURES, KNOWN, SETTINGS, Trying

FIXED = {"gamma": 4, "canvas_gamma": 2, "temperature": 0.6, "sampler": "ancestral", "steps": 32}


def tried(task, measure=made_up):
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(directions=["maximize" if sign > 0 else "minimize" for sign in task.signs])
    study.optimize(Trying(task, measure), n_trials=1)
    return study.trials[0]


def test_a_trial_keeps_settings_figures_and_who_drew_it():
    trial = tried(make_task(FIXED))
    assert trial.user_attrs[SETTINGS] == FIXED
    assert trial.user_attrs[WORKER] == me()
    hits = trial.user_attrs[FIGURES]["novel_hits"]
    assert trial.value == pytest.approx(sum(hits) / 3)
    assert [*trial.intermediate_values.values()] == hits


def test_limits_are_told():
    task = make_task(FIXED, limits=(Limit.parse("novelty>=0.75"), Limit.parse("nfe<=40")))
    trial = tried(task)
    assert trial.constraints == pytest.approx({"novelty>=0.75": 0.2, "nfe<=40": -0.2, KNOWN: -1.0})
    assert feasible([trial]) == []


def test_several_objectives():
    trial = tried(make_task(FIXED, objectives=("novelty", "nfe")))
    assert trial.values == pytest.approx([0.6, 32.0])
    assert feasible([trial]) == [trial]


@pytest.mark.parametrize("objectives", [("error_novel",), ("nfe", "mean_novel")])
def test_settings_that_leave_nothing_to_be_measured_cannot_win(objectives):
    trial = tried(make_task(FIXED, objectives=objectives), nothing)
    assert trial.state == optuna.trial.TrialState.COMPLETE
    assert trial.constraints[KNOWN] > 0
    assert feasible([trial]) == []

import optuna
import pytest

from moldiff.tuning.pruner import LEAST, SpreadPruner


@pytest.fixture
def study():
    def make(direction="maximize", *, first=0.0, **constraint):
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        made = optuna.create_study(direction=direction, pruner=SpreadPruner())
        for number in range(LEAST):
            trial, middle = made.ask(), 50.0 + (first if number == 0 else 0.0)
            for step, away in enumerate((-1.0, 0.0, 1.0)):
                trial.report(middle + away, step)
            trial.set_constraint("limit", constraint.get("limit", -1.0) if number == 0 else -1.0)
            made.tell(trial, middle)
        return made

    return make


def given_up(study, *values):
    trial = study.ask()
    for step, value in enumerate(values):
        trial.report(value, step)
    return trial.should_prune()


def test_only_what_seeds_do_not_explain_is_given_up(study):
    # s = 1: after one seed the standard error is sqrt(1 + 1/3), 1.155, after two sqrt(1/2 + 1/3), 0.913.
    made = study()
    assert [given_up(made, value) for value in (47.5, 47.8, 55.0)] == [True, False, False]
    assert [given_up(made, 48.1, value) for value in (48.1, 48.3)] == [True, False]


def test_less_may_be_better(study):
    made = study("minimize")
    assert [given_up(made, value) for value in (53.0, 45.0)] == [True, False]


def test_the_best_that_breaks_a_limit_is_no_measure(study):
    assert given_up(study(first=20.0), 51.0)
    assert not given_up(study(first=20.0, limit=1.0), 51.0)


def test_few_trials_say_nothing(study):
    made = study()
    few = optuna.create_study(direction="maximize", pruner=SpreadPruner())
    few.add_trials(made.trials[:-1])
    assert not given_up(few, 0.0)
    assert given_up(made, 0.0)

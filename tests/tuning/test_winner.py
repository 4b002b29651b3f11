import optuna
import pytest
from tuning_checks import make_task

from moldiff.errors import InputError, RunError
from moldiff.presets import write_preset
from moldiff.sweep.arm import Arm
from moldiff.tuning.objectives import Limit
from moldiff.tuning.winner import arm_settings, best, front, read_settings


def finished(*values, excess=-1.0, state=optuna.trial.TrialState.COMPLETE):
    given = {"values": values} if state == optuna.trial.TrialState.COMPLETE else {}
    return optuna.create_trial(state=state, system_attrs={"constraints:limit": excess}, **given)


def test_the_best_is_within_the_limits():
    task = make_task()
    trials = [finished(3.0), finished(9.0, excess=0.1), finished(5.0), finished(4.0)]
    assert best(task, trials).values == [5.0]
    assert [trial.values for trial in front(task, trials)] == [[5.0]]
    assert best(make_task(objectives=("nfe",)), trials).values == [3.0]


def test_of_a_front_the_first_objective_decides():
    task = make_task(objectives=("novel_hits", "nfe"))
    trials = [finished(5.0, 40.0), finished(3.0, 10.0), finished(5.0, 20.0), finished(2.0, 30.0)]
    assert [trial.values for trial in front(task, trials)] == [[5.0, 20.0], [3.0, 10.0]]


def test_trials_that_were_given_up_do_not_win():
    pruned = finished(state=optuna.trial.TrialState.PRUNED)
    assert front(make_task(), [pruned]) == []


def test_no_winner_says_what_was_asked():
    task = make_task(limits=(Limit.parse("novelty>=0.95"),))
    with pytest.raises(RunError, match=r"none of 2 finished trials keeps novelty>=0.95: loosen"):
        best(task, [finished(3.0, excess=0.1), finished(9.0, excess=0.2)])


def test_a_preset_is_the_arm_that_it_was_written_from(tmp_path):
    settings = {
        "method": "cbg-topk",
        "gamma": 1.5,
        "gamma_classifier": 3.0,
        "steps": 32,
        "sampler": "cap:eta=3/T,unit=token",
    }
    arm = Arm("rings", "qm9", settings)
    write_preset(tmp_path / "preset.toml", arm.keywords, about="two\nlines")
    again = Arm("rings", "qm9", read_settings(tmp_path / "preset.toml"))
    assert again.keywords == arm.keywords


def test_knobs_without_their_sampler(tmp_path):
    path = tmp_path / "preset.toml"
    path.write_text("[knobs]\neta = 0.1\n")
    with pytest.raises(InputError, match=r"preset .*preset.toml: a preset with \[knobs\] has to name"):
        read_settings(path)
    assert arm_settings({}) == {}

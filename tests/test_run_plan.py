"""Plans of runs: what serves the goals, what it is set to, and what is refused before anything is drawn."""

import math
import os
import shutil
import time

import numpy as np
import pytest
import torch

from moldiff.chem.properties import measure
from moldiff.errors import InputError, RunError
from moldiff.generator import MoleculeGenerator
from moldiff.guidance import ClassifierBased, ClassifierFree, FirstOrder, Metropolis, Particles, Substitution
from moldiff.models.checkpoint import read_json, write_json
from moldiff.models.predictor import NoisyPredictor
from moldiff.models.predictor_folder import SavedPredictor, load_predictor, save_predictor
from moldiff.run_plan import LEAST_CALLS, PILOT, PILOT_INDEX
from moldiff.steering import SteeredProposer

FAST = {"steps": 4, "chunk": 16}
CALLS = {"oracle_calls": 64}


@pytest.fixture(scope="module")
def generator(tiny_model):
    return MoleculeGenerator.from_pretrained(tiny_model, device="cpu", precision="fp32")


@pytest.fixture
def plan(generator, tiny_predictor):
    """Return a plan on the tiny model, with its predictor."""
    made = []

    def call(*goals, n=4, **settings):
        made.append(generator.plan(n, goals, **{"predictor": tiny_predictor, **FAST, **settings}))
        return made[-1]

    yield call
    for each in made:
        each.close()


def lengths(smiles):
    return [float(len(text)) for text in smiles]


# Conditions and predictors


def asked(plan):
    """The conditions of a molecule."""
    return plan.targets.draw(1, torch.Generator().manual_seed(0))[0]


def test_conditions_are_asked_for_with_gamma_2(plan):
    made = plan("rings>=2", "mu=2")
    assert type(made.proposer.guidance) is ClassifierFree
    assert made.proposer.gamma == made.proposer.guidance.gamma == 2.0
    assert asked(made).isnan().tolist() == [True, False, False]
    assert made.proposer.tilt is None


def test_a_predictor_alone_leaves_the_conditions_out(plan):
    made = plan("rings>=2", method="cbg")
    guidance = made.proposer.guidance
    assert type(guidance) is ClassifierBased
    assert (guidance.gamma, guidance.base.gamma, made.proposer.gamma) == (1.0, 0.0, 0.0)
    assert bool(asked(made).isnan().all())
    goal = guidance.evidence.goal
    assert made.predictor.properties == ["logP", "rings", "mu", "gap"]
    assert [low for low in goal.low.tolist() if not math.isnan(low)] == [2.0]
    assert goal.high[1] == math.inf
    assert made.proposer.tilt.shape == made.proposer.canvas.sizes.shape


def test_a_given_gamma_asks_for_conditions_as_well_as_the_predictor(plan):
    made = plan(
        "rings>=2", "max gap", method="cbg-topk", gamma=1.5, method_knobs={"gamma_classifier": 3, "k": 2}
    )
    guidance = made.proposer.guidance
    assert (guidance.gamma, guidance.base.gamma, made.proposer.gamma) == (3, 1.5, 1.5)
    assert guidance.evidence.k == 2
    # The model does not know the gap.
    assert asked(made).isnan().tolist() == [True, False, True]
    assert (~guidance.evidence.goal.low.isnan()).tolist() == [False, True, False, True]
    assert [str(goal) for goal in made.targets.goals] == ["rings>=2", "max gap"]


def test_a_gamma_of_0_asks_for_no_condition(plan):
    assert bool(asked(plan("rings>=2", method="cbg", gamma=0.0)).isnan().all())


def test_what_a_predictor_leaves_to_the_conditions_has_gamma_2(plan, generator, tiny_predictor):
    made = plan("max gap", "rings>=2")
    assert (made.proposer.guidance.base.gamma, made.proposer.gamma) == (2.0, 2.0)
    assert asked(made).isnan().tolist() == [True, False, True]
    assert type(plan("max gap", method="cbg-first-order").proposer.guidance.evidence) is FirstOrder


def test_the_predictors_goals_are_those_of_its_training(plan):
    made = plan("max gap", "mu=2", method="cbg")
    low, high = (
        bound.tolist()
        for bound in (made.proposer.guidance.evidence.goal.low, made.proposer.guidance.evidence.goal.high)
    )
    statistics = made.predictor.statistics
    assert (low[3], high[3]) == (statistics["gap"].quantiles["0.95"], math.inf)
    assert (low[2], high[2]) == (2 - 0.25 * statistics["mu"].std, 2 + 0.25 * statistics["mu"].std)
    assert type(made.proposer.guidance.evidence) is Substitution
    assert made.chemistry.others["gap"] == statistics["gap"]


def test_goals_that_no_training_molecule_meets_are_told(plan):
    strange, usual = plan("gap>=9", "rings>=30"), plan("max gap", "rings>=1")
    assert strange.targets.notes[0].startswith("rings>=30 lies outside the training values of rings, 0 to ")
    assert any(
        note.startswith("gap>=9 lies outside the training values of gap, ") for note in strange.targets.notes
    )
    assert sum("outside" in note for note in strange.targets.notes) == 2
    assert usual.targets.notes == []
    assert plan("TPSA>=900", **CALLS).targets.notes == []  # what was scored first is no training


def test_without_classifier_guidance_canvases_are_as_they_are(plan):
    assert plan("max gap", method_knobs={"gamma_classifier": 0.0}).proposer.tilt is None


def test_the_predictor_is_in_the_record_and_not_the_plans_own(plan, generator):
    made = plan("max gap")
    assert made.record["predictor"] == "tiny"
    assert made.record["served"] == [
        "max gap: guided by a predictor (cbg-topk): the model was not trained on it"
    ]
    assert plan("rings=1", predictor=None).record["predictor"] is None
    assert made.proposer.guidance.evidence.goal.predictor is not made.predictor.saved.network
    assert generator.loaded_.predictor is None


# Steering


def test_the_first_sample_is_not_steered_and_takes_an_eighth_of_the_calls(plan):
    made = plan("max QED", "rings>=1", method="particles", **CALLS)
    assert type(made.proposer) is SteeredProposer
    pilot, oracle = made.proposer.pilot, made.oracles["QED"]
    assert len(pilot.ids) == 8
    assert set(oracle.scores) == set(made.chemistry.tokenizer.decode(pilot.ids)) - {""}
    assert made.proposer(0) is pilot
    plain = plan("rings>=1", method="particles", **CALLS).proposer
    assert isinstance(plain.selection, Particles)
    assert made.record["pilot"] == 8
    big = plan("max QED", method="best-of", oracle_calls=10**6)
    assert len(big.proposer.pilot.ids) == PILOT
    assert plan("max QED", n=2, method="best-of").calls == 1000
    assert plan("max QED", n=300, method="best-of").calls == 3000
    assert PILOT_INDEX >= 10**9


def test_scores_count_in_the_spread_of_the_first_sample(plan):
    made = plan("2*max QED", **CALLS)
    values = np.array(list(made.oracles["QED"].scores.values()))
    entry = made.chemistry.others["QED"]
    pilot = made.oracles["QED"](made.chemistry.tokenizer.decode(made.proposer.pilot.ids))
    assert entry.std == pytest.approx(pilot.std())
    (goal,) = made.targets.goals
    assert goal.threshold == pytest.approx(np.quantile(pilot, 0.95))
    ids = torch.from_numpy(made.proposer.pilot.ids.astype(np.int64))
    own = measure(made.chemistry.tokenizer.decode(ids.numpy()), ["QED"])["QED"]
    np.testing.assert_allclose(made.proposer.shown.score(ids), 2 * own / entry.std)
    assert len(values) == made.oracles["QED"].calls
    assert isinstance(made.proposer.selection, Metropolis)
    assert not made.used_up


def test_what_the_model_knows_counts_in_the_spread_of_its_training(plan, generator):
    made = plan("max logP", method="best-of", **CALLS)
    entry = generator.statistics_["logP"]
    assert made.targets.goals[0].threshold == entry.quantiles["0.95"]
    assert made.chemistry.others == {}
    ids = torch.from_numpy(made.proposer.pilot.ids.astype(np.int64))
    own = measure(made.chemistry.tokenizer.decode(ids.numpy()), ["logP"])["logP"]
    np.testing.assert_allclose(made.proposer.shown.score(ids), own / entry.std)


def test_the_budget_is_each_scorers_own(plan):
    made = plan(
        "max QED",
        "min SA",
        "contains>=1",
        method="best-of",
        scorers={"contains": lengths},
        oracle={"workers": 0},
        **CALLS,
    )
    assert {name: oracle.oracle_calls for name, oracle in made.oracles.items()} == dict.fromkeys(
        ["QED", "SA", "contains"], 64
    )
    assert len({tuple(oracle.scores) for oracle in made.oracles.values()}) == 1
    assert made.record["scorers"]["QED"] == {"scorer": "QED", "content": None}
    assert made.record["scorers"]["contains"]["content"]


def test_asked_are_the_molecules_that_count(plan):
    made = plan("max size", scorers={"size": lengths}, oracle={"workers": 0, "cache": False}, oracle_calls=16)
    ids = torch.from_numpy(made.proposer.pilot.ids.astype(np.int64))
    strange = torch.full_like(ids, int(ids.max()))
    assert made.asked(strange).all()  # while there are calls left
    made.oracles["size"]([f"{'C' * n}O" for n in range(1, 20)])
    assert made.used_up
    assert made.asked(ids).tolist() == [True, True]
    assert not made.asked(strange).any()


# What is refused, and what is left behind then


@pytest.mark.parametrize(
    ("goals", "settings", "message"),
    [
        (["max QED", "min QED"], {}, "two goals on 'QED'"),
        (["max QED"], {"oracle_calls": 0}, f"oracle_calls must be at least {LEAST_CALLS}.*got 0"),
        (["max QED"], {"oracle_calls": LEAST_CALLS - 1}, "oracle_calls must be at least 16.*got 15"),
        (["max QED"], {"oracle_calls": -1}, "oracle_calls must be at least"),
        (["max QED"], {"oracle_calls": 99.5}, "oracle_calls must be a whole number"),
        (["max QED"], {"oracle_calls": 10**12}, "oracle_calls must be a whole number"),
        (["max QED"], {"oracle": {"wrokers": 2}}, "unknown oracle setting 'wrokers': did you mean 'workers'"),
        (["max QED"], {"oracle": {"oracle_calls": 2}}, "unknown oracle setting 'oracle_calls'"),
        (["max size"], {"oracle": {"workers": -1}}, "workers must be a whole number from 0"),
        (["max size"], {"oracle": {"batch": 0}}, "batch must be"),
        (["max size"], {"oracle": {"timeout": math.nan}}, "timeout must be"),
        (["max size"], {"oracle": {"timeout": "long"}}, "timeout must be"),
        (["max size"], {"oracle": {"cache": 5}}, "cache must be true, false or the name of a folder, got 5"),
        (["size=high"], {}, "goal 'size=high': a scorer gives numbers"),
        (["max QED"], {"method": "particles", "method_knobs": {"n": 1}}, "n must be at least 2, got 1"),
        (["max QED"], {"method": "particles", "method_knobs": {"n": 2.5}}, "n must be a whole number"),
        (["max QED"], {"method_knobs": {"strength": -1}}, "strength must be a finite number of at least 0"),
        (["max QED"], {"method_knobs": {"strength": math.nan}}, "strength must be a finite number"),
        (["max QED"], {"method_knobs": {"strength": "x"}}, "strength must be a number"),
        (["max QED"], {"method_knobs": {"moves": 0}}, "moves must be at least 1"),
        (
            ["max QED"],
            {"method_knobs": {"strenth": 1}},
            "unknown method knob 'strenth': did you mean 'strength'",
        ),
        (["max gap"], {"method_knobs": {"k": 0}}, "k must be a whole number of at least 1, got 0"),
        (["max gap"], {"method_knobs": {"k": 1000}}, "k must be at most 30, the number of tokens, got 1000"),
        (["max gap"], {"method_knobs": {"gamma_classifier": -1}}, "gamma_classifier must be a finite number"),
        (["max gap"], {"method_knobs": {"gamma_classifier": math.nan}}, "gamma_classifier must be a finite"),
        (["max gap"], {"method_knobs": {"gamma_classifier": math.inf}}, "gamma_classifier must be a finite"),
        (["max gap"], {"method_knobs": {"strength": 1}}, "unknown method knob 'strength'"),
        (["max gap"], {"gamma": -1}, "gamma must be a number from 0"),
        (["max gap"], {"gamma": math.nan}, "gamma must be a number from 0"),
        (["max QED"], {"sampler": "lop"}, "unknown sampler 'lop'"),
        (["max size"], {"steps": 0}, "steps must be"),
        (["max size"], {"reach": 2}, "reach must be a quantile"),
        (["max score"], {"scorers": {"score": lengths}}, "'score' is a column of every result"),
        (
            ["max rings"],
            {"scorers": {"rings": lengths}},
            "'rings' is a property that is known without a scorer",
        ),
        (["max gap"], {"scorers": {"gap": lengths}}, "'gap' is a property that is known without a scorer"),
        (["max QED"], {"scorers": {"QED": lengths}}, "'QED' is a property that is known without a scorer"),
        (["max size"], {"oraclecalls": 20}, "unknown setting 'oraclecalls': did you mean 'oracle_calls'"),
    ],
)
def test_what_is_refused(plan, processes, goals, settings, message):
    scorers = {"scorers": {"size": lengths}} if any("size" in goal for goal in goals) else {}
    with pytest.raises(InputError, match=message):
        plan(*goals, **{**scorers, **settings})
    assert all(process.poll() is not None for process in processes)


def test_nothing_is_scored_for_a_setting_that_will_not_do(plan):
    """So that a mistake costs no calls of a scorer that takes minutes."""
    asked = []

    def scorer(smiles):
        asked.extend(smiles)
        return lengths(smiles)

    late = {"scorers": {"mine": scorer}, "oracle": {"workers": 0}}
    for settings in (
        {"method_knobs": {"strength": -1}},
        {"method": "particles", "method_knobs": {"n": 1}},
        {"sampler": "lop"},
        {"oracle_calls": 2},
        {"workers": 2},
    ):
        with pytest.raises(InputError):
            plan("max mine", **{**late, **settings})
    assert asked == []


def test_a_scorer_without_any_number_ends_the_plan(plan, processes, my_scores):
    message = "'my_scores:nothing' has no number for any of the first 8 molecules, such as .*gave None"
    with pytest.raises(RunError, match=message):
        plan("max my_scores:nothing", **CALLS)
    assert len(processes) == 1
    assert processes[0].poll() is not None


def test_numbers_without_end_are_refused(plan):
    scorers = {"mine": lambda smiles: [1e200 * len(text) for text in smiles]}
    with pytest.raises(RunError, match=r"'mine' gives numbers up to .*: expected at most 1e\+100"):
        plan("max mine", scorers=scorers, oracle={"workers": 0, "cache": False}, **CALLS)


@pytest.mark.parametrize("value", [0.0, 1e-200, 1e99])
def test_scores_that_are_all_alike_have_the_scale_1(plan, value):
    scorers = {"mine": lambda smiles: [value for _ in smiles]}
    made = plan("max mine", scorers=scorers, oracle={"workers": 0, "cache": False}, **CALLS)
    assert made.proposer.selection.strength > 0
    assert made.chemistry.others["mine"].scale > 0


def test_the_time_of_the_first_sample_counts(plan):
    def slow(smiles):
        time.sleep(0.2)
        return lengths(smiles)

    made = plan("max slow", scorers={"slow": slow}, oracle={"workers": 0, "cache": False}, **CALLS)
    assert made.seconds > 0.2
    assert made.spent == made.oracles["slow"].calls > 0
    assert (plan("rings=1").seconds, plan("rings=1").spent) == (0.0, 0)


def test_processes_end_when_the_first_sample_cannot_be_drawn(plan, processes, my_scores, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("moldiff.proposing.Proposer.__call__", interrupt)
    with pytest.raises(KeyboardInterrupt):
        plan("max my_scores:lengths")
    assert len(processes) == 1
    assert processes[0].poll() is not None


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ("absent:scorer", "no module 'absent'"),
        ("my_scores:length", "has no function 'length': did you mean 'lengths'"),
        ("my_scores:not_a_function", "not_a_function is no function but an object of type int"),
    ],
)
def test_processes_of_the_first_scorers_end_when_a_later_one_is_not_there(
    plan, processes, my_scores, other, message
):
    with pytest.raises(InputError, match=message):
        plan("max my_scores:lengths", f"max {other}")
    assert len(processes) == 2
    assert all(process.poll() is not None for process in processes)


def test_closing_a_plan_ends_its_processes(plan, processes, my_scores):
    made = plan("max my_scores:lengths", **CALLS)
    assert [process.poll() for process in processes] == [None]
    assert sorted(my_scores()) == sorted(made.oracles["my_scores:lengths"].scores)
    made.close()
    made.close()
    assert processes[0].poll() is not None


@pytest.fixture
def predictor_with(tiny_predictor, tmp_path):
    """Return a copy of the predictor with something else in a file."""

    def change(name, **entries):
        shutil.copytree(tiny_predictor, tmp_path / "other", ignore=shutil.ignore_patterns("training"))
        path = tmp_path / "other" / name
        write_json(path, {**read_json(path), **entries})
        return tmp_path / "other"

    return change


def test_a_predictor_of_another_vocabulary_is_refused(plan, predictor_with, tiny_predictor):
    tokens = read_json(tiny_predictor / "vocab.json")["tokens"]
    other = predictor_with("vocab.json", tokens=[*tokens[:-1], "[Br]"])
    with pytest.raises(InputError, match=r"another vocabulary.*moldiff train TABLE --predictor --for MODEL"):
        plan("rings>=1", method="cbg", predictor=other)


def test_a_predictor_of_another_kind_of_noise_is_refused(plan, tiny_predictor, tmp_path):
    saved = load_predictor(tiny_predictor)
    network = NoisyPredictor(len(saved.tokens), saved.network.laws, timed=True, **saved.config["network"])
    config = {**saved.config, "noise": "uniform"}
    shutil.copy(tiny_predictor / "properties.json", tmp_path)
    save_predictor(tmp_path, SavedPredictor(network, saved.codec, saved.tokens, config))
    with pytest.raises(InputError, match="trained on uniform noise, for models of the families udlm"):
        plan("rings>=1", predictor=tmp_path)


@pytest.mark.parametrize("what", ["a folder that is not there", "the model itself"])
def test_what_is_no_predictor(plan, tiny_model, tmp_path, what):
    folder = tiny_model if "model" in what else tmp_path / "absent"
    with pytest.raises(InputError, match="holds no predictor" if folder == tiny_model else "absent"):
        plan("rings>=1", predictor=folder)


def test_a_predictor_is_read_once_while_its_folder_stays_the_same(generator, tiny_predictor, tmp_path):
    folder = tmp_path / "predictor"
    shutil.copytree(tiny_predictor, folder)
    found = generator.loaded_.guide(folder)
    assert generator.loaded_.guide(str(folder)) is found
    os.utime(folder / "model.safetensors", ns=(1, 1))
    assert generator.loaded_.guide(folder) is not found
    (folder / "model.safetensors").unlink()
    with pytest.raises(InputError):
        generator.loaded_.guide(folder)

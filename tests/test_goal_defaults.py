"""How runs are drawn where nobody says otherwise: by what steers them, or by what they ask."""

import pytest

from moldiff import goal_defaults
from moldiff.chem.goals import Goal
from moldiff.generator import MoleculeGenerator
from moldiff.goal_defaults import run_defaults
from moldiff.guidance.selections import RUN_DEFAULTS, RunDefaults
from moldiff.sampling import Sampling

OWN = {
    "bound": RunDefaults(
        sampler="cap", knobs={"eta": 0.3}, steps=5, gamma=3.0, canvas_gamma=1.5, temperature=0.6
    ),
    "place": RunDefaults(gamma=4.0),
}


@pytest.fixture
def generator(tiny_model, monkeypatch):
    monkeypatch.setattr(goal_defaults, "GOAL_DEFAULTS", OWN)
    return MoleculeGenerator.from_pretrained(tiny_model, device="cpu", precision="fp32")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("logP=1.5", "place"),
        ("logP=1.5±0.2", "place"),
        ("toxic=yes", "place"),
        ("1<=logP<=2", "place"),
        ("rings>=4", "bound"),
        ("SA<4", "bound"),
        ("max QED", "extreme"),
        ("min SA", "extreme"),
    ],
)
def test_the_kind_of_a_goal(text, kind):
    assert Goal.parse(text).kind == kind


def test_a_kind_of_goal_is_drawn_in_its_own_way(generator):
    found = generator.plan(1, "rings>=2").proposer.settings
    expected = {"gamma": 3.0, "canvas_gamma": 1.5, "temperature": 0.6, "steps": 5, "sampler": "cap"}
    assert {name: found[name] for name in expected} == expected
    assert found["knobs"]["eta"] == 0.3
    found = generator.plan(1, "logP=1").proposer.settings
    family = generator.model_.family
    expected = {"gamma": 4.0, "canvas_gamma": 4.0, "temperature": RunDefaults().temperature}
    expected |= {"steps": family.steps, "sampler": family.sampler}
    assert {name: found[name] for name in expected} == expected


@pytest.mark.parametrize("goals", [(), ("rings>=2", "logP=1"), ("max QED",)])
def test_what_has_no_way_of_its_own_is_drawn_as_usual(generator, goals):
    found = generator.plan(1, goals).proposer.settings
    usual = RunDefaults()
    assert (found["gamma"], found["temperature"]) == (usual.gamma, usual.temperature)
    assert found["sampler"] == generator.model_.family.sampler


def test_what_is_given_goes_before(generator):
    given = {"gamma": 1.0, "temperature": 1.0, "sampler": "ancestral", "steps": 3}
    found = generator.plan(1, "rings>=2", **given).proposer.settings
    assert {name: found[name] for name in given} == given
    assert found["canvas_gamma"] == 1.0  # as the gamma that was given
    assert not found["knobs"]
    assert generator.plan(1, "rings>=2", knobs={"eta": 0.1}).proposer.settings["knobs"]["eta"] == 0.1


def test_settings_of_masked_models_under_conditions_are_for_these_alone():
    goals = [Goal.parse("rings>=2")]
    assert run_defaults(goals, masks=False) == RunDefaults()
    assert run_defaults(goals, guidance="cbg-topk") == RunDefaults()
    assert run_defaults(goals, selection="metropolis") == RUN_DEFAULTS["metropolis"]


def test_every_way_is_one_that_can_be_drawn():
    for entry in goal_defaults.GOAL_DEFAULTS.values():
        Sampling(
            gamma=entry.gamma,
            canvas_gamma=entry.canvas_gamma,
            temperature=entry.temperature,
            steps=entry.steps,
            sampler=entry.sampler,
            knobs=entry.knobs if entry.sampler else None,
        )

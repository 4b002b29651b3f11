"""A model folder may say how its model is drawn, where nobody else says anything."""

import shutil

import pytest
from conftest import QUIET, some_of_qm9

from moldiff.diffusion.samplers import sampler_knobs
from moldiff.errors import InputError
from moldiff.generator import MoleculeGenerator
from moldiff.model_preset import ModelPreset
from moldiff.training.recipe import Recipe
from moldiff.tuning.serving import serving

PRESET = """
temperature = 0.9
steps = 12
sampler = "entropy"

[knobs]
rounds = 1
"""


def with_preset(folder, place, text=PRESET):
    shutil.copytree(folder, place)
    (place / "preset.toml").write_text(text)
    return place


@pytest.fixture
def own(tiny_model, tmp_path):
    return MoleculeGenerator.from_pretrained(with_preset(tiny_model, tmp_path / "own"))


def drawn(generator, goals=(), **settings):
    found = generator.plan(2, goals, **settings).proposer.settings
    return {name: found[name] for name in ("temperature", "steps", "sampler", "gamma")} | found["knobs"]


def test_it_is_drawn_as_its_preset_says(own):
    found = drawn(own)
    assert (found["temperature"], found["steps"], found["sampler"], found["rounds"]) == (
        0.9,
        12,
        "entropy",
        1,
    )
    assert own.proposer(own.targets(())).settings["sampler"] == "entropy"
    assert own.generate(2).settings["steps"] == 12


def test_goals_do_not_change_that_but_strengths_are_theirs(own, tiny_model):
    plain = MoleculeGenerator.from_pretrained(tiny_model)
    assert drawn(own, "rings>=1")["sampler"] == "entropy"
    assert drawn(own, "rings>=1")["temperature"] == 0.9
    assert drawn(own, "rings>=1")["gamma"] == drawn(plain, "rings>=1")["gamma"]


GUIDED = f"""{PRESET}
[guided]
temperature = 0.6
gamma = 1.5

[guided.knobs]
rounds = 3
"""


def test_what_asks_for_something_may_have_settings_of_its_own(tiny_model, tmp_path):
    own = MoleculeGenerator.from_pretrained(with_preset(tiny_model, tmp_path / "own", GUIDED))
    assert drawn(own) == drawn(MoleculeGenerator.from_pretrained(with_preset(tiny_model, tmp_path / "usual")))
    found = drawn(own, "rings>=1")
    assert {name: found[name] for name in ("temperature", "gamma", "steps", "sampler", "rounds")} == {
        "temperature": 0.6,
        "gamma": 1.5,
        "steps": 12,
        "sampler": "entropy",
        "rounds": 3,
    }
    assert drawn(own, "rings>=1", gamma=3, knobs={"rounds": 0})["gamma"] == 3
    assert own.proposer(own.targets(["rings>=1"])).settings["temperature"] == 0.6
    assert own.proposer(own.targets(())).settings["temperature"] == 0.9


def test_what_a_predictor_is_asked_counts(tiny_model, tiny_predictor, tmp_path):
    own = MoleculeGenerator.from_pretrained(with_preset(tiny_model, tmp_path / "own", GUIDED))
    asked = {"goals": "rings>=1", "predictor": tiny_predictor, "method": "cbg"}
    assert own.plan(2, **asked).proposer.settings["temperature"] == 0.6


def test_what_is_given_goes_before_it(own):
    found = drawn(own, temperature=0.7, knobs={"rounds": 2})
    assert (found["temperature"], found["steps"], found["sampler"], found["rounds"]) == (
        0.7,
        12,
        "entropy",
        2,
    )
    other = drawn(own, sampler="cap")
    assert (other["sampler"], other["steps"]) == ("cap", 12)
    assert "rounds" not in other


def test_runs_that_a_score_steers_keep_the_sampler_of_their_method(own):
    found = drawn(own, "max carbons", scorers={"carbons": lambda names: [name.count("C") for name in names]})
    assert found["sampler"] != "entropy"


def test_it_is_saved_with_the_model(own, tmp_path):
    own.save_pretrained(tmp_path / "copy")
    again = MoleculeGenerator.from_pretrained(tmp_path / "copy")
    assert again.loaded_.preset == own.loaded_.preset
    assert drawn(again) == drawn(own)


def test_a_model_that_goes_on_from_it_is_drawn_alike(own, tmp_path):
    recipe = Recipe(init=str(tmp_path / "own"), tokens=300, batch_tokens=100)
    recipe.train(some_of_qm9(), [], tmp_path / "next", **QUIET)
    assert MoleculeGenerator.from_pretrained(tmp_path / "next").loaded_.preset == own.loaded_.preset


def test_a_study_begins_with_it(own):
    usual = serving(own, ["rings>=1"]).usual
    assert (usual.sampler, usual.knobs, usual.steps, usual.temperature) == ("entropy", {"rounds": 1}, 12, 0.9)


@pytest.mark.parametrize("text", ['sampler = "entropy"', "gamma = 1.5", PRESET, GUIDED])
def test_a_study_begins_with_what_a_run_does(tiny_model, tmp_path, text):
    """Also where the goal has a sampler with knobs of its own, and the preset another or none."""
    own = MoleculeGenerator.from_pretrained(with_preset(tiny_model, tmp_path / "own", text))
    usual, run = serving(own, ["rings>=1"]).usual, own.plan(2, "rings>=1").proposer
    assert usual.gamma == run.gamma
    assert usual.canvas_gamma == run.canvas_gamma
    assert usual.sampler == run.settings["sampler"]
    assert run.settings["knobs"] == sampler_knobs(usual.sampler, usual.knobs)


def test_another_model_saved_there_does_not_find_it(own, tiny_model, tmp_path):
    MoleculeGenerator.from_pretrained(tiny_model).save_pretrained(tmp_path / "own")
    assert MoleculeGenerator.from_pretrained(tmp_path / "own").loaded_.preset == ModelPreset()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("gama = 2", "unknown setting 'gama': did you mean 'gamma'"),
        ("steps = 0", "steps"),
        ('sampler = "entropie"', "unknown sampler 'entropie'"),
        ("reach = 0.9", "reach depends on the goals of a run"),
        ("steps =", "expected a TOML file"),
        ("guided = 2", r"guided must be a table \[guided\], got 2"),
        ("[guided]\ngama = 2", "unknown setting 'gama': did you mean 'gamma'"),
        ("[guided]\nsteps = 0", "steps"),
    ],
)
def test_a_preset_that_cannot_be_used(tiny_model, tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        MoleculeGenerator.from_pretrained(with_preset(tiny_model, tmp_path / "own", text))

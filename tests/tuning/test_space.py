import optuna
import pytest
from tuning_checks import SERVING

from moldiff.diffusion.samplers import SAMPLERS, sampler_knobs
from moldiff.errors import InputError
from moldiff.guidance.selections import RunDefaults
from moldiff.sweep.arm import Arm
from moldiff.tuning.serving import Serving
from moldiff.tuning.space import DIMENSIONS, OVER_STEPS, SCALED, Space, read_space

GUIDED = Serving(("cfg", "cbg", "cbg-topk", "cbg-first-order"), "cfg", digits=2)


def drawn(space, count=60):
    """Return the settings of random trials."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    return [space.settings(study.ask()) for _ in range(count)]


def test_every_setting_makes_an_arm():
    for settings in drawn(Space.of(GUIDED), 200):
        arm = Arm("rings", "qm9", settings)
        assert arm.keywords["steps"] in (16, 32, 64, 128)


def test_every_knob_of_every_sampler_is_varied():
    for name in SAMPLERS:
        knobs = {*sampler_knobs(name)}
        assert knobs - {"eta"} <= {*DIMENSIONS}
        assert "eta" not in knobs or name in SCALED or name == "rescale"
        space = Space.of(GUIDED, {"sampler": name})
        found = Arm("rings", "qm9", drawn(space, 1)[0]).keywords["knobs"]
        assert {*found} == knobs


def test_the_space_depends_on_the_guidance():
    for settings in drawn(Space.of(GUIDED)):
        assert ("gamma_classifier" in settings) == settings["method"].startswith("cbg")
        assert "gamma" in settings
        assert settings["method"] != "cbg"  # too dear unless it is named
    alone = Serving(("cbg-topk",), "cbg-topk", conditions=False)
    assert all(not {"gamma", "canvas_gamma"} & {*settings} for settings in drawn(Space.of(alone)))
    assert {each["method"] for each in drawn(Space.of(GUIDED, {"method": ["cbg"]}), 2)} == {"cbg"}


def test_families_that_never_hide_leave_samplers_out():
    udlm = Space.of(Serving(("cfg",), "cfg", hides=False, sampler="ancestral"))
    ar = Space.of(Serving(("cfg",), "cfg", hides=False, steps=False, sampler="ancestral"))
    assert [*udlm.dimensions] == ["method", "gamma", "canvas_gamma", "temperature", "steps"]
    assert [*ar.dimensions] == ["method", "gamma", "canvas_gamma", "temperature"]
    assert {*drawn(ar, 1)[0]} == {"gamma", "canvas_gamma", "temperature"}


def test_hidings_are_eta_times_the_steps():
    for settings in drawn(Space.of(SERVING, {"sampler": "cap", "hidings": 4}), 20):
        knobs = Arm("rings", "qm9", settings).keywords["knobs"]
        assert knobs["eta"] * settings["steps"] == pytest.approx(4)


def test_a_sweep_leaves_the_strength_out():
    assert all("gamma" not in settings for settings in drawn(Space.of(SERVING, sweeps=True), 5))
    for settings in drawn(Space.of(GUIDED, {"method": "cbg-topk"}, sweeps=True), 5):
        assert "gamma_classifier" not in settings
        assert "gamma" in settings


def test_what_is_fixed_is_in_every_setting():
    space = Space.of(SERVING, fixed={"predictor": "mine"})
    assert drawn(space, 1)[0]["predictor"] == "mine"
    assert space.describe() != Space.of(SERVING).describe()


def test_a_study_begins_with_the_defaults():
    assert Space.of(SERVING).usual() == {
        "method": "cfg",
        "gamma": 2.0,
        "canvas_gamma": 2.0,
        "temperature": 0.85,
        "steps": 64,
        "sampler": "forward-backward",
        "at": 0.5,
    }
    assert Space.of(SERVING, {"gamma": [3, 4], "steps": [16, 32]}).usual().keys() == {
        "method",
        "canvas_gamma",
        "temperature",
        "sampler",
        "at",
    }


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"gama": [1, 2]}, "unknown key of .space. 'gama': did you mean 'gamma'"),
        ({"gamma": "high"}, r"\[space\] gamma: expected a number, or a range"),
        ({"steps": [32, 64.5]}, r"\[space\] steps: expected a list of different whole numbers"),
        ({"steps": [0, 32]}, r"\[space\] .*steps"),
        ({"sampler": ["lop"]}, "unknown sampler 'lop': did you mean 'loop'"),
        ({"method": ["cbq"]}, "unknown method 'cbq': did you mean 'cbg'"),
        ({"method": ["cbg"]}, "method 'cbg' cannot serve these goals with this model; expected cfg"),
        ({"method": ["metropolis"]}, "asks a scorer"),
        ({"temperature": [-1, 1]}, r"\[space\] temperature must be"),
        ({"at": [0.5, 2]}, r"\[space\] sampler '.*': at must be"),
        ({"start": 0.9, "stop": 0.8}, "start <= stop"),
        ({"steps": [4], "hidings": [1, 10]}, "hidings is eta times the steps.*at most 4"),
        ({"sampler": "ancestral", "eta": 0.1}, r"eta is nothing that these goals.*what is: method, gamma"),
        ({"gamma_classifier": 2}, "gamma_classifier is nothing"),
    ],
)
def test_what_cannot_be_is_refused(table, message):
    with pytest.raises(InputError, match=message):
        Space.of(SERVING, table)


def test_eta_is_a_setting_where_it_is_a_share():
    assert OVER_STEPS not in Space.of(SERVING, {"sampler": "rescale"}).dimensions
    assert "eta" not in Space.of(SERVING, {"sampler": "cap"}).dimensions


def test_a_file_narrows_the_space(tmp_path):
    path = tmp_path / "space.toml"
    path.write_text('[space]\ngamma = [1, 4]\nsampler = ["ancestral", "cap"]\n')
    assert read_space(path) == {"gamma": [1, 4], "sampler": ["ancestral", "cap"]}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("gamma = [1, 4]\n", "unknown table of .* 'gamma'"),
        ("", r"holds no table \[space\]"),
        ("[space\n", "expected a TOML file"),
    ],
)
def test_a_file_without_a_space_is_refused(tmp_path, content, message):
    path = tmp_path / "space.toml"
    path.write_text(content)
    with pytest.raises(InputError, match=message):
        read_space(path)


def test_a_study_begins_where_generate_would_draw():
    own = RunDefaults(
        sampler="cap", knobs={"eta": 0.05}, steps=64, gamma=3.0, canvas_gamma=1.5, temperature=0.6
    )
    found = Space.of(Serving(("cfg",), "cfg", usual=own)).usual()
    expected = {"gamma": 3.0, "canvas_gamma": 1.5, "temperature": 0.6, "steps": 64, "sampler": "cap"}
    assert {name: found[name] for name in expected} == expected
    assert found["hidings"] == pytest.approx(3.2)
    found = Space.of(Serving(("cfg",), "cfg", usual=RunDefaults(gamma=3.0))).usual()
    assert (found["gamma"], found["canvas_gamma"], found["sampler"]) == (3.0, 3.0, "forward-backward")

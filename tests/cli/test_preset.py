import json

import pytest

from moldiff.cli import main
from moldiff.errors import InputError
from moldiff.presets import over_preset, read_preset

PRESET = """
gamma = 3.0
steps = 8
temperature = 0.7
sampler = "cap"
method = "auto"

[knobs]
eta = 0.1
at = 0.4

[method_knobs]
gamma_classifier = 3
"""


@pytest.fixture
def preset(tmp_path):
    path = tmp_path / "preset.toml"
    path.write_text(PRESET)
    return path


@pytest.fixture
def settings(preset):
    return read_preset(preset)


def test_what_is_given_goes_before_the_preset(settings):
    assert over_preset(settings, {"gamma": 1.0, "n": 5}) == {
        "gamma": 1.0,
        "n": 5,
        "steps": 8,
        "temperature": 0.7,
        "sampler": "cap",
        "method": "auto",
        "knobs": {"eta": 0.1, "at": 0.4},
        "method_knobs": {"gamma_classifier": 3},
    }


def test_single_knobs_go_before_the_preset(settings):
    assert over_preset(settings, {"knobs": {"eta": 0.2}})["knobs"] == {"eta": 0.2, "at": 0.4}
    assert over_preset(settings, {"sampler": "cap"})["knobs"] == {"eta": 0.1, "at": 0.4}


def test_knobs_of_another_sampler_or_method_do_not_count(settings):
    found = over_preset(settings, {"sampler": "loop", "method": "cfg"})
    assert "knobs" not in found
    assert "method_knobs" not in found
    assert over_preset(settings, {"sampler": "loop", "knobs": {"eta": 0.3}})["knobs"] == {"eta": 0.3}


def test_a_preset_that_is_none(tmp_path):
    (tmp_path / "preset.toml").write_text("gama = 3\n")
    with pytest.raises(InputError, match=r"preset .*: unknown setting 'gama': did you mean 'gamma'"):
        read_preset(tmp_path / "preset.toml")


def test_generate_draws_as_the_preset_says(preset, tmp_path):
    preset.write_text(PRESET.partition("[method_knobs]")[0])
    words = ["generate", "--goal", "rings>=2", "-n", "3", "-o", str(tmp_path / "out"), "--no-report"]
    words += ["--preset", str(preset), "--temperature", "0.9", "--knob", "eta=0.2"]
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 0
    text = (tmp_path / "out" / "run.json").read_text()
    settings = json.loads(text)["settings"]
    assert settings["gamma"] == 3.0
    assert settings["temperature"] == 0.9
    assert settings["steps"] == 8
    assert settings["sampler"] == "cap"
    assert settings["knobs"] == {"eta": 0.2, "at": 0.4, "unit": "digit"}

import json
from functools import partial

import pytest
import tuning_checks

from moldiff.cli import main
from moldiff.sweep import running
from moldiff.tuning import searching


def moldiff(*words):
    with pytest.raises(SystemExit) as ended:
        main(["tune", "--no-progress", *words])
    return ended.value.code


@pytest.fixture
def made_up(monkeypatch):
    """Searches that take no time."""
    monkeypatch.setattr(searching, "Search", partial(searching.Search, measure=tuning_checks.made_up))
    monkeypatch.setattr(running, "measure_cell", tuning_checks.made_up)


@pytest.mark.usefixtures("made_up")
def test_what_is_said_and_written(tmp_path, capsys):
    words = ["--goal", "rings>=4", "-o", str(tmp_path / "out"), "--trials", "5", "--method", "cfg"]
    words += ["--subject-to", "nfe<=70", "--also", "logP=1", "--fresh-seed", "7", "--fresh-seed", "8"]
    assert moldiff(*words) == 0
    told = capsys.readouterr().out
    assert "rings>=4 (tuned for): means over 2 fresh seeds of 256" in " ".join(told.split())
    assert "logP=1 (not tuned for)" in told
    assert "preset.toml" in told
    found = json.loads((tmp_path / "out" / "tuning.json").read_text())
    assert found["command"].startswith("moldiff tune --goal 'rings>=4'")
    assert found["limits"] == ["nfe<=70"]
    assert found["study"] == "rings>=4"
    # A changed space is another search.
    (tmp_path / "space.toml").write_text("[space]\ngamma = [1, 4]\n")
    assert moldiff(*words, "--space", str(tmp_path / "space.toml")) == 2
    assert "the study 'rings>=4' has another space (gamma)" in capsys.readouterr().err
    assert moldiff(*words, "--space", str(tmp_path / "space.toml"), "--study", "narrow") == 0


@pytest.mark.usefixtures("made_up")
def test_a_preset_to_be_held_against(tmp_path):
    preset = tmp_path / "mine.toml"
    preset.write_text('gamma = 4.0\ntemperature = 0.6\nsampler = "cap"\n[knobs]\neta = 0.1\n')
    words = ["--goal", "rings>=4", "-o", str(tmp_path / "out"), "--trials", "2", "--against", str(preset)]
    assert moldiff(*words, "--fresh-seed", "7", "--fresh-seed", "8") == 0
    found = json.loads((tmp_path / "out" / "tuning.json").read_text())
    assert found["base"] == {"gamma": 4.0, "temperature": 0.6, "sampler": "cap:eta=0.1"}
    assert found["comparisons"][0]["figures"]["novel_hits"]["difference"]["value"] < 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], 'expected a goal, such as --goal "rings>=4"'),
        (["--goal", "rngs>=4"], "did you mean 'rings'"),
        (["--goal", "rings>=4", "--objective", "novel_hit"], "did you mean 'novel_hits'"),
        (["--goal", "rings>=4", "--subject-to", "novelty>0.5"], "expected a limit such as novelty>=0.5"),
        (["--goal", "rings>=4", "--method", "cfq"], "unknown method 'cfq': did you mean 'cfg'"),
        (["--goal", "rings>=4", "--space", "nowhere.toml"], "cannot read nowhere.toml"),
        (["--goal", "rings>=4", "--against", "nowhere.toml"], "cannot read nowhere.toml"),
        (["--goal", "rings>=4", "--seed", "1", "--fresh-seed", "1", "--fresh-seed", "2"], "1 is among both"),
        (["--goal", "rings>=4", "--storage", "study.db"], "unknown storage 'study.db'"),
        (["--goal", "rings>=4", "--also", "rngs>=2"], "did you mean 'rings'"),
        (["--goal", "rings>=4", "--model", "qm10"], "unknown model 'qm10'"),
    ],
)
def test_bad_input(tmp_path, capsys, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    assert moldiff(*words, "-o", "out") == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_real_search(tmp_path, capsys):
    words = ["--goal", "rings>=3", "-o", str(tmp_path), "--trials", "2", "-n", "16", "--method", "cfg"]
    (tmp_path / "space.toml").write_text("[space]\nsteps = 8\nhidings = [1, 8]\n")
    words += ["--space", str(tmp_path / "space.toml"), "--seed", "0", "--seed", "1"]
    assert moldiff(*words, "--fresh-seed", "7", "--fresh-seed", "8") == 0
    found = json.loads((tmp_path / "tuning.json").read_text())
    assert all(trial["settings"]["steps"] == 8 for trial in found["trials"])
    assert all(0 < value <= 17 for trial in found["trials"] for value in trial["figures"]["nfe"])
    from moldiff import MoleculeGenerator
    from moldiff.presets import read_preset

    generator = MoleculeGenerator.from_pretrained("qm9")
    preset = read_preset(tmp_path / "preset.toml")
    assert len(generator.generate(4, "rings>=3", **preset).smiles) == 4

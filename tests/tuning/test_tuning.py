import json
import tomllib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import optuna
import pandas as pd
import pytest
from tuning_checks import made_up, make_search, make_task, nothing

from moldiff import MoleculeGenerator
from moldiff.errors import InputError, RunError
from moldiff.model_preset import ModelPreset
from moldiff.presets import read_preset
from moldiff.sweep import running
from moldiff.sweep.problem import Problem
from moldiff.tuning import pictures, tuning
from moldiff.tuning.objectives import Limit
from moldiff.tuning.record import FORMAT_VERSION
from moldiff.tuning.searching import Search
from moldiff.tuning.serving import Serving, serving
from moldiff.tuning.tuning import Tuning
from moldiff.tuning.tuning import make_task as real_task

RINGS = Problem("rings>=4", ("rings>=4",))


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(running, "measure_cell", made_up)


def test_everything_is_written(tmp_path):
    search = make_search(tmp_path, trials=12)
    tuned, written = Tuning(search, tmp_path, {}, (), (7, 8)).run(command="moldiff tune")
    names = {"trials.csv", "tuning.json", "preset.toml"}
    names |= {f"{name}.{suffix}" for name in ("history", "importances") for suffix in ("png", "svg")}
    assert {path.name for path in written} == names
    assert {path.name for path in tmp_path.iterdir()} == {*names, "study.db", "fresh"}
    assert (tmp_path / "history.png").read_bytes()[:4] == b"\x89PNG"
    # Knobs that only some trials have are not judged.
    assert "<!-- temperature -->" in (tmp_path / "importances.svg").read_text()
    assert "alpha_on" not in (tmp_path / "importances.svg").read_text()
    frame = pd.read_csv(tmp_path / "trials.csv")
    assert len(frame) == 12
    assert frame["objective novel_hits"].max() == pytest.approx(tuned.winner.value, rel=1e-5)
    assert read_preset(tmp_path / "preset.toml")["gamma"] == tuned.settings["gamma"]
    assert "Tuned for rings>=4" in (tmp_path / "preset.toml").read_text()
    found = json.loads((tmp_path / "tuning.json").read_text())
    assert (found["format_version"], found["kind"], found["command"]) == (
        FORMAT_VERSION,
        "tuning",
        "moldiff tune",
    )
    assert found["winner"]["number"] == tuned.winner.number
    assert [len(found[name]) for name in ("trials", "comparisons", "fresh_seeds")] == [12, 1, 2]
    told = found["comparisons"][0]["figures"]["novel_hits"]
    assert told["difference"]["value"] == pytest.approx(told["winner"] - told["base"])
    assert {"optuna", "moldiff"} <= found["versions"].keys()
    assert found["space"]["gamma"] == {"low": 0.0, "high": 6.0, "step": 0.25, "log": False}


def test_the_same_call_again_draws_nothing(tmp_path):
    search = make_search(tmp_path, trials=3)
    first, _ = Tuning(search, tmp_path, {}, (), (7, 8)).run()
    again = Search(search.task, search.place, 3, lambda cell: pytest.fail("drawn again"))
    second, _ = Tuning(again, tmp_path, {}, (), (7, 8)).run()
    assert first.settings == second.settings


def test_two_objectives_have_a_picture_of_their_front(tmp_path):
    search = make_search(tmp_path, make_task(objectives=("novel_hits", "nfe")), trials=6)
    _, written = Tuning(search, tmp_path, {}, (), (7, 8)).run()
    assert {"front.png", "history-novel_hits.svg", "history-nfe.svg"} <= {path.name for path in written}
    found = json.loads((tmp_path / "tuning.json").read_text())
    assert found["winner"]["number"] == found["front"][0]


def test_without_a_winner_the_rest_is_written(tmp_path):
    search = make_search(tmp_path, make_task(limits=(Limit.parse("novelty>=2"),)), trials=3)
    with pytest.raises(RunError, match="none of 3 finished trials keeps novelty>=2"):
        Tuning(search, tmp_path, {}).run()
    assert {path.name for path in tmp_path.iterdir()} == {"study.db", "trials.csv", "tuning.json"}
    assert json.loads((tmp_path / "tuning.json").read_text())["winner"] is None


def test_figures_that_are_not_there_are_null(tmp_path):
    search = make_search(tmp_path, trials=2, measure=nothing)
    Tuning(search, tmp_path, {}, (), (7, 8)).run()
    found = json.loads((tmp_path / "tuning.json").read_text())
    assert found["trials"][0]["figures"]["mean_novel"] == [None, None, None]


def test_no_password_is_written(tmp_path, monkeypatch):
    url = f"sqlite:///{tmp_path}/study.db"
    search = make_search(tmp_path, trials=2)
    monkeypatch.setattr("moldiff.tuning.record.shown", lambda storage: "hidden")
    Tuning(search, tmp_path, {}, (), (7, 8)).run(command=f"moldiff tune --storage {url}")
    found = json.loads((tmp_path / "tuning.json").read_text())
    assert (found["storage"], found["command"]) == ("hidden", "moldiff tune --storage hidden")


def test_pictures_wait_for_trials(tmp_path):
    study = optuna.create_study(direction="maximize")
    assert pictures.write(study, make_task(), tmp_path) == []


def test_a_task_knows_what_serves_its_goals():
    task = real_task(RINGS, "qm9", n=16, seeds=(0,))
    assert task.space.serving.auto == "cfg"
    assert task.space.serving.methods == ("cfg", "cbg", "cbg-topk", "cbg-first-order")
    assert task.digest
    assert np.isnan(task.average)
    with pytest.raises(InputError, match="did you mean 'rings'"):
        real_task(Problem("x", ("rngs>=2",)))


def test_goals_that_nothing_knows():
    model = MoleculeGenerator.from_pretrained("qm9").model_
    loaded = SimpleNamespace(predictor=None, preset=ModelPreset(), guide=lambda folder: loaded.predictor)
    held = SimpleNamespace(statistics_={"rings": 1}, loaded_=loaded, model_=model)
    assert serving(held, ["rings>=4"]).methods == ("cfg",)
    with pytest.raises(InputError, match="neither the model nor a predictor knows TPSA"):
        serving(held, ["rings>=4", "TPSA>=90"])
    loaded.predictor = SimpleNamespace(properties=["TPSA"])
    found = serving(held, ["rings>=4", "TPSA>=90"])
    assert (found.auto, found.methods[0], found.conditions) == ("cbg-topk", "cbg", True)
    assert not serving(held, ["TPSA>=90"]).conditions


def test_other_goals_have_to_be_served_by_the_same_methods(tmp_path, monkeypatch):
    monkeypatch.setattr(tuning, "serving", lambda *_: Serving(("cbg", "cbg-topk"), "cbg-topk"))
    others = (Problem("logP=1", ("logP=1",)),)
    with pytest.raises(InputError, match=r"'logP=1' cannot be served by cfg, .* are cbg, cbg-topk"):
        Tuning(make_search(tmp_path), tmp_path, {}, others)


def test_the_base_is_a_way_to_draw(tmp_path):
    with pytest.raises(InputError, match="unknown setting of an arm 'gama'"):
        Tuning(make_search(tmp_path), tmp_path, {"gama": 2})
    with pytest.raises(InputError, match="0 is among both"):
        Tuning(make_search(tmp_path), tmp_path, {}, (), (0, 1))


def test_untuned_is_what_generate_does_where_nothing_better_was_found():
    path = Path(__file__).resolve().parents[2] / "benchmarks" / "presets" / "untuned.toml"
    if not path.exists():
        pytest.skip("the presets are not installed")
    preset = read_preset(path)
    generator = MoleculeGenerator.from_pretrained("qm9")
    with_preset, without, tuned = (
        generator.plan(8, [goal], **given).proposer.settings
        for goal, given in (("logP=1", preset), ("logP=1", {}), ("rings>=4", {}))
    )
    assert with_preset == without != tuned
    assert tomllib.loads(path.read_text())["method"] == "auto"

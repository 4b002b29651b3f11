import numpy as np
import pytest

from moldiff import bundled
from moldiff.datasets import load, split
from moldiff.errors import InputError


@pytest.fixture
def weights(tmp_path, monkeypatch):
    for name in ("small", "large"):
        (tmp_path / "weights" / name).mkdir(parents=True)
        (tmp_path / "weights" / name / "config.json").write_text("{}")
    (tmp_path / "weights" / "half").mkdir()
    monkeypatch.setattr(bundled, "WEIGHTS", tmp_path / "weights")
    monkeypatch.setattr(bundled, "ALIASES", {"best": "large", "gone": "nowhere"})
    monkeypatch.chdir(tmp_path)
    return tmp_path / "weights"


def test_names_and_aliases(weights):
    assert bundled.bundled_models() == {
        "small": weights / "small",
        "large": weights / "large",
        "best": weights / "large",
    }
    assert bundled.model_folder("best") == weights / "large"


def test_a_folder_of_ones_own(weights, tmp_path):
    own = tmp_path / "own"
    own.mkdir()
    (own / "config.json").write_text("{}")
    assert bundled.model_folder("own").resolve() == own
    assert bundled.model_folder(own) == own


def test_a_bundled_name_means_the_same_in_every_folder(weights, tmp_path):
    (tmp_path / "small").mkdir()
    (tmp_path / "small" / "config.json").write_text("{}")
    assert bundled.model_folder("small") == weights / "small"


def test_unknown_name_names_the_nearest(weights):
    with pytest.raises(InputError, match=r"unknown model 'smal', .* did you mean 'small'"):
        bundled.model_folder("smal")


def test_a_folder_without_a_model(weights):
    (weights.parent / "half").mkdir()
    with pytest.raises(InputError, match=r"no model at half: there is no config\.json"):
        bundled.model_folder("half")


@pytest.mark.parametrize("name", list(bundled.ALIASES))
def test_aliases_lead_to_models_that_are_there(name):
    assert name in bundled.bundled_models()


@pytest.mark.parametrize("name", list(bundled.PREDICTORS))
def test_bundled_predictors_go_with_their_models(name):
    """Loading refuses a predictor of other noise, tokens, codes or canvases."""
    from moldiff.generator import MoleculeGenerator

    folder = bundled.predictor_folder(bundled.model_folder(name))
    assert folder is not None
    assert (folder / "model.safetensors").stat().st_size <= 4_000_000
    generator = MoleculeGenerator.from_pretrained(name, device="cpu")
    predictor = generator.loaded_.predictor
    assert list(generator.statistics_) == predictor.properties
    table = load("qm9")
    few = table.take(np.flatnonzero(split(table.smiles) == "test")[:200])
    values, errors = predictor(few.smiles, ["gap"])
    off = np.abs(values["gap"] - few.labels["gap"])
    assert off.mean() < 0.012  # hartree; .047 by the mean of the table
    assert 0.5 < off.mean() / errors["gap"].mean() < 1.2


def test_models_of_ones_own_have_no_bundled_predictor(weights, tmp_path):
    assert bundled.predictor_folder(tmp_path / "qm9-mdlm") is None
    assert bundled.predictor_folder(weights / "small") is None


def test_druglike_draws_molecules_that_people_make():
    from moldiff.generator import MoleculeGenerator

    folder = bundled.model_folder("druglike")
    assert (folder / "model.safetensors").stat().st_size <= 15 * 2**20
    generator = MoleculeGenerator.from_pretrained("druglike", device="cpu")
    assert list(generator.statistics_)[:4] == ["logP", "QED", "SA", "TPSA"]
    table = generator.generate(24, ["2<=rings<=4"], chunk=24, max_proposals=24).table
    assert 250 < table["MW"].median() < 350
    assert table["SA"].median() < 3.5
    assert table["hit"].mean() > 0.5
    settings = generator.plan(1).proposer.settings
    assert settings["sampler"] == generator.loaded_.preset.usual["sampler"] == "entropy"

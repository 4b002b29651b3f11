"""Predicted properties of finished molecules: as the network says, for each molecule by itself."""

import json
import math
import shutil

import numpy as np
import pandas as pd
import pytest
import torch

from moldiff.chem.statistics import PropertyStatistics
from moldiff.diffusion import SubtokenCodec
from moldiff.errors import InputError
from moldiff.models.checkpoint import write_json
from moldiff.models.compiled import CompiledPredictor
from moldiff.models.predictor import NoisyPredictor, soft_tokens
from moldiff.models.predictor_folder import SavedPredictor, save_predictor
from moldiff.models.predictor_heads import Classes, Gaussian, Values
from moldiff.property_prediction import PropertyPredictor, read_predictor

TOKENS = ["[nop]", "[=O]", "[C]", "[N]", "[O]"]
CODES = torch.tensor([[0, 0], [0, 1], [1, 1], [1, 2], [2, 1]])
LAWS = {"gap": Gaussian(0.25, 0.05), "rings": Values((0, 1, 3)), "toxic": Classes((0, 1, 2))}
NAMES = list(LAWS)
LONGEST = 12


def statistics():
    values = {"gap": [0.2, 0.3], "rings": [0, 3], "toxic": [0, 1]}
    classes = {"toxic": ("high", "low", "none")}
    return {
        name: PropertyStatistics.from_values(name, found, "1", "by hand", classes=classes.get(name, ()))
        for name, found in values.items()
    }


def made(noise="masked", codes=CODES, **config):
    """Return a predictor whose answers depend on every token and its place."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        sizes = {"max_length": LONGEST, "digits": codes.shape[1], "width": 16, "depth": 1, "heads": 2}
        network = NoisyPredictor(len(codes), LAWS, **sizes, timed=noise == "uniform")
        for value in [*network.parameters(), network.log_spread]:
            torch.nn.init.normal_(value, std=0.2)
    config = {"noise": noise, "canvas_step": 4, "network": sizes, **config}
    return SavedPredictor(network.eval(), SubtokenCodec(codes), TOKENS, config)


@pytest.fixture
def predictor():
    return PropertyPredictor(made(), statistics())


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("predictor")
    write_json(folder / "properties.json", {name: entry.to_dict() for name, entry in statistics().items()})
    figures = {"property": ["gap", "gap", "toxic"], "level": [0.0, 1.0, 0.0], "error": [0.01, 0.05, 0.2]}
    pd.DataFrame(figures).to_csv(folder / "calibration.csv", index=False)
    save_predictor(folder, made())
    return folder


@pytest.fixture
def folder(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / "copy")


def by_hand(saved, tokens, canvas):
    """Return values and errors (2, P) of one molecule, from the network."""
    x0 = torch.tensor([[*(TOKENS.index(token) for token in tokens), *[0] * (canvas - len(tokens))]])
    state = soft_tokens(saved.codec, saved.codec.encode(x0))
    with torch.no_grad():
        found = saved.network.predict(*state, torch.zeros(1))
    return torch.cat(found).numpy()


MOLECULES = {
    "CCO": (["[C]", "[C]", "[O]"], 4),
    "CCCO": (["[C]", "[C]", "[C]", "[O]"], 8),
    "NC=O": (["[N]", "[C]", "[=O]"], 4),
    "CCCCCCCCCCN": (["[C]"] * 10 + ["[N]"], 12),
}


@pytest.mark.parametrize(
    ("noise", "codes"), [("masked", CODES), ("masked", torch.arange(5)[:, None]), ("uniform", None)]
)
def test_molecules_are_predicted_as_the_network_says_on_their_own_canvas(noise, codes):
    saved = made(noise, torch.arange(5)[:, None] if codes is None else codes)
    values, errors = PropertyPredictor(saved, statistics())(list(MOLECULES), NAMES)
    wanted = np.stack([by_hand(saved, *entry) for entry in MOLECULES.values()], 1)
    np.testing.assert_allclose(values, wanted[0], rtol=1e-5)
    np.testing.assert_allclose(errors, wanted[1], rtol=1e-5)
    assert list(values.columns) == list(errors.columns) == NAMES
    assert len(values["gap"].unique()) == len(MOLECULES)


def test_another_canvas_would_be_another_answer():
    """Folders without a step were trained on multiples of 4; others say theirs."""
    saved, old = made(canvas_step=12), made()
    del old.config["canvas_step"]
    far, near = (PropertyPredictor(each, statistics())(["CCO"], NAMES)[0].iloc[0] for each in (saved, old))
    np.testing.assert_allclose(near, by_hand(old, *MOLECULES["CCO"])[0], rtol=1e-5)
    np.testing.assert_allclose(far, by_hand(saved, MOLECULES["CCO"][0], 12)[0], rtol=1e-5)
    assert not np.allclose(far, near)


def test_what_stands_beside_a_molecule_changes_nothing(predictor, monkeypatch):
    smiles = [f"{'C' * n}{end}" for n in range(1, 9) for end in ("O", "N", "C=O")]
    values, errors = predictor(smiles, NAMES)
    order = np.random.default_rng(0).permutation(len(smiles))
    again = predictor([smiles[row] for row in order], NAMES)
    monkeypatch.setattr("moldiff.property_prediction.ROWS", 3)
    few = predictor(smiles, NAMES)
    monkeypatch.setattr("moldiff.property_prediction.POSITIONS", 1)
    alone = predictor(smiles, NAMES)
    for whole, *others in zip((values, errors), again, few, alone, strict=True):
        np.testing.assert_allclose(others[0], whole.iloc[order], rtol=1e-5)
        np.testing.assert_allclose(others[1], whole, rtol=1e-5)
        np.testing.assert_allclose(others[2], whole, rtol=1e-5)


def test_batches_are_bounded(predictor, monkeypatch):
    asked = []
    predict = predictor._predict
    monkeypatch.setattr(predictor, "_predict", lambda x0: asked.append(tuple(x0.shape)) or predict(x0))
    monkeypatch.setattr("moldiff.property_prediction.ROWS", 2)
    predictor(["CO", "CN", "CC", "CCCCO"], ["gap"])
    assert asked == [(2, 4), (1, 4), (1, 8)]
    asked.clear()
    monkeypatch.setattr("moldiff.property_prediction.POSITIONS", 4)
    predictor(["CO", "CN", "CCCCO"], ["gap"])
    assert asked == [(1, 4), (1, 4), (1, 8)]


def test_repeats_are_predicted_once_however_they_are_written(predictor, monkeypatch):
    rows = []
    predict = predictor._predict
    monkeypatch.setattr(predictor, "_predict", lambda x0: rows.append(len(x0)) or predict(x0))
    values, _ = predictor(["OCC", "CCO", "CO", "", "CCO"], ["gap"])
    assert sum(rows) == 2
    assert values["gap"][0] == values["gap"][1] == values["gap"][4] != values["gap"][2]


def test_molecules_that_the_predictor_cannot_read_have_no_value(predictor):
    smiles = ["", "CF", "C" * 12, "not smiles", "C" * 11]
    for found in predictor(smiles, NAMES):
        assert found.isna().all(axis=1).tolist() == [True, True, True, True, False]
        assert not found.iloc[4].isna().any()


def test_a_class_is_its_number_and_the_probability_of_another(predictor):
    values, errors = predictor(list(MOLECULES), ["toxic"])
    assert set(values["toxic"]) <= {0.0, 1.0, 2.0}
    assert ((errors["toxic"] > 0) & (errors["toxic"] <= 2 / 3 + 1e-6)).all()
    assert predictor.statistics["toxic"].classes == ("high", "low", "none")


def test_columns_are_those_that_were_asked_for(predictor):
    everything, _ = predictor(["CCO"], NAMES)
    some, errors = predictor(["CCO"], ["toxic", "gap"])
    assert list(some.columns) == list(errors.columns) == ["toxic", "gap"]
    pd.testing.assert_frame_equal(some, everything[["toxic", "gap"]])
    assert [part.shape for part in predictor([], NAMES)] == [(0, 3), (0, 3)]
    assert [part.shape for part in predictor(["C"], [])] == [(1, 0), (1, 0)]


def test_a_property_that_it_does_not_know(predictor):
    with pytest.raises(InputError, match=r"no property 'gpa': did you mean 'gap'\?"):
        predictor(["C"], ["rings", "gpa"])


def test_what_is_read_predicts_what_was_written(folder):
    read = read_predictor(folder)
    assert read.properties == NAMES
    assert read.statistics == statistics()
    assert (read.held_out_error["gap"], read.held_out_error["toxic"]) == (0.01, 0.2)
    assert math.isnan(read.held_out_error["rings"])
    values, _ = read(list(MOLECULES), ["gap"])
    # Weights are kept as bfloat16.
    expected, _ = PropertyPredictor(made(), statistics())(list(MOLECULES), ["gap"])
    np.testing.assert_allclose(values, expected, rtol=0.02)


def test_a_predictor_without_a_report_has_no_held_out_error(folder):
    (folder / "calibration.csv").unlink()
    assert all(math.isnan(error) for error in read_predictor(folder).held_out_error.values())


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"property,level\ngap,0\n",
        b"property,level,error\ngap,0,much\n",
        b"a,b\n1,2,3\n4\n",
        b"\xff\xfe\x00",
    ],
)
def test_a_damaged_report_is_refused(folder, text):
    (folder / "calibration.csv").write_bytes(text)
    with pytest.raises(InputError, match=r"cannot be read.*train it again"):
        read_predictor(folder)


@pytest.mark.parametrize(
    "tokens", [["[nop]", "[=O]", "[C]", "[N]", "[Huh]"], ["[C]", "[nop]", "a", "b", "c"]]
)
def test_tokens_that_are_no_symbols_are_refused(folder, tokens):
    vocab = json.loads((folder / "vocab.json").read_text())
    (folder / "vocab.json").write_text(json.dumps({**vocab, "tokens": tokens}))
    with pytest.raises(InputError, match=r"not a SELFIES symbol|cannot be read"):
        read_predictor(folder)


def test_damaged_statistics_are_refused(folder):
    stored = json.loads((folder / "properties.json").read_text())
    stored["gap"]["mean"] = "high"
    (folder / "properties.json").write_text(json.dumps(stored))
    with pytest.raises(InputError, match="expected finite numbers"):
        read_predictor(folder)


def test_the_network_for_guidance_is_made_once(predictor):
    cpu = torch.device("cpu")
    network = predictor.guiding(cpu, torch.bfloat16)
    assert network is predictor.guiding(cpu, torch.bfloat16)
    assert network is not predictor.guiding(cpu, torch.float32)
    assert network.tokens.weight.dtype == torch.bfloat16
    assert predictor.saved.network.tokens.weight.dtype == torch.float32
    assert isinstance(predictor.guiding(cpu, torch.float32, compiled=True), CompiledPredictor)

import numpy as np
import pytest

from moldiff.benchmarks import samples
from moldiff.benchmarks.common import options
from moldiff.benchmarks.samples import Model, held_out
from moldiff.chem.properties import measure
from moldiff.datasets import split
from moldiff.errors import InputError
from moldiff.metrics import TrainingKeys
from moldiff.preparing import Preparation
from moldiff.sweep.arm import read_sampler
from moldiff.sweep.sample import Sample


@pytest.fixture
def model(prime):
    return Model(prime, options("test", n=10).parse_args(["-o", "x.json", "--steps", "4", "--chunk", "16"]))


def test_sampler_texts():
    assert read_sampler("ancestral", 8) == ("ancestral", {})
    assert read_sampler("loop:eta=0.1, alpha_on=0.8", 8) == ("loop", {"eta": 0.1, "alpha_on": 0.8})
    assert read_sampler("cap:eta=4/T,unit=token", 8) == ("cap", {"eta": 0.5, "unit": "token"})
    for wrong in ("cap:eta", "cap:=3", "cap:eta="):
        with pytest.raises(InputError, match="knob"):
            read_sampler(wrong, 8)


def test_the_first_proposals_are_those_of_the_proposer(model):
    proposer = model.proposer(["logP=1"], seed=3)
    sample = model.sample(24, ["logP=1"], seed=3)
    ids = [proposer(index).ids for index in range(2)]
    decode = model.generator.chemistry_.tokenizer.decode
    assert sample.smiles == [*decode(ids[0]), *decode(ids[1])[:8]]
    assert sample.faithful.shape == (24,)
    assert sample.settings["steps"] == 4
    assert 0 < sample.costs["nfe_per_proposal"] <= 2 * 4


def test_changes_go_before_the_command_line(model):
    settings = model.proposer(seed=1, steps=6, sampler="cap:eta=3/T").settings
    assert settings["steps"] == 6
    assert settings["sampler"] == "cap"
    assert settings["knobs"]["eta"] == 0.5
    assert settings["seed"] == 1


def test_whole_tokens_reveal_and_hide_all_digits_of_a_token(model):
    proposer = model.proposer(seed=0, unit="token", sampler="cap:eta=0.3,at=1.0")
    assert proposer.settings["reveal_unit"] == "token"
    assert proposer.settings["knobs"]["unit"] == "token"
    seen = []
    network = proposer.sampler.network

    def watch(z, y, t=None):
        seen.append(z)
        return network(z, y, t)

    proposer.sampler.network = watch
    proposer(0)
    assert seen
    masked = [(z < 0).any(-1) == (z < 0).all(-1) for z in seen]
    assert all(bool(same.all()) for same in masked)


def test_counts_by_hand():
    sample = Sample(["C", "C", "", "CC", "CO"], np.array([True, True, False, False, True]), {}, {}, 5, 0.0)
    known = {"table": TrainingKeys.build(["C"])}
    found = sample.counts(known, hit=[True, True, False, True, False])
    assert (found["proposed"], found["valid"], found["unique"]) == (5, 4, 3)
    assert found["uniqueness"] == 0.75
    assert found["fidelity"].value == 0.6
    assert found["novel_table"] == 2
    assert found["novelty_table"] == pytest.approx(2 / 3)
    assert (found["hits"], found["novel_hits_table"]) == (3, 1)
    assert found["hit_rate"].value == 0.6


def test_held_out_molecules_are_those_that_no_model_saw(table, small_table, places):
    found = held_out(["rings"])
    assert list(found.columns) == ["smiles", "rings"]
    assert 0 < len(found) < 100
    assert set(split(list(found["smiles"]))) <= {"validation", "test"}


def test_description_tells_models_apart(model, mdlm, small_table):
    other = Model(mdlm, options("test", n=10).parse_args(["-o", "x.json"]))
    assert model.describe()["digits"] == 2
    assert other.describe()["digits"] == 1
    assert model.describe()["sha256"] != other.describe()["sha256"]
    assert len(model.known()["table"]) == 600 > len(model.known()["training"])


def test_a_prepared_table_serves_the_models_trained_on_it(table, tmp_path, monkeypatch, model):
    path = tmp_path / "train.smi"
    path.write_text("\n".join(table.smiles) + "\n")
    packed = Preparation(path, ["logP", "rings"])(tmp_path / "packed")
    monkeypatch.setattr(samples, "open_table", lambda name: packed if name == "moses" else table)
    left_out = [name for name, part in zip(table.smiles, split(table.smiles), strict=True) if part != "train"]
    found = samples.held_out(["rings", "logP"], "moses")
    assert sorted(found["smiles"]) == sorted(left_out)
    measured = measure(found["smiles"].tolist(), ["rings", "logP"])
    np.testing.assert_allclose(found[["rings", "logP"]], measured, rtol=1e-5)
    monkeypatch.setattr(samples, "NEAREST_AMONG", 100)
    assert len(samples.training_fingerprints("moses")) == pytest.approx(100, rel=0.25)
    monkeypatch.setitem(model.saved.config, "training", {"data": "moses"})
    assert model.table == "moses"
    assert model.known()["table"].contains(left_out).all()
    monkeypatch.setitem(model.saved.config, "training", {"data": "mine.csv"})
    assert model.table == "qm9"
    assert len(packed) == len(table)

import json

import numpy as np
import pandas as pd
import pytest
import torch

import moldiff
from moldiff.bundled import bundled_models
from moldiff.chem.goals import Goal
from moldiff.chem.properties import measure
from moldiff.errors import InputError
from moldiff.generator import MoleculeGenerator

FAST = {"steps": 6, "chunk": 48}


@pytest.fixture(scope="module")
def generator(tiny_model):
    return MoleculeGenerator.from_pretrained(tiny_model, device="cpu", precision="fp32")


def test_same_seed_gives_the_same_molecules(generator):
    first = generator.generate(60, ["rings>=2"], seed=3, **FAST)
    again = generator.generate(60, ["rings>=2"], seed=3, **FAST)
    other = generator.generate(60, ["rings>=2"], seed=4, **FAST)
    assert len(first.smiles) == 60
    pd.testing.assert_frame_equal(first.table, again.table)
    assert first.smiles != other.smiles


def test_fewer_molecules_are_the_first_of_more(generator):
    few, many = (generator.generate(n, ["rings>=1"], **FAST) for n in (10, 40))
    assert set(few.smiles) < set(many.smiles)


def test_chunks_do_not_depend_on_earlier_ones(generator):
    targets = generator.targets(["rings>=2", "logP=1"])
    warm, cold = (generator.proposer(targets, seed=5, **FAST) for _ in range(2))
    before = [warm(index) for index in range(3)]
    alone = cold(2)
    assert np.array_equal(before[2].ids, alone.ids)
    assert np.array_equal(before[2].y, alone.y, equal_nan=True)
    assert not np.array_equal(before[1].ids, before[2].ids)


def test_table_holds_what_was_asked(generator):
    result = generator.generate(30, ["rings>=2", "logP=1.0±0.5"], **FAST)
    table = result.table
    names = "smiles valid unique novel logP rings mu rings_error logP_error score hit truncated"
    assert list(table.columns) == [*names.split(), "outside_training", "max_sim_train", "filters_failed"]
    assert len(table) == table["smiles"].nunique() == 30
    assert table["valid"].all()
    assert table["unique"].all()
    own = measure(table["smiles"], ["logP", "rings"])
    np.testing.assert_allclose(table[["logP", "rings"]], own)
    np.testing.assert_allclose(table["rings_error"], np.maximum(0, 2 - own["rings"]))
    np.testing.assert_allclose(table["logP_error"], np.maximum(0, (own["logP"] - 1).abs() - 0.5), atol=1e-12)
    assert (table["hit"] == (table["rings_error"] + table["logP_error"] == 0)).all()
    assert (np.diff(table["score"]) <= 1e-12).all()
    assert table["mu"].isna().all()
    assert result.unmeasured == ["mu"]
    assert table["max_sim_train"].isna().all()  # nobody asked
    assert (table["filters_failed"] == "").all()


def test_novel_means_not_among_the_training_molecules(generator, tiny_model):
    table = generator.generate(40, **FAST).table
    assert table["novel"].tolist() == (~generator.chemistry_.known.contains(table["smiles"])).tolist()


def test_only_faithful_leaves_out_what_was_truncated(generator):
    every, faithful = (
        generator.generate(20, only_faithful=only, **FAST).table["truncated"] for only in (False, True)
    )
    assert every.any()
    assert len(faithful) == 20
    assert not faithful.any()


def test_only_hits_returns_hits_alone(generator):
    result = generator.generate(5, ["rings>=1"], only_hits=True, **FAST)
    assert len(result.table) == 5
    assert result.table["hit"].all()
    assert (result.table["rings"] >= 1).all()
    assert result.counts.hits < result.counts.proposed


def test_limit_ends_a_run_without_hits(generator):
    result = generator.generate(5, ["rings>=25"], only_hits=True, max_proposals=50, **FAST)
    assert result.smiles == []
    assert result.counts.proposed == 96  # two chunks of 48: none is begun once 50 are there
    assert result.counts.hits == 0
    assert any("96 proposals gave 0 of 5 hits: raise max_proposals" in note for note in result.notes)
    assert any("outside the training values of rings" in note for note in result.notes)
    assert list(result.table.columns)[:4] == ["smiles", "valid", "unique", "novel"]


def test_without_goals_there_are_no_hits(generator):
    result = generator.generate(5, **FAST)
    assert result.counts.hits is None
    assert result.table["hit"].isna().all()
    assert result.table["score"].isna().all()


def test_goals_that_cannot_be_measured_are_not_hit(generator):
    result = generator.generate(5, ["mu=2"], **FAST)
    assert result.counts.hits is None
    assert result.table[["mu", "mu_error", "hit"]].isna().all(axis=None)
    assert result.summaries[0].hits_valid is None
    assert any("not measured" in note for note in result.notes)


def test_one_goal_needs_no_list(generator):
    for goal in ("rings>=2", Goal.parse("rings>=2")):
        assert [str(each) for each in generator.targets(goal).goals] == ["rings>=2"]


def test_guidance_moves_the_molecules(generator):
    none, strong = (
        generator.generate(100, ["rings=0"], gamma=gamma, chunk=256, steps=16).summaries[0].error_valid
        for gamma in (0.0, 4.0)
    )
    assert strong < none


def test_progress_is_told(generator):
    told = []
    generator.generate(60, progress=lambda found, proposed: told.append((found, proposed)), **FAST)
    assert [proposed for _, proposed in told] == [48 * (i + 1) for i in range(len(told))]
    assert told[-1][0] == 60


def test_a_run_that_is_stopped_keeps_its_chunks(generator):
    run = generator.run(500, **FAST)
    for state in run:
        if state.proposed == 96:
            break
    stopped, whole = run.result(), generator.generate(500, **FAST)
    assert stopped.counts.proposed == 96
    assert set(stopped.smiles) < set(whole.smiles)
    assert any("stopped after 96 proposals" in note for note in stopped.notes)


@pytest.mark.parametrize("place", ["chemistry.Chemistry.table", "selecting.Selection.judged"])
def test_an_interrupt_in_a_chunk_leaves_the_run_as_it_was(generator, monkeypatch, place):
    run = generator.run(500, **FAST)
    next(iter(run))
    before = (run.proposed, run.found, dict(run.costs), set(run.seen), run.tally.counts)
    monkeypatch.setattr(f"moldiff.{place}", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        next(iter(run))
    assert (run.proposed, run.found, run.costs, run.seen, run.tally.counts) == before


def test_no_result_before_the_first_chunk(generator):
    with pytest.raises(ValueError, match="no finished chunk"):
        generator.run(5).result()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"goals": ["ringz>=2"]}, "unknown property 'ringz': did you mean 'rings'"),
        ({"goals": ["QED>=0.5"], "method": "cfg"}, "'cfg' cannot serve 'QED>=0.5': use auto or particles"),
        ({"goals": ["rings"]}, "not understood"),
        ({"goals": ["rings>=2", "rings<=3"]}, "two goals on 'rings'"),
        ({"sampler": "lop"}, "unknown sampler 'lop': did you mean 'loop'"),
        ({"sampler": "cap", "knobs": {"etta": 0.1}}, "no knob 'etta': did you mean 'eta'"),
        ({"sampler": "cap", "knobs": {"eta": 2}}, "between 0 and 1"),
        ({"sampler": "dfm", "knobs": {"strength": float("inf")}}, "strength must be a finite number"),
        ({"gama": 2}, "unknown setting 'gama': did you mean 'gamma'"),
        ({"gamma": -1}, "gamma must be"),
        ({"gamma": float("nan")}, "gamma must be"),
        ({"canvas_gamma": -1}, "canvas_gamma must be"),
        ({"canvas": 0}, "canvas must be a whole number from 1"),
        ({"canvas": 13}, r"canvas must be a size that the model knows, .*12, 16.*, got 13"),
        ({"temperature": 0}, "temperature must be"),
        ({"steps": 0}, "steps must be"),
        ({"chunk": 0}, "chunk must be"),
        ({"seed": -1}, "seed must be"),
        ({"steps": 10**9}, "steps must be a whole number from 1 to 100,000"),
        ({"steps": 2.5}, "steps must be a whole number"),
        ({"chunk": 10**9}, "chunk must be"),
        ({"threads": 0}, "threads must be"),
        ({"gamma": 1e300}, "gamma must be a number from 0 to 1,000"),
        ({"n": 0}, "n must be a whole number from 1"),
        ({"n": 10**9}, "n must be a whole number from 1 to 10,000,000"),
        ({"max_proposals": 0}, "max_proposals must be a whole number from 1"),
        ({"workers": 0}, "workers must be a whole number from 1"),
        ({"workers": 2, "compiled": True}, "a compiled network stays in one process"),
        ({"filters": ["PAINZ"]}, "unknown filter 'PAINZ': did you mean 'PAINS'"),
        ({"scaffold_cap": 0}, "scaffold_cap must be"),
        ({"only_hits": True}, "there is no goal"),
        ({"only_hits": True, "goals": ["mu=1"]}, "mu cannot be measured"),
    ],
)
def test_wrong_arguments(generator, arguments, message):
    with pytest.raises(InputError, match=message):
        generator.generate(**{"n": 1, **arguments})


def test_conditions_are_what_the_model_was_trained_on(generator):
    with pytest.raises(InputError, match="not trained on 'QED': train one with `moldiff train --property"):
        generator.targets(["QED>=0.5"])


def test_wrong_recipe():
    with pytest.raises(InputError, match="unknown recipe 'widht': did you mean 'width'"):
        MoleculeGenerator(widht=3)


@pytest.mark.parametrize("keywords", [{"device": "gpu"}, {"device": "meta"}, {"precision": "bf17"}])
def test_wrong_device_or_precision(tiny_model, keywords):
    with pytest.raises(InputError, match=next(iter(keywords.values()))):
        MoleculeGenerator.from_pretrained(tiny_model, **keywords)


def test_a_generator_without_model():
    with pytest.raises(ValueError, match="call fit or from_pretrained first"):
        MoleculeGenerator().generate(1)


def test_saved_and_loaded_it_gives_the_same_molecules(generator, tmp_path):
    generator.save_pretrained(tmp_path / "copy")
    again = MoleculeGenerator.from_pretrained(tmp_path / "copy", device="cpu", precision="fp32")
    asked = {"goals": ["max logP"], **FAST}
    pd.testing.assert_frame_equal(generator.generate(20, **asked).table, again.generate(20, **asked).table)
    assert again.statistics_ == generator.statistics_
    assert (tmp_path / "copy" / "README.md").read_text() == generator.loaded_.card
    again.save_pretrained(tmp_path / "copy")  # over itself
    assert MoleculeGenerator.from_pretrained(tmp_path / "copy").statistics_ == generator.statistics_


def test_a_model_half_saved_is_no_model(generator, tmp_path, monkeypatch):
    generator.save_pretrained(tmp_path / "copy")

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr("moldiff.loaded_model.save_model", fail)
    with pytest.raises(OSError, match="disk full"):
        generator.save_pretrained(tmp_path / "copy")
    with pytest.raises(InputError, match="no model at"):
        MoleculeGenerator.from_pretrained(tmp_path / "copy")


def test_low_precision_runs(tiny_model):
    generator = MoleculeGenerator.from_pretrained(tiny_model, device="cpu", precision="bf16")
    result = generator.generate(10, ["rings>=1"], **FAST)
    assert len(result.smiles) == 10
    assert result.settings["precision"] == "bfloat16"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_gpu_runs(tiny_model):
    generator = MoleculeGenerator.from_pretrained(tiny_model, device="cuda")
    assert generator.generate(10, ["rings>=1"], **FAST).smiles


def test_fit_on_a_table_of_ones_own(generator, tmp_path):
    smiles = list(dict.fromkeys(generator.generate(150, **FAST).smiles))
    rows = pd.DataFrame({"mol": [*smiles, smiles[0], "C1", None], "logS": np.arange(len(smiles) + 3) / 10})
    rows.loc[3, "logS"] = np.nan
    quiet = {"compiled": False, "progress": False, "accelerator": "cpu", "precision": "fp32"}
    sizes = {"width": 16, "depth": 1, "heads": 1, "tokens": 4000, "batch_tokens": 512}
    rows["kind"] = np.where(rows.index % 3, "common", "rare")
    folder = tmp_path / "run"
    with pytest.warns(UserWarning, match="molecules are few: expect"):
        mine = MoleculeGenerator(**sizes).fit(
            rows, properties=["logS", "rings", "kind"], folder=folder, **quiet
        )
    # Cleaned up, two of the molecules may have become the same.
    assert mine.dropped_["not a molecule"] == 2
    assert mine.dropped_["repeated"] >= 1
    assert len(pd.read_csv(folder / "training" / "dropped.csv")) == sum(mine.dropped_.values())
    assert list(mine.statistics_) == ["logS", "rings", "kind"]
    assert mine.statistics_["kind"].classes == ("common", "rare")
    mine.save_pretrained(tmp_path / "mine")
    loaded = MoleculeGenerator.from_pretrained(tmp_path / "mine")
    result = loaded.generate(3, ["logS>=5", "kind=rare", "rings>=1"], steps=2, chunk=8)
    assert result.unmeasured == ["logS", "kind"]
    assert json.loads((tmp_path / "mine" / "config.json").read_text())["training"]["data"] == "table"


@pytest.mark.skipif("qm9" not in bundled_models(), reason="the bundled model qm9 is not there yet")
def test_bundled_model():
    result = moldiff.MoleculeGenerator.from_pretrained("qm9").generate(20, ["rings>=2"], steps=16)
    assert len(result.smiles) == 20
    # What RDKit cannot compute the predictor that comes along tells, with its error.
    assert result.unmeasured == []
    for name in ("mu", "alpha", "homo", "lumo", "gap"):
        assert result.table[name].notna().all()
        assert (result.table[f"{name}_uncertainty"] > 0).all()
    assert result.counts.hit_rate > 0.5


def test_molecules_of_earlier_chunks_are_not_returned_again(generator, monkeypatch):
    from moldiff.proposing import Proposer

    original = Proposer.__call__
    monkeypatch.setattr(Proposer, "__call__", lambda self, index: original(self, 0))
    result = generator.generate(500, ["rings>=0"], max_proposals=144, **FAST)
    assert result.counts.proposed == 144
    assert len(result.smiles) == len(set(result.smiles)) == result.counts.unique <= 48
    assert result.counts.hits == result.counts.valid > result.counts.unique
    assert result.counts.unique_hits == result.counts.unique

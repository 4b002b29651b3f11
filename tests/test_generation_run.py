"""A run with all that can be asked of it, and one that goes on where it was stopped."""

import json

import numpy as np
import pandas as pd
import pytest

from moldiff.chem.filters import failed_filters, parse_filters
from moldiff.chem.properties import measure
from moldiff.chunks import ChunkFolder
from moldiff.datasets import load
from moldiff.errors import InputError
from moldiff.generator import MoleculeGenerator
from moldiff.metrics.diversity import internal_diversity, max_similarity, morgan_fingerprints
from moldiff.metrics.scaffolds import murcko_scaffolds

FAST = {"steps": 4, "chunk": 48}


@pytest.fixture(scope="module")
def generator(tiny_model):
    return MoleculeGenerator.from_pretrained(tiny_model, device="cpu", precision="fp32")


def test_filters_decide_what_is_kept(generator):
    texts = ["no-radicals", "rings>=1", "elements=C,N,O,F"]
    plain = generator.generate(200, max_proposals=96, **FAST)
    result = generator.generate(30, filters=texts, max_proposals=960, **FAST)
    assert len(result.smiles) == 30
    assert failed_filters(result.smiles, parse_filters(texts)) == [""] * 30
    assert (result.table["filters_failed"] == "").all()
    filtered, counts = result.kept.filtered, result.run_record()["counts"]
    assert failed_filters(list(filtered["smiles"]), parse_filters(texts)) == list(filtered["filters_failed"])
    assert counts["filtered"] == len(filtered) == filtered["smiles"].nunique() > 0
    assert counts["filtered"] + counts["candidates"] == counts["unique"]
    # Filters change what is kept, never what is drawn.
    all_of_it = generator.generate(200, filters=texts, max_proposals=96, **FAST)
    assert set(plain.smiles) == {*all_of_it.smiles, *all_of_it.kept.filtered["smiles"]}


def test_too_few_pass(generator):
    result = generator.generate(9, filters="contains=[Si]", max_proposals=48, **FAST)
    assert result.smiles == []
    assert (
        "48 proposals gave 0 of 9 different molecules: raise max_proposals, or loosen the filters"
        in result.notes
    )


def test_scaffold_cap(generator):
    result = generator.generate(20, scaffold_cap=1, max_proposals=480, **FAST)
    scaffolds = murcko_scaffolds(result.smiles)
    assert len(set(scaffolds)) == len(scaffolds)
    assert result.kept.capped > 0
    assert result.kept.capped + result.kept.candidates == result.counts.unique
    assert any("raise scaffold_cap" in note for note in result.notes) == (len(result.smiles) < 20)


def test_diverse_molecules_differ_more(generator):
    first, diverse = (generator.generate(12, ["rings>=1"], diverse=way, **FAST) for way in (False, True))
    assert len(first.smiles) == len(diverse.smiles) == 12
    assert internal_diversity(diverse.smiles) > internal_diversity(first.smiles)
    assert diverse.kept.candidates >= 48
    assert (np.diff(diverse.table["score"]) <= 0).all()  # best first, as always
    assert any("the 12 most different of 48 candidates" in note for note in diverse.notes)


def test_similarity_to_the_training_molecules(generator):
    result = generator.generate(20, similarity=True, **FAST)
    rows = load("qm9").smiles
    known = generator.chemistry_.known.contains(rows)
    trained = morgan_fingerprints([text for text, inside in zip(rows, known, strict=True) if inside])
    expected = max_similarity(result.smiles, trained)
    assert result.table["max_sim_train"].tolist() == expected.round(6).tolist()
    assert (result.table.loc[~result.table["novel"], "max_sim_train"] == 1).all()
    strange = generator.generate(5, filters="similarity<=0.4", **FAST)
    assert (max_similarity(strange.smiles, trained) < 0.4 + 1e-6).all()


def test_what_lies_outside_of_training_is_told(generator):
    result = generator.generate(150, temperature=3.0, **FAST)
    own = measure(result.smiles, ["logP", "rings"])
    outside = np.zeros(len(own), dtype=bool)
    for name in own:
        quantiles = generator.statistics_[name].quantiles
        outside |= ((own[name] < quantiles["0.001"]) | (own[name] > quantiles["0.999"])).to_numpy()
    assert result.table["outside_training"].tolist() == outside.tolist()
    assert 0 < outside.sum() < len(outside)


def test_symbols_that_the_model_lacks_are_said(generator):
    assert generator.chemistry_.notes[0] in generator.generate(1, **FAST).notes
    assert "no symbols for stereochemistry" in generator.chemistry_.notes[0]


@pytest.mark.parametrize("place", ["out", "mine.parquet"])
def test_what_is_drawn_is_written_and_the_chunks_go(generator, tmp_path, place):
    result = generator.generate(60, ["rings>=1"], output=tmp_path / place, **FAST)
    read = pd.read_csv if place == "out" else pd.read_parquet
    table = read(tmp_path / "out" / "molecules.csv" if place == "out" else tmp_path / place)
    assert table["smiles"].tolist() == result.smiles
    left = [path.name for path in tmp_path.rglob("*") if path.name.startswith(".")]
    assert left == []


@pytest.fixture
def stop(monkeypatch):
    """Let drawing stop before some chunk, as Ctrl-C or a kill would."""
    from moldiff.proposing import Proposer

    original = Proposer.__call__
    at = {}
    drawn = []

    def draw(self, index):
        if index == at.get("index"):
            raise KeyboardInterrupt
        drawn.append(index)
        return original(self, index)

    monkeypatch.setattr(Proposer, "__call__", draw)
    at["drawn"] = drawn
    return at


def test_a_stopped_call_goes_on_and_ends_as_if_never_stopped(generator, tmp_path, stop):
    asked = {"n": 120, "goals": ["rings>=1"], "filters": "no-radicals", "scaffold_cap": 9, **FAST}
    whole = generator.generate(output=tmp_path / "whole", **asked)
    chunks = len(stop["drawn"])
    assert chunks >= 3
    stop["index"] = 2
    with pytest.raises(KeyboardInterrupt):
        generator.generate(output=tmp_path / "stopped", **asked)
    stop["index"] = None
    stop["drawn"].clear()
    went_on = generator.generate(output=tmp_path / "stopped", **asked)
    assert stop["drawn"] == list(range(2, chunks))
    for name in ("molecules.csv", "molecules.sdf", "filtered.csv"):
        assert (tmp_path / "stopped" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    records = [json.loads((tmp_path / name / "run.json").read_text()) for name in ("whole", "stopped")]
    assert records[0]["counts"] == records[1]["counts"]
    assert records[0]["goals"] == records[1]["goals"]
    assert records[0]["settings"] == records[1]["settings"]
    assert (records[0]["cost"]["chunks_resumed"], records[1]["cost"]["chunks_resumed"]) == (0, 2)
    assert went_on.counts == whole.counts
    assert went_on.cost["seconds"] > 0


def stopped(generator, folder, stop, **settings):
    stop["index"] = 2
    with pytest.raises(KeyboardInterrupt):
        generator.generate(500, output=folder, **{**FAST, **settings})
    stop["index"] = None
    stop["drawn"].clear()


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": 1},
        {"steps": 5},
        {"goals": ["logP=1"]},
        {"chunk": 20},
        {"threads": 2},
        {"knobs": {"at": 0.1}},
    ],
)
def test_other_settings_do_not_go_on(generator, tmp_path, stop, changes):
    stopped(generator, tmp_path, stop)
    with pytest.raises(
        InputError, match=f"an unfinished run with {next(iter(changes))} .*--overwrite to begin anew"
    ):
        generator.generate(5, output=tmp_path, **{**FAST, **changes})
    assert stop["drawn"] == []


def test_overwriting_begins_anew(generator, tmp_path, stop):
    stopped(generator, tmp_path, stop)
    result = generator.generate(5, output=tmp_path, overwrite=True, seed=1, **FAST)
    assert stop["drawn"][0] == 0
    assert result.cost["chunks_resumed"] == 0


def test_another_model_does_not_go_on(generator, tmp_path, stop, tiny_model):
    stopped(generator, tmp_path, stop)
    low = MoleculeGenerator.from_pretrained(tiny_model, device="cpu", precision="bf16")
    with pytest.raises(InputError, match="an unfinished run with precision float32, not bfloat16"):
        low.generate(5, output=tmp_path, **FAST)
    other = MoleculeGenerator.from_pretrained(tiny_model, device="cpu", precision="fp32")
    next(other.model_.network.parameters()).data[0] += 1e-6
    with pytest.raises(InputError, match="an unfinished run with weights"):
        other.generate(5, output=tmp_path, **FAST)


def test_what_is_wanted_may_change_since_the_same_is_drawn(generator, tmp_path, stop):
    stopped(generator, tmp_path, stop)
    result = generator.generate(20, output=tmp_path, filters="rings>=1", **FAST)
    assert stop["drawn"] == []
    assert result.smiles == generator.generate(20, filters="rings>=1", **FAST).smiles


def test_a_damaged_chunk_is_drawn_again(generator, tmp_path, stop):
    stopped(generator, tmp_path, stop)
    path = tmp_path / ".chunks" / "chunk-000001.npz"
    path.write_bytes(path.read_bytes()[:100])
    result = generator.generate(60, output=tmp_path, **FAST)
    assert stop["drawn"][0] == 1
    assert result.smiles == generator.generate(60, **FAST).smiles


def test_one_run_at_a_time_in_a_folder(generator, tmp_path):
    run = generator.run(5, **FAST)
    run.keep_in(tmp_path / ".chunks")
    with pytest.raises(InputError, match="another run is at work"):
        generator.generate(5, output=tmp_path, **FAST)
    run.close()
    assert generator.generate(5, output=tmp_path, **FAST).smiles


def test_a_chunk_that_cannot_be_kept_stops_the_run(generator, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(ChunkFolder, "write", full)
    with pytest.raises(OSError, match="No space left"):
        generator.generate(5, output=tmp_path, **FAST)
    assert [path.name for path in tmp_path.iterdir()] == [".chunks"]


def test_wrong_wishes_make_no_folder(generator, tmp_path):
    with pytest.raises(InputError):
        generator.generate(5, ["ringz>=1"], output=tmp_path / "out", **FAST)
    assert list(tmp_path.iterdir()) == []

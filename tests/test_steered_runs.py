"""Steered runs that are stopped, scorers that fail, and all else that can be wanted of the molecules."""

import json
from itertools import takewhile

import numpy as np
import pandas as pd
import pytest

from moldiff.chem.filters import failed_filters, parse_filters
from moldiff.chem.properties import measure
from moldiff.errors import InputError
from moldiff.generator import MoleculeGenerator
from moldiff.metrics.diversity import internal_diversity
from moldiff.metrics.scaffolds import murcko_scaffolds
from moldiff.output import OutputFiles
from moldiff.selecting import REPEATS

LENGTHS = "max my_scores:lengths"
FAST = {"steps": 4, "chunk": 8, "oracle_calls": 96, "method_knobs": {"moves": 2}}
FREE = {**FAST, "goals": "max TPSA"}


@pytest.fixture(scope="module")
def generator(tiny_model):
    return MoleculeGenerator.from_pretrained(tiny_model, device="cpu", precision="fp32")


def finished(run):
    for _ in run:
        pass
    run.close()
    return run


def drawn(generator, n=5, **settings):
    return finished(generator.run(n, **{**FREE, **settings}))


def scored(run, name="TPSA"):
    """What was scored, best first, in the order of the table."""
    scores = run.plan.oracles[name].scores
    return sorted(scores, key=scores.get, reverse=True)


# Runs that are stopped


@pytest.mark.parametrize("method", ["metropolis", "particles", "best-of"])
def test_a_stopped_run_goes_on_and_ends_as_if_never_stopped(generator, my_scores, tmp_path, method):
    knobs = {"metropolis": {"moves": 2}, "particles": {"n": 4, "looks": 2}, "best-of": {"n": 4}}[method]
    settings = {**FAST, "method": method, "method_knobs": knobs}
    whole = finished(generator.run(5, LENGTHS, **settings, oracle={"cache": "cache-of-the-whole"}))
    assert whole.chunks > 3
    first, run = my_scores(), generator.run(5, LENGTHS, **settings)
    run.keep_in(tmp_path / "chunks")
    for _ in run:
        if run.chunks == 3:
            break
    run.close()
    spent = run.plan.oracles["my_scores:lengths"].calls
    assert 12 < spent < 96
    again = generator.run(5, LENGTHS, **settings)
    again.keep_in(tmp_path / "chunks")
    assert again.resumed == 3
    for _ in again:
        if again.chunks == 3:
            # The budget is what is left of it.
            assert again.plan.oracles["my_scores:lengths"].calls == spent
    pd.testing.assert_frame_equal(again.result().table, whole.result().table)
    one, other = (each.plan.oracles["my_scores:lengths"] for each in (whole, again))
    assert list(one.scores.items()) == list(other.scores.items())
    assert again.result().counts == whole.result().counts
    again.close()
    # What was asked before the stop has its scores on disk, and nothing is asked twice.
    assert my_scores() == first + first
    assert other.asked == 96 - spent


def test_without_scores_on_disk_a_run_that_goes_on_asks_once_more_and_spends_the_same(
    generator, my_scores, tmp_path
):
    settings = {**FAST, "oracle": {"cache": False}}
    run = generator.run(5, LENGTHS, **settings)
    run.keep_in(tmp_path / "chunks")
    for _ in run:
        if run.chunks == 2:
            break
    run.close()
    before = my_scores()
    again = generator.run(5, LENGTHS, **settings)
    again.keep_in(tmp_path / "chunks")
    finished(again)
    after = my_scores()[len(before) :]
    assert after[: len(before)] == before
    assert len(after) == len(set(after)) == 96


def test_a_run_that_was_stopped_after_its_last_chunk_is_over(generator, my_scores, tmp_path):
    """Also where the last molecules that were asked about have no score."""
    settings = {**FAST, "goals": "max my_scores:picky", "oracle_calls": 40}
    whole = generator.run(5, **settings)
    whole.keep_in(tmp_path / "chunks")
    finished(whole)
    again = generator.run(5, **settings)
    again.keep_in(tmp_path / "chunks")
    finished(again)
    assert again.resumed == again.chunks == whole.chunks
    one, other = (run.plan.oracles["my_scores:picky"] for run in (whole, again))
    assert list(one.scores) == list(other.scores)
    pd.testing.assert_frame_equal(again.result().table, whole.result().table)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"oracle_calls": 90}, "oracle_calls"),
        ({"method_knobs": {"moves": 3}}, "selection_knobs"),
        ({"method": "best-of", "method_knobs": {}}, "method"),
        ({"goals": "max my_scores:forks"}, "goals"),
    ],
)
def test_other_settings_do_not_go_on(generator, my_scores, tmp_path, changes, named):
    run = generator.run(5, **{**FAST, "goals": LENGTHS})
    run.keep_in(tmp_path / "chunks")
    next(iter(run))
    run.close()
    other = generator.run(5, **{**FAST, "goals": LENGTHS, **changes})
    with pytest.raises(InputError, match=f"an unfinished run with {named} "):
        other.keep_in(tmp_path / "chunks")
    other.close()


def test_a_scorer_that_was_changed_does_not_go_on(generator, my_scores, tmp_path):
    run = generator.run(5, LENGTHS, **FAST)
    run.keep_in(tmp_path / "chunks")
    run.close()
    with (tmp_path / "my_scores.py").open("a") as file:
        file.write("# changed\n")
    other = generator.run(5, LENGTHS, **FAST)
    with pytest.raises(InputError, match="an unfinished run with scorers"):
        other.keep_in(tmp_path / "chunks")
    other.close()


def test_another_predictor_does_not_go_on(generator, tiny_predictor, tmp_path):
    wish = {"goals": "max gap", "predictor": tiny_predictor, "steps": 4, "chunk": 8}
    run, other = (generator.run(5, **wish) for _ in range(2))
    run.keep_in(tmp_path / "chunks")
    run.close()
    changed = generator.plan(5, "max gap", predictor=tiny_predictor).predictor
    next(changed.saved.network.parameters()).data += 1e-3
    generator.loaded_.predictor = changed
    try:
        another = generator.run(5, **{**wish, "predictor": None})
        with pytest.raises(InputError, match="an unfinished run with weights"):
            another.keep_in(tmp_path / "chunks")
    finally:
        generator.loaded_.predictor = None
    other.keep_in(tmp_path / "chunks")
    other.close()


def test_generate_writes_what_a_steered_run_finds(generator, my_scores, tmp_path):
    result = generator.generate(5, LENGTHS, output=tmp_path / "out", **FAST)
    table = pd.read_csv(tmp_path / "out" / "molecules.csv")
    assert table["smiles"].tolist() == result.smiles
    assert table["my_scores:lengths"].tolist() == [float(len(text)) for text in result.smiles]
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert record["scorers"]["my_scores:lengths"]["asked"] == len(my_scores()) == 96
    assert record["settings"]["scorers"]["my_scores:lengths"]["scorer"] == "my_scores:lengths"
    assert record["goals"][0]["source"] == "scored"
    assert not (tmp_path / "out" / ".chunks").exists()
    assert OutputFiles.at(tmp_path / "out").sdf.exists()


# Scorers that fail


def test_molecules_without_a_score_are_survived_and_told(generator, my_scores, processes):
    run = generator.run(60, "max my_scores:picky", **FAST)
    finished(run)
    oracle, result = run.plan.oracles["my_scores:picky"], run.result()
    failed = [text for text, score in oracle.scores.items() if np.isnan(score)]
    assert 0 < len(failed) < 90
    assert list(oracle.reasons) == failed
    kinds = {reason.removeprefix("the scorer ")[:12] for reason in oracle.reasons.values()}
    assert {"gave nan", "raised Value"} <= kinds
    molecule, reason = next(iter(oracle.reasons.items()))
    assert (
        f"my_scores:picky has no number for {len(failed)} of 96 molecules, such as {molecule}: {reason}"
        in result.notes
    )
    summary = result.run_record()["scorers"]["my_scores:picky"]
    assert (summary["failed"], summary["oracle_calls"]) == (len(failed), 96)
    assert summary["reasons"] == oracle.reasons
    # They come last, and are no hits.
    column = result.table["my_scores:picky"].to_numpy()
    number = len(list(takewhile(np.isfinite, column)))
    assert np.isnan(column[number:]).all()
    assert (np.diff(column[:number]) <= 0).all()
    assert number == min(60, 96 - len(failed))
    assert not result.table["hit"][number:].any()
    assert result.table["hit"].sum() == sum(
        score >= result.summaries[0].threshold for score in oracle.scores.values()
    )
    assert all(process.poll() is not None for process in processes)


def test_mean_errors_are_of_the_molecules_that_have_a_score(generator):
    def half(smiles):
        return [float(len(text)) if len(text) % 2 else None for text in smiles]

    run = drawn(
        generator, n=96, goals="half>=100", scorers={"half": half}, oracle={"workers": 0, "cache": False}
    )
    oracle, result = run.plan.oracles["half"], run.result()
    assert np.isnan(list(oracle.scores.values())).any()
    errors = result.table["half_error"]
    assert result.summaries[0].error_returned == pytest.approx(errors.mean())
    assert result.summaries[0].error_valid > 80
    assert json.loads(json.dumps(result.run_record(), allow_nan=False))["goals"][0]["error_valid"] > 80
    assert result.summaries[0].hits_valid == 0


def test_a_goal_whose_molecules_all_failed_later_on(generator):
    """The first sample has scores, what follows has none: the run goes on to the end of its calls."""
    seen = []

    def tired(smiles):
        seen.extend(smiles)
        return [1.0 if len(seen) <= 12 else None for _ in smiles]

    run = drawn(
        generator,
        n=3,
        goals="max tired",
        scorers={"tired": tired},
        oracle={"workers": 0, "cache": False, "retries": 0},
    )
    assert run.plan.oracles["tired"].calls == 96
    assert run.result().table["tired"].tolist() == [1.0] * 3


# What is wanted


def test_hits_alone_end_a_run_early(generator):
    goal = {"goals": "TPSA>=20", "only_hits": True}
    run = drawn(generator, n=3, **goal)
    result = run.result()
    assert not run.plan.used_up
    assert not any("oracle calls" in note for note in result.notes)
    assert (measure(result.smiles, ["TPSA"])["TPSA"] >= 20).all()
    assert len(result.smiles) == 3
    none = drawn(generator, n=3, **{**goal, "goals": "TPSA>=500"})
    assert none.plan.used_up
    assert none.result().smiles == []
    assert (
        "96 oracle calls gave 0 of 3 hits: raise oracle_calls or gamma, or loosen the goals"
        in none.result().notes
    )


def test_too_few_calls_are_said(generator):
    run = drawn(generator, n=200)
    assert run.result().cost["seconds"] >= run.plan.seconds > 0
    assert len(run.result().smiles) == 96
    assert "96 oracle calls gave 96 of 200 different molecules: raise oracle_calls" in run.result().notes


def test_filters_and_scaffolds_leave_the_best_of_the_rest(generator):
    texts = ["no-radicals", "rings>=1"]
    run = drawn(generator, n=8, filters=texts, scaffold_cap=1, method="best-of", method_knobs={"n": 4})
    result = run.result()
    passing = [text for text in scored(run) if failed_filters([text], parse_filters(texts)) == [""]]
    first = pd.Series(murcko_scaffolds(passing), index=passing).drop_duplicates()
    assert result.smiles == list(first.index[:8])
    assert len(passing) > len(first) >= 8
    assert result.kept.candidates == len(first)
    assert result.kept.capped == len(passing) - len(first)
    assert result.kept.counts["filtered"] == 96 - len(passing)


def test_diverse_molecules_are_picked_of_the_best(generator):
    run = drawn(generator, n=5, diverse=True)
    result = run.result()
    assert set(result.smiles) <= set(scored(run)[:20])
    assert internal_diversity(result.smiles) > internal_diversity(scored(run)[:5])
    assert (np.diff(result.table["TPSA"]) <= 0).all()


def test_a_limit_of_proposals_ends_a_run_as_well(generator):
    run = drawn(generator, max_proposals=30)
    assert 30 <= run.proposed < 30 + 3 * 8
    assert not run.plan.used_up
    spent = run.plan.oracles["TPSA"].calls
    note = f"{run.proposed} proposals took no more than {spent} of 96 oracle calls: raise max_proposals"
    assert note in run.result().notes
    pilot = drawn(generator, max_proposals=1)
    assert pilot.proposed == len(pilot.plan.proposer.pilot.ids) == 12
    assert pilot.chunks == 1


def test_a_run_that_finds_nothing_new_ends(generator):
    """At the lowest temperature there are a few molecules only."""
    run = drawn(generator, n=2, temperature=0.001, oracle_calls=200, sampler="ancestral", steps=2, chunk=64)
    assert not run.plan.used_up
    assert run.wanted.limit == 1000 + 50 * 2 + REPEATS * 200
    assert run.proposed >= run.wanted.limit
    assert len(run.result().smiles) == 2


def test_steered_runs_draw_in_one_process(generator, my_scores, processes):
    with pytest.raises(InputError, match=r"draws in one process.*--oracle workers=4"):
        generator.run(5, LENGTHS, workers=2, **FAST)
    with pytest.raises(InputError, match="a run that is steered by scorers draws in one process"):
        generator.run(5, workers=2, **FREE)
    assert all(process.poll() is not None for process in processes)
    both = finished(generator.run(5, LENGTHS, **FAST, oracle={"workers": 2, "batch": 4}))
    assert len(my_scores()) == len(set(my_scores())) == 96
    assert len(both.result().smiles) == 5
    assert len(processes) == 3
    assert all(process.poll() is not None for process in processes)


def test_an_empty_chunk_is_judged(generator, monkeypatch):
    """A chunk whose molecules all came too late."""
    from moldiff.proposing import Proposed

    run = generator.run(5, **FREE)
    draw = type(run.proposer).__call__

    def some(self, index):
        chunk = draw(self, index)
        if index != 1:
            return chunk
        return Proposed(chunk.ids[:0, :0], chunk.y[:0], chunk.canvas[:0], chunk.counts, chunk.seconds)

    monkeypatch.setattr(type(run.proposer), "__call__", some)
    finished(run)
    assert run.chunks > 2
    assert len(run.result().smiles) == 5

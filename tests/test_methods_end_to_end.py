"""Every method by name, through the whole tool: what it draws, what it costs, what is returned and said."""

import math

import numpy as np
import pandas as pd
import pytest

from moldiff.chem.properties import measure
from moldiff.generator import MoleculeGenerator
from moldiff.goal_defaults import GOAL_DEFAULTS
from moldiff.guidance import GUIDANCE, SELECTIONS
from moldiff.property_prediction import read_predictor

CALLS = 160
PILOT = CALLS // 8
STEERED = {
    "particles": {"strength": 4.0, "n": 8},
    "best-of": {"n": 8},
    "metropolis": {"strength": 4.0, "moves": 25},
}
CHUNKS = {"particles": 32, "best-of": 32, "metropolis": 8}
assert set(STEERED) == set(SELECTIONS)


@pytest.fixture(scope="module")
def generator(tiny_model):
    return MoleculeGenerator.from_pretrained(tiny_model, device="cpu", precision="fp32")


@pytest.fixture(scope="module")
def guided(generator, tiny_predictor):
    """Return 64 proposals by a guidance of that name."""
    done = {}

    def call(method, goal="logP>=2", gamma_classifier=4.0):
        asked = (method, goal, gamma_classifier)
        if asked not in done:
            knobs = {} if method == "cfg" else {"method_knobs": {"gamma_classifier": gamma_classifier}}
            few = {"max_proposals": 64, "chunk": 64, "steps": 8}
            done[asked] = generator.generate(
                64, goal, method=method, predictor=tiny_predictor, **few, **knobs
            )
        return done[asked]

    return call


@pytest.fixture(scope="module")
def steered(generator, tiny_predictor):
    """Return a finished run for a large polar surface by a selection of that name."""
    done = {}

    def drawn(method, seed=0):
        settings = {"method": method, "method_knobs": STEERED[method], "predictor": tiny_predictor}
        run = generator.run(
            6, "max TPSA", oracle_calls=CALLS, steps=8, chunk=CHUNKS[method], seed=seed, **settings
        )
        for _ in run:
            pass
        run.close()
        return run

    def call(method):
        if method not in done:
            done[method] = drawn(method)
        return done[method]

    call.drawn = drawn
    return call


# Guidance


@pytest.mark.parametrize("method", GUIDANCE)
def test_guided_runs_draw_for_their_goals(guided, method):
    result, unguided = guided(method), guided("cbg-first-order", gamma_classifier=0.0)
    assert result.counts.proposed == unguided.counts.proposed == 64
    assert result.table["logP"].mean() > unguided.table["logP"].mean() + (0 if method == "cfg" else 2)
    assert result.summaries[0].error_valid < unguided.summaries[0].error_valid
    server = "a condition of the model" if method == "cfg" else "guided by a predictor"
    assert result.settings["served"] == [f"logP>=2: {server} ({method})"]
    assert (result.settings["method"], result.settings["guidance"]) == (method, method)
    assert "selection" not in result.settings
    assert result.settings["gamma"] == (GOAL_DEFAULTS["bound"].gamma if method == "cfg" else 0.0)
    assert result.scorers == {}


def test_predictor_rows_are_counted(guided):
    rows = {name: guided(name).cost["nfe_predictor_per_proposal"] for name in GUIDANCE}
    nfe = guided("cbg-first-order").cost["nfe_per_proposal"]
    assert rows["cfg"] == 0
    assert rows["cbg-first-order"] == nfe <= 8
    assert rows["cbg"] > rows["cbg-topk"] > 8 * rows["cbg-first-order"]
    assert guided("cfg").cost["nfe_per_proposal"] > 1.5 * nfe


def test_k_and_the_strength_are_in_the_record(guided):
    assert guided("cbg-topk").settings["guidance_knobs"] == {"gamma_classifier": 4.0, "k": 8}
    assert guided("cbg").settings["guidance_knobs"] == {"gamma_classifier": 4.0}
    assert guided("cfg").settings["guidance_knobs"] == {}
    assert guided("cfg").run_record()["settings"]["predictor"] == "tiny"


def test_predicted_columns_are_filled_and_judged_by(guided, tiny_predictor):
    result = guided("cbg-first-order", ("mu>=3", "rings>=1"))
    table, predictor = result.table, read_predictor(tiny_predictor)
    values, errors = predictor(list(table["smiles"]), ["mu"])
    np.testing.assert_allclose(table["mu"], values["mu"], rtol=1e-4)
    np.testing.assert_allclose(table["mu_uncertainty"], errors["mu"], rtol=1e-4)
    assert (table["mu_uncertainty"] > 0).all()
    columns = list(table.columns)
    assert columns.index("mu_uncertainty") == columns.index("mu") + 1
    assert "rings_uncertainty" not in columns  # RDKit computes it
    np.testing.assert_allclose(table["mu_error"], np.maximum(0, 3 - table["mu"]), atol=1e-12)
    assert (table["hit"] == ((table["rings"] >= 1) & (table["mu"] >= 3))).all()
    assert [summary.source for summary in result.summaries] == ["predicted", "measured"]
    assert 64 > result.summaries[0].hits_valid >= (values["mu"] >= 3).sum() > 0  # repeats counted
    assert result.counts.unique_hits == table["hit"].sum()
    error = predictor.held_out_error["mu"]
    note = f"mu is predicted, not measured: mean absolute error {error:.3g} D on held-out molecules"
    assert note in result.notes
    assert result.unmeasured == []


def test_columns_that_nobody_asked_about_are_filled_too(generator, tiny_predictor):
    table = generator.generate(5, "rings>=1", predictor=tiny_predictor, steps=4, chunk=16).table
    values, errors = read_predictor(tiny_predictor)(list(table["smiles"]), ["mu"])
    np.testing.assert_allclose(table[["mu", "mu_uncertainty"]], np.c_[values, errors], rtol=1e-4)
    assert "gap" not in table


def test_a_property_that_only_the_predictor_knows_has_a_column(generator, tiny_predictor):
    wish = {"predictor": tiny_predictor, "steps": 4, "chunk": 32, "max_proposals": 32}
    result = generator.generate(32, "max gap", **wish)
    assert {"gap", "gap_uncertainty", "gap_error"} <= set(result.table)
    threshold = read_predictor(tiny_predictor).statistics["gap"].quantiles["0.95"]
    assert result.summaries[0].threshold == threshold
    assert (result.table["hit"] == (result.table["gap"] >= threshold)).all()
    assert result.run_record()["settings"]["served"][0].startswith(
        "max gap: guided by a predictor (cbg-topk)"
    )


@pytest.mark.parametrize("method", ["cbg", "cbg-topk", "cbg-first-order"])
def test_guided_runs_are_a_function_of_the_seed(generator, tiny_predictor, method):
    wish = {"method": method, "predictor": tiny_predictor, "steps": 3, "chunk": 8, "max_proposals": 8}
    one, again, other = (generator.generate(8, "rings>=2", seed=seed, **wish) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(one.table, again.table)
    assert one.smiles != other.smiles


def test_workers_draw_the_same_guided_molecules(generator, tiny_predictor):
    wish = {"method": "cbg-topk", "predictor": tiny_predictor, "steps": 3, "chunk": 8, "max_proposals": 16}
    alone, shared = (generator.generate(16, "rings>=2", workers=workers, **wish) for workers in (1, 2))
    pd.testing.assert_frame_equal(alone.table, shared.table)


# Steering


def scored(run):
    """Every molecule that was scored, best first, as RDKit measures it now."""
    smiles = list(run.plan.oracles["TPSA"].scores)
    values = measure(smiles, ["TPSA"])["TPSA"]
    return values.set_axis(smiles).sort_values(ascending=False, kind="stable")


@pytest.mark.parametrize("method", SELECTIONS)
def test_the_best_of_all_that_were_scored_are_returned(steered, method):
    run = steered(method)
    result, best = run.result(), scored(run)
    assert result.smiles == list(best.index[:6])
    np.testing.assert_allclose(result.table["TPSA"], best[:6])
    threshold = result.summaries[0].threshold
    np.testing.assert_allclose(result.table["TPSA_error"], np.maximum(0, threshold - best[:6].to_numpy()))
    assert (result.table["hit"] == (best[:6].to_numpy() >= threshold)).all()
    assert result.summaries[0].source == "scored"


@pytest.mark.parametrize("method", SELECTIONS)
def test_every_call_is_spent_and_no_more(steered, method):
    run = steered(method)
    oracle, result = run.plan.oracles["TPSA"], run.result()
    assert oracle.calls == oracle.asked == CALLS
    assert result.counts.unique == CALLS
    summary = result.run_record()["scorers"]["TPSA"]
    assert (summary["oracle_calls"], summary["budget"], summary["failed"]) == (CALLS, CALLS, 0)
    # All that was asked about is a proposal, and valid ones alone are asked about.
    assert run.seen == set(oracle.scores)
    assert result.counts.proposed >= CALLS


@pytest.mark.parametrize("method", ["particles", "metropolis"])
def test_scores_after_the_first_sample_are_better(steered, method):
    values, unsteered = (
        np.array(list(steered(name).plan.oracles["TPSA"].scores.values())) for name in (method, "best-of")
    )
    spread = values[:PILOT].std()
    assert values[PILOT:].mean() > values[:PILOT].mean() + 0.3 * spread
    assert values[-40:].mean() > unsteered.mean() + 0.3 * spread


@pytest.mark.parametrize("method", SELECTIONS)
def test_the_record_tells_how_it_was_steered(steered, method):
    settings = steered(method).result().run_record()["settings"]
    assert settings["method"] == settings["selection"] == method
    assert settings["selection_knobs"].items() >= STEERED[method].items()
    assert settings["served"] == [f"max TPSA: steered by the scores of molecules ({method})"]
    assert settings["scorers"] == {"TPSA": {"scorer": "TPSA", "content": None}}
    assert (settings["oracle_calls"], settings["pilot"]) == (CALLS, PILOT)


@pytest.mark.parametrize("method", ["particles", "metropolis"])
def test_steered_runs_are_a_function_of_the_seed(steered, method):
    again, other = (steered.drawn(method, seed=seed).result() for seed in (0, 1))
    pd.testing.assert_frame_equal(steered(method).result().table, again.table)
    assert set(again.smiles) != set(other.smiles)


def test_several_scorers_and_conditions_together(generator):
    """Their sum counts, each in its spread over the first sample, and so does what the goals ask for."""
    goals = ["2*max QED", "SA<=4", "rings>=1"]
    run = generator.run(5, goals, oracle_calls=64, steps=6, scorers={}, method_knobs={"moves": 3})
    for _ in run:
        pass
    result = run.result()
    assert [line.split(":")[1].split("(")[0].strip() for line in result.settings["served"]] == [
        "steered by the scores of molecules",
        "steered by the scores of molecules",
        "a condition of the model",
    ]
    qed, sa = (run.plan.oracles[name] for name in ("QED", "SA"))
    assert list(qed.scores) == list(sa.scores)
    assert qed.calls == 64
    others, trained = run.chemistry.others, generator.statistics_
    smiles = list(qed.scores)
    values = measure(smiles, ["QED", "SA", "rings"])
    threshold = result.summaries[0].threshold
    errors = 2 * np.maximum(0, threshold - values["QED"]) / others["QED"].std
    errors += np.maximum(0, values["SA"] - 4) / others["SA"].std
    errors += np.maximum(0, 1 - values["rings"]) / trained["rings"].std
    expected = (-errors).set_axis(smiles).sort_values(ascending=False, kind="stable")
    np.testing.assert_allclose(result.table["score"], expected[:5], atol=1e-12)
    assert math.isclose(expected[result.smiles[0]], expected.iloc[0], abs_tol=1e-12)


@pytest.mark.parametrize("goal", ["similar_to", "contains"])
def test_scorers_that_come_along(generator, goal):
    wish = {"similar_to": "CCCO"} if goal == "similar_to" else {"contains": "[OX2H]"}
    result = generator.generate(4, oracle_calls=64, steps=6, method_knobs={"moves": 3}, **wish)
    if goal == "contains":
        assert result.table["hit"].all()
        assert result.table["contains"].tolist() == [1.0] * 4
        assert all("O" in text for text in result.smiles)
    else:
        assert (np.diff(result.table["similarity"]) <= 0).all()
        assert result.settings["scorers"]["similarity"]["scorer"] == "similarity to CCCO"
    assert result.settings["method"] == "auto"

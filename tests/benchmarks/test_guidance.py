import json

import numpy as np
import pandas as pd
import pytest

from moldiff.benchmarks import arms, guidance
from moldiff.benchmarks.samples import Sample
from moldiff.chem.properties import measure
from moldiff.datasets import load
from moldiff.errors import InputError
from moldiff.training.predicting import PredictorRecipe
from moldiff.training.recipe import Recipe

METHODS = ["cfg", "cbg", "cbg-topk", "cbg-first-order"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Arms mdlm and ar and the predictor of masked noise, trained for seconds."""
    place = tmp_path_factory.mktemp("arms")
    table = arms.classes(load("qm9"))
    few = table.take(range(0, len(table), 60))
    small = {"width": 32, "depth": 1, "heads": 1, "condition_width": 32, "tokens": 1e5}
    quiet = {"compiled": False, "progress": False, "precision": "fp32"}
    for family in ("mdlm", "ar"):
        recipe = Recipe(family=family, batch_tokens=1024, **small)
        recipe.train(few, list(arms.CLASSES), place / family, **quiet)
    recipe = Recipe(family="prime", batch_tokens=1024)
    prepared = recipe.prepare(few, list(arms.CLASSES))
    predictor = PredictorRecipe(family="prime", **small)
    predictor.train(prepared, few, place / "predictor-masked", command="by hand", **quiet)
    return place


def words(folder, output, *more):
    few = ["--arms", str(folder), "-n", "24", "--steps", "4", "--precision", "fp32", "-o", str(output)]
    return [*few, "--families", "mdlm", "ar", "--gammas", "1", "3", *more]


def test_every_cell_is_drawn_once(folder, tmp_path, monkeypatch, capsys):
    place = tmp_path / "guidance.json"
    guidance.main(words(folder, place, "--seeds", "0"))
    cells = pd.read_csv(place.with_suffix(".csv"))
    assert len(cells) == 2 * 4 * 2 * 2
    assert set(cells["method"]) == set(METHODS)
    assert (cells["valid"] <= 24).all()
    assert (cells["novel_hits"] <= cells["novel"]).all()
    asked = cells[cells["method"] != "cfg"]
    assert (asked["nfe_predictor"] > 0).all()
    assert (cells.loc[cells["method"] == "cfg", "nfe_predictor"] == 0).all()
    exact, few = (cells[(cells["method"] == name)]["nfe_predictor"].mean() for name in ("cbg", "cbg-topk"))
    assert exact > few
    # The conditional pass alone at gamma 1; above it the unconditional one as well; none under a predictor.
    nfe = cells[cells["family"] == "ar"].groupby(["method", "gamma"])["nfe"].mean()
    assert nfe["cfg", 3.0] > 1.5 * nfe["cfg", 1.0]
    assert nfe["cbg", 3.0] < 1.3 * nfe["cfg", 1.0]
    record = json.loads(place.read_text())
    assert record["results"]["class_means"]["rings"] == pytest.approx(4.64, abs=0.01)
    assert record["results"]["class_means"]["QED"] == pytest.approx(0.580, abs=0.002)
    assert len(record["results"]["cells"]) == len(cells)
    assert "rings: first n proposals" in capsys.readouterr().out

    drawn = []
    real = guidance.draw
    monkeypatch.setattr(guidance, "draw", lambda arm, cell, arms: drawn.append(cell) or real(arm, cell, arms))
    guidance.main(words(folder, place, "--seeds", "0", "1", "--labels", "rings", "--methods", "cfg"))
    assert [cell.seed for cell in drawn] == [1] * 4
    assert len(pd.read_csv(place.with_suffix(".csv"))) == len(cells) + 4
    again = json.loads(place.read_text())["results"]["cells"]
    assert [entry["seeds"] for entry in again] == [2] * 4
    assert all("mean_all_sd" in entry for entry in again)


def test_figures_are_those_of_the_molecules(folder):
    """Against a count by hand."""
    judge = guidance.Judge()
    rings = "C1CC2CC1C2", "C12C3C4C1C5C2C3C45", "C12C3C4C1C5C2C3C45", "", "CCO"

    names = ("nfe_per_proposal", "nfe_predictor_per_proposal", "unguided_tokens_per_proposal", "seconds")
    faithful = np.array([True, True, True, True, False])
    sample = Sample(list(rings), faithful, {}, dict.fromkeys(names, 1.0), 5, 0.0)
    cell = guidance.Cell("mdlm", "cfg", 1.0, "rings", 0, 4, 1.0, 5)
    found = judge(cell, sample)
    values = measure(list(rings), ["rings"])["rings"]
    assert (found["valid"], found["unique"], found["hits"]) == (4, 3, int((values > 3).sum()))
    assert found["mean_all"] == pytest.approx(np.nanmean(values))
    known = set(load("qm9").smiles)
    assert found["novel"] == len({text for text in rings if text} - known)


def test_exact_guidance_of_uniform_noise_is_cut_short(folder, tmp_path):
    given = guidance.parser().parse_args(
        ["--arms", str(folder), "--families", "udlm", "--seeds", "0", "1", "-o", "x.json"]
    )
    cells = [cell for cell in guidance.plan(given) if cell.method == "cbg"]
    assert {(cell.gamma, cell.seed, cell.n) for cell in cells} == {(1.0, 0, 256), (3.0, 0, 256)}
    other = [cell for cell in guidance.plan(given) if cell.method == "cbg-topk"]
    assert {(cell.seed, cell.n) for cell in other} == {(0, 1024), (1, 1024)}


def test_a_foreign_table_is_refused(folder, tmp_path):
    (tmp_path / "mine.csv").write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match="holds no cells"):
        guidance.main(words(folder, tmp_path / "mine.json"))

from pathlib import Path

import pytest

from moldiff.benchmarks import arms
from moldiff.datasets import load, with_properties
from moldiff.sweep import problem
from moldiff.sweep.plan import Grid, Plan
from moldiff.sweep.plan_file import read_plan
from moldiff.sweep.problem import Problem, Reference
from moldiff.sweep.tracing import trace
from moldiff.training.predicting import PredictorRecipe
from moldiff.training.recipe import Recipe

PLANS = Path(arms.__file__).parent / "plans"
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


@pytest.mark.parametrize("place", sorted(PLANS.glob("*.toml")), ids=lambda place: place.stem)
def test_plans_can_be_read_and_judge_by_the_classes_of_the_arms(place):
    plan = read_plan(place)
    limits = arms.thresholds(with_properties(load("qm9"), ["QED"]))
    for each in plan.problems.values():
        (goal,) = each.judged.goals
        if each.ask[0].endswith("=top"):
            assert (goal.low, goal.low_open) == (limits[goal.name], True)


def test_class_means_are_those_of_the_literature(monkeypatch):
    monkeypatch.setattr(problem, "MEMBERS", 64)
    plan = read_plan(PLANS / "qm9-families.toml")
    means = {name: Reference.of_table(each, "qm9").class_average for name, each in plan.problems.items()}
    assert means["rings"] == pytest.approx(4.64, abs=0.01)
    assert means["QED"] == pytest.approx(0.580, abs=0.002)


def test_guidance_that_asks_the_predictor_about_many_candidates_is_cut_short():
    """Exact forms, and top-k under uniform noise, are most of the hours."""
    drawn = {}
    for cell in read_plan(PLANS / "qm9-families.toml").cells():
        settings = cell.arm.settings
        uniform = "uniform noise" if cell.arm.group == "udlm" else "the others"
        strength = settings.get("gamma_classifier", settings.get("gamma"))
        drawn.setdefault((settings["method"], uniform), set()).add((strength, cell.seed, cell.n))
    strengths = (1, 2, 3, 5, 8)

    def every(seeds, n, values=strengths):
        return {(strength, seed, n) for strength in values for seed in seeds}

    assert drawn == {
        ("cfg", "the others"): every(range(5), 1024),
        ("cfg", "uniform noise"): every(range(5), 1024),
        ("cbg-first-order", "the others"): every(range(5), 1024),
        ("cbg-first-order", "uniform noise"): every(range(5), 1024),
        ("cbg-topk", "the others"): every(range(5), 1024),
        ("cbg-topk", "uniform noise"): every([0], 256),
        ("cbg", "the others"): every([0, 1], 1024),
        ("cbg", "uniform noise"): every([0], 256, (1, 3)),
    }


def test_families_and_guidances_cost_what_they_should(folder, tmp_path):
    rings = Problem("rings", ("rings_top=top",), ("rings>3",), "qm9")
    guide = {
        "predictor": [str(folder / "predictor-masked")],
        "method": METHODS[1:],
        "gamma_classifier": [1.0, 3.0],
    }
    axes = [{"method": ["cfg"], "gamma": [1.0, 3.0]}, guide]
    families = [{"model": [str(folder / "mdlm")], "steps": [4]}, {"model": [str(folder / "ar")]}]
    grids = [Grid({**family, **each}, ["rings"], 24, [0]) for family in families for each in axes]
    found = trace(Plan({"rings": rings}, grids, precision="fp32", least_novel=1), tmp_path).told["rings"]
    assert len(found.arms) == 2 * 4 * 2

    def cost(figure, family, method, strength):
        (value,) = [
            entry.mean(figure)
            for entry in found.arms
            if (entry.arm.group, entry.arm.settings["method"]) == (family, method)
            and strength in (entry.arm.settings.get("gamma"), entry.arm.settings.get("gamma_classifier"))
        ]
        return value

    for family in ("mdlm", "ar"):
        assert cost("nfe_predictor", family, "cfg", 3.0) == 0
        exact, few = (cost("nfe_predictor", family, method, 3.0) for method in ("cbg", "cbg-topk"))
        assert exact > few > 0
    # The conditional pass alone at gamma 1; above it the unconditional one as well; none under a predictor.
    assert cost("nfe", "ar", "cfg", 3.0) > 1.5 * cost("nfe", "ar", "cfg", 1.0)
    assert cost("nfe", "ar", "cbg", 3.0) < 1.3 * cost("nfe", "ar", "cfg", 1.0)
    for entry in found.arms:
        assert entry.mean("novel_hits") <= entry.mean("novel") <= entry.mean("valid") <= 24

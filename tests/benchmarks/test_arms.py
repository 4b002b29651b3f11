import numpy as np
import pytest

from moldiff.benchmarks import arms
from moldiff.chem.properties import measure
from moldiff.datasets import load
from moldiff.models.families import FAMILIES
from moldiff.training.predicting import PredictorRecipe
from moldiff.training.recipe import Recipe


@pytest.fixture(scope="module")
def table():
    return arms.classes(load("qm9"))


def test_the_classes_are_those_of_the_literature(table):
    """More than 3 rings: 7.9% of QM9; QED strictly above its 90th percentile: a tenth, less ties."""
    shares = table.labels.mean()
    assert shares["rings_top"] == pytest.approx(0.079, abs=0.0005)
    assert 0.0995 < shares["qed_top"] <= 0.1
    some = np.arange(0, len(table), 1500)
    values = measure([table.smiles[row] for row in some], ["rings", "QED"])
    np.testing.assert_array_equal(table.labels["rings_top"].to_numpy()[some], values["rings"] > 3)
    assert table.classes == {"rings_top": ("rest", "top"), "qed_top": ("rest", "top")}


def test_arms_are_trained_alike(monkeypatch, tmp_path, table):
    calls = []
    monkeypatch.setattr(arms, "classes", lambda given: table)
    monkeypatch.setattr(Recipe, "train", lambda *given, **keywords: calls.append((given, keywords)))
    words = ["--families", "udlm", "ar", "--tokens", "1e6", "--seed", "3", "-o", str(tmp_path)]
    arms.main(words)
    recipes = [given[0] for given, _ in calls]
    assert [recipe.family for recipe in recipes] == ["udlm", "ar"]
    alike = {(recipe.tokens, recipe.seed, tuple(recipe.shown)) for recipe in recipes}
    assert alike == {(1e6, 3, (0.15, 0.7, 0.15))}
    assert [given[2] for given, _ in calls] == [["rings_top", "qed_top"]] * 2
    assert [given[3].name for given, _ in calls] == ["udlm", "ar"]
    commands = {keywords["command"] for _, keywords in calls}
    # Where it was written is nobody's business: cards hold no paths.
    words = "--families udlm ar --tokens 1e6 --seed 3 -o RUNS"
    assert commands == {f"python -m moldiff.benchmarks.arms {words}"}


def test_predictors_of_both_kinds_of_noise_learn_the_classes(monkeypatch, tmp_path, table):
    calls = []
    few = table.take(np.arange(0, len(table), 500))
    monkeypatch.setattr(arms, "classes", lambda given: few)
    monkeypatch.setattr(PredictorRecipe, "train", lambda *given, **keywords: calls.append((given, keywords)))
    arms.main(["--predictors", "masked", "uniform", "--tokens", "1e6", "-o", str(tmp_path)])
    assert [given[0].noise for given, _ in calls] == ["masked", "uniform"]
    assert [given[1].codec.digits for given, _ in calls] == [2, 1]
    assert [[entry.name for entry in given[1].statistics] for given, _ in calls] == [
        ["rings_top", "qed_top"]
    ] * 2
    assert [given[3].name for given, _ in calls] == ["predictor-masked", "predictor-uniform"]
    for given, _ in calls:
        learner, prepared = given[:2]
        count = sum(weight.numel() for weight in learner.network(prepared).parameters())
        assert 2 * count < 2.5e6


def test_networks_of_the_ablation_differ_in_how_tokens_are_written(monkeypatch, tmp_path, table):
    calls = []
    few = table.take(np.arange(0, len(table), 500))
    monkeypatch.setattr(arms, "classes", lambda given: few)
    monkeypatch.setattr(Recipe, "train", lambda *given, **keywords: calls.append(given))
    arms.main(["--ablations", "--tokens", "1e6", "--seed", "2", "-o", str(tmp_path)])
    assert [given[3].name for given in calls] == [f"{name}-2" for name in arms.ABLATIONS]
    codecs = {given[3].name: given[0].prepare(few, given[2]).codec for given in calls}
    assert [codec.digits for codec in codecs.values()] == [1, 2, 2, 2, 3, 3, 3]
    written = {name: tuple(codec.codes.flatten().tolist()) for name, codec in codecs.items()}
    assert len({*written.values()}) == 7
    assert {(given[0].tokens, given[0].seed, tuple(given[0].shown)) for given in calls} == {
        (1e6, 2, arms.SHOWN)
    }
    calls.clear()
    arms.main(["--ablations", "k3-shuffled", "-o", str(tmp_path)])
    assert [given[3].name for given in calls] == ["k3-shuffled-0"]


@pytest.mark.parametrize("family", FAMILIES)
def test_networks_have_three_million_parameters(family, table):
    """Within 5%, and at most 6.5 MB as bfloat16."""
    few = table.take(np.arange(0, len(table), 500))
    recipe = Recipe(family=family, condition_width=arms.CONDITION_WIDTH)
    prepared = recipe.prepare(few, list(arms.CLASSES))
    count = sum(weight.numel() for weight in recipe.network(prepared).parameters())
    assert 2.85e6 < count < 3.15e6
    assert 2 * count < 6.5e6

import json

import numpy as np
import pandas as pd
import pytest
import torch

from moldiff.benchmarks import predictor
from moldiff.benchmarks.arms import CLASSES, classes
from moldiff.chem.tokenizer import SelfiesTokenizer
from moldiff.datasets import load, split, with_properties
from moldiff.diffusion.codec import SubtokenCodec
from moldiff.metrics import Interval
from moldiff.models.predictor import NoisyPredictor
from moldiff.models.predictor_folder import SavedPredictor
from moldiff.models.predictor_heads import Classes, Gaussian, Values

FOREST = [
    {"property": name, "error": {"value": value, "low": value, "high": value, "level": 0.95}, "std": 1.0}
    for name, value in (("gap", 1e9), ("mu", 1e-9), ("QED", 0.3))
]


@pytest.fixture(scope="module")
def table():
    whole = load("qm9")
    return whole.take(range(0, len(whole), 40))


@pytest.fixture
def small(monkeypatch, places, table):
    monkeypatch.setattr(predictor, "load", lambda name: table)


class Knows(NoisyPredictor):
    """A predictor that remembers every molecule: sure and right, or sure and wrong."""

    def __init__(self, laws, tokens, smiles, values, wrong=()):
        super().__init__(len(tokens), laws, max_length=32, width=8, depth=1, heads=1)
        ids = SelfiesTokenizer(tokens).encode(smiles)
        self.known = {tuple(row[row > 0].tolist()): y for row, y in zip(ids, values, strict=True)}
        for row in wrong:
            self.known[tuple(ids[row].tolist())] = 1.0 - values[row]

    def forward(self, w, visible, t=None):
        rows = [tuple(row[row > 0].tolist()) for row in w.argmax(-1)]
        y = torch.from_numpy(np.stack([self.known[row] for row in rows])).float()
        parts = []
        for law, value in zip(self.laws.values(), y.unbind(1), strict=True):
            if isinstance(law, Gaussian):
                mean = (value - law.mean) / law.std
                parts.append(torch.stack([mean, torch.full_like(mean, -8.0)], 1))
            else:
                parts.append(30.0 * (value[:, None] == torch.tensor(law.values)).float())
        return torch.cat(parts, 1)


def saved_for(table, names, laws, wrong=()):
    values = pd.concat([with_properties(table, ["QED", "rings"]), classes(table).labels], axis=1)
    values = values[names].to_numpy(dtype=np.float64)
    tokens = list(SelfiesTokenizer.fit(table.smiles).tokens)
    network = Knows(laws, tokens, table.smiles, values, wrong)
    codec = SubtokenCodec(torch.arange(len(tokens))[:, None])
    return SavedPredictor(network, codec, tokens, {"noise": "masked"})


def test_a_predictor_that_is_right_tells_every_molecule(small, table):
    """So answers and labels stand in the same order, and the limits of both labels are right."""
    laws = {"QED": Gaussian(0.0, 1.0), "rings": Values(range(9)), "mu": Gaussian(2.0, 1.0)}
    saved = saved_for(table, list(laws), laws)
    part = predictor.TestPart.read(list(laws))
    rows = predictor.label_figures("own", saved, part)
    assert [(row["label"], row["read_from"]) for row in rows] == [("rings_top", "rings"), ("qed_top", "QED")]
    for row in rows:
        assert 1 < row["tops"] < row["molecules"] == len(part.smiles)
        for where in ("at_half", "at_base_rate"):
            assert row[where]["balanced_accuracy"] == Interval(1.0, 1.0, 1.0)
    train = split(table.smiles) == "train"
    assert rows[0]["base_rate"] == pytest.approx(classes(table).labels["rings_top"][train].mean())
    errors = predictor.error_figures(saved, part, FOREST)
    assert [row["property"] for row in errors] == ["mu", "QED"]
    assert [row["better"] for row in errors] == [False, True]
    assert errors[1]["error"].value < 1e-6
    assert errors[0]["std"] == pytest.approx(table.labels["mu"][train].std(ddof=0))


def test_the_90th_percentile_is_that_of_the_whole_table(small, table):
    part = predictor.TestPart.read(["QED"])
    test = split(table.smiles) == "test"
    top = part.values["QED"] > part.threshold
    np.testing.assert_array_equal(top, classes(table).labels["qed_top"][test] == 1)
    assert len(part.smiles) == test.sum() > 50


def test_predictors_of_the_labels_are_asked_for_the_labels(small, table):
    """One top ring system is called by the wrong name: sensitivity falls by one in their number."""
    test = split(table.smiles) == "test"
    top = classes(table).labels["rings_top"].to_numpy() == 1
    wrong = np.flatnonzero(test & top)[:1]
    laws = {name: Classes((0.0, 1.0)) for name in CLASSES}
    rows = predictor.label_figures(
        "arms", saved_for(table, list(laws), laws, wrong), predictor.TestPart.read(list(laws))
    )
    assert [row["read_from"] for row in rows] == list(CLASSES)
    tops = (test & top).sum()
    assert rows[0]["tops"] == tops
    found = rows[0]["at_half"]
    assert found["sensitivity"] == pytest.approx(1 - 1 / tops)
    assert found["specificity"] == 1.0
    interval = found["balanced_accuracy"]
    assert interval.value == pytest.approx(1 - 0.5 / tops)
    assert interval.low < interval.value < interval.high == 1.0


def test_balanced_accuracy_is_the_mean_over_both_classes():
    top = np.array([True, True, False, False, False, False])
    said = np.array([True, False, True, False, False, False])
    found = predictor.decided(top, said, 0)
    assert (found["sensitivity"], found["specificity"]) == (0.5, 0.75)
    assert found["balanced_accuracy"].value == 0.625
    assert found["balanced_accuracy"].low < 0.625 < found["balanced_accuracy"].high


def test_one_command_writes_all_files(small, tmp_path, tiny_predictor):
    forest = tmp_path / "forest.json"
    forest.write_text(
        json.dumps(
            {"command": "grow", "machine": "one", "results": {"setup": {"trees": 7}, "properties": FOREST}}
        )
    )
    words = ["--predictor", str(tiny_predictor), "--forest", str(forest)]
    predictor.main([*words, "-o", str(tmp_path / "out.json")])
    written = json.loads((tmp_path / "out.json").read_text())
    results = written["results"]
    assert [row["label"] for row in results["labels"]] == ["rings_top"]
    assert results["labels"][0]["at_base_rate"]["balanced_accuracy"]["value"] > 0.6
    assert results["better_than_forest"] == 1
    assert {row["property"]: row["better"] for row in results["errors"]} == {"gap": True, "mu": False}
    table = pd.read_csv(tmp_path / "out-calibration.csv")
    assert len(table) == len(results["calibration"]) == results["coverage"]["cells"] == 8 * 4
    gap = table[table["property"] == "gap"].sort_values("level")
    assert gap["error_in_sd"].iloc[0] < gap["error_in_sd"].iloc[-1] < 1.2
    assert gap["molecules"].eq(results["labels"][0]["molecules"]).all()
    assert written["predictors"][str(tiny_predictor)]["noise"] == "masked"
    assert written["forest"] == {"command": "grow", "machine": "one", "trees": 7}
    for suffix in ("png", "svg"):
        assert (tmp_path / f"out-calibration.{suffix}").stat().st_size > 10_000


def test_coverage_outside_of_what_is_allowed_is_listed():
    figures = pd.DataFrame(
        {"property": ["gap", "gap", "mu"], "level": [0.0, 1.0, 0.0], "coverage": [0.9, 0.8, 0.95]}
    )
    found = predictor.coverage_summary(figures)
    assert found["outside"] == [{"property": "gap", "level": 1.0, "coverage": 0.8}]
    assert found["properties"]["gap"] == {"min": 0.8, "max": 0.9}
    assert found["cells"] == 3

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moldiff.chem import PropertyStatistics
from moldiff.chem.statistics import QUANTILES
from moldiff.errors import InputError

STATS = PropertyStatistics.from_values("logP", np.arange(0, 1.001, 0.001), "1", "a grid")


def test_numbers_of_a_uniform_grid() -> None:
    # 1,001 equally spaced values from 0 to 1: quantile q is q, the variance (n^2 - 1) / 12 steps squared.
    assert STATS.mean == pytest.approx(0.5)
    assert STATS.std == pytest.approx(1e-3 * math.sqrt((1001**2 - 1) / 12))
    assert (STATS.low, STATS.high) == (0.0, pytest.approx(1.0))
    assert STATS.quantiles == pytest.approx({q: float(q) for q in QUANTILES})
    assert not STATS.integer


def test_missing_values_do_not_count() -> None:
    stats = PropertyStatistics.from_values("rings", [1, math.nan, 3], "1", "by hand")
    assert (stats.mean, stats.std, stats.low, stats.high, stats.integer) == (2.0, 1.0, 1.0, 3.0, True)


def test_integer_is_inferred_or_told() -> None:
    assert not PropertyStatistics.from_values("x", [1.0, 2.5], "1", "").integer
    assert not PropertyStatistics.from_values("x", [1.0, 2.0], "1", "", integer=False).integer


def test_a_constant_column_has_a_scale() -> None:
    stats = PropertyStatistics.from_values("charge", [0, 0, 0], "e", "")
    assert (stats.std, stats.scale) == (0.0, 1.0)
    assert STATS.scale == STATS.std


@pytest.mark.parametrize("values", [[], [math.nan], [1.0, math.inf]])
def test_unusable_columns_are_refused(values: list[float]) -> None:
    with pytest.raises(InputError, match="property 'x' has"):
        PropertyStatistics.from_values("x", values, "1", "")


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20))
def test_json_round_trip(values: list[float]) -> None:
    stats = PropertyStatistics.from_values("x", values, "eV", "made up")
    assert PropertyStatistics.from_dict(json.loads(json.dumps(stats.to_dict()))) == stats
    assert stats.low <= stats.quantiles["0.05"] <= stats.quantiles["0.95"] <= stats.high


def test_a_class_keeps_its_labels_and_its_error_is_not_scaled() -> None:
    stats = PropertyStatistics.from_values("BBB", [0, 1, 1, 0], "class", "by hand", classes=["BBB+", "BBB-"])
    assert PropertyStatistics.from_dict(json.loads(json.dumps(stats.to_dict()))) == stats
    assert stats.integer
    assert (stats.scale, stats.error_scale) == (0.5, 1.0)
    assert STATS.error_scale == STATS.std


def test_statistics_of_numbers_are_stored_as_earlier_releases_did() -> None:
    assert "classes" not in STATS.to_dict()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"classes": "ab"}, "expected classes to be a list"),
        ({"classes": ["b", "a"]}, "sorted, and all different"),
        ({"classes": ["a", "a"]}, "sorted, and all different"),
        ({"classes": [1]}, "expected classes to be a list"),
        ({"unit": None}, "expected name, unit and source to be text"),
        ({"mean": 10**400}, "expected finite numbers"),
        ({"quantilez": {}}, "did you mean 'quantiles'"),
        ({"mean": None}, "expected finite numbers"),
        ({"std": "1"}, "expected finite numbers"),
        ({"high": math.inf}, "expected finite numbers"),
        ({"quantiles": {"0.5": 1.0}}, "expected quantiles"),
        ({"quantiles": 3}, "expected quantiles"),
    ],
)
def test_damaged_files_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        PropertyStatistics.from_dict({**STATS.to_dict(), **change})


def test_missing_fields_are_named() -> None:
    stored = STATS.to_dict()
    del stored["unit"], stored["low"]
    with pytest.raises(InputError, match="lack low, unit"):
        PropertyStatistics.from_dict(stored)

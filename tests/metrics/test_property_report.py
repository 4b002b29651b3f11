"""Means, spreads and distances, by hand and against distances.py."""

import math

import numpy as np
import pandas as pd
import pytest

from moldiff.metrics.distances import distance_report, floor_distances
from moldiff.metrics.property_report import property_report


def report(values, reference=None, **keywords):
    return property_report(
        pd.DataFrame(values),
        None if reference is None else pd.DataFrame(reference),
        generator=np.random.default_rng(0),
        **keywords,
    )


def test_moments_and_distance_by_hand():
    # W1 of {3, 3, 3, 3, 6} and {1, 5}: |3 - 1| on half, |3 - 5| on three tenths, |6 - 5| on two tenths; sd 2.
    sample = {"heavy_atoms": [3.0, 3.0, 6.0, 3.0, 3.0, np.nan], "charge": [0.0] * 5 + [np.nan]}
    found = report(sample, {"heavy_atoms": [1.0, 5.0], "charge": [0.0, 0.0]}, resamples=50)
    figures = found.figures["heavy_atoms"]
    assert (found.rows, found.reference_rows, found.compared) == (5, 2, 1)
    assert (figures.mean, figures.sd) == pytest.approx((3.6, 1.2))
    assert (figures.reference_mean, figures.reference_sd, figures.unit) == (3.0, 2.0, "1")
    assert figures.distance == found.mean_distance.value == pytest.approx(0.9)
    assert math.isnan(figures.floor)  # two rows of a reference cannot be halved


def test_a_property_without_spread_in_the_reference_has_no_distance():
    found = report({"rings": [1.0, 2.0], "charge": [0.0, 1.0]}, {"rings": [0.0, 1.0], "charge": [0.0, 0.0]})
    assert math.isnan(found.figures["charge"].distance)
    assert found.figures["charge"].mean == 0.5
    assert found.mean_distance.value == found.figures["rings"].distance
    flat = report({"charge": [0.0, 1.0]}, {"charge": [0.0, 0.0]})
    assert (flat.mean_distance, flat.compared, flat.reference_rows) == (None, 0, 2)


def test_it_is_the_report_of_distances():
    rng = np.random.default_rng(1)
    names = ["logP", "TPSA"]
    sample = pd.DataFrame(rng.normal(size=(80, 2)), columns=names)
    reference = pd.DataFrame(rng.normal(0.5, size=(60, 2)), columns=names)
    found = property_report(sample, reference, generator=np.random.default_rng(3), resamples=100)
    floors = floor_distances(reference, generator=(generator := np.random.default_rng(3)))
    expected = distance_report(
        sample.to_numpy(), reference.to_numpy(), names, generator=generator, resamples=100
    )
    assert {name: entry.distance for name, entry in found.figures.items()} == expected.distances
    assert found.mean_distance == expected.mean
    scaled = floors * math.sqrt((1 / 80 + 1 / 60) * 60 / 4)
    assert [entry.floor for entry in found.figures.values()] == pytest.approx(scaled.tolist())
    assert found.mean_floor == pytest.approx(scaled.mean())


def test_without_a_reference_there_are_moments_alone():
    found = report({"logP": [1.0, 2.0]})
    assert (found.mean_distance, found.compared, found.reference_rows) == (None, 0, 0)
    assert math.isnan(found.figures["logP"].reference_mean)
    assert math.isnan(found.mean_floor)


@pytest.mark.parametrize("rows", [0, 1])
def test_one_row_has_no_interval_and_none_no_figure(rows):
    found = report({"logP": [0.5] * rows + [np.nan]}, {"logP": [0.0, 1.0, 2.0, 3.0]})
    assert found.rows == rows
    if rows:
        assert math.isnan(found.mean_distance.low)
        assert found.mean_distance.value == found.figures["logP"].distance
    else:
        assert found.mean_distance is None
        assert math.isnan(found.figures["logP"].mean)

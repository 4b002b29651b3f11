import json
import math

import numpy as np
import pytest

from moldiff.chem.distribution import BINS, Bins, training_record
from moldiff.chem.statistics import PropertyStatistics

GENERATOR = np.random.default_rng(0)
NORMAL = GENERATOR.normal(3.0, 2.0, 5000)


def suited(values, **more):
    return Bins.suited(values, PropertyStatistics.from_values("x", values, "1", "by hand", **more))


def test_counts_are_a_histogram():
    bins = Bins.of(NORMAL, low=-1.0, width=0.5, number=10)
    expected, _ = np.histogram(NORMAL, bins=np.linspace(-1.0, 4.0, 11))
    assert list(bins.counts) == expected.tolist()
    assert bins.known == 5000


def test_missing_values_do_not_count():
    bins = Bins.of([math.nan, 0.5, math.nan], low=0.0, width=1.0, number=2)
    assert (bins.counts, bins.known) == ((1, 0), 1)


def test_edges_are_not_moved_by_rounding():
    tenths = np.arange(10) / 10
    assert Bins.of(tenths, low=0.0, width=0.1, number=10).counts == (1,) * 10


def test_suited_bins_hold_the_middle_of_training():
    bins = suited(NORMAL)
    assert len(bins.counts) == BINS + 1
    assert 0.997 * 5000 < sum(bins.counts) <= 5000


def test_values_at_the_bounds_of_a_property_are_inside():
    bins = suited(np.concatenate([np.zeros(500), np.ones(500), GENERATOR.random(100)]))
    assert sum(bins.counts) == 1100
    assert bins.counts[0] >= 500
    assert bins.counts[-1] >= 500


def test_whole_numbers_have_a_bin_each():
    bins = suited([0, 1, 1, 3])
    assert (bins.low, bins.width, bins.counts) == (-0.5, 1.0, (1, 2, 0, 1))


def test_many_whole_numbers_share_bins_of_whole_width():
    bins = suited(np.arange(200))
    assert bins.width == math.ceil(200 / BINS)
    assert len(bins.counts) <= BINS
    assert sum(bins.counts) == 200


@pytest.mark.parametrize("value", [0.0, 0.37, 1e6])
def test_a_constant_has_bins_as_well(value):
    bins = suited([value] * 5, integer=False)
    assert sum(bins.counts) == bins.known == 5
    assert bins.width > 0


def test_classes_have_a_bin_each():
    assert suited([0, 1, 1], classes=("no", "yes")).counts == (1, 2)


def test_record_is_json_and_gives_the_statistics_again():
    statistics = {
        name: PropertyStatistics.from_values(name, NORMAL, "eV", "by hand") for name in ("gap", "mine")
    }
    record = json.loads(json.dumps(training_record(statistics, {"gap": NORMAL}), allow_nan=False))
    assert record["mine"].pop("bins") is None
    assert PropertyStatistics.from_dict(record["mine"]) == statistics["mine"]
    assert record["gap"]["bins"]["known"] == 5000

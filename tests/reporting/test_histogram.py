import math
import re

import numpy as np
import pytest

from moldiff.chem.distribution import Bins
from moldiff.chem.statistics import PropertyStatistics
from moldiff.reporting.histogram import BOTTOM, EXTRA, LEFT, RIGHT, TOP, Histogram
from moldiff.reporting.record import BinsEntry

TRAINING = np.linspace(0.0, 10.0, 1001)


def histogram(values, goal=None, training=TRAINING, bins=True, **more):
    statistics = PropertyStatistics.from_values("x", training, "1", "by hand", **more)
    suited = Bins.suited(training, statistics)
    entry = BinsEntry(low=suited.low, width=suited.width, counts=list(suited.counts), known=suited.known)
    return Histogram.of(np.asarray(values, dtype=float), statistics, entry if bins else None, goal)


def ticks(marks):
    return [mark.text for mark in marks]


def test_bars_are_shares_of_the_molecules_that_have_a_value():
    chart = histogram([1.0, 1.0, 9.0, math.nan])
    heights = [bar.height for bar in chart.bars if bar.height]
    assert heights == pytest.approx([BOTTOM - TOP, (BOTTOM - TOP) / 2], abs=0.2)
    assert [bar.says for bar in chart.bars if "66.7% of 3 returned" in bar.says] != []


def test_bars_stand_at_their_values():
    chart = histogram([2.5])
    [bar] = [bar for bar in chart.bars if bar.height]
    share = (2.5 - chart.low) / (chart.high - chart.low)
    assert bar.x <= LEFT + share * (RIGHT - LEFT) <= bar.x + bar.width


def test_training_is_a_staircase_of_its_own_shares():
    chart = histogram([5.0] * 10)
    heights = [BOTTOM - float(y) for y in re.findall(r"V([\d.]+)h", chart.outline)]
    assert len(heights) == len(chart.returned.counts)
    # The returned molecules are all in one bin, so that its height is the whole: 100%.
    assert sum(heights) / (BOTTOM - TOP) == pytest.approx(sum(chart.training.counts) / 1001, abs=0.03)


def test_the_axis_grows_for_what_lies_outside_training():
    chart = histogram([-1.0, 12.0])
    assert chart.low < -1.0 < 12.0 < chart.high
    assert chart.beyond == 0
    # Training stands where it stood.
    inside = histogram([5.0])
    assert sum(chart.training.counts) == sum(inside.training.counts)


def test_what_lies_far_outside_is_counted():
    chart = histogram([5.0, 5.0, 1e6, -1e6])
    assert chart.beyond == 2
    assert len(chart.returned.counts) <= 25 + 2 * EXTRA


def test_the_band_is_where_the_goal_is_met():
    chart = histogram([5.0], goal=(2.0, 4.0))
    left, width = chart.band
    unit = (RIGHT - LEFT) / (chart.high - chart.low)
    assert left == pytest.approx(LEFT + (2.0 - chart.low) * unit, abs=0.02)
    assert width == pytest.approx(2.0 * unit, abs=0.03)


def test_bands_that_are_open_end_with_the_axis():
    left, width = histogram([5.0], goal=(9.0, math.inf)).band
    assert left + width == pytest.approx(RIGHT)
    assert histogram([5.0], goal=(-math.inf, 1.0)).band[0] == LEFT


def test_the_band_of_one_whole_number_is_its_bin():
    chart = histogram([1, 2], goal=(2.0, 2.0), training=np.arange(5.0))
    bar = chart.bars[2]
    left, width = chart.band
    assert left < bar.x
    assert bar.x + bar.width < left + width
    assert width == pytest.approx((RIGHT - LEFT) / 5, abs=0.02)


def test_a_goal_far_outside_has_no_band():
    assert histogram([5.0], goal=(1e6, math.inf)).band is None
    assert histogram([5.0]).band is None


def test_ticks_are_round_and_inside():
    chart = histogram([5.0])
    assert ticks(chart.across) == ["0", "2", "4", "6", "8", "10"]
    assert all(LEFT <= tick.at <= RIGHT for tick in chart.across)
    assert ticks(histogram([1, 2], training=np.arange(4.0)).across) == ["0", "1", "2", "3"]
    assert ticks(histogram([-0.03], training=np.linspace(-0.04, 0.0, 99)).across)[0] == "−0.04"
    assert ticks(chart.up) == ["50%", "100%"]


def test_without_bins_the_quantiles_are_marked():
    chart = histogram([5.0, 6.0], bins=False)
    assert chart.training is None
    assert chart.outline == ""
    assert list(chart.box) == sorted(chart.box)
    assert len(chart.box) == 5
    assert chart.low < 0.5 < 9.5 < chart.high
    assert "training" not in chart.bars[0].says


def test_without_any_statistics_the_values_choose_their_bins():
    chart = Histogram.of(np.array([1.0, 2.0, 2.0]), None, None, None)
    assert chart.beyond == 0
    assert len(chart.bars) == 2
    assert Histogram.of(np.array([1.5, 1.5, 2.25]), None, None, None).beyond == 0


def test_classes_are_named():
    chart = histogram(
        [0, 1, 1], training=[0, 0, 1], classes=("no", "a very long label indeed"), goal=(1.0, 1.0)
    )
    assert ticks(chart.across) == ["no", "a very long…"]
    assert [bar.says.partition(":")[0] for bar in chart.bars] == ["no", "a very long label indeed"]


def test_nothing_to_see_where_all_values_are_the_same():
    assert histogram([3.0, 3.0], training=[3.0, 3.0]) is None
    assert histogram([3.0, 3.0], training=[3.0, 4.0]) is not None
    assert Histogram.of(np.array([3.0]), None, None, None) is None


@pytest.mark.parametrize("values", [[0.0], [1e-9], [1e9, 1e9 + 1], [5e-324], [0.1, 1e300]])
def test_odd_numbers_are_drawn_inside_the_box(values):
    for chart in (histogram(values), histogram(values, bins=False)):
        for bar in chart.bars:
            assert LEFT <= bar.x <= bar.x + bar.width <= RIGHT + 0.1
            assert TOP <= bar.y <= BOTTOM
        assert len(chart.across) < 30

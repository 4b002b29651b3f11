"""Intervals: textbook values, and how often they cover what they should."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from moldiff.metrics.intervals import (
    Interval,
    Share,
    mean_interval,
    mean_of_any,
    paired_difference_interval,
    share_interval,
)


def test_wilson_is_its_formula() -> None:
    # (p + z^2/2n -+ z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n) at 844 of 1,024
    n, p, z = 1024, 844 / 1024, stats.norm.ppf(0.975)
    centre = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    found = share_interval(844, 1024)
    assert found.value == p
    assert (found.low, found.high) == pytest.approx((centre - half, centre + half))


def test_shares_at_the_ends_stay_between_0_and_1() -> None:
    assert share_interval(0, 50).low == 0.0
    assert share_interval(50, 50).high == 1.0
    assert share_interval(50, 50).low == pytest.approx(1 / (1 + stats.norm.ppf(0.975) ** 2 / 50))
    nothing = share_interval(0, 0)
    assert math.isnan(nothing.value)
    assert (nothing.low, nothing.high) == (0.0, 1.0)


@pytest.mark.parametrize(("count", "total"), [(2, 1), (-1, 3)])
def test_impossible_counts_are_refused(count: int, total: int) -> None:
    with pytest.raises(ValueError, match="between 0 and its total"):
        share_interval(count, total)


def test_paired_difference_is_the_t_interval_of_the_differences() -> None:
    first, second = [650.0, 640.0, 655.0, 661.0, 644.0], [640.0, 639.0, 641.0, 655.0, 640.0]
    differences = np.array([10.0, 1.0, 14.0, 6.0, 4.0])  # mean 7, sum of squares about it 104
    half = 2.7764451051977987 * math.sqrt(104 / 4 / 5)  # t of 4 degrees of freedom at .975, from tables
    found = paired_difference_interval(first, second)
    assert found.value == differences.mean() == 7.0
    assert (found.low, found.high) == pytest.approx((7 - half, 7 + half))
    assert found.excludes(0.0)


def test_what_the_seeds_share_cancels() -> None:
    noise = np.random.default_rng(0).normal(size=5) * 100
    found = paired_difference_interval(noise + 1, noise)
    assert (found.low, found.high) == pytest.approx((1.0, 1.0))


def test_mean_interval_is_near_the_normal_one_for_many_values() -> None:
    values = np.random.default_rng(0).normal(size=2000)
    found = mean_interval(values, generator=np.random.default_rng(1))
    half = 1.96 * values.std(ddof=1) / math.sqrt(2000)
    assert found.value == pytest.approx(values.mean())
    assert (found.low, found.high) == pytest.approx(
        (values.mean() - half, values.mean() + half), abs=0.1 * half
    )


def test_mean_interval_covers_at_its_level() -> None:
    generator = np.random.default_rng(0)
    samples = generator.exponential(size=(200, 40))
    found = [mean_interval(sample, generator=generator, level=0.8, resamples=300) for sample in samples]
    covered = sum(not each.excludes(1.0) for each in found)
    # A fixed seed; binomial(200, .8) leaves 140..178 once in 1,000 draws, BCa at n = 40 loses a few per cent.
    assert 135 <= covered <= 178


def test_mean_interval_follows_its_generator() -> None:
    values = np.random.default_rng(5).normal(size=30)
    first, again, other = (mean_interval(values, generator=np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert first == again
    assert first != other


@pytest.mark.parametrize("values", [[1.0], [1.0, math.nan], [1.0, math.inf], [[1.0, 2.0]]])
def test_values_without_an_interval_are_refused(values: list[float]) -> None:
    with pytest.raises(ValueError, match="must be"):
        mean_interval(values, generator=np.random.default_rng(0))


@pytest.mark.parametrize("level", [0.0, 1.0, 95.0])
def test_levels_are_shares(level: float) -> None:
    with pytest.raises(ValueError, match="level"):
        share_interval(1, 2, level=level)


def test_different_numbers_of_seeds_are_refused() -> None:
    with pytest.raises(ValueError, match="same seeds"):
        paired_difference_interval([1.0, 2.0, 3.0], [1.0, 2.0])


def test_an_interval_excludes_what_lies_outside() -> None:
    interval = Interval(0.0, -1.0, 1.0)
    outside = {value: interval.excludes(value) for value in (-1.1, -1.0, 0.5, 1.0, 1.1)}
    assert [value for value, excluded in outside.items() if excluded] == [-1.1, 1.1]
    assert not Interval(math.nan, math.nan, math.nan).excludes(0.0)


def test_a_share_of_rows_has_wilsons_interval_and_one_of_molecules_none() -> None:
    rows, molecules = Share.of_rows(844, 1024, "rows"), Share.of_distinct(3, 4, "molecules")
    wilson = share_interval(844, 1024)
    assert (rows.value, rows.low, rows.high) == (wilson.value, wilson.low, wilson.high)
    assert (molecules.value, math.isnan(molecules.low), math.isnan(molecules.high)) == (0.75, True, True)
    assert "of 1,024 rows" in str(rows)
    assert math.isnan(Share.of_distinct(0, 0, "molecules").value)


def test_the_mean_of_few_values_has_no_interval() -> None:
    generator = np.random.default_rng(0)
    nothing, one = (mean_of_any(values, generator=generator) for values in ([], [2.5]))
    assert math.isnan(nothing.value)
    assert (one.value, math.isnan(one.low), math.isnan(one.high)) == (2.5, True, True)
    assert mean_of_any([1.0, 3.0], generator=generator).value == 2.0


def test_many_values_need_no_jackknife_and_have_the_normal_interval() -> None:
    values = np.random.default_rng(0).exponential(size=20_000)
    found = mean_interval(values, generator=np.random.default_rng(1))
    half = 1.96 * values.std() / math.sqrt(len(values))
    assert (found.low, found.high) == pytest.approx((found.value - half, found.value + half), abs=0.06 * half)

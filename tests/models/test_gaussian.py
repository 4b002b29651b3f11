"""Normal intervals in float32 against sixty digits, with their gradients, far out and very narrow."""

import math

import mpmath
import pytest
import torch
from mpmath import mpf

from moldiff.models.gaussian import log_density, log_interval

MIDDLES = [-5000.0, -900.0, -80.0, -20.0, -3.0, -0.4, 0.0, 0.001, 2.0, 7.0, 30.0, 200.0]
WIDTHS = [1e-6, 1e-3, 0.03, 0.0312, 0.0313, 0.1, 1.0, 5.0, 40.0]


@pytest.fixture(autouse=True)
def digits():
    with mpmath.workdps(60):
        yield


def exact(low, high, mean=0, log_std=0):
    """log (Phi(b) - Phi(a)), from the complementary error function of the lower tail."""
    a, b = ((mpf(end) - mpf(mean)) / mpmath.exp(log_std) for end in (low, high))
    if a + b > 0:
        a, b = -b, -a
    lower, upper = (mpf(0) if x == -mpmath.inf else mpmath.erfc(-x / mpmath.sqrt(2)) / 2 for x in (a, b))
    return mpmath.log(upper - lower)


def derivative(low, high, *, mean=0, log_std=0):
    step = mpf("1e-15")
    ahead = exact(low, high, mean * step, log_std * step)
    return (ahead - exact(low, high, -mean * step, -log_std * step)) / (2 * step)


def computed(low, high):
    mean, log_std = (torch.zeros(1, requires_grad=True) for _ in range(2))
    value = log_interval(low, high, mean, log_std)
    value.sum().backward()
    assert value.dtype == torch.float32
    return float(value.detach()), float(mean.grad), float(log_std.grad)


LIMITS = [(middle - width / 2, middle + width / 2) for middle in MIDDLES for width in WIDTHS]
LIMITS += [pair for middle in MIDDLES for pair in ((-math.inf, middle), (middle, math.inf))]


@pytest.mark.parametrize(("low", "high"), LIMITS)
def test_intervals_and_their_gradients(low, high):
    value, by_mean, by_spread = computed(low, high)
    assert value == pytest.approx(float(exact(low, high)), rel=1e-5, abs=1e-5)
    assert by_mean == pytest.approx(float(derivative(low, high, mean=1)), rel=1e-4, abs=1e-4)
    assert by_spread == pytest.approx(float(derivative(low, high, log_std=1)), rel=1e-4, abs=1e-4)


@pytest.mark.parametrize(
    ("low", "high"),
    [
        (1e5, 2e5),
        (-1e30, -1e29),
        (1e30, math.inf),
        (-math.inf, -1e300),
        (1e5, 1e5 * (1 + 1e-16)),
        (0.0, 5e-324),
    ],
)
def test_goals_out_of_this_world_are_improbable_and_have_finite_gradients(low, high):
    value, by_mean, by_spread = computed(low, high)
    assert value < -60
    assert all(math.isfinite(number) for number in (value, by_mean, by_spread))


def test_an_interval_without_ends_is_certain():
    zero = torch.zeros(1)
    assert float(log_interval(-math.inf, math.inf, zero, zero)) == 0.0
    assert computed(-1e20, 1e20)[0] == pytest.approx(0.0, abs=1e-6)


def test_mean_and_spread_shift_and_scale():
    mean, log_std = torch.tensor([1.5, -2.0]), torch.tensor([-1.0, 0.7])
    found = log_interval(-0.5, 1.25, mean, log_std)
    for value, m, s in zip(found.tolist(), mean.tolist(), log_std.tolist(), strict=True):
        assert value == pytest.approx(float(exact(-0.5, 1.25, m, s)), abs=1e-5)


def test_double_precision_stays_double():
    zero = torch.zeros(1, dtype=torch.float64)
    found = log_interval(-1.0, 1.5, zero, zero)
    assert found.dtype == torch.float64
    assert float(found) == pytest.approx(float(exact(-1.0, 1.5)), abs=1e-14)


def test_density_of_a_wish_out_of_this_world_is_finite():
    mean = torch.zeros(1, requires_grad=True)
    found = log_density(1e300, mean, torch.zeros(1))
    found.sum().backward()
    assert bool(found.isfinite())
    assert bool(mean.grad.isfinite())

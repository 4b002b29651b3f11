"""The laws of single properties, held against scipy's."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.special import log_softmax, softmax

from moldiff.diffusion.codec import FORBIDDEN
from moldiff.models.predictor_heads import LAWS, Classes, Gaussian, Values

NONE = torch.zeros(1, 1, dtype=torch.float64)
RAW = torch.randn(5, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
CONTINUOUS = Gaussian(10.0, 4.0)
RINGS = Values((0.0, 1.0, 2.0, 5.0))
LABELS = Classes((0.0, 1.0, 2.0, 3.0))


def parameters(law, log_spread=NONE):
    return law.parameters(RAW[:, : law.size], log_spread)


def normals(widened=1.0):
    """scipy's laws of the rows: softplus and shift as the docstring says."""
    raw = RAW.numpy()
    return stats.norm(raw[:, 0] * 4.0 + 10.0, (np.log1p(np.exp(raw[:, 1])) + 1e-3) * 4.0 * widened)


def test_gaussian_intervals_and_densities_are_scipys():
    law = parameters(CONTINUOUS)
    inside = np.log(normals().cdf(12.5) - normals().cdf(9.0))
    assert CONTINUOUS.log_prob(law, 9.0, 12.5).numpy() == pytest.approx(inside, abs=1e-11)
    assert CONTINUOUS.log_prob(law, -math.inf, 7.0).numpy() == pytest.approx(normals().logcdf(7.0))
    assert CONTINUOUS.log_prob(law, 15.0, math.inf).numpy() == pytest.approx(normals().logsf(15.0))
    assert CONTINUOUS.log_prob(law, 11.0, 11.0).numpy() == pytest.approx(normals().logpdf(11.0))
    y = torch.tensor([1.0, 9.0, torch.nan, 12.0, 50.0], dtype=torch.float64)
    found = CONTINUOUS.log_likelihood(law, y).numpy()
    assert found == pytest.approx(np.where(y.isnan(), 0.0, np.nan_to_num(normals().logpdf(y))))


def test_gaussian_statements_are_in_the_propertys_unit():
    value, error = CONTINUOUS.summary(parameters(CONTINUOUS))
    assert value.numpy() == pytest.approx(normals().mean())
    assert error.numpy() == pytest.approx(normals().std())
    y = torch.tensor([1.0, 9.0, 10.0, 12.0, 50.0], dtype=torch.float64)
    below, at = CONTINUOUS.below(parameters(CONTINUOUS), y)
    assert below.numpy() == pytest.approx(normals().cdf(y))
    assert not at.any()
    assert CONTINUOUS.error(value, y).numpy() == pytest.approx(np.abs(value.numpy() - y.numpy()))


def test_widening_multiplies_the_deviation_and_divides_the_logits():
    wider = torch.full((1, 1), math.log(3.0), dtype=torch.float64)
    _, error = CONTINUOUS.summary(parameters(CONTINUOUS, wider))
    assert error.numpy() == pytest.approx(normals(3.0).std())
    assert torch.allclose(parameters(RINGS, wider), RAW / 3.0)


def test_softmax_over_values_sums_those_inside_the_limits():
    law, p = parameters(RINGS), softmax(RAW.numpy(), 1)
    assert RINGS.log_prob(law, 1.0, 4.0).numpy() == pytest.approx(np.log(p[:, 1:3].sum(1)))
    assert RINGS.log_prob(law, 1.0, math.inf).numpy() == pytest.approx(np.log(p[:, 1:].sum(1)))
    assert RINGS.log_prob(law, 5.0, 5.0).numpy() == pytest.approx(np.log(p[:, 3]))
    assert RINGS.log_prob(law, -math.inf, math.inf).numpy() == pytest.approx(np.zeros(5), abs=1e-12)
    assert RINGS.log_prob(law, 3.0, 4.0).tolist() == [FORBIDDEN] * 5
    y = torch.tensor([0.0, 5.0, torch.nan, 2.0, 9.0], dtype=torch.float64)
    nats = log_softmax(RAW.numpy(), 1)
    # The fifth label was never seen: the nearest value stands for it.
    expected = [nats[0, 0], nats[1, 3], 0.0, nats[3, 2], nats[4, 3]]
    assert RINGS.log_likelihood(law, y).numpy() == pytest.approx(expected)


def test_softmax_over_values_states_mean_and_deviation():
    p, values = softmax(RAW.numpy(), 1), np.array(RINGS.values)
    mean, error = RINGS.summary(parameters(RINGS))
    assert mean.numpy() == pytest.approx(p @ values)
    assert error.numpy() == pytest.approx(np.sqrt(p @ values**2 - (p @ values) ** 2))
    y = torch.tensor([0.0, 5.0, 3.0, 2.0, 9.0], dtype=torch.float64)
    below, at = RINGS.below(parameters(RINGS), y)
    assert below.numpy() == pytest.approx([0.0, p[1, :3].sum(), p[2, :3].sum(), p[3, :2].sum(), 1.0])
    assert at.numpy() == pytest.approx([p[0, 0], p[1, 3], 0.0, p[3, 2], 0.0])


def test_classes_state_the_likeliest_label_and_how_probably_it_is_wrong():
    p = softmax(RAW.numpy(), 1)
    label, wrong = LABELS.summary(parameters(LABELS))
    assert label.numpy() == pytest.approx(p.argmax(1))
    assert wrong.numpy() == pytest.approx(1 - p.max(1))
    assert LABELS.error(label, label).tolist() == [0.0] * 5
    assert LABELS.error(label, label - 2.0).tolist() == [1.0] * 5


@pytest.mark.parametrize("law", [CONTINUOUS, RINGS, LABELS], ids=list(LAWS))
def test_disjoint_goals_add_up_to_certainty(law):
    cuts = [-math.inf, 0.5, 1.5, 7.3, math.inf]
    found = parameters(law)
    shares = [law.log_prob(found, *pair).exp() for pair in pairwise(cuts)]
    assert torch.allclose(torch.stack(shares).sum(0), torch.ones(5, dtype=torch.float64), atol=1e-12)


@pytest.mark.parametrize("law", [CONTINUOUS, RINGS, LABELS], ids=list(LAWS))
def test_missing_labels_have_no_gradient(law):
    raw = RAW[:, : law.size].clone().requires_grad_()
    y = torch.tensor([1.0, torch.nan, 2.0, torch.nan, 0.0], dtype=torch.float64)
    law.log_likelihood(law.parameters(raw, NONE), y).sum().backward()
    assert bool(raw.grad.isfinite().all())
    assert not raw.grad[y.isnan()].any()
    assert bool(raw.grad[~y.isnan()].any(1).all())


@pytest.mark.parametrize(
    ("law", "factor"), [(CONTINUOUS, 2.5), (CONTINUOUS, 0.4), (RINGS, 3.0), (RINGS, 0.5)]
)
def test_the_right_widening_is_found(law, factor):
    """Labels are drawn from the law widened by a factor: calibration has to find the factor."""
    generator = torch.Generator().manual_seed(1)
    raw = torch.randn(20_000, law.size, generator=generator, dtype=torch.float64)
    true = law.parameters(raw, torch.full((1, 1), math.log(factor), dtype=torch.float64))
    if law is CONTINUOUS:
        mean, std = law.summary(true)
        y = mean + std * torch.randn(len(raw), generator=generator, dtype=torch.float64)
    else:
        y = torch.tensor(law.values)[torch.multinomial(true.softmax(1), 1, generator=generator)[:, 0]]
    found = law.fit_spread(law.parameters(raw, NONE), y, torch.ones(len(raw), 1), 0.9)
    assert found.item() == pytest.approx(math.log(factor), abs=0.08)


def test_a_few_large_errors_do_not_widen_the_interval():
    law = torch.zeros(1000, 2, dtype=torch.float64)
    y = 10.0 + 4.0 * torch.randn(1000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    y[:20] = 1e4
    assert abs(CONTINUOUS.fit_spread(law, y, torch.ones(1000, 1), 0.9).item()) < 0.15


@pytest.mark.parametrize("law", [CONTINUOUS, RINGS], ids=["gaussian", "values"])
def test_weights_count_labels_so_many_times(law):
    generator = torch.Generator().manual_seed(2)
    raw = torch.randn(400, law.size, generator=generator, dtype=torch.float64)
    y = torch.randint(3, (400,), generator=generator).double() * 4.0
    weights = torch.randint(4, (400, 2), generator=generator)
    found = law.fit_spread(raw, y, weights, 0.9)
    for weight, one in zip(weights.T, found.tolist(), strict=True):
        more, labels = raw.repeat_interleave(weight, 0), y.repeat_interleave(weight)
        assert law.fit_spread(more, labels, torch.ones(len(more), 1), 0.9).tolist() == pytest.approx([one])


def test_widening_is_bounded():
    law = torch.zeros(50, 2, dtype=torch.float64)
    exact = torch.full((50,), 10.0, dtype=torch.float64)
    assert CONTINUOUS.fit_spread(law, exact, torch.ones(50, 1), 0.9) == -3.0
    assert CONTINUOUS.fit_spread(law, exact + 1e6, torch.ones(50, 1), 0.9) == 3.0


@pytest.mark.parametrize(
    ("law", "keywords"),
    [
        ("gaussian", {"mean": math.nan, "std": 1.0}),
        ("gaussian", {"mean": 0.0, "std": 0.0}),
        ("gaussian", {"mean": 0.0, "std": math.inf}),
        ("values", {"values": []}),
        ("values", {"values": [1.0, 1.0]}),
        ("values", {"values": [0.0, math.inf]}),
        ("classes", {"values": [1.0, 0.0]}),
    ],
)
def test_laws_that_cannot_be_are_refused(law, keywords):
    with pytest.raises(ValueError, match="takes"):
        LAWS[law](**keywords)

"""The law of canvas sizes is p(c) p(goal | pure noise on c)^gamma, normalised."""

import math

import numpy as np
import pytest
import torch

from moldiff.diffusion import CanvasLaw, LeftToRight, MaskedProcess, SubtokenCodec, UniformProcess
from moldiff.guidance import PredictedGoal, canvas_tilt, tilted

CODEC = SubtokenCodec(torch.arange(3)[:, None])
DIGITS = SubtokenCodec(torch.tensor([[0, 0], [0, 1], [1, 0]]))
LAW = CanvasLaw(torch.tensor([4, 8, 12]), torch.tensor([10, 70, 20]), torch.empty(0, 1), torch.empty(0))


class BySize:
    """p(goal | canvas) by a table, of pure noise at time 1."""

    def __init__(self, chances, masked=True):
        self.chances, self.masked, self.rows = chances, masked, 0

    def log_prob(self, w, visible, low, high, t=None):
        assert bool((t == 1).all())
        assert bool((visible == (0 if self.masked else 1)).all())
        self.rows += len(w)
        return torch.full((len(w),), self.chances[w.shape[1]]).log()


def tilt(predictor, gamma, process=None, base=None):
    goal = PredictedGoal(predictor, torch.tensor([1.0]), torch.tensor([2.0]))
    found = canvas_tilt(
        LAW,
        goal,
        process or MaskedProcess(CODEC),
        gamma=gamma,
        generator=torch.Generator().manual_seed(0),
    )
    return tilted(LAW.prior() if base is None else base, found)


@pytest.mark.parametrize("gamma", [0.5, 1.0, 4.0])
@pytest.mark.parametrize("process", [MaskedProcess(CODEC), MaskedProcess(DIGITS), LeftToRight(DIGITS)])
def test_the_law_is_the_normalised_tilt(gamma, process):
    predictor = BySize({4: 0.5, 8: 0.125, 12: 0.25})
    expected = LAW.prior().numpy() * np.array([0.5, 0.125, 0.25]) ** gamma
    found = tilt(predictor, gamma, process).numpy()
    np.testing.assert_allclose(
        found, expected / expected.sum(), atol=1e-7
    )  # the predictor answers in float32
    assert predictor.rows == 3, "one row a size, for there is one state of pure noise"


def test_it_stands_on_another_law():
    base = torch.tensor([[0.2, 0.3, 0.5], [0.6, 0.4, 0.0]], dtype=torch.float64)
    found = tilt(BySize({4: 0.5, 8: 0.25, 12: 1.0}), 1.0, base=base)
    expected = base * torch.tensor([0.5, 0.25, 1.0])
    torch.testing.assert_close(found, expected / expected.sum(-1, keepdim=True))


def test_a_law_without_any_possible_size_stays():
    base = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.5, 0.5]], dtype=torch.float64)
    found = tilt(BySize({4: 0.0, 8: 0.5, 12: 0.0}), 1.0, base=base)
    assert found.tolist() == [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]


def test_gamma_0_asks_nobody():
    torch.testing.assert_close(tilt(None, 0.0), LAW.prior())


def test_sizes_that_cannot_be_get_nothing_unless_all_cannot():
    assert tilt(BySize({4: 0.0, 8: 0.5, 12: 0.5}), 2.0).tolist()[0] == 0.0
    torch.testing.assert_close(tilt(BySize(dict.fromkeys((4, 8, 12), 0.0)), 2.0), LAW.prior())


def test_under_uniform_noise_it_is_the_mean_over_draws():
    class FirstToken:
        def log_prob(self, w, visible, low, high, t=None):
            assert bool((visible == 1).all())
            return (w[:, 0] * torch.tensor([0.2, 0.4, 0.9])).sum(-1).log() - w.shape[1]

    found = tilt(FirstToken(), 1.0, UniformProcess(CODEC))
    generator = torch.Generator().manual_seed(0)
    means = []
    for size in (4, 8, 12):
        first = UniformProcess(CODEC).prior(64, size, generator).z[:, 0, 0]
        means.append(float(torch.tensor([0.2, 0.4, 0.9])[first].double().mean()) * math.exp(-size))
    expected = LAW.prior().numpy() * np.array(means)
    np.testing.assert_allclose(found.numpy(), expected / expected.sum(), atol=1e-6)
    assert math.isclose(float(found.sum()), 1.0)


@pytest.mark.parametrize("gamma", [-1.0, math.nan])
def test_a_gamma_that_is_none_is_refused(gamma):
    with pytest.raises(ValueError, match="gamma must be"):
        tilt(BySize({}), gamma)

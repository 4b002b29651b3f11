"""Rows drawn by their weights, and what the weights of groups add up to."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from moldiff.guidance.resampling import combined_weights, effective_size, log_normaliser, systematic

weights = st.lists(st.floats(0.0, 1.0), min_size=2, max_size=12).filter(lambda row: max(row) > 1e-6)


@given(row=weights, seed=st.integers(0, 99))
def test_every_row_comes_as_often_as_its_share_rounded_down_or_up(row, seed):
    w = torch.tensor(row, dtype=torch.float64)
    places = systematic(w.log()[None], torch.Generator().manual_seed(seed))[0]
    counts = np.bincount(places.numpy(), minlength=len(row))
    share = (w / w.sum() * len(row)).numpy()
    assert counts.sum() == len(row)
    assert (counts >= np.floor(share - 1e-9)).all()
    assert (counts <= np.ceil(share + 1e-9)).all()
    assert not counts[w.numpy() == 0].any()


def test_counts_are_the_shares_on_average():
    w = torch.tensor([0.5, 0.23, 0.2, 0.07], dtype=torch.float64)
    places = systematic(w.log().expand(20000, -1), torch.Generator().manual_seed(0))
    means = np.bincount(places.flatten().numpy(), minlength=4) / 20000
    np.testing.assert_allclose(means, 4 * w.numpy(), atol=0.02)


def test_large_and_small_weights_neither_overflow_nor_vanish():
    log_weight = torch.tensor([[5000.0, 5000.0 + math.log(3.0)], [-5000.0, -5000.0]], dtype=torch.float64)
    np.testing.assert_allclose(effective_size(log_weight).numpy(), [1.6, 2.0])
    np.testing.assert_allclose(log_normaliser(log_weight.flatten(), 2).numpy(), [5000 + math.log(2), -5000.0])


def test_canvases_count_by_their_prior_and_normaliser():
    """Two canvases with different numbers of rows: shares p(c) Z_c, and within them the rows' own weights."""
    one, two = torch.tensor([1.0, 3.0]).log(), torch.tensor([2.0, 2.0, 0.0, 0.0]).log()
    first, second = combined_weights([one, two], [math.log(0.25), math.log(0.75)])
    total = 0.25 * 2.0 + 0.75 * 1.0
    np.testing.assert_allclose(first.numpy(), 0.25 * np.array([1.0, 3.0]) / 2 / total, rtol=1e-6)
    np.testing.assert_allclose(second.numpy(), 0.75 * np.array([2.0, 2.0, 0, 0]) / 4 / total, rtol=1e-6)


def test_no_weight_at_all_is_an_error():
    with pytest.raises(ValueError, match="no row has a weight above 0"):
        combined_weights([torch.full((3,), -torch.inf)], [0.0])

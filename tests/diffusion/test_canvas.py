"""The law of canvas sizes against brute force, written from the definitions."""

import numpy as np
import pytest
import torch
import toy_checks as checks
from hypothesis import given, settings
from hypothesis import strategies as st

from moldiff.diffusion import CanvasLaw, canvas_size

seeds = st.integers(0, 2**31 - 1)


def fitted(seed=0, rows=600, columns=3, missing=0.1):
    rng = np.random.default_rng(seed)
    canvases = rng.choice([4, 8, 12, 16], size=rows, p=[0.05, 0.3, 0.6, 0.05])
    properties = rng.normal(size=(rows, columns)) * [1, 10, 100][:columns] + canvases[:, None]
    properties[rng.random(properties.shape) < missing] = np.nan
    law = CanvasLaw.fit(
        torch.tensor(canvases), torch.tensor(properties).float(), torch.Generator().manual_seed(seed)
    )
    return law, canvases


def by_hand(law, y):
    """p(c | y): n_c of the 256 nearest rows that have all asked properties, and 8 rows of the prior."""
    table, sizes = law.properties.double().numpy(), law.sizes.tolist()
    total = law.counts.sum().item()
    prior = (law.counts.double().numpy() + 1) / (total + len(sizes))
    asked = np.flatnonzero(~np.isnan(y))
    if not len(asked):
        return prior
    spread = np.nanstd(table, axis=0)
    distance = (((table - y) / spread)[:, asked] ** 2).sum(1)
    order = [i for i in np.argsort(distance, kind="stable") if not np.isnan(distance[i])][:256]
    near = np.array([law.canvases[i].item() for i in order])
    counts = np.array([(near == size).sum() for size in sizes])
    return (counts + 8 * prior) / (len(near) + 8)


@given(st.integers(0, 200), st.sampled_from([1, 4, 8]))
def test_canvas_size_is_the_next_multiple_with_room_for_a_nop(n, step):
    expected = int(np.ceil((n + 1) / step)) * step
    assert int(canvas_size(torch.tensor(n), step)) == expected > n


def test_prior_counts_every_size_once_more():
    law, canvases = fitted()
    sizes, counts = np.unique(canvases, return_counts=True)
    assert law.sizes.tolist() == sizes.tolist()
    np.testing.assert_allclose(law.prior().numpy(), (counts + 1) / (600 + 4), rtol=1e-12)
    assert float(law.prior().sum()) == pytest.approx(1.0)
    for size, mass in zip(sizes, law.prior(), strict=True):
        assert law.log_prior(int(size)) == pytest.approx(float(mass.log()), abs=1e-6)
    assert law.log_prior(20) == pytest.approx(np.log(1 / 604), abs=1e-6)


@given(seeds, st.lists(st.booleans(), min_size=3, max_size=3))
@settings(max_examples=25)
def test_law_given_properties_is_brute_force(seed, asked):
    law, _ = fitted(seed % 7)
    rng = np.random.default_rng(seed)
    y = np.where(asked, rng.normal(size=(5, 3)) * [1, 10, 100] + 8, np.nan)
    found = law.given(torch.tensor(y).float()).numpy()
    expected = np.array([by_hand(law, row) for row in torch.tensor(y).float().double().numpy()])
    np.testing.assert_allclose(found, expected, atol=1.1 / 264)  # float32 distances may tie at the 256th row
    assert np.abs(found - expected).mean() < 1e-3
    np.testing.assert_allclose(found.sum(1), 1.0, rtol=1e-12)


def test_law_given_more_rows_than_fit_one_slice():
    law, _ = fitted()
    y = torch.randn(150, 3, generator=torch.Generator().manual_seed(0))
    np.testing.assert_array_equal(law.given(y)[100:].numpy(), law.given(y[100:]).numpy())


def test_rows_that_lack_an_asked_property_are_no_neighbours():
    properties = torch.tensor([[0.0, torch.nan], [5.0, 1.0]])
    law = CanvasLaw(torch.tensor([4, 8]), torch.tensor([1, 1]), properties, torch.tensor([4, 8]))
    found = law.given(torch.tensor([[0.0, 1.0]]))[0]
    assert found.tolist() == pytest.approx([(0 + 4) / 9, (1 + 4) / 9])
    alone = law.given(torch.tensor([[torch.nan, torch.nan]]))[0]
    assert alone.tolist() == law.prior().tolist()


@pytest.mark.parametrize("gamma", [0.0, 1.0, 2.5, 3.0, 8.0])
def test_tilt_is_clipped_and_normalised(gamma):
    law, _ = fitted()
    y = torch.tensor([[3.0, torch.nan, torch.nan], [torch.nan] * 3, [0.0, 0.0, 300.0]])
    prior, given_y = law.prior().numpy(), law.given(y).numpy()
    weight = prior * np.clip(given_y / prior, 1 / 8, 8) ** min(gamma, 3)
    np.testing.assert_allclose(law.tilt(y, gamma).numpy(), weight / weight.sum(1, keepdims=True), rtol=1e-12)
    np.testing.assert_allclose(law.tilt(y, gamma)[1].numpy(), prior, rtol=1e-12)


@pytest.mark.parametrize("gamma", [0.0, 2.0, 8.0])
def test_one_size_alone_is_drawn_whatever_is_asked(gamma):
    law, _ = fitted()
    size = int(law.sizes[1])
    alone = law.only(size)
    y = torch.tensor([[3.0, torch.nan, torch.nan], [torch.nan] * 3, [0.0, 0.0, 300.0]])
    assert alone.tilt(y, gamma).tolist() == [[1.0]] * 3
    drawn = alone.draw(alone.tilt(y, gamma), torch.Generator().manual_seed(0))
    assert drawn.tolist() == [size] * 3


def test_a_size_that_training_lacks_is_refused():
    law, _ = fitted()
    with pytest.raises(ValueError, match="size must be one of"):
        law.only(int(law.sizes.max()) + 1)


def test_draws_follow_the_law():
    law, _ = fitted()
    drawn = law.draw(law.prior().expand(20000, -1), torch.Generator().manual_seed(0))
    numbers = torch.searchsorted(law.sizes, drawn).numpy()
    assert torch.equal(law.sizes[torch.tensor(numbers)], drawn)
    checks.assert_drawn_from(numbers, law.prior().numpy(), "canvas sizes")


def test_file_round_trip_keeps_the_laws():
    law, _ = fitted()
    tensors = law.tensors()
    assert tensors["canvas.properties"].dtype == torch.float16
    assert tensors["canvas.canvases"].dtype == torch.uint8
    again = CanvasLaw.from_tensors(tensors)
    y = torch.randn(9, 3, generator=torch.Generator().manual_seed(0))
    assert torch.equal(again.given(y), law.given(y))
    assert torch.equal(again.prior(), law.prior())


def test_sample_of_rows_is_bounded_and_of_the_seed():
    canvases, properties = torch.full((9000,), 8), torch.arange(9000.0)[:, None]
    first, again = (CanvasLaw.fit(canvases, properties, torch.Generator().manual_seed(1)) for _ in range(2))
    assert first.properties.shape == (8192, 1)
    assert torch.equal(first.properties, again.properties)
    assert int(first.counts.sum()) == 9000

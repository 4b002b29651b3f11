"""Calibration where the truth is known: a right predictor covers 90%, one that is too sure is put right."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from moldiff.diffusion import SubtokenCodec
from moldiff.models.predictor import KNOTS, NoisyPredictor
from moldiff.models.predictor_heads import Classes, Gaussian, Values
from moldiff.models.predictor_noise import NOISES
from moldiff.training.calibration import LEVELS, HeldOut, calibrate, calibration_table, covered
from moldiff.training.data import ResidentTokens

ROWS = 8000
CHANCES = np.array([0.5, 0.3, 0.2])
LAWS = {"size": Gaussian(10.0, 4.0), "count": Values((0, 1, 2)), "kind": Classes((0, 1, 2))}
CODEC = SubtokenCodec(torch.arange(4)[:, None])


class Told(NoisyPredictor):
    """Says what the labels' laws are, but takes them for narrower by a factor that grows with the noise."""

    def __init__(self, too_sure=lambda level: level * 0.0 + 1.0):
        super().__init__(4, LAWS, max_length=4, width=4, depth=1, heads=1, condition_width=2)
        self.too_sure = too_sure

    def forward(self, w, visible, t=None):
        level = 1.0 - visible.mean(1)
        factor = self.too_sure(level)[:, None]
        # softplus(x) + .001 = 1 / factor: the standard deviation in training deviations.
        spread = torch.log(torch.expm1(1.0 / factor - 1e-3))
        logits = torch.tensor(np.log(CHANCES)).float() * factor
        return self._spread(
            torch.cat([torch.zeros_like(spread), spread, logits, logits], 1), self.knots(visible, t)
        )


def held_out(rows=ROWS, missing=0.0, **keywords):
    rng = np.random.default_rng(0)
    ids = [rng.integers(1, 4, size=3).astype(np.uint8) for _ in range(rows)]
    y = np.stack([rng.normal(10.0, 4.0, rows), *rng.choice(3, (2, rows), p=CHANCES)], 1)
    y[rng.random(y.shape) < missing] = np.nan
    data = ResidentTokens(ids, y, step=4)
    return HeldOut(NOISES["masked"], CODEC, data, **keywords)


def test_a_predictor_that_is_right_covers_its_share_without_calibration():
    table = calibration_table(Told(), held_out())
    assert table["level"].unique().tolist() == list(LEVELS)
    assert table["property"].unique().tolist() == list(LAWS)
    assert len(table) == KNOTS * 3
    assert table["coverage"].between(0.885, 0.915).all()
    size = table[table["property"] == "size"]
    assert size["stated"].to_numpy() == pytest.approx(4.0)
    assert size["error"].to_numpy() == pytest.approx(4.0 * math.sqrt(2 / math.pi), rel=0.03)
    nats = -stats.norm(scale=4.0).entropy()
    assert size["nats"].to_numpy() == pytest.approx(nats, abs=0.03)
    kind = table[table["property"] == "kind"]
    assert kind["error"].to_numpy() == pytest.approx(0.5, abs=0.02)
    assert kind["stated"].to_numpy() == pytest.approx(0.5)


def test_a_predictor_that_is_right_is_left_alone():
    network = Told()
    calibrate(network, held_out())
    assert network.log_spread.abs().max().item() < 0.06


@pytest.mark.parametrize("worst", [3.0, 0.5])
def test_a_predictor_that_is_too_sure_or_too_shy_is_put_right(worst):
    """At every noise level by its own factor, on molecules that calibration did not see."""
    network = Told(lambda level: worst**level)
    before = calibration_table(network, held_out(first=1, stride=2))
    calibrate(network, held_out(first=0, stride=2))
    after = calibration_table(network, held_out(first=1, stride=2))
    noisiest = before["level"] == 1.0
    wrong = (before["coverage"][noisiest & (before["property"] == "size")] - 0.9).abs()
    assert wrong.gt(0.08).all()
    assert after["coverage"].between(0.87, 0.93).all()
    assert after["nats"].sum() > before["nats"].sum() + 0.5
    for seen in (0.0, 0.25, 0.5, 0.75, 1.0):
        found = network(torch.zeros(1, 4, 4), torch.full((1, 4), seen))[0]
        assert found[1].item() == pytest.approx(0.0, abs=0.06)
        assert found[2:5].softmax(0).tolist() == pytest.approx(CHANCES, abs=0.05)


def test_calibration_starts_afresh():
    network = Told(lambda level: 2.0 + 0.0 * level)
    calibrate(network, held_out())
    once = network.log_spread.clone()
    calibrate(network, held_out())
    assert torch.equal(network.log_spread, once)


def test_missing_labels_do_not_count_and_too_few_change_nothing():
    network = Told(lambda level: 3.0 + 0.0 * level)
    calibrate(network, held_out(rows=8))
    assert not network.log_spread.any()
    table = calibration_table(network, held_out(rows=1000, missing=0.5))
    assert table["molecules"].between(400, 600).all()
    assert table[["error", "stated", "nats", "coverage"]].notna().all(axis=None)


def test_halves_share_no_molecule():
    everything, even, odd = (
        held_out(rows=9).ask(Told(), 0.5),
        held_out(rows=9, first=0, stride=2).ask(Told(), 0.5),
        held_out(rows=9, first=1, stride=2).ask(Told(), 0.5),
    )
    assert (len(even.y), len(odd.y)) == (5, 4)
    both = torch.cat([even.y, odd.y])[:, 0].sort().values
    assert torch.equal(both, everything.y[:, 0].sort().values)


def test_a_molecule_in_no_part_is_no_error():
    assert len(held_out(rows=1, first=1, stride=2).ask(Told(), 0.5).y) == 0
    table = calibration_table(Told(), held_out(rows=1, first=1, stride=2))
    assert not table["molecules"].any()
    assert table["coverage"].isna().all()


def test_coverage_of_a_point_mass_is_the_share_that_lies_in_the_middle():
    law = Values((0, 1, 2))
    logits = torch.tensor([[0.1, 0.8, 0.1]]).log().expand(3, 3)
    found = covered(law, logits, torch.tensor([0.0, 1.0, 2.0]))
    # Of the mass from 0 to .1 half lies above .05; all of .1 to .9 lies between .05 and .95.
    assert found.tolist() == pytest.approx([0.5, 1.0, 0.5], abs=1e-5)
    assert float(found @ torch.tensor([0.1, 0.8, 0.1])) == pytest.approx(0.9, abs=1e-5)
    unseen = covered(law, logits, torch.tensor([0.5, 1.5, 7.0]))
    assert unseen.tolist() == [1.0, 1.0, 0.0]


def test_coverage_of_a_gaussian_is_its_central_interval():
    law, standard = Gaussian(0.0, 1.0), torch.zeros(4, 2)
    edge = stats.norm.ppf(0.95)
    y = torch.tensor([-edge - 0.01, -edge + 0.01, edge - 0.01, edge + 0.01])
    assert covered(law, standard, y).tolist() == [0.0, 1.0, 1.0, 0.0]

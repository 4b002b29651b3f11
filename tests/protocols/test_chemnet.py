"""The distance by hand, and ChemNet against what it said of two sets when MOSES was published."""

import numpy as np
import pytest

from moldiff.protocols.chemnet import Moments, activations, frechet_distance


def test_distance_of_gaussians_that_commute_is_known_by_hand():
    """For diagonal covariances: |m - m'|^2 + sum (sqrt(s) - sqrt(s'))^2."""
    rng = np.random.default_rng(0)
    means, spreads = rng.normal(size=(2, 6)), rng.random((2, 6)) + 0.1
    first, second = (Moments(mean, np.diag(spread**2)) for mean, spread in zip(means, spreads, strict=True))
    expected = ((means[0] - means[1]) ** 2).sum() + ((spreads[0] - spreads[1]) ** 2).sum()
    assert frechet_distance(first, second) == pytest.approx(expected)
    assert frechet_distance(first, first) == pytest.approx(0.0, abs=1e-9)


def test_distance_does_not_change_when_both_are_turned():
    rng = np.random.default_rng(1)
    turn = np.linalg.qr(rng.normal(size=(5, 5)))[0]
    halves = rng.normal(size=(2, 5, 5))
    moments = [Moments(rng.normal(size=5), half @ half.T) for half in halves]
    turned = [Moments(turn @ each.mean, turn @ each.covariance @ turn.T) for each in moments]
    assert frechet_distance(*turned) == pytest.approx(frechet_distance(*moments))
    assert frechet_distance(*moments) == pytest.approx(frechet_distance(*reversed(moments)))


def test_covariances_without_full_rank_are_taken():
    rows = np.random.default_rng(2).normal(size=(20, 512))
    distance = frechet_distance(Moments.of(rows), Moments.of(rows[::-1] + 1.0))
    assert distance == pytest.approx(512.0, rel=1e-3)


def test_activations_depend_on_the_molecule_alone():
    pytest.importorskip("fcd_torch", reason="the extra moses is not installed")
    together = activations(["CCO", "c1ccccc1", "CC(=O)Nc1ccc(O)cc1"])
    assert together.shape == (3, 512)
    np.testing.assert_allclose(activations(["c1ccccc1"])[0], together[1], atol=1e-5)
    assert activations([]).shape == (0, 512)

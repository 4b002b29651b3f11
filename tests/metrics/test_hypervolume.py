import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from moldiff.metrics import hypervolume, non_dominated

points = st.integers(1, 12).flatmap(
    lambda n: arrays(np.float64, (n, 2), elements=st.integers(-3, 6).map(float))
)


@given(points)
def test_hypervolume_is_that_of_moocore(found):
    import moocore

    mine = hypervolume(found, [0.0, 0.0])
    assert mine == pytest.approx(moocore.hypervolume(found, ref=[0.0, 0.0], maximise=True))


@given(points)
def test_the_non_dominated_points_are_those_of_moocore(found):
    import moocore

    expected = moocore.is_nondominated(found, maximise=True, keep_weakly=True)
    assert non_dominated(found).tolist() == expected.tolist()


@given(points)
def test_what_is_dominated_adds_no_area(found):
    assert hypervolume(found[non_dominated(found)], [-4.0, -4.0]) == hypervolume(found, [-4.0, -4.0])


def test_three_axes():
    assert non_dominated([[1, 1, 1], [1, 1, 2], [2, 0, 0]]).tolist() == [False, True, True]


def test_nothing_has_no_area():
    assert hypervolume([], [0, 0]) == 0.0


@pytest.mark.parametrize("bad", [[[1.0, np.nan]], [1.0, 2.0], [[np.inf, 0.0]]])
def test_points_without_a_place_are_refused(bad):
    with pytest.raises(ValueError, match="finite points"):
        non_dominated(bad)


def test_another_number_of_axes_is_refused():
    with pytest.raises(ValueError, match=r"\(N, 2\)"):
        hypervolume([[1, 2, 3]], [0, 0])
    with pytest.raises(ValueError, match="two finite numbers"):
        hypervolume([[1, 2]], [0, np.nan])

import pytest

from moldiff.reporting.axis import Axis


def texts(axis, number=5):
    return [tick.text for tick in axis.ticks(number)]


def test_values_get_room_on_both_sides_and_zero_gets_none():
    axis = Axis.over([10.0, 20.0], 100, 300)
    assert 100 < axis.at(10.0) < axis.at(20.0) < 300
    assert Axis.over([10.0, 20.0], 100, 300, zero=True).at(0.0) == 100


@pytest.mark.parametrize("values", [[], [0.0], [7.0, 7.0], [-3.0]])
def test_few_values_have_an_axis_all_the_same(values):
    axis = Axis.over(values, 0, 100)
    assert axis.low < axis.high
    assert all(0 <= axis.at(value) <= 100 for value in values)
    assert texts(axis)


def test_an_axis_may_go_the_other_way():
    axis = Axis.over([1.0, 2.0], 300, 100)
    assert axis.at(1.0) > axis.at(2.0)


def test_costs_that_differ_much_are_drawn_by_their_ratios():
    axis = Axis.over([2.0, 20.0, 200.0], 0, 100, cost=True)
    assert axis.at(20.0) == pytest.approx((axis.at(2.0) + axis.at(200.0)) / 2, abs=0.1)
    assert texts(axis) == ["2", "5", "10", "20", "50", "100", "200"]
    assert texts(Axis.over([0.004, 3.0], 0, 100, cost=True)) == ["0.01", "0.03", "0.1", "0.3", "1", "3"]
    assert texts(Axis.over([0.01, 100_000.0], 0, 100, cost=True))[-1] == "100,000"
    assert not Axis.over([2.0, 20.0], 0, 100, cost=True).log
    assert not Axis.over([0.0, 200.0], 0, 100, cost=True).log


def test_what_lies_beyond_is_drawn_beyond():
    assert Axis(1.0, 100.0, 0, 100, log=True).at(-5.0) < 0
    assert Axis(1.0, 2.0, 0, 100).at(3.0) == 200

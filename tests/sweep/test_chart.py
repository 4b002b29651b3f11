"""Marks of a sweep's picture."""

from moldiff.sweep.chart import COLOURS, MARKERS


def test_many_models_are_drawn_each_in_its_own_way():
    marks = [(COLOURS[n % len(COLOURS)], MARKERS[n % len(MARKERS)]) for n in range(50)]
    assert len(set(marks)) == len(marks)

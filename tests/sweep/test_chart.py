"""Marks of a sweep's picture."""

from moldiff.reporting.scatter import SHAPES
from moldiff.sweep.chart import COLOURS, MARKERS, _look


def test_many_models_are_drawn_each_in_its_own_way():
    marks = [_look(number) for number in range(49)]
    assert len(set(marks)) == len(marks)


def test_there_are_as_many_colours_and_markers_as_the_page_has():
    assert len(COLOURS) == len(MARKERS) == len(SHAPES)

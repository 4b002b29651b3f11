"""docs/filters.md: its Python runs, its filters exist, and no filter is left out."""

import doctest
import re
from pathlib import Path

import pytest

from moldiff.chem.filters import FILTERS, PropertyRange, parse_filter

PAGE = Path(__file__).resolve().parents[2] / "docs" / "filters.md"

pytestmark = pytest.mark.skipif(not PAGE.exists(), reason="away from the checkout there is no page")


def options():
    return [
        quoted or plain
        for quoted, plain in re.findall(
            r'--filter (?:"([^"]*)"|([^\s"`]+))', PAGE.read_text(encoding="utf-8")
        )
    ]


def test_python_runs(monkeypatch):
    # The page adds a filter of one's own: taken away again when the test ends.
    monkeypatch.setitem(FILTERS, "max-chain", None)
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    result = doctest.testfile(str(PAGE), module_relative=False, optionflags=flags, encoding="utf-8")
    assert (result.failed, result.attempted > 15) == (0, True)


def test_every_option_is_a_filter():
    assert len(options()) > 20
    for text in options():
        assert parse_filter(text).text == text


def test_every_filter_has_an_example():
    missing = [kind.usage for kind in [*FILTERS.values(), PropertyRange] if kind.usage not in options()]
    assert missing == []

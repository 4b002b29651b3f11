"""Machines without the libraries that RDKit draws with."""

import sys

import pytest

from moldiff.chem.drawing import draw
from moldiff.chem.grid import molecule_grid
from moldiff.chem.pens import svg_pen
from moldiff.errors import InputError


@pytest.fixture
def bare(monkeypatch):
    """A machine on which RDKit cannot load what it draws with."""
    monkeypatch.setitem(sys.modules, "rdkit.Chem.Draw", None)
    monkeypatch.setitem(sys.modules, "rdkit.Chem.Draw.rdMolDraw2D", None)


def test_what_draws_says_what_is_missing(bare):
    for drawing in (lambda: svg_pen(1, 1), lambda: draw("CCO"), lambda: molecule_grid(["CCO"], ["ethanol"])):
        with pytest.raises(InputError, match="libxrender1"):
            drawing()

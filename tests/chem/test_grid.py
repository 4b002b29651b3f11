import re
from xml.etree import ElementTree as ET

import pytest

from moldiff.chem.grid import HEIGHT, WIDTH, molecule_grid


@pytest.mark.parametrize(("number", "across", "rows"), [(1, 1, 1), (4, 4, 1), (5, 4, 2), (12, 4, 3)])
def test_size_follows_the_number(number, across, rows):
    svg = molecule_grid(["CCO"] * number, ["<x> & y"] * number)
    root = ET.fromstring(svg)  # it is well-formed, whatever the legends
    assert root.tag.endswith("svg")
    assert root.get("width") == f"{across * WIDTH}px"
    assert root.get("height") == f"{rows * HEIGHT}px"


def test_every_molecule_is_drawn():
    one, two = molecule_grid(["CCO"], ["1"]), molecule_grid(["CCO", "c1ccccc1"], ["1", "2"])
    assert len(re.findall("<path", two)) > len(re.findall("<path", one)) > 2


def test_nothing_to_draw():
    assert ET.fromstring(molecule_grid([], [])).tag.endswith("svg")


@pytest.mark.parametrize(("smiles", "legends"), [(["C1"], ["1"]), (["C"], [])])
def test_misuse(smiles, legends):
    with pytest.raises(ValueError, match="expected molecules and as many legends"):
        molecule_grid(smiles, legends)

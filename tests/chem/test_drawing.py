from xml.etree import ElementTree as ET

import pytest

from moldiff.chem.drawing import HEIGHT, INKS, WIDTH, draw
from moldiff.datasets import load


def parts(svg):
    root = ET.fromstring(svg)
    return root, [child for child in root if child.tag == "path"], [c for c in root if c.tag == "text"]


def test_lines_and_labels():
    root, paths, labels = parts(draw("OCC(F)=C"))
    assert root.get("viewBox") == f"0 0 {WIDTH} {HEIGHT}"
    assert len(paths) == 1
    assert sorted(label.text for label in labels) == ["F", "OH"]
    assert {label.get("class") for label in labels} == {"O", "F"}


def test_letters_of_a_label_stand_apart():
    _, _, labels = parts(draw("NCC"))
    by_text = {label.text: label.get("x").split() for label in labels}
    letters = [places for text, places in by_text.items() if len(text) > 1]
    assert letters
    for text, places in by_text.items():
        assert len(places) == len(text)
        assert places == sorted(places, key=int)


def test_every_element_with_a_colour_has_its_class():
    for symbol in INKS.values():
        _, _, labels = parts(draw(f"C{symbol}"))
        assert symbol in {label.get("class") for label in labels}


def test_carbon_and_rare_elements_take_the_colour_of_the_text():
    for smiles in ("C", "C[SiH3]"):
        assert "class" not in draw(smiles)
        assert "#" not in draw(smiles)


def test_a_stereocentre_has_a_wedge():
    _, plain, _ = parts(draw("CC(N)C(=O)O"))
    _, flat, _ = parts(draw("C[C@H](N)C(=O)O"))
    _, other, _ = parts(draw("C[C@@H](N)C(=O)O"))
    assert [path.get("class") for path in plain] == [None]
    # One hand is a filled wedge, the other a row of strokes.
    assert sorted(len(drawn) for drawn in (flat, other)) == [1, 2]
    assert {"w"} == {path.get("class") for drawn in (flat, other) for path in drawn} - {None}


@pytest.mark.parametrize("smiles", ["", "no molecule", "C1CC", "<svg/>", None, float("nan")])
def test_what_is_no_molecule_is_not_drawn(smiles):
    assert draw(smiles) is None


@pytest.mark.parametrize("label", ["</svg><script>alert(1)</script>", '"&amp;<b>', "a\x01b", "☃ é"])
def test_labels_of_extended_smiles_bring_in_no_markup(label):
    svg = draw(f"*CC |${label};;$|")
    if svg is not None:  # a label that no XML can hold is no drawing
        root = ET.fromstring(svg)
        assert {child.tag for child in root} <= {"path", "text"}
        assert "<script" not in svg


def test_drawings_of_drugs_are_small_and_within_their_box():
    drawn = [draw(smiles) for smiles in load("b3db").smiles[:120]]
    assert None not in drawn
    assert sum(map(len, drawn)) / len(drawn) < 2000
    for svg in drawn:
        _, _, labels = parts(svg)
        for label in labels:
            assert 0 <= int(label.get("y")) <= HEIGHT
            assert all(0 <= int(x) <= WIDTH for x in label.get("x").split())

"""One molecule as a small SVG for web pages, drawn by RDKit and rewritten to a tenth of its size."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape
from itertools import groupby
from typing import Final
from xml.etree import ElementTree as ET

from rdkit.Chem.rdDepictor import Compute2DCoords

from moldiff.chem.pens import svg_pen
from moldiff.chem.standardise import parse

WIDTH, HEIGHT = 1000, 700
"""Of the drawing, in its own units: whole numbers are then a fifth of a pixel on the screen."""

BOND = 105
"""Length of a bond, unless the molecule is too large for it."""

LOOK: dict[str, float] = {
    "clearBackground": False,
    "singleColourBonds": True,
    "singleColourWedgeBonds": True,
    "fixedBondLength": BOND,
    "bondLineWidth": 8,
    "scaleBondWidth": False,
    "minFontSize": 46,
    "maxFontSize": 58,
    "baseFontSize": 0.6,
}
"""RDKit's drawing options, in the drawing's units."""

INKS: Final = {7: "N", 8: "O", 9: "F", 15: "P", 16: "S", 17: "Cl", 35: "Br", 53: "I"}
"""Class of the labels of an element; the page's style sheet says its colour, in light and in dark."""

_NAMES = {f"#{number:02X}0000": name for number, name in INKS.items()}

_Label = tuple[str, str, str, str]
"""Class, font size, baseline and atom: what the letters of one label share."""


def draw(smiles: str) -> str | None:
    """Draw a molecule as an SVG element that has no colours: its classes name elements.

    Bonds and carbon take the colour of the surrounding text. The style sheet has to give ``path`` no fill and
    a stroke, ``.w`` (wedges) a fill, and may colour ``.N``, ``.O`` and the like.

    Args:
        smiles: The molecule.

    Returns:
        The element; None if there is no such molecule, or it cannot be drawn.

    Example:
        >>> svg = draw("CCO")
        >>> svg.startswith('<svg viewBox="0 0 1000 700"'), 'class="O"' in svg
        (True, True)
        >>> draw("no molecule") is None
        True
    """
    [mol] = parse([smiles])
    if mol is None or not mol.GetNumAtoms():
        return None
    drawing = svg_pen(WIDTH, HEIGHT, -1, -1, True)  # letters as text, not as outlines
    options = drawing.drawOptions()
    for name, value in LOOK.items():
        setattr(options, name, value)
    options.setAtomPalette({-1: (0.0, 0.0, 0.0), **{number: (number / 255, 0.0, 0.0) for number in INKS}})
    try:
        Compute2DCoords(mol, useRingTemplates=True)  # bridged rings as they are usually drawn
        drawing.DrawMolecule(mol)
    except (RuntimeError, ValueError):  # coordinates that cannot be found
        return None
    drawing.FinishDrawing()
    text = drawing.GetDrawingText()
    try:
        # Without the declaration, whose encoding is not that of a str.
        return _compact(ET.fromstring(text[text.index("<svg") :]))
    except ET.ParseError:  # labels of extended SMILES may hold what no XML can
        return None


def _compact(root: ET.Element) -> str:
    """Return the drawing with one path for all lines, one for all wedges, and one text for each label."""
    lines: list[str] = []
    wedges: list[str] = []
    letters: list[tuple[ET.Element, str]] = []
    for element in root:
        kind = element.tag.rpartition("}")[2]
        style = element.get("style", "")
        if kind == "path":
            filled = "fill:none" not in style
            (wedges if filled else lines).append(_path(element.get("d", "")))
        elif kind == "text":
            letters.append((element, style))
    drawn = f'<path d="{"".join(lines)}"/>' if lines else ""
    drawn += f'<path class="w" d="{"".join(wedges)}"/>' if wedges else ""
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}">{drawn}{"".join(_labels(letters))}</svg>'


def _path(d: str) -> str:
    """Return a path in whole numbers, without what a reader can do without."""
    numbers = re.sub(r"-?\d+\.?\d*", lambda match: str(round(float(match[0]))), d)
    return re.sub(r" ?([A-Za-z]) ?", r"\1", numbers.replace(",", " "))


def _labels(letters: Iterable[tuple[ET.Element, str]]) -> Iterable[str]:
    """Yield a text for the letters of one atom that stand on one line, each at its own place."""
    for (ink, size, y, _), group in groupby(letters, key=_label):
        members = [element for element, _ in group]
        places = " ".join(str(round(float(element.get("x", "0")))) for element in members)
        text = escape("".join((element.text or " ")[0] for element in members))
        of_element = f' class="{ink}"' if ink else ""
        yield f'<text{of_element} x="{places}" y="{y}" font-size="{size}">{text}</text>'


def _label(letter: tuple[ET.Element, str]) -> _Label:
    element, style = letter
    facts = dict(part.split(":", 1) for part in style.split(";") if ":" in part)
    size = facts["font-size"].removesuffix("px")
    y = str(round(float(element.get("y", "0"))))
    return _NAMES.get(facts["fill"], ""), size, y, element.get("class", "")

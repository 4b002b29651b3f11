"""Molecules drawn beside each other, for notebooks and reports."""

from __future__ import annotations

from collections.abc import Sequence

from moldiff.chem.pens import svg_pen
from moldiff.chem.standardise import parse

WIDTH, HEIGHT = 220, 180
"""Of one drawing, in pixels."""


def molecule_grid(smiles: Sequence[str], legends: Sequence[str], *, columns: int = 4) -> str:
    """Draw molecules with a line of text under each, as an SVG element that can stand in HTML.

    Args:
        smiles: N valid SMILES.
        legends: N lines.
        columns: Drawings in a row.

    Raises:
        ValueError: If a SMILES is no molecule, or there is not one legend for each.

    Example:
        >>> svg = molecule_grid(["CCO", "c1ccccc1"], ["ethanol", "benzene"])
        >>> svg.startswith("<svg"), svg.rstrip().endswith("</svg>")
        (True, True)
    """
    mols = list(parse(smiles))
    if None in mols or len(legends) != len(mols):
        raise ValueError(f"expected molecules and as many legends, got {list(smiles)} and {list(legends)}")
    across = max(1, min(columns, len(mols)))
    rows = -(-len(mols) // across)
    drawing = svg_pen(across * WIDTH, max(1, rows) * HEIGHT, WIDTH, HEIGHT)
    if mols:
        drawing.DrawMolecules(mols, legends=list(legends))
    drawing.FinishDrawing()
    text: str = drawing.GetDrawingText()
    # Without the declaration of an XML document, which may not stand inside another one.
    return text[text.index("<svg") :]

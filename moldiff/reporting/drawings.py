"""Molecules that a page shows when asked: each drawn once, and no more than there is room for."""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup

from moldiff.chem.drawing import draw

ROOM = 300_000
"""Characters of all drawings together, so that a page of 500 arms stays below 1 MB."""


def drawings(smiles: Iterable[str], room: int = ROOM) -> dict[str, Markup]:
    """Return drawings of molecules, the first ones first, until the room is filled.

    Args:
        smiles: What to draw; repeats take no room, and what cannot be drawn is left out.
        room: Characters of all drawings together, at most.

    Example:
        >>> [*drawings(["CCO", "no molecule", "CCO", "CCN"])]
        ['CCO', 'CCN']
        >>> [*drawings(["CCO", "CCN"], room=300)]
        ['CCO']
    """
    found: dict[str, Markup] = {}
    for each in dict.fromkeys(smiles):
        drawing = draw(each)
        if drawing is None:
            continue
        room -= len(drawing)
        if room < 0:
            break
        found[each] = Markup(drawing)  # numbers, and labels that draw has escaped
    return found

"""The little language in which goals are written."""

from __future__ import annotations

import math
import re
from typing import Any

FORMS = (
    'logP=1.5, logP=1.5±0.2, 1<=logP<=2, rings>=4, "max QED", "min SA" or the class BBB=BBB+, weighted as in '
    "2*rings>=4"
)
"""One example of each form, for messages."""

FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
"""What a relation becomes when its sides change places."""

_LONGEST = 500
_LONGEST_LABEL = 100
_NUMBER = r"([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
_NAME = r"([^\W\d][^<>=≤≥±*]*?)"
_LABEL = r"([^<>=≤≥±*]+)"
_RELATION = r" ?(<=|>=|≤|≥|<|>) ?"
_WEIGHTED = re.compile(rf"{_NUMBER} ?\* ?(.*)")
_EXTREME = re.compile(rf"(max|min)(?:imi[sz]e)? {_NAME}", re.IGNORECASE)
_VALUE = re.compile(rf"{_NAME} ?==? ?{_NUMBER}(?: ?(?:±|\+/?-) ?{_NUMBER})?")
_CLASS = re.compile(rf"{_NAME} ?==? ?{_LABEL}")
_RANGE = re.compile(rf"{_NUMBER}{_RELATION}{_NAME}{_RELATION}{_NUMBER}")
_LIMIT = re.compile(rf"{_NAME}{_RELATION}{_NUMBER}")
_FLIPPED_LIMIT = re.compile(rf"{_NUMBER}{_RELATION}{_NAME}")


def read_goal(text: str) -> dict[str, Any]:
    """Return the fields of a goal that its text gives, by their names in :class:`moldiff.chem.goals.Goal`.

    Args:
        text: The goal; spaces around numbers, names and signs do not count.

    Raises:
        ValueError: Saying what is wrong with the text.

    Example:
        >>> read_goal("2*rings>3")
        {'weight': 2.0, 'name': 'rings', 'low': 3.0, 'low_open': True}
    """
    words = " ".join(text.split())
    if len(words) > _LONGEST:
        raise ValueError(f"expected at most {_LONGEST} characters, got {len(words)}")
    if found := _WEIGHTED.fullmatch(words):
        return {"weight": _number(found[1]), **_read_plain(found[2])}
    return _read_plain(words)


def number_text(number: float) -> str:
    """Write a number so that it reads back as the same one, 4.0 as 4.

    Example:
        >>> number_text(4.0), number_text(0.1), number_text(1e300)
        ('4', '0.1', '1e+300')
    """
    return f"{number:.0f}" if abs(number) < 1e15 and number == round(number) else repr(float(number))


def reads_as(text: str, number: float) -> bool:
    """Tell whether a text is a way of writing the number."""
    try:
        return float(text) == number
    except ValueError:
        return False


def check_name(name: str) -> None:
    """Raise ValueError unless a goal's text could hold the name and give it back."""
    if not re.fullmatch(_NAME, name) or " ".join(name.split()) != name or not name.isprintable():
        raise ValueError(f"{name!r} cannot name a property: expected a letter, then no < > = * ± in it")
    if re.match(r"(max|min)(imi[sz]e)? ", name, re.IGNORECASE):
        raise ValueError(f"{name!r}: max and min stand alone before a property, without sign or value")


def check_label(label: str) -> None:
    """Raise ValueError unless a goal's text could hold the label of a class and give it back."""
    value = _VALUE.fullmatch(f"x={label}")
    if not re.fullmatch(_LABEL, label) or " ".join(label.split()) != label or not label.isprintable():
        raise ValueError(f"{label!r} cannot be a class: expected text without < > = * ± in it")
    if len(label) > _LONGEST_LABEL or (value and value[3]):
        raise ValueError(
            f"{label[:80]!r} cannot be a class: expected at most {_LONGEST_LABEL} characters that are no "
            "value with its tolerance"
        )


def _read_plain(text: str) -> dict[str, Any]:
    """Read a goal without weight."""
    if found := _EXTREME.fullmatch(text):
        return {"name": found[2], "direction": found[1].lower()}
    if found := _VALUE.fullmatch(text):
        tolerance = {"tolerance": _number(found[3])} if found[3] else {}
        return {"name": found[1], "target": _number(found[2]), **tolerance}
    if found := _CLASS.fullmatch(text):
        return {"name": found[1], "label": found[2]}
    if found := _RANGE.fullmatch(text):
        first, second = _relation(found[2]), _relation(found[4])
        if first[0] != second[0]:
            raise ValueError("the two signs of a range must point the same way, as in 1<=logP<=2")
        return {**_limit(found[3], FLIPPED[first], found[1]), **_limit(found[3], second, found[5])}
    if found := _LIMIT.fullmatch(text):
        return _limit(found[1], _relation(found[2]), found[3])
    if found := _FLIPPED_LIMIT.fullmatch(text):
        return _limit(found[3], FLIPPED[_relation(found[2])], found[1])
    hint = " (in a shell, put it in quotes)" if re.fullmatch(_NAME, text) else ""
    raise ValueError(f"not understood; expected {FORMS}{hint}")


def _limit(name: str, relation: str, end: str) -> dict[str, Any]:
    """Return the fields of ``name relation end``; a strict relation leaves the end open."""
    side = "low" if relation[0] == ">" else "high"
    strict = {f"{side}_open": True} if len(relation) == 1 else {}
    return {"name": name, side: _number(end), **strict}


def _relation(sign: str) -> str:
    return {"≤": "<=", "≥": ">="}.get(sign, sign)


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is too large a number")
    return number

"""What a scorer answered to a batch of molecules, checked: numbers, or the reasons why there are none."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypeAlias

Function: TypeAlias = Callable[[list[str]], Any]
"""What a scorer is: a list of SMILES in, as many numbers out."""

_LONGEST = 200
"""Characters of a reason."""


@dataclass
class Answers:
    """The scores of a batch.

    Attributes:
        values: A finite score, or NaN, for every molecule; empty where the whole batch failed.
        reasons: Why a molecule has no score, "" where it has one.
        failed: Why the whole batch failed, "" where it did not.
        lost: Whether the process of the scorer went with it.
    """

    values: list[float] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    failed: str = ""
    lost: bool = False


def ask(function: Function, smiles: Sequence[str]) -> Answers:
    """Return what a scorer says of a batch, whatever it does short of ending the process.

    Args:
        function: The scorer.
        smiles: The batch.

    Example:
        >>> ask(lambda smiles: [len(smiles), "many"], ["C", "CC"])
        Answers(values=[2.0, nan], reasons=['', "the scorer gave the text 'many'"], failed='', lost=False)
        >>> ask(lambda smiles: [1.0], ["C", "CC"]).failed
        'the scorer gave 1 values for 2 molecules'
    """
    try:
        given = _as_list(function(list(smiles)), len(smiles))
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a scorer may raise whatever it likes
        return Answers(failed=_short(f"the scorer raised {type(error).__name__}: {_text(str, error)}"))
    if isinstance(given, str):
        return Answers(failed=_short(given))
    checked = [_number(value) for value in given]
    return Answers([value for value, _ in checked], [reason for _, reason in checked])


def _as_list(answer: object, n: int) -> list[object] | str:
    """Return the n entries of an answer, or what is wrong with it."""
    if isinstance(answer, str | bytes | dict) or not isinstance(answer, Iterable):
        return f"the scorer gave {_kind(answer)} for {n} molecules: expected a list of numbers"
    # One more than asked for tells that there are too many, of however many there are.
    values = list(islice(answer, n + 1))
    if len(values) > n:
        return f"the scorer gave more than {n} values for {n} molecules"
    return values if len(values) == n else f"the scorer gave {len(values)} values for {n} molecules"


def _number(value: object) -> tuple[float, str]:
    """Return a finite score and "", or NaN and a reason."""
    if isinstance(value, str | bytes) or value is None:
        return math.nan, _short(f"the scorer gave {_kind(value)}")
    try:
        # Arrays and tensors of one number give it by name; float() takes only some of them.
        number = float(value.item() if hasattr(value, "item") else value)  # type: ignore[arg-type]
    except Exception:  # noqa: BLE001 - objects of a stranger
        return math.nan, _short(f"the scorer gave {_kind(value)}")
    return (number, "") if math.isfinite(number) else (math.nan, f"the scorer gave {number}")


def _kind(value: object) -> str:
    """Name what came instead of numbers."""
    if value is None:
        return "None"
    if isinstance(value, str | bytes):
        return f"the text {_text(repr, value)}"
    return f"an object of type {type(value).__name__}"


def _text(form: Callable[[object], str], value: object) -> str:
    try:
        return form(value)
    except Exception:  # noqa: BLE001 - objects of a stranger
        return f"({type(value).__name__} that cannot be shown)"


def _short(reason: str) -> str:
    line = " ".join(reason.split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 3] + "..."

"""Numbers, units and goals as people read them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from moldiff.chem.goals import Goal
from moldiff.chem.statistics import UNSTATED, PropertyStatistics

MINUS = "\N{MINUS SIGN}"

LARGE = 1000.0
"""Standard deviation of values that need no decimals."""

FIGURES = 4
"""Significant figures of what nothing is known of."""

_POWERS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


def unit_text(unit: str) -> str:
    """Return a unit as it is printed, "" where there is none.

    Example:
        >>> unit_text("angstrom^2"), unit_text("1")
        ('Å²', '')
    """
    if unit in ("1", UNSTATED):
        return ""
    raised = re.sub(r"\^(-?\d+)", lambda match: match[1].translate(_POWERS), unit)
    return raised.replace("angstrom", "Å")


def decimals(statistics: PropertyStatistics | None) -> int | None:
    """Return how many decimals values of a property are worth: two figures of half a standard deviation.

    At least one, so that whole numbers are seen to be something else, unless values are in the thousands.

    Returns:
        None where nothing is known of it: four significant figures will do.

    Example:
        >>> decimals(PropertyStatistics.from_values("logP", [0.5, 2.5], "1", "by hand"))
        2
    """
    if statistics is None or (not statistics.integer and not statistics.std > 0):
        return None
    if statistics.integer or statistics.classes:
        return 0
    return max(int(statistics.std < LARGE), min(9, 1 - math.floor(math.log10(statistics.std / 2))))


def number_text(value: float | None, places: int | None = None) -> str:
    """Return a number with so many decimals, or with four significant figures; a dash for none.

    Example:
        >>> number_text(-1.2345, 2), number_text(0.00012345), number_text(12345.6), number_text(float("nan"))
        ('−1.23', '0.0001234', '12,346', '–')
    """
    if value is None or math.isnan(value):
        return "–"
    if places is None and 1000 <= abs(value) < 1e15:
        places = 0
    # Adding 0 turns -0.0 into 0.0.
    text = f"{value:.{FIGURES}g}" if places is None else f"{round(value, places) + 0.0:,.{places}f}"
    return text.replace("-", MINUS)


def short_name(name: str) -> str:
    """Return the name of a property or scorer where there is little room: of a scorer its function.

    Example:
        >>> short_name("my_package.scores:potency"), short_name("rings")
        ('potency', 'rings')
    """
    return name.rpartition(":")[2]


def share_text(part: float | None, whole: float | None) -> str:
    """Return a share in per cent, "" where there is none.

    Example:
        >>> share_text(1, 8), share_text(1, 0)
        ('12.5%', '')
    """
    return "" if part is None or not whole else f"{part / whole:.1%}"


def goal_text(goal: Goal | None, text: str, unit: str = "", *, threshold: bool = True) -> str:
    """Return a goal with spaces, short numbers and its unit.

    Args:
        goal: The goal; None where it could not be read.
        text: As the record has it: returned unchanged if there is no goal.
        unit: As it is printed.
        threshold: Whether to say when a max or min goal is met.

    Example:
        >>> goal_text(Goal.parse("2*logP=1.5±0.23989851364568626"), "")
        '2 × logP = 1.5 ± 0.24'
        >>> goal_text(Goal.parse("70<TPSA<=90"), "", "Å²"), goal_text(Goal.parse("max QED"), "")
        ('70 < TPSA ≤ 90 Å²', 'max QED')
    """
    if goal is None:
        return text
    weight = "" if goal.weight == 1 else f"{number_text(goal.weight)} × "
    after = f" {unit}" if unit else ""
    if goal.direction is not None:
        beyond = "≥" if goal.direction == "max" else "≤"
        met = (
            f" (met at {beyond} {number_text(goal.threshold)}{after})"
            if threshold and goal.threshold is not None
            else ""
        )
        return f"{weight}{goal.direction} {goal.name}{met}"
    if goal.label is not None:
        return f"{weight}{goal.name} = {goal.label}"
    return f"{weight}{_wish(goal)}{after}"


def _wish(goal: Goal) -> str:
    """Return a value or an interval."""
    if goal.target is not None:
        within = f" ± {goal.tolerance:.3g}" if goal.tolerance else ""
        return f"{goal.name} = {number_text(goal.target)}{within}"
    above, below = (" < " if is_open else " ≤ " for is_open in (goal.low_open, goal.high_open))
    if math.isinf(goal.high):
        return f"{goal.name}{' > ' if goal.low_open else ' ≥ '}{number_text(goal.low)}"
    start = "" if math.isinf(goal.low) else f"{number_text(goal.low)}{above}"
    return f"{start}{goal.name}{below}{number_text(goal.high)}"


def setting_text(value: Any) -> str:
    """Return the value of a setting on one line.

    Example:
        >>> setting_text({"eta": 0.05, "unit": "digit"}), setting_text([]), setting_text(None)
        ('eta = 0.05, unit = digit', 'none', 'not given')
    """
    if value is None:
        return "not given"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} = {setting_text(entry)}" for name, entry in value.items()) or "none"
    if isinstance(value, list):
        return ", ".join(map(setting_text, value)) or "none"
    return str(value)

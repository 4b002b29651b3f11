"""The part of a page with the molecules: drawings with values, and the table that sorting goes by."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from moldiff.chem.drawing import draw
from moldiff.measuring import UNCERTAINTY
from moldiff.reporting.run import SMILES, Run
from moldiff.reporting.wording import decimals, number_text, short_name, unit_text

WITHOUT_GOALS = 3
"""Properties that stand under a drawing where no goal says which."""

LISTED = 200
"""Molecules that filters took out, listed at most."""


@dataclass(frozen=True)
class Column:
    """A column of the table, as the page's script needs it.

    Attributes:
        name: In the table.
        unit: As it is printed; "" for none.
        places: Decimals; None for four significant figures.
        kind: number, flag, text or empty.
        classes: Labels of the values, for a class.
    """

    name: str
    unit: str
    places: int | None
    kind: str
    classes: tuple[str, ...]


@dataclass(frozen=True)
class Value:
    """One number under a drawing.

    Attributes:
        name: Of the property.
        label: The same, short.
        text: The number, with its uncertainty where it is a prediction.
        unit: Its unit; "" for none.
        met: Whether it meets its goal; None without a goal, or without a value.
    """

    name: str
    label: str
    text: str
    unit: str
    met: bool | None


@dataclass(frozen=True)
class Card:
    """One molecule.

    Attributes:
        smiles: As the table has it.
        drawing: An SVG element; None if it cannot be drawn.
        hit: Whether it meets every goal; None where nobody knows.
        novel: Whether it is no training molecule; likewise.
        values: What the goals are about.
    """

    smiles: str
    drawing: Markup | None
    hit: bool | None
    novel: bool | None
    values: list[Value]


def molecules(run: Run) -> dict[str, Any] | None:
    """Return what the template ``molecules.html`` shows of a run; None if there are no molecules."""
    table = run.table.head(run.shown)
    if not len(table):
        return None
    columns = list(_columns(run))
    return {
        "cards": list(_cards(run, len(table))),
        "total": len(run.table),
        "columns": columns,
        "data": {
            "columns": [asdict(column) for column in columns],
            "rows": table.to_numpy().tolist(),
        },
        "has_hits": run.flags("hit") is not None,
        "has_novel": run.flags("novel") is not None,
        "filtered": _filtered(run.filtered),
        "taken_out": 0 if run.filtered is None else len(run.filtered),
    }


def _filtered(table: pd.DataFrame | None) -> list[list[str]]:
    """Return some of the molecules that filters took out, each with the filters that it fails."""
    if table is None:
        return []
    columns = [name for name in (SMILES, "filters_failed") if name in table]
    return list(table[columns].head(LISTED).to_numpy().tolist())


def _columns(run: Run) -> Iterator[Column]:
    """Yield all columns of the table, in its order."""
    for name in run.table:
        statistics = run.record.statistics(_property(str(name)))
        kind = _kind(run, name)
        classes = statistics.classes if statistics is not None and name == statistics.name else ()
        unit = unit_text(statistics.unit) if statistics is not None else ""
        yield Column(str(name), unit, decimals(statistics), kind, classes)


def _kind(run: Run, name: str) -> str:
    """Return what a column holds."""
    filled = run.table[name] != ""
    if not filled.any():
        return "empty"
    if set(run.table[name][filled]) <= {"True", "False"}:
        return "flag"
    return "text" if name == SMILES or np.isnan(run.numbers(name)[filled]).any() else "number"


def _property(column: str) -> str:
    """Return the property that a column is about."""
    for ending in (UNCERTAINTY, "_error"):
        if column.endswith(ending):
            return column.removesuffix(ending)
    return column


def _cards(run: Run, number: int) -> Iterator[Card]:
    """Yield so many molecules, the first ones."""
    shown = [_values(run, name, number) for name in _named(run)]
    hit, novel = run.flags("hit"), run.flags("novel")
    for place, smiles in enumerate(run.table[SMILES].head(number)):
        drawing = draw(smiles)
        yield Card(
            smiles,
            None if drawing is None else Markup(drawing),  # numbers, and labels that draw has escaped
            None if hit is None else bool(hit[place]),
            None if novel is None else bool(novel[place]),
            [column[place] for column in shown],
        )


def _named(run: Run) -> list[str]:
    """Return the properties that stand under the drawings."""
    asked = list(dict.fromkeys(entry.property for entry in run.record.goals))
    others = [name for name in run.record.training if not np.isnan(run.numbers(name)).all()]
    return asked or others[:WITHOUT_GOALS]


def _values(run: Run, name: str, number: int) -> list[Value]:
    """Return the values of one property, of so many molecules."""
    statistics = run.record.statistics(name)
    places = decimals(statistics)
    unit = unit_text(statistics.unit) if statistics is not None else ""
    classes = statistics.classes if statistics is not None else ()
    values, off = (run.numbers(column)[:number] for column in (name, name + UNCERTAINTY))
    goal = next((run.record.goal(entry) for entry in run.record.goals if entry.property == name), None)
    met = [None] * len(values) if goal is None else [bool(flag) for flag in goal.hit(values)]
    found: list[Value] = []
    called = (name, short_name(name))
    for value, error, meets in zip(values.tolist(), off.tolist(), met, strict=True):
        if value != value:  # NaN: nothing gives it
            found.append(Value(*called, number_text(value), "", None))
        elif classes:
            found.append(Value(*called, _label(value, classes), "", meets))
        else:
            text = number_text(value, places)
            text += "" if error != error else f" ± {number_text(error, places)}"
            found.append(Value(*called, text, unit, meets))
    return found


def _label(value: float, classes: tuple[str, ...]) -> str:
    place = round(value)
    return classes[place] if 0 <= place < len(classes) else number_text(value)

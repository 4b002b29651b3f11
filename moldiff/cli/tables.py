"""Tables as the verbs print them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from rich import box
from rich.table import Table
from rich.text import Text


def new_table(
    title: str, columns: Sequence[str], right: Sequence[str] = (), wrap: Sequence[str] | None = None
) -> Table:
    """Return an empty table.

    Args:
        title: Above it; "" for none.
        columns: Headings.
        right: Columns that are aligned on the right.
        wrap: Columns that give way on a narrow screen; all unless given.
    """
    table = Table(title=title or None, title_justify="left", box=box.SIMPLE_HEAD)
    for name in columns:
        side: Literal["left", "right"] = "right" if name in right else "left"
        stiff = wrap is not None and name not in wrap
        table.add_column(name, justify=side, overflow="fold", no_wrap=stiff)
    return table


def add_row(table: Table, *cells: str) -> None:
    """Add a row as it is written: rich would take the ``[C@H]`` of a SMILES for a style."""
    table.add_row(*(Text(cell) for cell in cells))


def number(value: float | None, figures: int = 4) -> str:
    """Return some figures of a number, "" where there is none.

    Args:
        value: None and NaN stand for none.
        figures: How many.

    Example:
        >>> number(0.123456), number(float("nan"))
        ('0.1235', '')
    """
    return "" if value is None or math.isnan(value) else f"{value:.{figures}g}"

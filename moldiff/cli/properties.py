"""``moldiff properties``: what goals and filters can be about."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from moldiff.chem.statistics import PropertyStatistics


def properties(
    model: Annotated[
        str | None,
        typer.Option(help="Folder or bundled name: list what this model was trained on instead."),
    ] = None,
) -> None:
    """List the properties and the filters of any molecule, or the properties a model was trained on."""
    from rich.console import Console

    from moldiff.bundled import model_folder

    tables = [measurable(), available_filters()] if model is None else [trained(model_folder(model))]
    Console().print(*tables)


def measurable() -> Table:
    """Return a table of every property that RDKit measures: name, unit, kind, reference."""
    from moldiff.chem.properties import PROPERTIES
    from moldiff.cli.tables import add_row, new_table

    columns = ["name", "unit", "kind", "reference"]
    table = new_table("Properties measured of any molecule", columns, wrap=["reference"])
    for entry in PROPERTIES.values():
        add_row(table, entry.name, entry.unit, _kind(entry.integer), entry.reference)
    return table


def available_filters() -> Table:
    """Return a table of every filter: an example of its text, what it removes, where that is defined."""
    from moldiff.chem.filters import FILTERS, Filter, PropertyRange
    from moldiff.cli.tables import add_row, new_table

    columns = ["filter", "removes", "source"]
    table = new_table("Filters of generated molecules, by an example of each", columns, wrap=columns[1:])
    kinds: list[type[Filter]] = [*FILTERS.values(), PropertyRange]
    for kind in kinds:
        add_row(table, kind.usage, kind.removes, kind.source)
    return table


def trained(folder: Path) -> Table:
    """Return a table of the properties that condition a model, with their training values.

    Args:
        folder: The model's; only its ``properties.json`` is read.
    """
    from moldiff.cli.tables import add_row, new_table

    columns = ["name", "unit", "kind", "mean", "sd", "lowest", "highest", "source"]
    title = f"Properties of the model in {folder.name}, over its training molecules"
    table = new_table(title, columns, right=columns[3:7], wrap=["source"])
    for entry in read_statistics(folder):
        numbers = [f"{value:.4g}" for value in (entry.mean, entry.std, entry.low, entry.high)]
        add_row(table, entry.name, entry.unit, _kind(entry.integer), *numbers, entry.source)
    return table


def read_statistics(folder: Path) -> list[PropertyStatistics]:
    """Return what ``properties.json`` of a model says, in the order of the model's conditions.

    Raises:
        InputError: If the file is missing or is not what a model writes.
    """
    import json

    from moldiff.chem.statistics import PropertyStatistics
    from moldiff.errors import InputError

    path = folder / "properties.json"
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        return [PropertyStatistics.from_dict({"name": name, **fields}) for name, fields in stored.items()]
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, AttributeError, TypeError) as error:
        raise InputError(f"{path} is not a model's table of properties: {error}") from error


def _kind(integer: bool) -> str:
    return "integer" if integer else "real"

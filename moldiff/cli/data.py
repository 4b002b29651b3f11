"""``moldiff data``: the tables there are, and what a file holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from moldiff.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from moldiff.chem.standardise import Standardiser
    from moldiff.datasets import Column, MoleculeTable, PackedTable

app = typer.Typer(no_args_is_help=True, help="List tables of molecules, look into files, and prepare them.")

FORMATS = "csv, tsv, smi, parquet or sdf, also gzipped"

Source = Annotated[
    str, typer.Argument(metavar="TABLE", help=f"Data set (qm9, b3db), prepared table or file: {FORMATS}.")
]
Smiles = Annotated[str | None, typer.Option(help="Column of SMILES. Default: found by name or content.")]
Neutralise = Annotated[bool, typer.Option("--neutralise", help="Remove charges where that can be done.")]
Tautomer = Annotated[bool, typer.Option("--tautomer", help="Take RDKit's canonical tautomers. Slow.")]
Standardise = Annotated[
    bool,
    typer.Option("--standardise/--no-standardise", help="Clean molecules up and keep the largest fragment."),
]
Jobs = Annotated[int, typer.Option(help="Processes for standardising and measuring; -1 for all cores.")]


@app.command("list")
def list_tables() -> None:
    """List the data sets that can be named instead of a file."""
    from rich.console import Console

    from moldiff.cli.tables import add_row, new_table
    from moldiff.datasets import DATASETS
    from moldiff.datasets.packed_folder import is_whole, read_index
    from moldiff.datasets.sources import SOURCES, prepared_folder

    found = new_table(
        "Data sets that come with moldiff", ["name", "molecules", "labels", "licence"], ["molecules"]
    )
    tables = [load() for load in DATASETS.values()]
    for table in tables:
        labels = ", ".join(map(described, columns_of(table)))
        add_row(found, table.name, f"{len(table):,}", labels, table.licence)
    Console().print(found)
    for table in tables:
        typer.echo(f"{table.name}: {table.citation}")
    others = new_table("Data sets to download with moldiff data prepare", ["name", "prepared", "licence"])
    for source in SOURCES.values():
        place = prepared_folder(source.name)
        known = f"{read_index(place)['molecules']:,} molecules" if is_whole(place) else "no"
        add_row(others, source.name, known, source.licence)
    Console().print(others)
    for source in SOURCES.values():
        typer.echo(f"{source.name}: {source.citation}")


@app.command()
def info(
    *,
    table: Source,
    smiles: Smiles = None,
    neutralise: Neutralise = False,
    tautomer: Tautomer = False,
    standardise: Standardise = True,
    jobs: Jobs = 1,
) -> None:
    """Say what the columns of a table hold, and which rows training would leave out."""
    from moldiff.datasets import MoleculeTable, PackedTable, find_smiles, read_column
    from moldiff.datasets.cleaning import clean, reasons

    standardiser = chosen_standardiser(neutralise, tautomer, standardise)
    source = open_source(table, smiles, standardiser)
    if isinstance(source, MoleculeTable | PackedTable):
        print_columns(f"{table}: {len(source):,} molecules", columns_of(source))
        typer.echo(f"licence: {source.licence}\ncite: {source.citation}")
        return
    column, how = find_smiles(source, smiles)
    columns = [read_column(source[name]) for name in source.columns if name != column]
    print_columns(f"{table}: {len(source):,} rows", columns)
    typer.echo(f"molecules in column '{column}' ({how})")
    for line in unusable(columns, list(source[column])):
        typer.echo(line)
    cleaned = clean(source[column], standardiser, n_jobs=jobs)
    for line in outcome(len(cleaned.smiles), reasons(cleaned.dropped), cleaned.changes):
        typer.echo(line)


def chosen_standardiser(neutralise: bool, tautomer: bool, standardise: bool) -> Standardiser:
    """Return the standardiser that the options ask for."""
    from moldiff.chem.standardise import Standardiser

    return Standardiser(
        cleanup=standardise, largest_fragment=standardise, neutralise=neutralise, tautomer=tautomer
    )


def open_source(
    name: str, smiles: str | None, standardiser: Standardiser
) -> pd.DataFrame | MoleculeTable | PackedTable:
    """Return the table of a name, or what a file holds.

    Raises:
        InputError: If there is none, or options that are for files come with a data set.
    """
    from moldiff.chem.standardise import Standardiser
    from moldiff.datasets import MoleculeTable, PackedTable, open_table

    source = open_table(name)
    if isinstance(source, MoleculeTable | PackedTable) and (
        smiles or vars(standardiser) != vars(Standardiser())
    ):
        raise InputError(
            f"the molecules of {name} are taken as they are: --smiles, --neutralise, --tautomer and "
            "--no-standardise are for files"
        )
    return source


def columns_of(table: MoleculeTable | PackedTable) -> list[Column]:
    """Return the labels of a data set as columns."""
    import numpy as np

    from moldiff.datasets import Column, PackedTable

    if isinstance(table, PackedTable):
        known = {entry.name: entry.classes for entry in table.conditions}
        values = dict(zip(known, np.asarray(table.values, dtype=np.float64).T, strict=True))
    else:
        known = {name: table.classes.get(name, ()) for name in table.labels.columns}
        values = {name: table.labels[name].to_numpy() for name in known}

    def column(name: str) -> Column:
        kind: Literal["class", "number"] = "class" if known[name] else "number"
        filled = int((~np.isnan(values[name])).sum())
        return Column(name, kind, values[name], filled, known[name])

    return [column(name) for name in known]


def described(column: Column) -> str:
    """Return a column's name and kind: "logS (numeric)", "BBB (BBB+ or BBB-)"."""
    return f"{column.name} ({' or '.join(column.classes) or _kind(column)})"


def print_columns(title: str, columns: list[Column]) -> None:
    """Print kind, filled and empty cells, and the distribution of every column."""
    import numpy as np
    from rich.console import Console

    from moldiff.cli.tables import add_row, new_table, number

    numeric = ["filled", "empty", "mean", "sd", "lowest", "highest"]
    made = new_table(title, ["column", "kind", *numeric], numeric)
    lines = []
    for column in columns:
        known = column.values[~np.isnan(column.values)]
        figures = [""] * 4
        if column.kind == "number":
            with np.errstate(all="ignore"):  # an infinite value is said below the table
                summary = (known.mean(), known.std(), known.min(), known.max())
            figures = [number(float(value)) for value in summary]
        if column.classes:
            counts = (f"{label} {(known == place).sum():,}" for place, label in enumerate(column.classes))
            lines.append(f"{column.name}: {', '.join(counts)}")
        empty = len(column.values) - column.filled
        add_row(made, column.name, _kind(column), f"{column.filled:,}", f"{empty:,}", *figures)
    Console().print(made)
    for line in lines:
        typer.echo(line)


def unusable(columns: list[Column], cells: list[object]) -> list[str]:
    """Return in lines which columns cannot be conditions of a model, and why."""
    from moldiff.datasets.labels import check_label_column

    lines = []
    for column in columns:
        try:
            check_label_column(column, cells)
        except InputError as error:
            lines.append(f"no --property: {error}")
    return lines


def outcome(kept: int, dropped: Mapping[str, int], changes: Mapping[str, int]) -> list[str]:
    """Return in lines how many molecules are kept, which rows are dropped and what is changed."""
    from moldiff.datasets.cleaning import listed

    return [
        f"kept {kept:,} molecules; dropped: {listed(dropped) or 'no row'}",
        *([f"standardised: {listed(changes)}"] if changes else []),
    ]


def _kind(column: Column) -> str:
    return {"number": "numeric"}.get(column.kind, column.kind)

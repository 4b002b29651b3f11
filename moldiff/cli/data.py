"""``moldiff data``: the tables there are, what a file holds, and a file made ready for training."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from moldiff.errors import InputError, did_you_mean

if TYPE_CHECKING:
    import pandas as pd

    from moldiff.chem.standardise import Standardiser
    from moldiff.datasets import Column, MoleculeTable
    from moldiff.datasets.cleaning import Cleaned

app = typer.Typer(no_args_is_help=True, help="List tables of molecules, look into files, and prepare them.")

FORMATS = "csv, tsv, smi, parquet or sdf, also gzipped"

Source = Annotated[str, typer.Argument(metavar="TABLE", help=f"Data set (qm9, b3db) or file: {FORMATS}.")]
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
    from moldiff.datasets import MoleculeTable, find_smiles, read_column
    from moldiff.datasets.cleaning import clean

    standardiser = chosen_standardiser(neutralise, tautomer, standardise)
    source = open_source(table, smiles, standardiser)
    if isinstance(source, MoleculeTable):
        print_columns(f"{table}: {len(source):,} molecules", columns_of(source))
        typer.echo(f"licence: {source.licence}\ncite: {source.citation}")
        return
    column, how = find_smiles(source, smiles)
    columns = [read_column(source[name]) for name in source.columns if name != column]
    print_columns(f"{table}: {len(source):,} rows", columns)
    typer.echo(f"molecules in column '{column}' ({how})")
    for line in unusable(columns, list(source[column])):
        typer.echo(line)
    for line in outcome(clean(source[column], standardiser, n_jobs=jobs)):
        typer.echo(line)


@app.command()
def prepare(
    *,
    file: Annotated[Path, typer.Argument(help=f"Table of molecules: {FORMATS}.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write: .parquet or .csv.")],
    smiles: Smiles = None,
    neutralise: Neutralise = False,
    tautomer: Tautomer = False,
    standardise: Standardise = True,
    jobs: Jobs = 1,
) -> None:
    """Write a table of standardised molecules, each once, with a list of the rows left out beside it."""
    from moldiff.datasets import find_smiles, read_frame
    from moldiff.datasets.cleaning import clean, merged_frame, write_dropped

    if output.suffix not in (".parquet", ".csv"):
        near = did_you_mean(output.suffix, [".parquet", ".csv"])
        raise InputError(f"cannot write {output}: expected a name in .parquet or .csv{near}")
    if file.exists() and output.exists() and file.samefile(output):
        raise InputError(f"{output} is the file to read: give another name")
    frame = read_frame(file)
    column, how = find_smiles(frame, smiles)
    standardiser = chosen_standardiser(neutralise, tautomer, standardise)
    cleaned = clean(frame[column], standardiser, n_jobs=jobs)
    made = merged_frame(frame, column, cleaned)
    beside = output.with_name(f"{output.stem}.dropped.csv")
    try:
        # The list of an earlier table of this name must not stand beside the new one.
        beside.unlink(missing_ok=True)
        if cleaned.dropped:
            write_dropped(cleaned.dropped, beside)
        _write(made, output)
    except OSError as error:
        raise InputError(f"cannot write {output}: {error.strerror}") from error
    typer.echo(f"molecules in column '{column}' ({how})")
    for line in outcome(cleaned):
        typer.echo(line)
    typer.echo(f"written to {output}{f', the rows left out to {beside}' if cleaned.dropped else ''}")


def chosen_standardiser(neutralise: bool, tautomer: bool, standardise: bool) -> Standardiser:
    """Return the standardiser that the options ask for."""
    from moldiff.chem.standardise import Standardiser

    return Standardiser(
        cleanup=standardise, largest_fragment=standardise, neutralise=neutralise, tautomer=tautomer
    )


def open_source(name: str, smiles: str | None, standardiser: Standardiser) -> pd.DataFrame | MoleculeTable:
    """Return the table of a name, or what a file holds.

    Raises:
        InputError: If there is none, or options that are for files come with a data set.
    """
    from moldiff.chem.standardise import Standardiser
    from moldiff.datasets import MoleculeTable, open_table

    source = open_table(name)
    if isinstance(source, MoleculeTable) and (smiles or vars(standardiser) != vars(Standardiser())):
        raise InputError(
            f"the molecules of {name} are taken as they are: --smiles, --neutralise, --tautomer and "
            "--no-standardise are for files"
        )
    return source


def columns_of(table: MoleculeTable) -> list[Column]:
    """Return the labels of a data set as columns."""
    from moldiff.datasets import Column

    def column(name: str) -> Column:
        classes = table.classes.get(name, ())
        values = table.labels[name]
        kind: Literal["class", "number"] = "class" if classes else "number"
        return Column(name, kind, values.to_numpy(), int(values.notna().sum()), classes)

    return [column(name) for name in table.labels.columns]


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


def outcome(cleaned: Cleaned) -> list[str]:
    """Return in lines how many molecules are kept, which rows are dropped and what is changed."""
    from moldiff.datasets.cleaning import listed, reasons

    changes = listed(cleaned.changes)
    dropped = listed(reasons(cleaned.dropped)) or "no row"
    return [
        f"kept {len(cleaned.smiles):,} molecules; dropped: {dropped}",
        *([f"standardised: {changes}"] if changes else []),
    ]


def _kind(column: Column) -> str:
    return {"number": "numeric"}.get(column.kind, column.kind)


def _write(frame: pd.DataFrame, path: Path) -> None:
    from moldiff.files import whole_file

    with whole_file(path) as part:
        if path.suffix == ".csv":
            frame.to_csv(part, index=False)
        else:
            frame.to_parquet(part, index=False)

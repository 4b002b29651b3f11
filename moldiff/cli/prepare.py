"""``moldiff data prepare``: a table made ready for training, or standardised."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from moldiff.cli.bars import progress_bar
from moldiff.cli.common_options import ShowProgress
from moldiff.cli.data import (
    FORMATS,
    Jobs,
    Neutralise,
    Smiles,
    Standardise,
    Tautomer,
    chosen_standardiser,
    outcome,
)
from moldiff.errors import InputError, did_you_mean

if TYPE_CHECKING:
    import pandas as pd

    from moldiff.chem.standardise import Standardiser
    from moldiff.datasets.sources import Source

FILES = (".parquet", ".csv")
"""Suffixes of outputs that are tables, not folders."""

Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        help="Folder of the prepared table, for moldiff train; or a file, .parquet or .csv, of standardised "
        "molecules. Default for a data set: in the cache, found by its name.",
    ),
]
Copy = Annotated[
    Path | None, typer.Option("--from", help="Your own copy of a data set, instead of a download.")
]
Properties = Annotated[
    list[str] | None,
    typer.Option(
        "--property",
        help="A column of the table, or what RDKit measures, to keep for training; repeat it. Default: all "
        "that RDKit measures.",
    ),
]
Orders = Annotated[
    int,
    typer.Option(
        help="Orders of atoms to write each molecule in: the canonical one, and others at random. More of "
        "them make the training longer, and the model less tied to one way of writing."
    ),
]


def prepare(
    *,
    table: Annotated[str, typer.Argument(help=f"Data set (moses, zinc250k) or file: {FORMATS}.")],
    output: Output = None,
    copy: Copy = None,
    properties: Properties = None,
    smiles: Smiles = None,
    neutralise: Neutralise = False,
    tautomer: Tautomer = False,
    standardise: Standardise = True,
    orders: Orders = 1,
    jobs: Jobs = 1,
    progress: ShowProgress = True,
) -> None:
    """Make a table of any size ready for training: standardised, tokenised and measured, piece by piece.

    Finished pieces are kept in the cache, so that a preparation that was stopped goes on.

    With an output in .parquet or .csv, write a table of standardised molecules, each once, instead.
    """
    from moldiff.datasets.sources import SOURCES

    standardiser = chosen_standardiser(neutralise, tautomer, standardise)
    if table in SOURCES:
        if smiles or vars(standardiser) != vars(chosen_standardiser(False, False, True)):
            raise InputError(
                f"the molecules of {table} are taken as they are: --smiles, --neutralise, --tautomer and "
                "--no-standardise are for files"
            )
        running = {"jobs": jobs, "orders": orders, "progress": progress}
        _pack_source(SOURCES[table], output, copy, properties, **running)
        return
    path = Path(table)
    if copy is not None or (not path.suffix and not path.exists()):
        near = did_you_mean(table, SOURCES)
        raise InputError(f"'{table}' is neither a data set to download nor a file{near}")
    if output is None:
        raise InputError("say with -o where to write: a folder to train from, or a .parquet or .csv file")
    if output.suffix in FILES:
        if properties or orders != 1:
            raise InputError(
                f"{output.suffix} keeps all columns as they are: leave --property and --orders out, or name "
                "a folder"
            )
        _write_standardised(path, output, smiles, standardiser, jobs)
        return
    if output.suffix:
        near = did_you_mean(output.suffix, FILES)
        raise InputError(f"cannot write {output}: expected a name in .parquet or .csv, or of a folder{near}")
    given = {"smiles": smiles, "standardiser": standardiser, "n_jobs": jobs, "orders": orders}
    _pack(path, output, properties, given, progress=progress)


def _pack_source(
    source: Source, output: Path | None, copy: Path | None, properties: list[str] | None, **running: Any
) -> None:
    """Fetch a data set, and pack it as it is: its molecules are canonical but for their spelling."""
    from moldiff.chem.standardise import Standardiser
    from moldiff.datasets.sources import prepared_folder

    with progress_bar(*_bytes(), shown=running["progress"]) as bar:
        task = bar.add_task(f"downloading {source.name}", total=None)
        path, original = source.fetch(
            copy, on_bytes=lambda done, total: bar.update(task, completed=done, total=total)
        )
    typer.echo(f"{source.name}: {path}" + (" (checked by its hash)" if original else ""))
    if not original:
        typer.echo(f"note: {path} is not the original file of {source.name}", err=True)
    given: dict[str, Any] = {
        "standardiser": Standardiser(cleanup=False, largest_fragment=False),
        "n_jobs": running["jobs"],
        "orders": running["orders"],
        "about": {"name": source.name, "citation": source.citation, "licence": source.licence},
    }
    place = prepared_folder(source.name) if output is None else output
    _pack(path, place, properties, given, progress=running["progress"])
    if output is None:
        typer.echo(f"train on it with: moldiff train {source.name}")


def _pack(
    path: Path, output: Path, properties: list[str] | None, given: dict[str, Any], *, progress: bool
) -> None:
    """Pack a file, and say what came of it."""
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn

    from moldiff.chem.properties import PROPERTIES
    from moldiff.datasets.packed_folder import read_index
    from moldiff.datasets.packing import DROPPED
    from moldiff.datasets.streaming import count_rows
    from moldiff.preparing import Preparation

    preparation = Preparation(path, properties or list(PROPERTIES), **given)
    columns = (TextColumn("preparing"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with progress_bar(*columns, shown=progress) as bar:
        task = bar.add_task("preparing", total=count_rows(path))
        table = preparation(output, on_rows=lambda rows: bar.update(task, completed=rows))
    typer.echo(f"molecules in column '{preparation.column}' ({preparation.found})")
    index = read_index(output)
    for line in outcome(len(table), index["dropped"], index["changes"]):
        typer.echo(line)
    typer.echo(f"{len(table.ids.flat):,} SELFIES symbols of {len(table.tokens) - 1} kinds")
    typer.echo(f"conditions: {', '.join(table.offered)}")
    listed = f", the rows left out to {output / DROPPED}" if index["dropped"] else ""
    typer.echo(f"written to {output}{listed}")


def _bytes() -> list[Any]:
    """Return the columns of a bar of bytes."""
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TransferSpeedColumn

    return [TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn()]


def _write_standardised(
    file: Path, output: Path, smiles: str | None, standardiser: Standardiser, jobs: int
) -> None:
    """Write a table of standardised molecules, with a list of the rows left out beside it."""
    from moldiff.datasets import find_smiles, read_frame
    from moldiff.datasets.cleaning import clean, merged_frame, reasons, write_dropped

    if file.exists() and output.exists() and file.samefile(output):
        raise InputError(f"{output} is the file to read: give another name")
    frame = read_frame(file)
    column, how = find_smiles(frame, smiles)
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
    for line in outcome(len(cleaned.smiles), reasons(cleaned.dropped), cleaned.changes):
        typer.echo(line)
    typer.echo(f"written to {output}{f', the rows left out to {beside}' if cleaned.dropped else ''}")


def _write(frame: pd.DataFrame, path: Path) -> None:
    from moldiff.files import whole_file

    with whole_file(path) as part:
        if path.suffix == ".csv":
            frame.to_csv(part, index=False)
        else:
            frame.to_parquet(part, index=False)

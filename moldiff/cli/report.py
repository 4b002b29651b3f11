"""``moldiff report``: one page that shows what an output folder holds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def report(
    folder: Annotated[
        Path,
        typer.Argument(
            help="Output folder of `moldiff generate`, `pareto` or `tune`; or one table or record in it."
        ),
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The page. Default: report.html in the folder.")
    ] = None,
    molecules: Annotated[
        int | None,
        typer.Option("--molecules", "-n", min=1, help="Molecules to draw, the best. Default: 1,000."),
    ] = None,
) -> None:
    """Write what a folder holds as one HTML file, which needs no network: molecules, frontiers, tuning."""
    from moldiff.reporting import MOST, write_report

    written = write_report(folder, output, shown=MOST if molecules is None else molecules)
    typer.echo(f"written to {written}")

"""The verbs of ``moldiff``, put together.

Verbs import what they need when they run: torch and RDKit take seconds to load, which ``moldiff --help`` or
a mistyped option should not cost.
"""

from __future__ import annotations

from typing import Annotated

import typer

from moldiff import __version__
from moldiff.cli import bench, data, evaluate, generate, pareto, prepare, properties, report, train, tune
from moldiff.cli.given import Recorded

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(asked: bool) -> None:
    """Print the version and end the program, if it was asked for."""
    if asked:
        typer.echo(f"moldiff {__version__}")
        raise typer.Exit


@app.callback(help="New molecules with the properties you ask for.")
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks of errors.")] = False,
) -> None:
    """Declare the options that come before the verb; ``main`` and the callback above act on them."""


data.app.command()(prepare.prepare)
app.add_typer(data.app, name="data")
app.command(cls=Recorded)(bench.bench)
app.command()(evaluate.evaluate)
app.command(cls=Recorded)(generate.generate)
app.command(cls=Recorded)(pareto.pareto)
app.command()(properties.properties)
app.command()(report.report)
app.command()(train.train)
app.command(cls=Recorded)(tune.tune)

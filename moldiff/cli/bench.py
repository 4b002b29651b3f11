"""``moldiff bench``: the frontiers of the literature's protocols, from plans that come along."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from moldiff.cli import common_options as common
from moldiff.cli.pareto import Budget, Output, sweep
from moldiff.errors import InputError, did_you_mean


def bench(
    name: Annotated[str | None, typer.Argument(help="A plan by name; without one all are listed.")] = None,
    *,
    output: Output = Path("sweep"),
    workers: common.Workers = 1,
    budget: Budget = None,
    progress: common.ShowProgress = True,
) -> None:
    """Measure a plan that comes along; its models are looked for in the working folder."""
    plans = _plans()
    if name is None:
        typer.echo("\n".join(plans))
        return
    if name not in plans:
        raise InputError(f"unknown plan '{name}'{did_you_mean(name, plans)}")
    from moldiff.sweep.plan_file import read_plan

    sweep(read_plan(plans[name]), output, workers=workers, budget=budget, progress=progress)


def _plans() -> dict[str, Path]:
    """Return the file of each plan by its name."""
    from importlib.resources import files

    folder = Path(str(files("moldiff.benchmarks") / "plans"))
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}

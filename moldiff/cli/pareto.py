"""``moldiff pareto``: the frontier of what is attained against what is kept, over settings."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from moldiff.cli import common_options as common
from moldiff.cli.bars import progress_bar
from moldiff.cli.given import command_line
from moldiff.errors import InputError

if TYPE_CHECKING:
    from moldiff.sweep.plan import Plan
    from moldiff.sweep.tracing import Traced

PlanFile = Annotated[
    Path | None,
    typer.Argument(help="TOML file of problems and grids; docs/frontier.md says how to write one."),
]
Goals = Annotated[
    list[str] | None,
    typer.Option("--goal", "-g", help='What to ask for: "rings>=4"; repeat it to ask for several together.'),
]
Output = Annotated[
    Path,
    typer.Option(
        "--output",
        "-o",
        help="Folder to write. A sweep that was stopped goes on there with the same command.",
    ),
]
Models = Annotated[
    list[str] | None, typer.Option("--model", help="Bundled model or model folder; repeat it. Default: qm9.")
]
Methods = Annotated[
    list[str] | None, typer.Option("--method", help="auto, cfg, cbg, cbg-topk, cbg-first-order; repeat it.")
]
Gammas = Annotated[list[float] | None, typer.Option("--gamma", help="Strength of conditions; repeat it.")]
Strengths = Annotated[
    list[float] | None, typer.Option("--gamma-classifier", help="Strength of the predictor; repeat it.")
]
Temperatures = Annotated[
    list[float] | None, typer.Option("--temperature", help="Divides the logits; repeat it.")
]
Samplers = Annotated[
    list[str] | None,
    typer.Option("--sampler", help='A sampler, with knobs if wanted: "cap:eta=3/T,at=0.5"; repeat it.'),
]
Steps = Annotated[list[int] | None, typer.Option("--steps", help="Reverse steps T; repeat it.")]
Count = Annotated[int | None, typer.Option("-n", "--number", help="Proposals of a sample. Default: 1,024.")]
Seeds = Annotated[
    list[int] | None, typer.Option("--seed", help="Seed of a sample; repeat it. Default: 0 to 4.")
]
Fresh = Annotated[
    list[int] | None,
    typer.Option(
        "--fresh-seed", help="Seed on which the arms of the frontier are measured once more; repeat it."
    ),
]
Budget = Annotated[
    float | None,
    typer.Option(help="Minutes to spend: all arms a little, the promising ones more. Default: all in full."),
]

AXES = ("model", "method", "gamma", "gamma_classifier", "temperature", "sampler", "steps")
"""Options that are axes of a grid."""


def pareto(
    plan: PlanFile = None,
    *,
    goals: Goals = None,
    output: Output = Path("sweep"),
    model: Models = None,
    method: Methods = None,
    gamma: Gammas = None,
    gamma_classifier: Strengths = None,
    temperature: Temperatures = None,
    sampler: Samplers = None,
    steps: Steps = None,
    n: Count = None,
    seeds: Seeds = None,
    fresh_seeds: Fresh = None,
    workers: common.Workers = 1,
    budget: Budget = None,
    precision: common.Precision = None,
    device: common.Device = None,
    compiled: common.CompiledNetwork = None,
    progress: common.ShowProgress = True,
) -> None:
    """Trace a frontier over settings: property attained against novel molecules, hits, diversity and cost."""
    given = {name: value for name, value in locals().items() if value is not None}
    running = {name: given.pop(name, None) for name in ("output", "workers", "budget", "progress")}
    sweep(_plan(given), **running)


def sweep(plan: Plan, output: Path, *, workers: int, budget: float | None, progress: bool) -> None:
    """Measure a plan, write what was found and say it on screen."""
    from moldiff.reporting import write_report
    from moldiff.sweep import chart, record

    if budget is not None and not budget > 0:
        raise InputError(f"the budget must be minutes above 0, got {budget}")
    started = time.monotonic()
    traced = _trace(plan, output, workers=workers, budget=budget, progress=progress)
    written = record.write(traced, output, command=command_line(), seconds=time.monotonic() - started)
    for name, told in traced.told.items():
        written += chart.write(told, traced.chosen[name], output)
    _report(traced)
    written.append(write_report(output))
    typer.echo(f"written to {output}: {', '.join(place.name for place in written)}")


def _plan(given: dict[str, Any]) -> Plan:
    """Return the plan of a file, or that of the options."""
    from moldiff.sweep.plan import DEFAULT_GRID, Grid, Plan
    from moldiff.sweep.plan_file import read_plan
    from moldiff.sweep.problem import Problem

    if "plan" in given:
        if len(given) > 1:
            other = next(name for name in given if name != "plan")
            raise InputError(
                f"a plan says all that is measured: write {other} into the file, or leave it out"
            )
        return read_plan(given["plan"])
    if "goals" not in given:
        raise InputError('expected a plan file, or a goal such as --goal "rings>=4"')
    problem = Problem(" and ".join(given["goals"]), tuple(given["goals"]))
    axes = {name: given[name] for name in AXES if name in given}
    varied = axes if set(axes) - {"model"} else {**axes, **DEFAULT_GRID}
    drawn = {name: given[name] for name in ("n", "seeds") if name in given}
    running = {
        name: given[name] for name in ("fresh_seeds", "precision", "device", "compiled") if name in given
    }
    return Plan(
        {problem.name: problem}, [Grid({"model": ["qm9"], **varied}, [problem.name], **drawn)], **running
    )


def _trace(plan: Plan, output: Path, *, workers: int, budget: float | None, progress: bool) -> Traced:
    """Measure, under a progress bar that says how long it will still take."""
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn

    from moldiff.sweep.tracing import trace

    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with progress_bar(*columns, shown=progress) as bar:
        task = bar.add_task("proposals", total=None)

        def watch(drawn: int, total: int) -> None:
            bar.update(task, completed=drawn, total=total)

        try:
            return trace(plan, output, workers=workers, budget=budget, watch=watch)
        except KeyboardInterrupt:
            typer.echo(f"stopped: the same command goes on after the finished cells in {output}", err=True)
            raise


def _report(traced: Traced) -> None:
    """Print the frontiers, what they dominate, and what others have published."""
    from rich.console import Console

    from moldiff.cli.frontiers import contrasted, shown

    for name, result in traced.told.items():
        Console().print(shown(result))
        if effects := traced.effects(name):
            typer.echo(contrasted(result, effects))

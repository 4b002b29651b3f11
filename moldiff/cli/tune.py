"""``moldiff tune``: the settings that serve goals best, as a preset."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from moldiff.cli import common_options as common
from moldiff.cli import tune_options as options
from moldiff.cli.bars import progress_bar
from moldiff.cli.given import command_line
from moldiff.errors import InputError

if TYPE_CHECKING:
    from moldiff.tuning.searching import Watch
    from moldiff.tuning.tuning import Tuning


def tune(
    *,
    goals: options.Goals = None,
    output: options.Output = Path("tuning"),
    model: options.Model = "qm9",
    objectives: options.Objectives = None,
    limits: options.Limits = None,
    trials: options.Trials = 100,
    n: options.Count = None,
    seeds: options.Seeds = None,
    methods: options.Methods = None,
    space: options.SpaceFile = None,
    predictor: common.PredictorFolder = None,
    storage: options.Storage = None,
    study: options.StudyName = None,
    workers: common.Workers = 1,
    search_seed: options.SearchSeed = 0,
    against: options.Against = None,
    also: options.Also = None,
    fresh_seeds: options.Fresh = None,
    precision: common.Precision = None,
    device: common.Device = None,
    progress: common.ShowProgress = True,
) -> None:
    """Search the settings that serve goals best, and measure the winner on fresh seeds."""
    given = {name: value for name, value in locals().items() if value is not None}
    _tune(workers=given.pop("workers"), progress=given.pop("progress"), **given)


def _tune(*, workers: int, progress: bool, **given: Any) -> None:
    if not given.get("goals"):
        raise InputError('expected a goal, such as --goal "rings>=4"')
    tuning = _tuning(given)
    trials = tuning.search.trials
    try:
        with _bar(trials, tuning, shown=progress) as watch:
            tuned, written = tuning.run(workers=workers, watch=watch, command=command_line())
    except KeyboardInterrupt:
        typer.echo("stopped: the same command goes on after the trials that are finished", err=True)
        raise
    from rich.console import Console

    from moldiff.cli.tuned import shown
    from moldiff.reporting import write_report

    written.append(write_report(tuning.folder))
    Console().print(shown(tuned))
    typer.echo(f"written to {tuning.folder}: {', '.join(place.name for place in written)}")


def _tuning(given: dict[str, Any]) -> Tuning:
    """Return what the options ask for, after a look at all files and the model."""
    from moldiff.sweep.problem import Problem
    from moldiff.tuning.contest import FRESH_SEEDS
    from moldiff.tuning.searching import Search
    from moldiff.tuning.space import read_space
    from moldiff.tuning.study import Place
    from moldiff.tuning.tuning import STUDY_FILE, Tuning, make_task
    from moldiff.tuning.winner import read_settings

    methods = given.get("methods", [])
    named = {"method": methods} if methods else {}
    table = read_space(given["space"]) if "space" in given else {}
    base = read_settings(given["against"]) if "against" in given else {}
    goals, output = tuple(given["goals"]), given["output"]
    kept = ("objectives", "limits", "predictor", "n", "seeds", "precision", "device")
    problem = Problem(" and ".join(goals), goals)
    task = make_task(
        problem,
        given["model"],
        space={**table, **named},
        **{name: given[name] for name in kept if name in given},
    )
    place = Place(
        given.get("storage", f"sqlite:///{output / STUDY_FILE}"),
        given.get("study", problem.name),
        given["search_seed"],
    )
    return Tuning(
        Search(task, place, given["trials"]),
        output,
        {**task.space.fixed, **base},
        tuple(Problem(goal, (goal,)) for goal in given.get("also", [])),
        tuple(given.get("fresh_seeds", FRESH_SEEDS)),
    )


@contextmanager
def _bar(trials: int, tuning: Tuning, *, shown: bool) -> Iterator[Watch]:
    """Give what a bar is moved with."""
    from optuna import Study
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn

    from moldiff.tuning.study import finished
    from moldiff.tuning.winner import front

    task = tuning.search.task
    columns = TextColumn("trials"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[best]}")
    with progress_bar(*columns, TimeRemainingColumn(), shown=shown) as bar:
        line = bar.add_task("trials", total=trials, best="")

        def watch(study: Study) -> None:
            done = finished(study)
            first = next(iter(front(task, done)), None)
            best = "" if first is None else f"best {task.objectives[0]} {first.values[0]:.4g}"
            bar.update(line, completed=len(done), best=best)

        yield watch

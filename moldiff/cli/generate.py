"""``moldiff generate``: new molecules for goals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from moldiff.cli import common_options as common
from moldiff.cli import generate_options as options
from moldiff.cli.bars import progress_bar
from moldiff.cli.given import command_line
from moldiff.errors import InputError, RunError

if TYPE_CHECKING:
    from rich.progress import Progress

    from moldiff.generation_run import GenerationRun
    from moldiff.output import OutputFiles

DEFAULT_N = 100

PAIRS = ("knobs", "method_knobs", "oracle")
"""Options of the form name=value."""


def generate(
    *,
    goals: options.Goals = None,
    similar_to: options.SimilarTo = None,
    contains: options.Contains = None,
    n: options.Count = DEFAULT_N,
    output: options.Output = Path("out"),
    model: options.Model = None,
    preset: options.Preset = None,
    method: options.Method = None,
    method_knobs: options.MethodKnobs = None,
    predictor: common.PredictorFolder = None,
    oracle_calls: options.OracleCalls = None,
    oracle: options.OracleSettings = None,
    filters: options.Filters = None,
    only_hits: options.OnlyHits = False,
    only_faithful: options.OnlyFaithful = False,
    scaffold_cap: options.ScaffoldCap = None,
    diverse: options.Diverse = False,
    similarity: options.Similarity = False,
    training_table: options.TrainingTable = None,
    gamma: options.Gamma = None,
    canvas_gamma: options.CanvasGamma = None,
    canvas: options.Canvas = None,
    temperature: options.Temperature = None,
    steps: options.Steps = None,
    sampler: options.SamplerName = None,
    knobs: options.Knobs = None,
    seed: options.Seed = None,
    max_proposals: options.Limit = None,
    reach: options.Reach = None,
    chunk: options.Chunk = None,
    workers: options.Workers = 1,
    threads: options.Threads = None,
    devices: options.Devices = None,
    compiled: common.CompiledNetwork = None,
    precision: common.Precision = None,
    device: common.Device = None,
    table_format: options.TableFormat = None,
    sdf: options.Structures = True,
    report: options.Report = True,
    overwrite: options.Overwrite = False,
    progress: common.ShowProgress = True,
) -> None:
    """Generate molecules for goals: table, structures, report, record of the run, and a summary on screen."""
    _generate(**{name: value for name, value in locals().items() if value is not None})


def _generate(
    *,
    output: Path,
    sdf: bool,
    report: bool,
    overwrite: bool,
    progress: bool,
    table_format: str | None = None,
    **given: Any,
) -> None:
    """Check all that is given, then draw.

    What was not given is left out, so that defaults stand in one place, the facade.
    """
    given |= {name: parse_knobs(given[name]) for name in PAIRS if name in given}
    if "preset" in given:
        from moldiff.presets import over_preset, read_preset

        given = over_preset(read_preset(given.pop("preset")), given)
    if "devices" in given:
        from moldiff.cli.bulk import generate_in_bulk

        formats = {"table_format": table_format, "overwrite": overwrite or None}
        generate_in_bulk(output, progress=progress, refused=formats, **given)
        return
    from moldiff.chem.pens import svg_pen
    from moldiff.generator import MoleculeGenerator
    from moldiff.output import OutputFiles

    files = OutputFiles.at(output, table_format)
    files.check(overwrite=overwrite)  # before a scorer is asked about a first sample
    if report:
        svg_pen(1, 1)  # a machine that cannot draw says so before anything is generated
    loading = {name: given.pop(name) for name in ("model", "precision", "device") if name in given}
    generator = MoleculeGenerator.from_pretrained(**loading)
    with closing(generator.run(**given)) as run:
        files.prepare(overwrite=overwrite)
        run.keep_in(files.chunks, overwrite=overwrite)
        run.command = command_line()
        _finish(run, files, sdf=sdf, report=report, progress=progress)


def parse_knobs(texts: Sequence[str]) -> dict[str, Any]:
    """Return "name=value" texts as a dict; what reads as a number is one.

    Raises:
        InputError: If a text has no "=", or a knob comes twice.
    """
    knobs: dict[str, Any] = {}
    for text in texts:
        name, sign, value = (part.strip() for part in text.partition("="))
        if not (name and sign and value):
            raise InputError(f"expected name=value, such as eta=0.05, got '{text}'")
        if name in knobs:
            raise InputError(f"knob '{name}' is given twice")
        knobs[name] = _read(value)
    return knobs


def _read(value: str) -> bool | float | str:
    """Return true and false, whole numbers and numbers as what they are, anything else as text."""
    if value in ("true", "false"):
        return value == "true"
    for kind in (int, float):
        with suppress(ValueError):
            return kind(value)
    return value


@contextmanager
def _writing(files: OutputFiles) -> Iterator[None]:
    """Say what to do about a disk that is full or gone."""
    try:
        yield
    except OSError as error:
        raise RunError(
            f"cannot write to the folder {files.table.parent}: {error.strerror or error}; what is "
            "finished is kept, and the same command goes on from there"
        ) from error


def _finish(run: GenerationRun, files: OutputFiles, *, sdf: bool, report: bool, progress: bool) -> None:
    """Draw, write and report; Ctrl-C keeps the chunks that are finished."""
    from rich.console import Console

    from moldiff.cli.summary import report as summary

    with _writing(files):
        stopped = _draw(run, progress)
        result = run.result()
        written = result.save(files, sdf=sdf, report=report)
        if not stopped:
            run.forget()
    Console().print(summary(result))
    typer.echo(f"written to {files.table.parent}: {', '.join(path.name for path in written)}")
    if stopped:
        typer.echo(f"stopped: the same command goes on after {run.stored} finished chunks", err=True)
        raise KeyboardInterrupt
    if run.wanted.only_hits and not len(result.table):
        more = "--oracle-calls" if run.plan.used_up else "--max-proposals"
        raise RunError(
            f"none of {run.proposed} proposals meets every goal: loosen the goals, or raise --gamma, --steps "
            f"or {more}"
        )


def _draw(run: GenerationRun, progress: bool) -> bool:
    """Draw until there is enough; return whether Ctrl-C came before, when something was finished."""
    if run.resumed:
        typer.echo(f"going on after {run.resumed} finished chunks", err=True)
    # What a steered run goes on for is its calls: the molecules that it needs are soon there.
    by_calls = bool(run.plan.oracles) and not run.wanted.only_hits
    what, total = ("oracle calls", run.plan.calls) if by_calls else ("molecules", run.wanted.needed)
    try:
        with _bar(progress) as bar:
            task = bar.add_task(what, total=total, proposed=0)
            for state in run:
                done = state.plan.spent if by_calls else state.found
                bar.update(task, completed=done, proposed=state.proposed)
    except KeyboardInterrupt:
        if not run.stored:
            run.forget()
        if not run.chunks:
            raise
        return True
    return False


def _bar(shown: bool) -> Progress:
    """Return the progress bar of a run."""
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn

    return progress_bar(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("of {task.fields[proposed]} proposals"),
        TimeElapsedColumn(),
        shown=shown,
    )

"""``moldiff generate``: new molecules for goals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from moldiff.errors import InputError, RunError

if TYPE_CHECKING:
    from rich.progress import Progress

    from moldiff.generation_run import GenerationRun
    from moldiff.output import OutputFiles

DEFAULT_N = 100

Goals = Annotated[
    list[str] | None,
    typer.Option(
        "--goal",
        "-g",
        help='What to ask for, in quotes; repeat it: "rings>=4", "logP=1.5", "logP=1.5±0.2" (or +-), '
        '"1<=logP<=2", "max QED", "min SA"; a weight goes in front: "2*rings>=4".',
    ),
]
Count = Annotated[int, typer.Option("-n", "--number", help="Molecules to return: valid and all different.")]
Output = Annotated[
    Path,
    typer.Option(
        "--output",
        "-o",
        help="Folder for molecules.csv, molecules.sdf and run.json, made if missing; or the name of the "
        "table, such as mine.parquet. A run that was stopped goes on there with the same command.",
    ),
]
TableFormat = Annotated[
    str | None,
    typer.Option("--format", help="Of the table: csv or parquet. Default: csv, or as -o is named."),
]
Structures = Annotated[
    bool, typer.Option("--sdf/--no-sdf", help="Write molecules.sdf, with 2-D coordinates.")
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Begin anew where -o holds an unfinished run or files of others.")
]
Model = Annotated[str | None, typer.Option(help="Bundled model by name, or a model folder. Default: qm9.")]
Gamma = Annotated[
    float | None,
    typer.Option(help="Strength of guidance: 0 ignores the goals, 1 asks for them, more insists on them."),
]
Temperature = Annotated[float | None, typer.Option(help="Divides the logits; lower is more typical.")]
Steps = Annotated[int | None, typer.Option(help="Reverse steps; more cost more.")]
SamplerName = Annotated[
    str | None,
    typer.Option(
        "--sampler",
        help="ancestral, cap, rescale, confidence, loop, confidence-loop, forward-backward or dfm.",
    ),
]
Knobs = Annotated[
    list[str] | None, typer.Option("--knob", help="A knob of the sampler, such as eta=0.05; repeat it.")
]
Seed = Annotated[int | None, typer.Option(help="The same seed and settings give the same molecules.")]
OnlyHits = Annotated[bool, typer.Option("--only-hits", help="Return only molecules that meet every goal.")]
Limit = Annotated[
    int | None, typer.Option("--max-proposals", help="Begin no chunk after so many. Default: 1,000 + 50 n.")
]
Reach = Annotated[
    float | None,
    typer.Option(help="Quantile of training (0.5 to below 1) beyond which max and min goals ask."),
]
Filters = Annotated[
    list[str] | None,
    typer.Option(
        "--filter",
        "-f",
        help='Leave out molecules that fail it; repeat it: PAINS, BRENK, "MW<=500", "avoids=C#N", '
        '"elements=C,N,O,F", "similarity<=0.7" ... `moldiff properties` lists them.',
    ),
]
ScaffoldCap = Annotated[
    int | None, typer.Option(help="At most so many molecules of one scaffold: the first that are proposed.")
]
Diverse = Annotated[
    bool,
    typer.Option("--diverse", help="Draw four times as many, and return the -n that differ most (MaxMin)."),
]
Similarity = Annotated[
    bool,
    typer.Option(
        "--similarity/--no-similarity",
        help="Fill the column max_sim_train, for which the training molecules have to be at hand.",
    ),
]
TrainingTable = Annotated[
    Path | None,
    typer.Option(help="Table that the model was trained on. Default: looked for among moldiff's data sets."),
]
Chunk = Annotated[
    int | None, typer.Option(help="Proposals drawn at a time, and kept when they are finished.")
]
Workers = Annotated[
    int, typer.Option(help="Processes that draw, for several chunks: one a core. The molecules are the same.")
]
Threads = Annotated[
    int | None, typer.Option(help="Threads of a network call. Default: 1. It may change the molecules.")
]
CompiledNetwork = Annotated[
    bool | None, typer.Option("--compiled", help="Compile the network: pays from several thousand proposals.")
]
Precision = Annotated[str | None, typer.Option(help="auto, bf16 or fp32.")]
Device = Annotated[str | None, typer.Option(help="cpu or cuda. Default: the best there is.")]
ShowProgress = Annotated[bool, typer.Option("--progress/--no-progress", help="Show a progress bar.")]


def generate(
    *,
    goals: Goals = None,
    n: Count = DEFAULT_N,
    output: Output = Path("out"),
    model: Model = None,
    filters: Filters = None,
    only_hits: OnlyHits = False,
    scaffold_cap: ScaffoldCap = None,
    diverse: Diverse = False,
    similarity: Similarity = False,
    training_table: TrainingTable = None,
    gamma: Gamma = None,
    temperature: Temperature = None,
    steps: Steps = None,
    sampler: SamplerName = None,
    knobs: Knobs = None,
    seed: Seed = None,
    max_proposals: Limit = None,
    reach: Reach = None,
    chunk: Chunk = None,
    workers: Workers = 1,
    threads: Threads = None,
    compiled: CompiledNetwork = None,
    precision: Precision = None,
    device: Device = None,
    table_format: TableFormat = None,
    sdf: Structures = True,
    overwrite: Overwrite = False,
    progress: ShowProgress = True,
) -> None:
    """Generate molecules for goals: a table, structures, a record of the run, and a summary on screen."""
    # What was not given is left out, so that defaults stand in one place, the facade.
    given: dict[str, Any] = {name: value for name, value in locals().items() if value is not None}
    _generate(**given)


def _generate(
    *,
    output: Path,
    sdf: bool,
    overwrite: bool,
    progress: bool,
    table_format: str | None = None,
    knobs: Sequence[str] = (),
    **given: Any,
) -> None:
    """Check all that is given, then draw."""
    values = parse_knobs(knobs)
    from moldiff.generator import MoleculeGenerator
    from moldiff.output import OutputFiles

    files = OutputFiles.at(output, table_format)
    loading = {name: given.pop(name) for name in ("model", "precision", "device") if name in given}
    generator = MoleculeGenerator.from_pretrained(**loading)
    run = generator.run(**given | ({"knobs": values} if values else {}))
    files.prepare(overwrite=overwrite)
    run.keep_in(files.chunks, overwrite=overwrite)
    with closing(run):
        _finish(run, files, sdf=sdf, progress=progress)


def parse_knobs(texts: Sequence[str]) -> dict[str, Any]:
    """Return "name=value" texts as a dict; what reads as a number is one.

    Raises:
        InputError: If a text has no "=", or a knob comes twice.
    """
    knobs: dict[str, Any] = {}
    for text in texts:
        name, sign, value = (part.strip() for part in text.partition("="))
        if not (name and sign and value):
            raise InputError(f"expected --knob name=value, such as eta=0.05, got '{text}'")
        if name in knobs:
            raise InputError(f"knob '{name}' is given twice")
        try:
            knobs[name] = float(value)
        except ValueError:
            knobs[name] = value
    return knobs


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


def _finish(run: GenerationRun, files: OutputFiles, *, sdf: bool, progress: bool) -> None:
    """Draw, write and report; Ctrl-C keeps the chunks that are finished."""
    from rich.console import Console

    from moldiff.cli.summary import report

    with _writing(files):
        stopped = _draw(run, progress)
        result = run.result()
        written = result.save(files, sdf=sdf)
        if not stopped:
            run.forget()
    Console().print(report(result))
    typer.echo(f"written to {files.table.parent}: {', '.join(path.name for path in written)}")
    if stopped:
        typer.echo(f"stopped: the same command goes on after {run.stored} finished chunks", err=True)
        raise KeyboardInterrupt
    if run.wanted.only_hits and not len(result.table):
        raise RunError(
            f"none of {run.proposed} proposals meets every goal: loosen the goals, or raise --gamma, --steps "
            "or --max-proposals"
        )


def _draw(run: GenerationRun, progress: bool) -> bool:
    """Draw until there is enough; return whether Ctrl-C came before, when something was finished."""
    if run.resumed:
        drawn = run.resumed * run.proposer.chunk
        typer.echo(f"going on after {run.resumed} finished chunks, {drawn:,} proposals", err=True)
    try:
        with _bar(progress) as bar:
            task = bar.add_task("molecules", total=run.wanted.needed, proposed=0)
            for state in run:
                bar.update(task, completed=state.found, proposed=state.proposed)
    except KeyboardInterrupt:
        if not run.stored:
            run.forget()
        if not run.chunks:
            raise
        return True
    return False


def _bar(shown: bool) -> Progress:
    """Return the progress bar, on stderr so that the summary alone goes to stdout."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("of {task.fields[proposed]} proposals"),
        TimeElapsedColumn(),
        console=console,
        disable=not (shown and console.is_terminal),
        transient=True,
    )

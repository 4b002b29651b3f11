"""``moldiff evaluate``: how good the molecules of a file are, and how likely a model finds them."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from moldiff.errors import InputError, RunError, did_you_mean

if TYPE_CHECKING:
    from moldiff.evaluation import Evaluation
    from moldiff.likelihood import Say

Molecules = Annotated[
    Path,
    typer.Argument(
        help="File of molecules: csv, tsv, smi, parquet or sdf, also gzipped. Every row counts, repeats and "
        "rows that are no molecule too."
    ),
]
Column = Annotated[
    str | None, typer.Option("--smiles", help="Column of SMILES. Default: found by name or content.")
]
ReferenceName = Annotated[
    str | None,
    typer.Option(
        "--reference",
        help="File or data set (qm9) for novelty and distances. Default with --model: the validation part of "
        "its data set.",
    ),
]
Model = Annotated[
    str | None,
    typer.Option(help="Bundled model by name, or a model folder: adds likelihood bounds and its novelty."),
]
Goals = Annotated[
    list[str] | None,
    typer.Option("--goal", "-g", help='What to judge by, in quotes; repeat it: "rings>=4", "logP=1.5±0.2".'),
]
Output = Annotated[Path | None, typer.Option("--output", "-o", help="JSON file for all figures.")]
PerMolecule = Annotated[
    Path | None,
    typer.Option(help="CSV file for the bounds of every row; takes --model. Raise --draws for it."),
]
Draws = Annotated[int, typer.Option(help="Noise draws of each molecule and bound.")]
Compared = Annotated[
    int, typer.Option(help="Similarities are those of at most so many distinct molecules, drawn at random.")
]
Seed = Annotated[int, typer.Option(help="The same seed gives the same figures.")]
Jobs = Annotated[int, typer.Option(help="Processes for measuring properties; -1 for all cores.")]
ByProtocol = Annotated[
    str | None,
    typer.Option(
        "--protocol",
        help="Judge by a protocol of the literature instead: moses (30,000 molecules) or guacamol (10,000).",
    ),
]
Train = Annotated[
    Path | None,
    typer.Option(
        help="With --protocol: the training molecules; a prepared table for moses (the one prepared by name "
        "unless given), a file for guacamol."
    ),
]
Test = Annotated[Path | None, typer.Option(help="With --protocol moses: your copy of its test set.")]
TestScaffolds = Annotated[
    Path | None, typer.Option(help="With --protocol moses: your copy of its scaffold test set.")
]
Device = Annotated[str | None, typer.Option(help="cpu or cuda. Default: the best there is.")]
Precision = Annotated[str, typer.Option(help="Of the model: fp32, bf16 or auto.")]
ShowProgress = Annotated[bool, typer.Option("--progress/--no-progress", help="Say what is being done.")]


def evaluate(
    *,
    file: Molecules,
    smiles: Column = None,
    reference: ReferenceName = None,
    model: Model = None,
    goal: Goals = None,
    output: Output = None,
    per_molecule: PerMolecule = None,
    draws: Draws = 4,
    compared: Compared = 5000,
    seed: Seed = 0,
    jobs: Jobs = 1,
    device: Device = None,
    precision: Precision = "fp32",
    progress: ShowProgress = True,
    protocol: ByProtocol = None,
    train: Train = None,
    test: Test = None,
    test_scaffolds: TestScaffolds = None,
) -> None:
    """Score a file of molecules: as a set, against a reference, by goals, and by a model's likelihood."""
    given = dict(locals())
    files = {name: given[name] for name in FILES if given[name] is not None}
    if protocol is None and files:
        raise InputError(f"--{next(iter(files)).replace('_', '-')} is for --protocol")
    if per_molecule is not None and model is None:
        raise InputError("--per-molecule writes likelihood bounds, which take --model")
    _check_places([place for place in (output, per_molecule) if place is not None], file)
    if protocol is None:
        _evaluate(given)
    else:
        _judge(given, files)


FILES = ("train", "test", "test_scaffolds")
"""Options that are files of a protocol."""

SETTINGS = ("reference", "model", "draws", "compared", "seed", "device", "precision")
"""Options that are keywords of ``moldiff.evaluation.evaluate``."""


def _evaluate(given: dict[str, Any]) -> None:
    """Read, score, print and write, with the options by name."""
    from rich.console import Console

    from moldiff.cli.scores import scores
    from moldiff.evaluation import evaluate as score
    from moldiff.reference import read_molecules

    file = given["file"]
    rows = read_molecules(file, given["smiles"])
    settings = {name: given[name] for name in SETTINGS}
    settings |= {"selfies": rows.selfies, "goals": given["goal"] or (), "n_jobs": given["jobs"]}
    with _status(given["progress"]) as say:
        found = score(rows.smiles, say=say, **settings)
    typer.echo(f"{len(rows.smiles):,} rows of {file}, SMILES in column '{rows.column}' ({rows.found})")
    Console().print(scores(found))
    about = {"file": str(file), "column": rows.column, "command": command(given)}
    _write(found, about, given["output"], given["per_molecule"])


def _judge(given: dict[str, Any], files: dict[str, Path]) -> None:
    """Read, judge by a protocol, print and write."""
    from rich.console import Console

    from moldiff.cli.scores import protocol_scores
    from moldiff.protocols import PROTOCOLS
    from moldiff.reference import read_molecules

    name, file = given["protocol"], given["file"]
    if name not in PROTOCOLS:
        raise InputError(f"unknown protocol '{name}'{did_you_mean(name, PROTOCOLS)}")
    for option in ("reference", "model", "goal"):
        if given[option]:
            raise InputError(f"--{option} has no say in a protocol: leave it out")
    for option in files:
        if option not in PROTOCOLS[name].takes:
            raise InputError(f"--{option.replace('_', '-')} is not for the protocol {name}")
    rows = read_molecules(file, given["smiles"])
    with _status(given["progress"]) as say:
        tell = say or (lambda _: None)
        judge = PROTOCOLS[name].open(files, say=tell, n_jobs=given["jobs"])
        found = judge(rows.smiles, say=tell)
    typer.echo(f"{len(rows.smiles):,} rows of {file}, SMILES in column '{rows.column}' ({rows.found})")
    Console().print(protocol_scores(found))
    for note in found.notes:
        typer.echo(f"note: {note}")
    _write_record({"file": str(file), "command": command(given), **found.to_dict()}, given["output"])


def command(given: dict[str, Any]) -> str:
    """Return the command line that gives these options, those left out that have no say in the figures.

    Args:
        given: The verb's arguments by name; None stands for an option that was not given.

    Example:
        >>> command({"file": Path("a.csv"), "goal": ["rings>=4"], "seed": 1, "model": None})
        "moldiff evaluate a.csv --goal 'rings>=4' --seed 1"
    """
    words = ["moldiff", "evaluate", str(given["file"])]
    for name, value in given.items():
        if name in ("file", "progress", "jobs") or value is None:
            continue
        for entry in value if isinstance(value, list) else [value]:
            words += [f"--{name.replace('_', '-')}", str(entry)]
    return shlex.join(words)


def _check_places(places: list[Path], source: Path) -> None:
    """Refuse outputs that cannot be written, or would replace one another or what is read."""
    taken = [source.resolve()]
    for place in places:
        if place.resolve() in taken:
            raise InputError(f"{place} is named twice: choose another name for the output")
        taken.append(place.resolve())
        if place.is_dir():
            raise InputError(f"cannot write {place}: it is a folder, expected the name of a file")
        folder = next(parent for parent in place.absolute().parents if parent.exists())
        if not folder.is_dir() or not os.access(folder, os.W_OK):
            raise InputError(f"cannot write {place}: {folder} is no folder that can be written to")


@contextmanager
def _status(shown: bool) -> Iterator[Say | None]:
    """Give what says on stderr what is being done, or None where nobody looks."""
    from rich.console import Console

    console = Console(stderr=True)
    if not (shown and console.is_terminal):
        yield None
        return
    with console.status("loading") as status:
        yield status.update


def _write(found: Evaluation, about: dict[str, Any], output: Path | None, per_molecule: Path | None) -> None:
    """Write the files that were asked for, each whole or not at all."""
    from moldiff.files import whole_file

    if per_molecule is not None and found.likelihood is not None:
        with _refusing_places(), whole_file(per_molecule) as part:
            found.likelihood.table.to_csv(part, index=False)
        typer.echo(f"bounds of every row written to {per_molecule}")
    _write_record({**about, **found.to_dict()}, output)


def _write_record(figures: dict[str, Any], output: Path | None) -> None:
    """Write figures as JSON, with versions and machine, if a place was given."""
    import json

    from moldiff.files import whole_file
    from moldiff.machine import describe_machine
    from moldiff.records import versions

    if output is None:
        return
    record = {**figures, "versions": versions(), "machine": describe_machine()}
    with _refusing_places(), whole_file(output) as part:
        text = json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False)
        part.write_text(text + "\n", encoding="utf-8")
    typer.echo(f"figures written to {output}")


@contextmanager
def _refusing_places() -> Iterator[None]:
    """Say what could not be written."""
    try:
        yield
    except OSError as error:
        raise RunError(f"the results could not be written: {error.strerror} ({error.filename})") from error

"""``moldiff generate --devices``: molecules in shards, by many processes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from moldiff.cli.bars import progress_bar
from moldiff.cli.common_options import parse_devices
from moldiff.cli.given import command_line
from moldiff.errors import InputError, RunError

if TYPE_CHECKING:
    import torch

    from moldiff.generation_run import GenerationRun

ACCELERATORS = {None: "auto", "cpu": "cpu", "cuda": "gpu"}
"""Lightning's accelerator for a device as moldiff calls it."""


def generate_in_bulk(
    output: Path, *, devices: str, progress: bool, refused: Mapping[str, Any], **given: Any
) -> None:
    """Check all that is given, then draw on all devices.

    Args:
        output: Folder of the shards.
        devices: A number, or "auto".
        progress: Whether to show how far it is.
        refused: Options that a bulk run does not have, None where they were not given.
        given: Keywords of ``MoleculeGenerator.run`` and ``from_pretrained``.

    Raises:
        InputError: If something does not fit.
    """
    from moldiff.bulk import Bulk
    from moldiff.generator import MoleculeGenerator
    from moldiff.selecting import MOST

    for name, value in refused.items():
        if value is not None:
            option = {"table_format": "format"}.get(name, name)
            raise InputError(f"--{option} is not for --devices: shards are Parquet, and go on by themselves")
    number = parse_devices(devices)
    device, n = given.pop("device", None), given.pop("n")
    if device not in ACCELERATORS:
        raise InputError(f"--device with --devices must be cpu or cuda, got '{device}'")
    loading = {name: given.pop(name) for name in ("model", "precision") if name in given}
    if output.suffix:
        raise InputError(f"with --devices the output is a folder: leave the suffix of {output} out")

    def make(place: torch.device) -> GenerationRun:
        generator = MoleculeGenerator.from_pretrained(**loading, device=str(place))
        return generator.run(min(n, MOST), **given)

    try:
        bulk = Bulk(
            output,
            n,
            make,
            devices=number,
            accelerator=ACCELERATORS[device],
            command=command_line(),
        )
        with HowFar(shown=progress) as how_far:
            record = bulk(how_far)
    except OSError as error:
        raise RunError(
            f"cannot write to the folder {output}: {error.strerror or error}; what is finished is kept, and "
            "the same command goes on from there"
        ) from error
    if bulk.is_first:
        _say(record, output)


class HowFar:
    """A bar of chunks with molecules and time left; the first process alone is asked to show it.

    Args:
        shown: Whether it is wanted.
    """

    def __init__(self, *, shown: bool) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import TimeRemainingColumn as TimeLeft

        columns = [TextColumn("chunks"), BarColumn(), MofNCompleteColumn()]
        columns += [TextColumn("{task.fields[found]:,} molecules, {task.fields[rate]:,.0f}/s,")]
        self.bar = progress_bar(*columns, TimeElapsedColumn(), TimeLeft(), shown=shown)
        self.task: Any = None

    def __enter__(self) -> HowFar:
        return self

    def __exit__(self, *error: object) -> None:
        self.bar.stop()

    def __call__(self, done: int, total: int, found: int) -> None:
        """Show chunks done, of those planned, and molecules found."""
        if self.task is None:
            self.bar.start()
            self.task = self.bar.add_task("chunks", total=total, found=0, rate=0.0)
        elapsed = self.bar.tasks[0].elapsed or 0.0
        rate = found / elapsed if elapsed else 0.0
        self.bar.update(self.task, completed=done, total=total, found=found, rate=rate)


def _say(record: Mapping[str, Any], output: Path) -> None:
    """Say what came of it."""
    counts, cost = record["counts"], record["cost"]
    typer.echo(
        f"{counts['returned']:,} different molecules of {counts['proposed']:,} proposals in "
        f"{cost['chunks']:,} chunks, {cost['seconds_of_this_call']:.0f} s on {cost['devices']} device(s)"
    )
    for note in record["notes"]:
        typer.echo(f"note: {note}")
    typer.echo(f"written to {output / 'molecules'} and {output / 'run.json'}")

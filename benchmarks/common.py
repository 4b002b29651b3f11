"""What the benchmarks share on the outside: their options, the record they write, the tables they print."""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import shlex
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from moldiff.errors import MoldiffError
from moldiff.files import whole_file
from moldiff.machine import describe_machine
from moldiff.metrics import Interval
from moldiff.records import plain, versions


def options(
    description: str, *, n: int, models: bool = False, seeds: Sequence[int] = (0,)
) -> argparse.ArgumentParser:
    """Return a parser with the options that every benchmark of a model has.

    Args:
        description: First line of the help.
        n: Proposals of a sample unless ``-n`` is given.
        models: Whether several models may be named, to stand side by side.
        seeds: Seeds unless ``--seeds`` is given.
    """
    parser = argparse.ArgumentParser(description=description)
    what = "bundled name or model folder"
    parser.add_argument("--model", nargs="+" if models else 1, default=["qm9"], help=what)
    parser.add_argument("-n", "--n", type=int, default=n, help=f"proposals of a sample, the first ones ({n})")
    parser.add_argument("--seeds", type=int, nargs="+", default=list(seeds))
    parser.add_argument("-o", "--output", type=Path, required=True, help="JSON file to write")
    settings = parser.add_argument_group("settings, the facade's defaults unless given")
    settings.add_argument("--method", default="cfg", help="auto, or a guidance by name (cfg)")
    settings.add_argument("--gamma", type=float, help="strength of conditions")
    settings.add_argument("--gamma-classifier", type=float, help="strength of the model's predictor")
    settings.add_argument("--temperature", type=float)
    settings.add_argument("--steps", type=int)
    settings.add_argument("--chunk", type=int)
    settings.add_argument("--sampler", help='a name, with knobs if wanted: "cap:eta=3/T,at=0.5"')
    settings.add_argument("--precision", default="auto")
    settings.add_argument("--compiled", action="store_const", const=True, help="compile the network")
    settings.add_argument("--device")
    return parser


def crossed(**axes: Sequence[Any]) -> list[dict[str, Any]]:
    """Return every combination of values, the last axis fastest.

    Example:
        >>> crossed(sampler=["ancestral"], temperature=[0.8, 1.0])
        [{'sampler': 'ancestral', 'temperature': 0.8}, {'sampler': 'ancestral', 'temperature': 1.0}]
    """
    return [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]


def run(main: Callable[[Sequence[str]], None]) -> None:
    """Call a benchmark with the words of the command line; what a user can mend is one message, exit 2."""
    try:
        main(sys.argv[1:])
    except MoldiffError as error:
        Console(stderr=True).print(f"error: {error}", style="red", markup=False, highlight=False)
        sys.exit(error.exit_code)


class Record:
    """The file of one benchmark: what was measured, with all that it takes to measure it again.

    Args:
        name: Of the benchmark's module.
        words: Its command line.
        given: The options these became.
    """

    def __init__(self, name: str, words: Sequence[str], given: argparse.Namespace) -> None:
        self.name = name
        self.words = list(words)
        self.given = given
        self.started = time.perf_counter()

    def write(self, results: Mapping[str, Any], **more: Any) -> None:
        """Write the JSON file, whole or not at all.

        Args:
            results: What was measured; intervals and other dataclasses become objects, NaN becomes null.
            more: Further entries beside the results, such as descriptions of the models.
        """
        settings = {
            name: value for name, value in vars(self.given).items() if name not in ("output", "seeds")
        }
        content = {
            "benchmark": self.name,
            "command": f"python -m moldiff.benchmarks.{self.name} {shlex.join(self.words)}",
            "settings": settings,
            "seeds": self.given.seeds,
            "seconds": round(time.perf_counter() - self.started, 1),
            "versions": versions(),
            "machine": f"{describe_machine()}, {torch.get_num_threads()} threads",
            **more,
            "results": results,
        }
        with whole_file(self.given.output) as part:
            text = json.dumps(plain(content), indent=1, ensure_ascii=False, allow_nan=False)
            part.write_text(text + "\n", encoding="utf-8")
        Console().print(f"written to {self.given.output}", highlight=False)


def checksum(folder: Path) -> str:
    """Return what tells the weights in a folder from others: 16 hexadecimal digits of their SHA-256."""
    return hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()[:16]


def show(title: str, rows: Sequence[Mapping[str, Any]], console: Console | None = None) -> None:
    """Print rows as a table, with the columns of the first row.

    Args:
        title: What the table is about, denominators included.
        rows: At least one.
        console: Where to; the screen unless given.
    """
    table = Table(title=title, title_justify="left")
    for name in rows[0]:
        table.add_column(name, justify="left" if isinstance(rows[0][name], str) else "right", no_wrap=True)
    for row in rows:
        table.add_row(*(_cell(row.get(name)) for name in rows[0]))
    # A log file has no width: 80 columns would cut the numbers off.
    screen = Console()
    (console or (screen if screen.is_terminal else Console(width=240))).print(table)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Interval):
        return f"{value.value:.3g} [{value.low:.3g}, {value.high:.3g}]"
    return str(value)

"""How fast molecules come: in bulk, and against canvas length, rows of a chunk and steps.

In bulk is the whole command, ``moldiff generate --devices``, from start to the last shard on disk. The sweep
times the sampler alone, unguided, one axis at a time from the middle of the others; repetitions take turns
and the medians stand. Beside molecules a second stands the share of the machine's matrix peak that the
network's products reach: their number is counted (torch's FlopCounterMode), and the peak is measured here, a
product of two square matrices in the precision of the network.

    python -m moldiff.benchmarks.throughput --model druglike --compiled --devices 2 \
        -o benchmarks/results/throughput.json
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from moldiff.benchmarks.common import Record, options, run, show
from moldiff.benchmarks.samples import Model
from moldiff.errors import RunError

SIDE = 2048
"""Of the matrices whose product measures the peak."""


def parser() -> argparse.ArgumentParser:
    """Return the options."""
    found = options("Molecules a second.", n=30_000)
    found.add_argument("--devices", type=int, default=1, help="processes, or GPUs, of the bulk run")
    found.add_argument("--canvases", type=int, nargs="+", help="lengths; all that the model has")
    found.add_argument("--chunks", type=int, nargs="+", default=[16, 64, 256, 1024], help="rows at a time")
    found.add_argument("--grid", type=int, nargs="+", default=[16, 32, 64, 128], help="numbers of steps")
    found.add_argument("--repetitions", type=int, default=3)
    return found


def main(words: Sequence[str]) -> None:
    """Run the benchmark."""
    given = parser().parse_args(words)
    record = Record("throughput", words, given)
    model = Model(given.model[0], given)
    peak = matrix_peak(model.dtype, model.generator.loaded_.device)
    bench = Bench(model, peak)
    cells = grid(given.canvases or model.saved.canvas.sizes.tolist(), given.chunks, given.grid)
    rows = bench.measured(cells, given.repetitions)
    show(f"One process, unguided; peak {peak / 1e9:,.0f} GFLOP/s", rows)
    bulk = bulk_run(given) if given.n else None
    if bulk is not None:
        show(f"{given.n:,} molecules in bulk, {given.devices} processes", [bulk])
    record.write({"peak": peak, "sweep": rows, "bulk": bulk}, models={model.name: model.describe()})


@dataclass(frozen=True)
class Cell:
    """One point of the sweep.

    Attributes:
        axis: What is varied: length, rows or steps.
        length: Canvas positions.
        rows: Molecules drawn together.
        steps: T.
    """

    axis: str
    length: int
    rows: int
    steps: int


def grid(lengths: Sequence[int], chunks: Sequence[int], steps: Sequence[int]) -> list[Cell]:
    """Return every value of each axis with the middle ones of the others."""
    axes = {"length": lengths, "rows": chunks, "steps": steps}
    middle = {name: sorted(values)[len(values) // 2] for name, values in axes.items()}
    return [Cell(name, **{**middle, name: value}) for name, values in axes.items() for value in values]


class Bench:
    """Times cells of a model.

    Args:
        model: The model.
        peak: Operations a second that the machine's matrix products reach.
    """

    def __init__(self, model: Model, peak: float) -> None:
        self.model, self.peak = model, peak
        self.proposer = model.proposer(seed=0)
        self.device = self.proposer.device
        self.conditions = len(model.generator.statistics_)

    def measured(self, cells: Sequence[Cell], repetitions: int) -> list[dict[str, Any]]:
        """Return molecules a second, network rows and share of the peak of each cell."""
        for cell in cells:
            self._run(cell)  # compiles
        runs = [[self._run(cell) for cell in cells] for _ in range(repetitions)]
        return [
            self._row(cell, *zip(*turns, strict=True))
            for cell, turns in zip(cells, zip(*runs, strict=True), strict=True)
        ]

    def _row(self, cell: Cell, seconds: Sequence[float], nfe: Sequence[float]) -> dict[str, Any]:
        typical = float(np.median(seconds))
        products = nfe[0] * cell.rows * self.row_products(cell.length)
        return {
            "axis": cell.axis,
            "length": cell.length,
            "rows": cell.rows,
            "steps": cell.steps,
            "per_second": cell.rows / typical,
            "least": cell.rows / max(seconds),
            "most": cell.rows / min(seconds),
            "nfe": nfe[0],
            "of_peak": products / typical / self.peak,
        }

    def _run(self, cell: Cell) -> tuple[float, float]:
        """Return seconds and network rows a molecule of one chunk."""
        generator = torch.Generator(device=self.device).manual_seed(0)
        y = torch.full((cell.rows, self.conditions), torch.nan, device=self.device)
        started = time.perf_counter()
        with torch.no_grad():
            found = self.proposer.sampler(cell.rows, cell.length, steps=cell.steps, generator=generator, y=y)
        nfe = float(found.nfe.double().mean())  # waits for the device
        return time.perf_counter() - started, nfe

    def row_products(self, length: int) -> float:
        """Return the floating-point operations of the network's products for one row."""
        network = self.model.saved.network
        z = torch.full((1, length, self.model.saved.codec.digits), -1)
        with FlopCounterMode(display=False) as counted, torch.no_grad():
            network(z, torch.full((1, self.conditions), torch.nan), torch.ones(1))
        return float(counted.get_total_flops())


def matrix_peak(dtype: torch.dtype, device: torch.device, repetitions: int = 10) -> float:
    """Return operations a second of the fastest of some products of square matrices."""
    first, second = (torch.randn(SIDE, SIDE, device=device).to(dtype) for _ in range(2))
    seconds = []
    for _ in range(repetitions):
        started = time.perf_counter()
        (first @ second).sum().item()  # waits for the device
        seconds.append(time.perf_counter() - started)
    return 2.0 * SIDE**3 / min(seconds)


def bulk_run(given: argparse.Namespace) -> dict[str, float]:
    """Return the wall time of ``moldiff generate`` for all molecules, imports and files included.

    Raises:
        RunError: If it fails.
    """
    drawn = {"steps": given.steps, "chunk": given.chunk}
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "bulk"
        words = [sys.executable, "-m", "moldiff", "generate", "--model", given.model[0], "-n", str(given.n)]
        words += ["--devices", str(given.devices), "--seed", str(given.seeds[0]), "-o", str(place)]
        words += [f"--{name}={value}" for name, value in drawn.items() if value is not None]
        words += ["--compiled"] if given.compiled else []
        started = time.perf_counter()
        ended = subprocess.run(words, check=False, capture_output=True, text=True)
        seconds = time.perf_counter() - started
        if ended.returncode:
            raise RunError(f"moldiff generate ended with {ended.returncode}: {ended.stderr.strip()[-500:]}")
        run = json.loads((place / "run.json").read_text(encoding="utf-8"))
    return {
        "molecules": given.n,
        "proposals": run["counts"]["proposed"],
        "nfe": run["cost"]["nfe_per_proposal"],
        "seconds": seconds,
        "per_second": given.n / seconds,
    }


if __name__ == "__main__":
    run(main)

"""What the savings of the shipped sampling path are worth, each alone and all together.

The shipped path against the plain one (moldiff.benchmarks.plain): float32, fused attention, two forwards for
guidance, all rows in every step, molecules on the longest canvas with a padding mask. Same network, same law,
chunk size tuned for each path; repetitions alternate between the paths, after a warm-up. A molecule's time is
that of sampling and of decoding to SMILES.

    python -m moldiff.benchmarks.speed --model qm9 -o benchmarks/results/speed.json
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from moldiff.benchmarks.common import Record, options, run, show
from moldiff.benchmarks.plain import EveryRow, FullCanvas, TwoForwards, fused_attention
from moldiff.benchmarks.quality import PROPERTIES
from moldiff.benchmarks.samples import Model, held_out
from moldiff.chem.aims import Aim
from moldiff.chem.goals import Goal
from moldiff.chem.properties import measure
from moldiff.diffusion.codec import MASK
from moldiff.diffusion.process import Network
from moldiff.diffusion.sampler import Sampler
from moldiff.metrics import Interval, compare_distances, distance_report
from moldiff.models.checkpoint import load_model
from moldiff.models.compiled import Compiled
from moldiff.models.precision import cast_parameters
from moldiff.proposing import Proposer
from moldiff.sweep.sample import Sample

PRECISION, ATTENTION, FORWARD, ROWS, CANVAS, COMPILED = (
    "16-bit weights",
    "explicit attention",
    "one forward",
    "rows that reveal",
    "own canvas",
    "compiled network",
)
SAVINGS = (PRECISION, ATTENTION, FORWARD, ROWS, CANVAS)
"""What the shipped path saves by; bfloat16 only where the machine multiplies it."""

AIM = Aim.parse("rings>=4")


@dataclass(frozen=True)
class Path:
    """A way to sample.

    Args:
        name: What it is called.
        savings: Which savings it has.
        like: The path whose chunk it takes; one of those that are tuned.
        chunk: Rows of a chunk.
    """

    name: str
    savings: frozenset[str]
    like: str
    chunk: int = 256


FULL = frozenset(SAVINGS)
TUNED = (
    Path("shipped", FULL, "shipped"),
    Path("plain", frozenset(), "plain"),
    Path("shipped, float32", FULL - {PRECISION}, "shipped, float32"),
)
LESS = [Path(f"shipped less {name}", FULL - {name}, "shipped") for name in SAVINGS[1:]]
MORE = [Path(f"plain with {name}", frozenset({name}), "plain") for name in SAVINGS]
COMPILED_PATH = Path("shipped, compiled", FULL | {COMPILED}, "shipped")


def parser() -> argparse.ArgumentParser:
    """Return the options."""
    found = options("Shipped sampling path against the plain one.", n=512)
    found.add_argument("--grid", type=int, nargs="+", default=[32, 64], help="numbers of steps")
    found.add_argument("--chunks", type=int, nargs="+", default=[64, 128, 256, 512], help="to tune over")
    found.add_argument("--repetitions", type=int, default=3)
    found.add_argument("--quality-n", type=int, default=1024, help="proposals for quality; 0: none")
    found.add_argument("--toggles", choices=["all", "none"], default="all", help="each saving alone")
    found.add_argument("--compile", action="store_true", help="also the shipped path, compiled")
    found.add_argument("--resamples", type=int, default=1000, help="bootstrap resamples")
    found.set_defaults(gamma=2.0)
    return found


def main(words: Sequence[str]) -> None:
    """Run the benchmark."""
    given = parser().parse_args(words)
    record = Record("speed", words, given)
    bench = _Bench(given)
    paths = bench.tuned()
    results = []
    for steps in given.grid:
        found: dict[str, Any] = {"steps": steps, "paths": bench.compare(paths, steps)}
        if given.quality_n:
            found["quality"] = bench.quality(paths[0], paths[1], steps)
        report(found)
        results.append(found)
    content = {"tuning": bench.tuning, "warm_up_seconds": bench.warm_up, "steps": results}
    models = {"shipped": bench.shipped.describe(), "plain": bench.plain.describe()}
    record.write(content, models=models)


class _Bench:
    """The protocol.

    Attributes:
        tuning: Molecules a second by path and rows of a chunk.
        warm_up: Seconds of the first calls by path, compilation included.
    """

    def __init__(self, given: argparse.Namespace) -> None:
        self.given, self.seed = given, given.seeds[0]
        self.shipped = Model(given.model[0], given)
        self.plain = Model(given.model[0], argparse.Namespace(**{**vars(given), "precision": "fp32"}))
        self.networks: dict[frozenset[str], Network] = {}
        self.tuning: dict[str, dict[int, float]] = {}
        self.warm_up: dict[str, float] = {}

    def tuned(self) -> list[Path]:
        """Return all paths, each with the chunk that is fastest for its kind at the first T."""
        steps, chunks = self.given.grid[0], {}
        for path in TUNED:
            self._warm(path, steps)
            speeds = {
                size: self._time(replace(path, chunk=size), steps)["per_second"] for size in self.given.chunks
            }
            chunks[path.name] = max(speeds, key=lambda size: speeds[size])
            self.tuning[path.name] = speeds
        rest = [*LESS, *MORE] if self.given.toggles == "all" else []
        rest += [COMPILED_PATH] if self.given.compile else []
        return [replace(path, chunk=chunks[path.like]) for path in (*TUNED, *rest)]

    def compare(self, paths: Sequence[Path], steps: int) -> list[dict[str, Any]]:
        """Return the speeds of all paths, run in turn, and their ratios to that of the plain path.

        The ratio is that of the medians; its ends are the least and the largest of one turn.
        """
        for path in paths:
            self._warm(path, steps)
        runs: dict[str, list[dict[str, float]]] = {path.name: [] for path in paths}
        for _ in range(self.given.repetitions):
            for path in paths:
                runs[path.name].append(self._time(path, steps))
        plain = runs["plain"]
        return [
            {
                "path": path.name,
                "chunk": path.chunk,
                "per_second": _median(runs[path.name], "per_second"),
                "times_plain": _ratio(runs[path.name], plain, "per_second"),
                "sampling_times_plain": _ratio(runs[path.name], plain, "sampling_per_second"),
                "nfe": runs[path.name][0]["nfe"],
                "runs": runs[path.name],
            }
            for path in paths
        ]

    def quality(self, first: Path, second: Path, steps: int) -> dict[str, Any]:
        """Return hit rate and Wasserstein figure of two paths and the differences, with intervals."""
        reference = held_out(PROPERTIES)[list(PROPERTIES)].to_numpy()
        known, resamples = self.shipped.known(), self.given.resamples
        found: dict[str, Any] = {}
        tables, rates = [], []
        for path in (first, second):
            aimed = self._sample(path, steps)
            hit = AIM.hits(measure(aimed.smiles, AIM.names), self.shipped.generator.statistics_)
            counts = aimed.counts(known, hit)
            free = self._sample(path, steps, (), gamma=1.0, temperature=1.0)
            tables.append(measure(free.smiles, PROPERTIES).to_numpy())
            rates.append(counts["hit_rate"])
            generator = np.random.default_rng(self.seed)
            distance = distance_report(
                tables[-1], reference, PROPERTIES, generator=generator, resamples=resamples
            )
            found[path.name] = {"wasserstein": distance.mean, **counts}
        generator = np.random.default_rng(self.seed)
        return {
            **found,
            "hit_rate_difference": share_difference(*rates),
            "wasserstein_difference": compare_distances(
                tables[0], tables[1], reference, generator=generator, resamples=resamples
            ),
        }

    def _sample(self, path: Path, steps: int, goals: Iterable[Goal] = AIM.goals, **changes: Any) -> Sample:
        label = f"{path.name}, T {steps}, {'aimed' if goals else 'unguided'}"
        with fused_attention(ATTENTION not in path.savings):
            return self.shipped.first(
                self.proposer(path, steps, goals, **changes), self.given.quality_n, label=label
            )

    def proposer(self, path: Path, steps: int, goals: Iterable[Goal] = AIM.goals, **changes: Any) -> Proposer:
        """Return the proposer of a path."""
        model = self.shipped if PRECISION in path.savings else self.plain
        own = model.proposer(goals, seed=self.seed, steps=steps, chunk=path.chunk, **changes)
        old, kind = own.sampler, Sampler if ROWS in path.savings else EveryRow
        sampler = kind(self._network(path, model), old.process, old.remasking, old.trajectory, old.order)
        guidance = own.guidance if FORWARD in path.savings else TwoForwards(own.gamma)
        return replace(own, sampler=sampler, guidance=guidance)

    def _network(self, path: Path, model: Model) -> Network:
        """Return the network as the path calls it, the same object every time."""
        key = path.savings & {PRECISION, CANVAS, COMPILED}
        if key not in self.networks:
            network = cast_parameters(load_model(model.folder).network, model.dtype)
            network = network.to(model.generator.loaded_.device)
            own: Network = network if CANVAS in key else FullCanvas(network)
            self.networks[key] = Compiled(network) if COMPILED in key else own
        return self.networks[key]

    def _warm(self, path: Path, steps: int) -> None:
        """Run every canvas size and one chunk, once for each path, and keep the seconds."""
        if path.name in self.warm_up:
            return
        started = time.perf_counter()
        proposer = self.proposer(path, steps)
        with fused_attention(ATTENTION not in path.savings), torch.no_grad():
            for length in proposer.canvas.sizes.tolist():
                z = torch.full((2, length, self.shipped.saved.codec.digits), MASK, device=proposer.device)
                y = torch.full(
                    (2, len(self.shipped.generator.statistics_)), torch.nan, device=proposer.device
                )
                proposer.sampler.network(z, y)
            proposer(0)
        self.warm_up[path.name] = time.perf_counter() - started

    def _time(self, path: Path, steps: int) -> dict[str, float]:
        """Return molecules a second with and without decoding, and network rows a molecule."""
        with fused_attention(ATTENTION not in path.savings):
            sample = self.shipped.first(self.proposer(path, steps), self.given.n)
        sampling = sample.costs["proposals_per_second"]
        return {
            "per_second": 1.0 / (1.0 / sampling + sample.decode_seconds / sample.drawn),
            "sampling_per_second": sampling,
            "nfe": sample.costs["nfe_per_proposal"],
        }


def share_difference(first: Interval, second: Interval) -> Interval:
    """Return the difference of two independent shares with the interval that follows from theirs.

    Newcombe's method 10 (1998, doi 10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I), if
    theirs are Wilson's.
    """
    value = first.value - second.value
    below = math.hypot(first.value - first.low, second.high - second.value)
    above = math.hypot(first.high - first.value, second.value - second.low)
    return Interval(value, value - below, value + above, first.level)


def _median(runs: Sequence[dict[str, float]], name: str) -> float:
    return float(np.median([each[name] for each in runs]))


def _ratio(runs: Sequence[dict[str, float]], base: Sequence[dict[str, float]], name: str) -> Interval:
    turns = [own[name] / other[name] for own, other in zip(runs, base, strict=True)]
    return Interval(_median(runs, name) / _median(base, name), min(turns), max(turns), level=1.0)


def report(found: dict[str, Any]) -> None:
    """Print the results at one number of steps."""
    keys = ("path", "chunk", "nfe", "per_second", "times_plain", "sampling_times_plain")
    title = (
        f"T = {found['steps']}: molecules a second, and ratio to the plain path [least, largest of a turn]"
    )
    show(title, [{key: entry[key] for key in keys} for entry in found["paths"]])
    if "quality" in found:
        quality = found["quality"]
        names = ("hit_rate", "novel_hits_table", "uniqueness", "wasserstein")
        rows = [{"path": name} | {key: quality[name][key] for key in names} for name in ("shipped", "plain")]
        gap = {"hit_rate": quality["hit_rate_difference"], "wasserstein": quality["wasserstein_difference"]}
        show(f"T = {found['steps']}: quality", [*rows, {"path": "difference", **gap}])


if __name__ == "__main__":
    run(main)

"""Side by side with torch-molecule's conditional generator: the same molecules, wall time, goals and machine.

Both learn to meet values of one property from the same training molecules. moldiff trains first, for
``--tokens``; the other, the graph diffusion transformer of torch-molecule (Liu et al., NeurIPS 2024), then
has the same wall time, preparing data included. Of each the first proposals at three percentiles of training
are judged: validity, uniqueness, novelty against the training molecules, error, molecules a second.

    pip install torch-molecule
    python -m moldiff.benchmarks.rival --table train.csv.gz --tokens 5e7 -o benchmarks/results/rival.json
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from moldiff.benchmarks.common import Record, run, show
from moldiff.chem.properties import measure
from moldiff.chem.standardise import canonical
from moldiff.errors import InputError
from moldiff.generator import MoleculeGenerator
from moldiff.reference import read_molecules

Draw = Callable[[float, int], Sequence[str]]
"""From a value and a number to so many proposals, "" where one is no molecule."""

PERCENTILES = (10, 50, 90)


def parser() -> argparse.ArgumentParser:
    """Return the options."""
    found = argparse.ArgumentParser(
        description="moldiff beside torch-molecule's graph diffusion transformer."
    )
    found.add_argument("--table", type=Path, required=True, help="training molecules; some are drawn of them")
    found.add_argument("--rows", type=int, default=50_000, help="training molecules")
    found.add_argument("--property", default="logP")
    found.add_argument("--tokens", type=float, default=5e7, help="canvas tokens that moldiff trains on")
    found.add_argument("--width", type=int, default=192, help="of moldiff's network")
    found.add_argument("--depth", type=int, default=6)
    found.add_argument("--heads", type=int, default=3)
    found.add_argument("--rival-width", type=int, default=256)
    found.add_argument("--rival-depth", type=int, default=6)
    found.add_argument("--rival-heads", type=int, default=8)
    found.add_argument("-n", "--n", type=int, default=1000, help="proposals a value")
    found.add_argument(
        "--seeds", type=int, nargs="+", default=[0], help="of the choice, training and drawing"
    )
    found.add_argument("--no-compile", dest="compiled", action="store_false")
    found.add_argument("-o", "--output", type=Path, required=True, help="JSON file to write")
    return found


def main(words: Sequence[str]) -> None:
    """Run both."""
    given = parser().parse_args(words)
    generator_class()  # before hours of training
    record = Record("rival", words, given)
    rows = []
    for seed in given.seeds:
        smiles = chosen(given.table, given.rows, seed)
        values = measure(smiles, [given.property])[given.property].to_numpy()
        targets = {f"{p}%": float(np.percentile(values, p)) for p in PERCENTILES}
        seconds, ours = train_ours(smiles, given, seed)
        for name, spent, draw, size in (
            ("moldiff", seconds, *ours),
            ("torch-molecule Graph DiT", *train_rival(smiles, values, given, seconds)),
        ):
            found = judge(draw, targets, given, set(smiles))
            rows.append({"generator": name, "seed": seed, "parameters": size, "training s": spent, **found})
    show(f"{given.property} asked for at its 10th, 50th and 90th percentile", rows)
    record.write({"torch-molecule": version("torch-molecule"), "generators": rows})


def chosen(path: Path, rows: int, seed: int) -> list[str]:
    """Return so many different molecules of a table, in canonical SMILES, drawn at random."""
    names = list(dict.fromkeys(name for name in canonical(read_molecules(path).smiles) if name))
    if len(names) < rows:
        raise InputError(f"{path} holds {len(names):,} molecules, fewer than --rows {rows:,}")
    places = np.random.default_rng(seed).choice(len(names), rows, replace=False)
    return [names[place] for place in places]


def train_ours(smiles: Sequence[str], given: argparse.Namespace, seed: int) -> tuple[float, tuple[Draw, int]]:
    """Return the wall time of moldiff's training, what draws, and the size of the network."""
    started = time.perf_counter()
    sizes = {name: getattr(given, name) for name in ("width", "depth", "heads")}
    generator = MoleculeGenerator(family="mdlm", tokens=given.tokens, seed=seed, **sizes)
    frame = pd.DataFrame({"smiles": list(smiles)})
    with tempfile.TemporaryDirectory() as folder:
        generator.fit(
            frame, properties=[given.property], folder=folder, compiled=given.compiled, progress=False
        )
    seconds = time.perf_counter() - started

    def draw(value: float, n: int) -> list[str]:
        goal = f"{given.property}={value:.6g}"
        proposer = generator.plan(n, [goal], method="cfg", seed=seed).proposer  # not compiled, as the other
        found: list[str] = []
        chunk = 0
        while len(found) < n:
            found += generator.chemistry_.tokenizer.decode(proposer(chunk).ids)
            chunk += 1
        return found[:n]

    return seconds, (draw, sum(weight.numel() for weight in generator.model_.network.parameters()))


def train_rival(
    smiles: Sequence[str], values: NDArray[np.float64], given: argparse.Namespace, seconds: float
) -> tuple[float, Draw, int]:
    """Return the wall time of the other's training, at most ``seconds``, what draws, and its size."""
    started = time.perf_counter()
    rival = generator_class()(
        started + seconds,
        num_layer=given.rival_depth,
        hidden_size=given.rival_width,
        num_head=given.rival_heads,
        drop_condition=0.1,
        task_type=["regression"],
        device="cpu",
    )
    rival.fit_in_time(list(smiles), values[:, None])

    def draw(value: float, n: int) -> list[str]:
        found: list[str] = []
        while len(found) < n:
            found += [name or "" for name in rival.generate(labels=[[value]] * min(200, n - len(found)))]
        return canonical(found)

    size = sum(weight.numel() for weight in rival.model.parameters())
    return time.perf_counter() - started, draw, size


def judge(
    draw: Draw, targets: dict[str, float], given: argparse.Namespace, known: set[str]
) -> dict[str, float]:
    """Return the figures of a generator over the first proposals at every target; none is left out."""
    started = time.perf_counter()
    samples = {name: list(draw(value, given.n)) for name, value in targets.items()}
    seconds = time.perf_counter() - started
    every = [name for sample in samples.values() for name in sample]
    valid = [name for name in every if name]
    distinct = set(valid)
    errors = {}
    for name, sample in samples.items():
        attained = measure([each for each in sample if each], [given.property])[given.property].to_numpy()
        errors[f"error {name}"] = float(np.abs(attained - targets[name]).mean()) if len(attained) else np.nan
    return {
        "validity": len(valid) / len(every),
        "uniqueness": len(distinct) / max(1, len(valid)),
        "novelty": len(distinct - known) / max(1, len(distinct)),
        **errors,
        "molecules/s": len(valid) / seconds,
    }


class TimeUpError(Exception):
    """The training has had its time."""


@dataclass(frozen=True)
class Until:
    """Batches of a loader until a deadline."""

    loader: Any
    deadline: float

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator[Any]:
        for batch in self.loader:
            if time.perf_counter() >= self.deadline:
                raise TimeUpError
            yield batch


def generator_class() -> type[Any]:
    """Return torch-molecule's generator with a training that ends in time.

    Raises:
        InputError: If torch-molecule is not installed.
    """
    try:
        from torch_molecule import GraphDITMolecularGenerator
    except ImportError:
        raise InputError("the other generator is not installed: pip install torch-molecule") from None

    class Timed(GraphDITMolecularGenerator):  # type: ignore[misc]
        def __init__(self, deadline: float, **settings: Any) -> None:
            super().__init__(**settings)
            self.deadline = deadline

        def fit_in_time(self, smiles: list[str], values: NDArray[np.float64]) -> None:
            """Train until the deadline."""
            try:
                self.fit(smiles, values)
            except TimeUpError:
                self.is_fitted_ = True

        def _train_epoch(self, loader: Any, *rest: Any) -> Any:
            return super()._train_epoch(Until(loader, self.deadline), *rest)

    return Timed


if __name__ == "__main__":
    run(main)

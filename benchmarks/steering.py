"""Steering by scorers that the model never saw: particles and Metropolis chains against best-of-n.

Each method gets the same number of oracle calls, which count distinct molecules, guesses and the pilot
included. What is compared is the mean score of the ten best molecules that were scored. The settings of all
methods, best-of-n included, were chosen on another objective and other seeds, which ``--tune`` shows.

    python -m moldiff.benchmarks.steering -o benchmarks/results/steering.json
    python -m moldiff.benchmarks.steering --tune -o benchmarks/results/steering-tuning.json
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from joblib import Parallel, delayed
from rich.console import Console

from moldiff.benchmarks.common import Record, checksum, run, show
from moldiff.benchmarks.ground import Ground, Way
from moldiff.benchmarks.searches import Search
from moldiff.bundled import model_folder
from moldiff.chem.properties import measure
from moldiff.metrics import internal_diversity, paired_difference_interval
from moldiff.scoring.scorers import BuiltIn, Contained, Similarity

BAR = "best-of"
NEEDED = 2
"""Objectives on which a method is to be above the bar, out of all."""

FIGURES = ("mean", "best", "diversity", "calls", "asked", "evaluated")
"""Of a cell, whose means over seeds are shown."""

FLUOROURACIL = "O=c1[nH]cc(F)c(=O)[nH]1"
HINGE = "[#7;!H0]~[#6]~[#7,#8;H0]"


class Lean(BuiltIn):
    """logP minus SA: greasy and easy to make.

    Example:
        >>> Lean()(["CCCCC"])[0] > Lean()(["OCCO"])[0]
        True
    """

    name = "logP - SA"

    def __call__(self, smiles: list[str]) -> list[float]:
        """Return the differences."""
        values = measure(smiles, ["logP", "SA"])
        differences: list[float] = (values["logP"] - values["SA"]).tolist()
        return differences


OBJECTIVES: dict[str, Callable[[], BuiltIn]] = {
    # 5-fluorouracil, a drug against cancer.
    "similarity": lambda: Similarity(FLUOROURACIL),
    # N-H and an acceptor at one carbon, which bind as a pair: amides, ureas, nucleobases, binders of kinases.
    "count": lambda: Contained(HINGE, count=True),
    "logP - SA": Lean,
}
TUNING: dict[str, Callable[[], BuiltIn]] = {"tuning": lambda: Similarity("OCC1CC1(F)C=O")}
"""What settings are chosen on; its seeds count from 90,000."""

LOOP = "loop:alpha_on={},eta=0.1,stop=0.95"
BASIC = Way(BAR, temperature=1.2)
CHAINS = Way("metropolis", 32, (4.0,), "best", steps=1, knobs={"moves": 10, "most": 6})
PARTICLES = Way("particles", 8, (10.0,), sampler=LOOP.format(0.8), steps=256, knobs={"n": 8})
VARIANTS: dict[str, Way] = {
    BAR: BASIC,
    "best-of, temperature 0.8": replace(BASIC, temperature=0.8),
    "best-of, temperature 1": replace(BASIC, temperature=1.0),
    "best-of, forward-backward": replace(BASIC, sampler="forward-backward", steps=64),
    "metropolis": CHAINS,
    "metropolis, from noise": replace(CHAINS, begin="noise", steps=32, knobs={"moves": 60, "most": 6}),
    "metropolis, most 3": replace(CHAINS, knobs={"moves": 10, "most": 3}),
    "metropolis, most 12": replace(CHAINS, knobs={"moves": 10, "most": 12}),
    "metropolis, 3 moves": replace(CHAINS, knobs={"moves": 3, "most": 6}),
    "metropolis, 30 moves": replace(CHAINS, knobs={"moves": 30, "most": 6}),
    "metropolis, 16 chains": replace(CHAINS, rows=16),
    "metropolis, strength 2": replace(CHAINS, strengths=(2.0,)),
    "metropolis, strength 8": replace(CHAINS, strengths=(8.0,)),
    "metropolis, strengths 2 and 8": replace(CHAINS, strengths=(2.0, 8.0)),
    "metropolis, temperature 1.2": replace(CHAINS, temperature=1.2),
    "particles": PARTICLES,
    "particles, n 16, T 128": replace(PARTICLES, rows=16, steps=128, knobs={"n": 16}),
    "particles, canvases of the best": replace(PARTICLES, begin="canvases of the best"),
    "particles, strength 5": replace(PARTICLES, strengths=(5.0,)),
    "particles, strength 20": replace(PARTICLES, strengths=(20.0,)),
    "particles, alpha 0.7": replace(PARTICLES, sampler=LOOP.format(0.7)),
    "particles, alpha 0.9": replace(PARTICLES, sampler=LOOP.format(0.9)),
    "particles, no looks before the loop": replace(PARTICLES, knobs={"n": 8, "looks": 0}),
    "particles, temperature 1.2": replace(PARTICLES, temperature=1.2),
    "particles, no backtracking": replace(PARTICLES, knobs={"n": 8, "looks": 100, "backtrack": False}),
}
"""The grid of the tuning record, around the settings that it began with."""

WAYS: dict[str, Way] = {
    BAR: VARIANTS["best-of, temperature 0.8"],
    "metropolis": VARIANTS["metropolis, 3 moves"],
    "particles": VARIANTS["particles, n 16, T 128"],
}
"""What was chosen from it."""


def parser() -> argparse.ArgumentParser:
    """Return the options."""
    found = argparse.ArgumentParser(description="Steer by scorers, at equal oracle calls.")
    found.add_argument("--model", default="qm9", help="bundled name or model folder")
    found.add_argument("--tune", action="store_true", help="try settings on the tuning objective")
    found.add_argument(
        "--only", nargs="+", help="methods, or settings with --tune: those whose names begin so"
    )
    found.add_argument("--calls", type=int, nargs="+", help="1,000 and 3,000; 1,000 with --tune")
    found.add_argument("--seeds", type=int, nargs="+", help="0 to 4; 90,000 to 90,003 with --tune")
    found.add_argument("--precision", default="auto")
    found.add_argument("--workers", type=int, default=1, help="processes, a seed each")
    found.add_argument("-o", "--output", type=Path, required=True, help="JSON file to write")
    return found


def main(words: Sequence[str]) -> None:
    """Run the benchmark."""
    given = parser().parse_args(words)
    given.calls = sorted(given.calls or ([1000] if given.tune else [1000, 3000]))
    given.seeds = given.seeds or list(range(90_000, 90_004) if given.tune else range(5))
    record = Record("steering", words, given)
    objectives, tried = (TUNING, VARIANTS) if given.tune else (OBJECTIVES, WAYS)
    ways = {name: way for name, way in tried.items() if name == BAR or _asked(name, given.only)}
    folder = model_folder(given.model)
    jobs = [
        delayed(standings)(
            folder, given.precision, seed=seed, objectives=list(objectives), ways=ways, calls=given.calls
        )
        for seed in given.seeds
    ]
    cells = [cell for part in Parallel(n_jobs=given.workers)(jobs) for cell in part]
    rows = [
        row
        for place in itertools.product(objectives, given.calls)
        for row in compared([cell for cell in cells if (cell["objective"], cell["budget"]) == place])
    ]
    met = [] if given.tune else targets(rows)
    report(rows, met)
    record.write(
        {"compared": rows, "targets": met, "runs": cells},
        model={"name": folder.name, "sha256": checksum(folder)},
        objectives={name: make().name for name, make in objectives.items()},
        ways=ways,
    )


def _asked(name: str, only: Sequence[str] | None) -> bool:
    return not only or name.startswith(tuple(only))


def standings(
    folder: Path,
    precision: str,
    *,
    seed: int,
    objectives: Sequence[str],
    ways: Mapping[str, Way],
    calls: Sequence[int],
) -> list[dict[str, Any]]:
    """Return what every way has on every objective after each number of calls, for one seed."""
    # In a process of its own as in this one: the number of threads changes the last bits.
    torch.set_num_threads(1)
    ground = Ground(folder, precision)
    found = []
    for objective, way in itertools.product(objectives, ways):
        scorer = (OBJECTIVES | TUNING)[objective]()
        search = Search(ground, scorer, ways[way], seed=seed, calls=max(calls))
        search.run()
        for count in calls:
            standing = search.standing(count)
            place = {"objective": objective, "way": way, "seed": seed, "budget": count}
            found.append({**place, **vars(standing), "diversity": internal_diversity(standing.molecules)})
        Console().print(f"seed {seed}, {objective}, {way}: {standing.mean:.4g}", highlight=False)
    return found


def compared(cells: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return a row for each way on one objective at one budget: means over seeds, and its lead over the bar.

    Args:
        cells: From ``standings``, of all seeds.
    """
    by_way: dict[str, list[dict[str, Any]]] = {}
    for cell in cells:
        by_way.setdefault(cell["way"], []).append(cell)
    bar = [cell["mean"] for cell in by_way[BAR]]
    rows = []
    for way, own in by_way.items():
        mean = {name: float(np.mean([cell[name] for cell in own])) for name in FIGURES}
        paired = len(bar) > 1 and way != BAR
        lead = paired_difference_interval([cell["mean"] for cell in own], bar) if paired else None
        rows.append(
            {
                "objective": own[0]["objective"],
                "budget": own[0]["budget"],
                "way": way,
                "mean of top 10": mean["mean"],
                "less best-of": lead,
                "best": mean["best"],
                "diversity of top 10": mean["diversity"],
                "distinct": mean["calls"],
                "asked": mean["asked"],
                "NFE": mean["evaluated"],
            }
        )
    return rows


def targets(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return for each way and budget on which objectives it is above best-of-n, and whether on enough.

    Args:
        rows: From ``compared``.
    """
    judged = [row for row in rows if row["less best-of"] is not None]
    found = []
    for way, budget in dict.fromkeys((row["way"], row["budget"]) for row in judged):
        own = [row for row in judged if (row["way"], row["budget"]) == (way, budget)]
        above = [row["objective"] for row in own if row["less best-of"].low > 0]
        missed = [row["objective"] for row in own if row["objective"] not in above]
        found.append(
            {"way": way, "budget": budget, "above": above, "missed": missed, "met": len(above) >= NEEDED}
        )
    return found


def report(rows: Sequence[dict[str, Any]], met: Sequence[dict[str, Any]]) -> None:
    """Print the table, and what was missed."""
    show("Mean score of the ten best at equal oracle calls, and the paired difference over seeds", rows)
    for entry in met:
        where = f"{entry['way']}, {entry['budget']:,} calls"
        above, missed = (", ".join(entry[name]) or "nothing" for name in ("above", "missed"))
        Console(width=240).print(f"{where}: above {BAR} on {above}; missed {missed}", highlight=False)


if __name__ == "__main__":
    run(main)

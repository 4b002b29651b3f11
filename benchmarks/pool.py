"""Means over seeds that were drawn apart: sweeps of one plan on machines that share no disk.

Every arm gets the mean and the deviation of all its seeds, as if one sweep had drawn them: both follow
exactly from those of the parts (Chan, Golub and LeVeque 1983, doi 10.1080/00031305.1983.10483115). Frontiers
do not, so the table has none.

    python -m moldiff.benchmarks.pool PART/frontier.csv ... -o benchmarks/results/qm9-families/arms.csv
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from moldiff.benchmarks.common import run
from moldiff.errors import InputError
from moldiff.files import whole_file
from moldiff.sweep.figures import FIGURES

DEVIATION = "_sd"
SEEDS = "seeds"
NOT_POOLED = (SEEDS, "frontier")


def parser() -> argparse.ArgumentParser:
    """Return the options."""
    found = argparse.ArgumentParser(description="Means over seeds that were drawn apart.")
    found.add_argument("parts", type=Path, nargs="+", help="frontier.csv of sweeps of one plan")
    found.add_argument("-o", "--output", type=Path, required=True, help="CSV file to write")
    return found


def main(words: Sequence[str]) -> None:
    """Write the table."""
    given = parser().parse_args(words)
    rows = pool([_read(part) for part in given.parts])
    with whole_file(given.output) as part:
        rows.to_csv(part, index=False, float_format="%.6g")
    print(f"{len(rows)} arms written to {given.output}")


def pool(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return a row an arm, with mean and deviation of every figure over the seeds of all parts.

    Args:
        parts: Tables as ``frontier.csv`` has them, with different seeds of the same arms.

    Raises:
        InputError: If an arm has a seed in two parts, or a table has not the columns of a sweep.
    """
    for part in parts:
        lacking = [name for name in (SEEDS, *FIGURES) if name not in part]
        if lacking:
            raise InputError(
                f"expected the frontier.csv of a sweep, got a table without column '{lacking[0]}'"
            )
    rows = pd.concat(parts, ignore_index=True)
    told = {*NOT_POOLED, *FIGURES, *(name + DEVIATION for name in FIGURES)}
    arm = [name for name in rows if name not in told]
    pooled = [
        {**dict(zip(arm, key, strict=True)), **_pooled(group)}
        for key, group in rows.groupby(arm, dropna=False, sort=False)
    ]
    return pd.DataFrame(pooled)


def _pooled(group: pd.DataFrame) -> dict[str, object]:
    """Return the seeds of an arm, and mean and deviation of its figures over them."""
    seeds = [seed for text in group[SEEDS] for seed in str(text).split()]
    twice = sorted({seed for seed in seeds if seeds.count(seed) > 1})
    if twice:
        raise InputError(f"seed {twice[0]} of an arm stands in two parts: give each seed once")
    found: dict[str, object] = {SEEDS: " ".join(sorted(seeds, key=int))}
    counts = group[SEEDS].astype(str).str.split().str.len().to_numpy()
    for name in FIGURES:
        means = group[name].to_numpy(dtype=np.float64)
        # A single seed has no deviation, and adds none.
        within = np.where(counts > 1, group.get(name + DEVIATION, 0.0), 0.0) ** 2 * (counts - 1)
        mean = float(counts @ means) / len(seeds)
        squares = float((within + counts * (means - mean) ** 2).sum())
        found[name] = mean
        found[name + DEVIATION] = (squares / (len(seeds) - 1)) ** 0.5 if len(seeds) > 1 else np.nan
    return found


def _read(place: Path) -> pd.DataFrame:
    try:
        return pd.read_csv(place, dtype={SEEDS: str})
    except (OSError, ValueError) as error:
        raise InputError(f"{place} cannot be read: {error!s:.80}") from None


if __name__ == "__main__":
    run(main)

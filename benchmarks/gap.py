"""Goals on the gap, checked by a method of its own: do molecules that were asked for a larger gap have one?

For every goal the first proposals, none left out; their gaps are computed by GFN2-xTB, which lies on another
scale than the B3LYP gaps of QM9, so that ranks are compared: Spearman's correlation of goal and GFN2 gap over
all proposals. What can be reached is the correlation of true gap and GFN2 gap among held-out molecules (test
part) of the same bands: as many of each, drawn at random among those whose gap would count as a hit of the
goal. The ratio of the two is the figure.

It needs tblite: pip install 'moldiff[xtb]'.

    python -m moldiff.benchmarks.gap --model qm9 --predictor FOLDER -n 50 -o benchmarks/results/gap.json
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from moldiff.benchmarks import xtb
from moldiff.benchmarks.common import Record, options, run, show
from moldiff.benchmarks.samples import TABLE, Model
from moldiff.datasets import load, split
from moldiff.errors import InputError
from moldiff.files import whole_file
from moldiff.metrics import Interval, KnownMolecules, mean_of_any
from moldiff.property_prediction import PropertyPredictor, read_predictor

GOALS = (0.20, 0.25, 0.30)
PROPERTY = "gap"
TARGET = 0.7
LEVEL = 0.95

Values = NDArray[np.float64]


def parser() -> argparse.ArgumentParser:
    """Return the options."""
    found = options("Goals on the gap, checked by GFN2-xTB.", n=50)
    found.add_argument("--predictor", type=Path, help="predictor folder; without it nothing is predicted")
    found.add_argument("--asked", type=float, nargs="+", default=list(GOALS), help="goals in hartree")
    found.add_argument(
        "--band", type=float, help="half width around a goal in hartree; that of a hit unless given"
    )
    found.add_argument("--held-out", type=int, default=50, help="held-out molecules of a band")
    # A chunk of the size of a sample: the surplus of a larger one would be drawn for nothing.
    found.set_defaults(chunk=50)
    found.add_argument("--resamples", type=int, default=2000, help="bootstrap resamples")
    return found


def main(words: Sequence[str]) -> None:
    """Run the benchmark."""
    given = parser().parse_args(words)
    xtb.check_installed()
    record = Record("gap", words, given)
    bench = Bench(Model(given.model[0], given), given)
    known = bench.known_molecules()
    frames = {"held_out": known}
    results: dict[str, Any] = {"band": bench.band, "target": TARGET, "held_out": bench.report(known)}
    results["generated"] = []
    for seed in given.seeds:
        frame, counts = bench.generate(seed)
        entry = {"seed": seed, **bench.report(frame), "counts": counts}
        entry["ratio"] = bench.ratio(frame, known)
        results["generated"].append(entry)
        frames[f"seed_{seed}"] = frame
    table = pd.concat(frames, names=["sample"]).reset_index(level=0)
    with whole_file(given.output.with_suffix(".csv")) as part:
        table.to_csv(part, index=False, float_format="%.5g")
    print_report(results)
    more = {"xtb": xtb.description(), "models": {bench.model.name: bench.model.describe()}}
    record.write(results, **more)


@dataclass
class Bench:
    """The measurement of one model.

    Args:
        model: The model.
        given: Parsed options.
    """

    model: Model
    given: argparse.Namespace

    def __post_init__(self) -> None:
        folder = self.given.predictor
        self.predictor: PropertyPredictor | None = None if folder is None else read_predictor(folder)
        (goal,) = self.model.generator.targets([f"{PROPERTY}={self.given.asked[0]}"]).goals
        low, high = goal.bounds()
        self.band: float = 0.5 * (high - low) if self.given.band is None else self.given.band

    def known_molecules(self) -> pd.DataFrame:
        """Return held-out molecules of all bands, measured."""
        table = load(TABLE)
        test = table.take(split(table.smiles) == "test")
        values = test.labels[PROPERTY].to_numpy()
        generator = np.random.default_rng(self.given.seeds[0])
        parts = []
        for goal in self.given.asked:
            inside = np.flatnonzero(np.abs(values - goal) <= self.band)
            if len(inside) < self.given.held_out:
                raise InputError(
                    f"the test part has {len(inside)} molecules with a gap of {goal} ± {self.band:.4g} "
                    f"hartree, {self.given.held_out} are needed: widen --band or lower --held-out"
                )
            rows = np.sort(generator.choice(inside, self.given.held_out, replace=False))
            columns = {"goal": goal, "smiles": [test.smiles[row] for row in rows], "true": values[rows]}
            parts.append(pd.DataFrame(columns))
        return self.measured(pd.concat(parts, ignore_index=True))

    def generate(self, seed: int) -> tuple[pd.DataFrame, dict[str, Any]]:
        """Return the first proposals for all goals, measured, and how many of them are new, by goal."""
        known: Mapping[str, KnownMolecules] = self.model.known()
        parts, counts = [], {}
        for goal in self.given.asked:
            text = f"{PROPERTY}={goal:g}"
            sample = self.model.sample(self.given.n, [text], seed=seed, label=text)
            parts.append(pd.DataFrame({"goal": goal, "smiles": sample.smiles}))
            counts[text] = sample.counts(known)
        return self.measured(pd.concat(parts, ignore_index=True)), counts

    def measured(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return molecules with their GFN2 gaps, and the predictor's if there is one."""
        found = xtb.gaps(list(frame["smiles"]))
        frame = frame.assign(gfn2=[each.value for each in found])
        for name in ("failure", "relaxed", "unpaired"):
            frame[name] = [getattr(each, name) for each in found]
        if self.predictor is None:
            return frame
        values, errors = self.predictor(list(frame["smiles"]), [PROPERTY])
        return frame.assign(predicted=values[PROPERTY], stated_error=errors[PROPERTY])

    def report(self, frame: pd.DataFrame) -> dict[str, Any]:
        """Return the figures of measured molecules, all goals together and each by itself."""
        calculations = [
            xtb.Gap(*row) for row in frame[["gfn2", "failure", "relaxed", "unpaired"]].itertuples(index=False)
        ]
        done = frame[frame["failure"] == ""]
        figures: dict[str, Any] = {"calculations": xtb.summary(calculations)}
        names = [name for name in ("goal", "true", "predicted") if name in frame]
        figures["correlations"] = {name: self.correlation(done, name) for name in names}
        figures["goals"] = [self._figures(own) for _, own in frame.groupby("goal")]
        return figures

    def correlation(self, frame: pd.DataFrame, name: str) -> Interval:
        """Return Spearman's correlation of a column and the GFN2 gap, over all goals."""
        known = frame[frame[name].notna()]
        return _interval(rank_correlation(known, name), self._resampled(known, name))

    def ratio(self, generated: pd.DataFrame, known: pd.DataFrame) -> Interval:
        """Return the correlation of goals by that of true gaps, with a bootstrap of both samples."""
        mine, theirs = (frame[frame["failure"] == ""] for frame in (generated, known))
        value = rank_correlation(mine, "goal") / rank_correlation(theirs, "true")
        return _interval(value, self._resampled(mine, "goal") / self._resampled(theirs, "true"))

    def _resampled(self, frame: pd.DataFrame, name: str) -> Values:
        """Return the correlations of resamples, each of as many molecules of every goal as there are."""
        generator = np.random.default_rng(self.given.seeds[0])
        groups = [np.flatnonzero(frame["goal"] == goal) for goal in frame["goal"].unique()]
        if not groups:
            return np.full(self.given.resamples, np.nan)
        draws = [generator.choice(rows, (self.given.resamples, len(rows))) for rows in groups]
        rows = np.concatenate(draws, axis=1)
        return _spearman(frame[name].to_numpy()[rows], frame["gfn2"].to_numpy()[rows])

    def _figures(self, frame: pd.DataFrame) -> dict[str, Any]:
        """Return the figures of one goal: means and their intervals, in hartree."""
        generator = np.random.default_rng(self.given.seeds[0])
        names = [name for name in ("gfn2", "true", "predicted", "stated_error") if name in frame]
        found: dict[str, Any] = {"goal": float(frame["goal"].iloc[0]), "molecules": len(frame)}
        found |= {name: mean_of_any(frame[name].dropna(), generator=generator) for name in names}
        if "predicted" in frame:
            against = "true" if "true" in frame else "goal"
            off = (frame["predicted"] - frame[against]).abs().dropna()
            found[f"predicted_to_{against}"] = mean_of_any(off, generator=generator)
        return found


def rank_correlation(frame: pd.DataFrame, name: str) -> float:
    """Return Spearman's correlation of a column and the GFN2 gap; NaN where one of them does not vary."""
    return float(_spearman(frame[name].to_numpy()[None], frame["gfn2"].to_numpy()[None])[0])


def print_report(results: Mapping[str, Any]) -> None:
    """Print the correlations, and the means of every goal."""
    samples = {"held-out molecules": results["held_out"]}
    samples |= {f"generated, seed {entry['seed']}": entry for entry in results["generated"]}
    rows = []
    for name, entry in samples.items():
        count = entry["calculations"]
        cells = {f"{column} ~ GFN2": value for column, value in entry["correlations"].items()}
        rows.append(
            {
                "sample": name,
                "computed": f"{count['computed']} of {count['molecules']}",
                **dict.fromkeys(("goal ~ GFN2", "true ~ GFN2", "predicted ~ GFN2")),
                **cells,
                f"ratio (at least {TARGET})": entry.get("ratio"),
            }
        )
    show("Rank correlations with the gap by GFN2-xTB", rows)
    figures = [{"sample": name, **each} for name, entry in samples.items() for each in entry["goals"]]
    columns = dict.fromkeys(column for row in figures for column in row)
    show("Means in hartree", [{**dict.fromkeys(columns), **row} for row in figures])


def _spearman(x: Values, y: Values) -> Values:
    """Return Spearman's correlation of every row of (R, N), ties at their mean rank: (R,)."""
    ranks = [stats.rankdata(each, axis=1) for each in (x, y)]
    left, right = (each - each.mean(1, keepdims=True) for each in ranks)
    with np.errstate(invalid="ignore"):
        found: Values = (left * right).sum(1) / np.sqrt((left**2).sum(1) * (right**2).sum(1))
    return found


def _interval(value: float, resampled: Values) -> Interval:
    """Return a figure with the percentile interval of its resamples."""
    low, high = np.nanquantile(resampled, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(value, float(low), float(high), LEVEL)


if __name__ == "__main__":
    run(main)

"""How well molecules meet the goals they were asked for: no filter, no re-ranking, no second try.

Values: one property at a time, and a pair, at percentiles of training; the error is that of all valid
proposals, |attained - asked| over the training standard deviation. Rings: how many proposals have at least
four. The unguided figures stand beside both. Of two percentiles together there may be no molecule at all, so
each entry says which share of the held-out molecules meets the goals, and the pairs that one in a thousand
meets have a mean of their own.

    python -m moldiff.benchmarks.controllability --model qm9 -o benchmarks/results/controllability.json
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from moldiff.benchmarks.aims import PAIR, PROPERTIES, value_aims
from moldiff.benchmarks.common import Record, options, run, show
from moldiff.benchmarks.samples import Model, held_out, training_fingerprints
from moldiff.chem.aims import Aim
from moldiff.chem.goals import Goal
from moldiff.chem.properties import measure
from moldiff.metrics import max_similarity, mean_interval
from moldiff.sweep.sample import Sample

PARTS = ("values", "pairs", "rings", "sweep")
RINGS = "rings>=4"
EXISTS = 0.001
"""Share of the held-out molecules that meets the goals, from which on there are such molecules."""
SWEEP = 9
"""Values asked for in a sweep, evenly from the 5th to the 95th percentile."""


def parser() -> argparse.ArgumentParser:
    """Return the options."""
    found = options("How well molecules meet their goals.", n=1000, models=True, seeds=range(5))
    found.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    found.add_argument("--properties", nargs="+", default=list(PROPERTIES))
    found.add_argument("--pairs", nargs="+", default=[",".join(PAIR)], metavar="NAME,NAME")
    found.add_argument("--percentiles", type=int, nargs="+", default=[10, 50, 90])
    found.add_argument("--rings-n", type=int, default=1024, help="proposals for rings, with every seed")
    found.add_argument("--sweep", default="logP", help="property of the picture")
    found.add_argument("--sweep-n", type=int, default=256, help="proposals a value of the picture")
    return found


def main(words: Sequence[str]) -> None:
    """Run the benchmark; only rings are drawn with all seeds, the rest with the first."""
    given = parser().parse_args(words)
    record = Record("controllability", words, given)
    models = [Model(name, given) for name in given.model]
    results = {model.name: _Bench(model, given).results() for model in models}
    for name, found in results.items():
        report(name, found)
    record.write(results, models={model.name: model.describe() for model in models})


class _Bench:
    """The protocol for one model."""

    def __init__(self, model: Model, given: argparse.Namespace) -> None:
        self.model, self.given, self.seed = model, given, given.seeds[0]
        self.statistics = model.generator.statistics_
        self.known = model.known()
        self.pairs = [tuple(pair.split(",")) for pair in given.pairs]
        wanted = [*given.properties, *itertools.chain(*self.pairs), "rings", given.sweep]
        self.names = [name for name in dict.fromkeys(wanted) if name in self.statistics]
        self.training = training_fingerprints(model.table)
        self.reference = held_out(self.names, model.table)

    def results(self) -> dict[str, Any]:
        """Return the figures of all parts that are asked for."""
        found: dict[str, Any] = {}
        if {"values", "pairs"} & set(self.given.parts):
            plain, values = self._draw(Aim(()), self.given.n, gamma=1.0)
            found["unguided"] = self._figures(plain)
        if "values" in self.given.parts:
            singles = [(name,) for name in self.given.properties]
            found["values"] = self._values(singles, values)
        if "pairs" in self.given.parts:
            found["pairs"] = self._values(self.pairs, values)
        if "rings" in self.given.parts:
            found["rings"] = self._rings()
        if "sweep" in self.given.parts:
            found["sweep"] = self._sweep()
        return found

    def _draw(self, aim: Aim, n: int, seed: int | None = None, **changes: Any) -> tuple[Sample, pd.DataFrame]:
        """Return proposals and the properties that are asked for anywhere."""
        seed = self.seed if seed is None else seed
        label = f"{self.model.name}, {aim.name or 'unguided'}, seed {seed}"
        sample = self.model.sample(n, aim.goals, seed=seed, label=label, **changes)
        return sample, measure(sample.smiles, self.names)

    def _figures(self, sample: Sample, hit: Any = None) -> dict[str, Any]:
        """Return counts, similarity to the nearest training molecule (mean over valid rows) and costs."""
        nearest = max_similarity(sample.smiles, self.training)
        return {
            **sample.counts(self.known, hit),
            "similarity": float(np.nanmean(nearest)),
            "costs": sample.costs,
            "settings": sample.settings,
        }

    def _values(self, groups: Sequence[Sequence[str]], unguided: pd.DataFrame) -> dict[str, Any]:
        """Return the errors at every combination of percentiles, and their means.

        Args:
            groups: Properties that are asked for together.
            unguided: Properties of unguided proposals.
        """
        aims = [aim for names in groups for aim in value_aims(self.statistics, names, self.given.percentiles)]
        entries = [self._value(aim, unguided) for aim in aims]
        exist = [entry for entry in entries if entry["held_out_hit_rate"] >= EXISTS]
        return {
            "mean_error": _mean(entries, "error"),
            "mean_error_unguided": _mean(entries, "error_unguided"),
            "mean_error_where_molecules_exist": _mean(exist, "error"),
            "least_uniqueness": min(entry["uniqueness"] for entry in entries),
            "goals": entries,
        }

    def _value(self, aim: Aim, unguided: pd.DataFrame) -> dict[str, Any]:
        sample, values = self._draw(aim, self.given.n)
        errors = aim.errors(values, self.statistics)
        plain = aim.errors(unguided, self.statistics)
        quantiles = np.nanquantile(values[aim.names], [0.05, 0.25, 0.5, 0.75, 0.95], axis=0)
        return {
            "goal": aim.name,
            "properties": aim.names,
            "percentiles": aim.percentiles,
            "asked": [goal.target for goal in aim.goals],
            "std": [self.statistics[goal.name].std for goal in aim.goals],
            "error": mean_interval(errors[~np.isnan(errors)], generator=np.random.default_rng(self.seed)),
            "error_each": {
                goal.name: float(np.nanmean(Aim((goal,)).errors(values, self.statistics)))
                for goal in aim.goals
            },
            "error_unguided": float(np.nanmean(plain)),
            "held_out_hit_rate": float(aim.hits(self.reference, self.statistics).mean()),
            "attained_quantiles": dict(zip(aim.names, quantiles.T, strict=True)),
            **self._figures(sample, aim.hits(values, self.statistics)),
        }

    def _rings(self) -> dict[str, Any]:
        """Return hits of the ring goal for every seed, guided and not."""
        aim, found = Aim.parse(RINGS), {}
        for kind, asked, changes in (("guided", aim, {}), ("unguided", Aim(()), {"gamma": 1.0})):
            entries = []
            for seed in self.given.seeds:
                sample, values = self._draw(asked, self.given.rings_n, seed, **changes)
                figures = self._figures(sample, aim.hits(values, self.statistics))
                speed = figures["costs"]["proposals_per_second"] / figures["proposed"]
                entries.append(
                    {"seed": seed, "mean_rings": float(np.nanmean(values["rings"]))}
                    | figures
                    | {"novel_hits_per_second": figures["novel_hits_table"] * speed}
                )
            found[kind] = entries
        return found

    def _sweep(self) -> dict[str, Any]:
        """Return what is attained at evenly spaced values of one property."""
        name = self.given.sweep
        quantiles = self.statistics[name].quantiles
        asked = np.linspace(quantiles["0.05"], quantiles["0.95"], SWEEP)
        attained = []
        for value in asked:
            _, values = self._draw(Aim((Goal(name, target=float(value)),)), self.given.sweep_n)
            attained.append(values[name].dropna().round(3).tolist())
        unit, spread = self.statistics[name].unit, self.statistics[name].std
        return {"property": name, "unit": unit, "std": spread, "asked": asked, "attained": attained}


def _mean(entries: Sequence[dict[str, Any]], name: str) -> float:
    values = [getattr(entry[name], "value", entry[name]) for entry in entries]
    return float(np.mean(values)) if values else float("nan")


COLUMNS = ("uniqueness", "novelty_training", "novelty_table", "similarity")
RING_COLUMNS = (
    *("seed", "proposed", "hits", "hit_rate", "novel_hits_training", "novel_hits_table"),
    *("uniqueness", "mean_rings", "similarity", "novel_hits_per_second"),
)


def report(model: str, found: dict[str, Any]) -> None:
    """Print the results of one model."""
    if "unguided" in found:
        show(f"{model}, unguided", [{name: found["unguided"][name] for name in COLUMNS}])
    for part in ("values", "pairs"):
        if part in found:
            keys = ("goal", "error", "error_unguided", "hit_rate", "held_out_hit_rate", *COLUMNS)
            title = (
                f"{model}, {part}: error in training standard deviations over all valid proposals, "
                f"mean {found[part]['mean_error']:.3f} (where molecules exist "
                f"{found[part]['mean_error_where_molecules_exist']:.3f}; "
                f"unguided {found[part]['mean_error_unguided']:.3f})"
            )
            show(title, [{key: entry[key] for key in keys} for entry in found[part]["goals"]])
    if "rings" in found:
        rows = [
            {"": kind} | {key: entry[key] for key in RING_COLUMNS}
            for kind, entries in found["rings"].items()
            for entry in entries
        ]
        show(f"{model}, {RINGS}", rows)


if __name__ == "__main__":
    run(main)

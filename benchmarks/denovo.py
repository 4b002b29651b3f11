"""Molecules de novo: how many are good against how different they are, without goals and with two.

The protocol of SAFE and GenMol: of the first 1,000 proposals, quality is the share that is valid, not a
repeat, and has QED >= 0.6 and SA <= 4; diversity is the mean of 1 - Tanimoto over all pairs of the distinct
valid ones (Morgan fingerprints of radius 2, 2,048 bits). "free" asks for nothing; "goals" asks for max QED
and min SA, so its quality is what it was asked for, and the two are not to be compared. Published figures
stand beside them: they are of models that were asked for nothing.

    python -m moldiff.benchmarks.denovo --model druglike --compiled -o benchmarks/results/denovo.json
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

import numpy as np

from moldiff.benchmarks.common import Record, crossed, options, run, show
from moldiff.benchmarks.samples import Model
from moldiff.chem.properties import measure
from moldiff.metrics import internal_diversity
from moldiff.sweep.sample import Sample

GOALS = ("max QED", "min SA")
QED, SA = 0.6, 4.0
"""What a molecule of quality has at least, and at most."""

SPREAD = ("quality", "diversity")
"""Figures whose standard deviation over seeds is given."""

PUBLISHED = {
    "GenMol": [(0.832, 0.838), (0.858, 0.75), (0.882, 0.63), (0.911, 0.397)],
    "InVirtuoGen": [(0.828, 0.94), (0.853, 0.91), (0.875, 0.82), (0.888, 0.70), (0.905, 0.53)],
    "SAFE-GPT": [(0.879, 0.547)],
}
"""(diversity, quality) as their authors published them."""


def parser() -> argparse.ArgumentParser:
    """Return the options."""
    found = options("Quality against diversity.", n=1000, seeds=range(3))
    found.add_argument("--temperatures", type=float, nargs="+", default=[0.6, 0.8, 1.0, 1.2])
    found.add_argument("--samplers", nargs="+", default=["ancestral", "forward-backward"])
    found.add_argument("--gammas", type=float, nargs="*", default=[1.0, 2.0, 3.0], help="with goals")
    found.add_argument("--goal-temperatures", type=float, nargs="+", help="as without goals unless given")
    found.add_argument("--goal-samplers", nargs="+", help="as without goals unless given")
    return found


def main(words: Sequence[str]) -> None:
    """Run the benchmark."""
    given = parser().parse_args(words)
    record = Record("denovo", words, given)
    model = Model(given.model[0], given)
    free = crossed(sampler=given.samplers, temperature=given.temperatures)
    asked = crossed(
        sampler=given.goal_samplers or given.samplers,
        temperature=given.goal_temperatures or given.temperatures,
        gamma=given.gammas,
    )
    entries = [arm(model, given, goals, way) for goals, ways in (((), free), (GOALS, asked)) for way in ways]
    report(entries)
    published = [
        {"model": name, "diversity": diversity, "quality": quality}
        for name, points in PUBLISHED.items()
        for diversity, quality in points
    ]
    record.write({"arms": entries, "published": published}, models={model.name: model.describe()})


def arm(
    model: Model, given: argparse.Namespace, goals: Sequence[str], settings: dict[str, Any]
) -> dict[str, Any]:
    """Return the figures of one way to draw, over all seeds.

    Args:
        model: The model.
        given: Parsed options.
        goals: What is asked for; nothing of a free arm.
        settings: Sampler, temperature, and the strength of goals.
    """
    kind = "goals" if goals else "free"
    label = ", ".join([kind, *(f"{name} {value}" for name, value in settings.items())])
    found = []
    for seed in given.seeds:
        sample = model.sample(given.n, goals, seed=seed, label=f"{label}, seed {seed}", **settings)
        found.append(figures(sample))
    means = {name: float(np.mean([each[name] for each in found])) for name in found[0]}
    spread = {f"{name}_sd": float(np.std([each[name] for each in found])) for name in SPREAD}
    return {"kind": kind, **settings, **means, **spread, "seeds": len(found)}


def figures(sample: Sample) -> dict[str, float]:
    """Return quality, diversity and what they are made of, of one sample."""
    distinct = [name for name in dict.fromkeys(sample.smiles) if name]
    values = measure(distinct, ["QED", "SA"])
    good = (values["QED"] >= QED) & (values["SA"] <= SA)
    valid = sum(name != "" for name in sample.smiles)
    return {
        "quality": float(good.sum()) / len(sample.smiles),
        "diversity": internal_diversity(distinct),
        "validity": valid / len(sample.smiles),
        "uniqueness": len(distinct) / max(valid, 1),
        "fidelity": float(sample.faithful.mean()),
        "QED": float(values["QED"].mean()),
        "SA": float(values["SA"].mean()),
        "nfe": sample.costs["nfe_per_proposal"],
    }


def report(entries: Sequence[dict[str, Any]]) -> None:
    """Print the figures, those with goals apart."""
    for kind, title in (("free", "Asked for nothing"), ("goals", f"Asked for {' and '.join(GOALS)}")):
        rows = [
            {name: entry.get(name) for name in entry if name != "kind"}
            for entry in entries
            if entry["kind"] == kind
        ]
        if rows:
            show(f"{title}: shares of all proposals, means over seeds", rows)


if __name__ == "__main__":
    run(main)

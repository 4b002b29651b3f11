"""How near unguided molecules are to held-out QM9, and how many nats a held-out molecule takes.

No goals, gamma 1, temperature 1; the first proposals, none left out. Distances are Wasserstein-1, one
property at a time, over the standard deviation of the held-out molecules (moldiff.metrics.distances). Several
models stand side by side, each with its default sampler and with ancestral sampling.

    python -m moldiff.benchmarks.quality --model qm9-prime qm9-mdlm -o benchmarks/results/quality.json
"""

from __future__ import annotations

import argparse
import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moldiff.benchmarks.common import Record, options, run, show
from moldiff.benchmarks.samples import Model, Unit, held_out
from moldiff.chem.properties import measure
from moldiff.metrics import Interval, compare_distances, distance_report, floor_distances
from moldiff.sweep.sample import Sample
from moldiff.training.bounds import likelihood_bound
from moldiff.training.data import ResidentTokens

PROPERTIES = ("logP", "QED", "heavy_atoms", "rings", "TPSA")
"""Properties over which the Wasserstein figure is the mean."""

Values = NDArray[np.float64]


def parser() -> argparse.ArgumentParser:
    """Return the options."""
    found = options("Quality of unguided molecules and likelihood bounds.", n=10_000, models=True)
    found.add_argument("--arms", nargs="+", choices=list(ARMS), default=["default", "ancestral"])
    found.add_argument(
        "--draws", type=int, default=8, help="noise draws a molecule in the bounds; 0: no bounds"
    )
    found.add_argument("--resamples", type=int, default=1000, help="bootstrap resamples")
    found.set_defaults(temperature=1.0, gamma=1.0)
    return found


ARMS: dict[str, tuple[str | None, Unit]] = {
    "default": (None, "digit"),
    "ancestral": ("ancestral", "digit"),
    "default-tokens": (None, "token"),
    "ancestral-tokens": ("ancestral", "token"),
}
"""Ways to sample: which sampler, and what is revealed, and re-masked, together."""


def main(words: Sequence[str]) -> None:
    """Run the benchmark."""
    given = parser().parse_args(words)
    record = Record("quality", words, given)
    reference = held_out(PROPERTIES)
    values = reference[list(PROPERTIES)].to_numpy()
    models = [Model(name, given) for name in given.model]
    entries, tables = [], {}
    for model, arm, seed in itertools.product(models, given.arms, given.seeds):
        sample = draw(model, arm, given.n, seed)
        tables[model.name, arm, seed] = measure(sample.smiles, PROPERTIES).to_numpy()
        entries.append(
            {"model": model.name, "arm": arm, "seed": seed}
            | figures(model, sample, tables[model.name, arm, seed], values, resamples=given.resamples)
        )
    results: dict[str, Any] = {
        "held_out": len(values),
        "floor": floor(values, given.n),
        "samples": entries,
        "differences": differences(tables, values, given.resamples),
    }
    if given.draws:
        results["bounds"] = {model.name: bounds(model, reference["smiles"], given.draws) for model in models}
    report(results)
    record.write(results, models={model.name: model.describe() for model in models})


def draw(model: Model, arm: str, n: int, seed: int) -> Sample:
    """Return the first n unguided proposals of an arm."""
    sampler, unit = ARMS[arm]
    changes = {} if sampler is None else {"sampler": sampler}
    return model.sample(n, seed=seed, unit=unit, label=f"{model.name}, {arm}, seed {seed}", **changes)


def figures(
    model: Model, sample: Sample, values: Values, reference: Values, *, resamples: int
) -> dict[str, Any]:
    """Return counts, distances to the held-out molecules, costs and settings of one sample.

    Args:
        model: Where it comes from.
        sample: N proposals.
        values: (N, 5), their properties.
        reference: (M, 5), properties of the held-out molecules.
        resamples: Of the bootstrap.
    """
    generator = np.random.default_rng(sample.settings["seed"])
    found = distance_report(values, reference, PROPERTIES, generator=generator, resamples=resamples)
    return {
        **sample.counts(model.known()),
        "wasserstein": found.mean,
        "distances": found.distances,
        "means": dict(zip(PROPERTIES, np.nanmean(values, axis=0), strict=True)),
        "costs": sample.costs,
        "settings": sample.settings,
    }


def floor(reference: Values, n: int) -> dict[str, Any]:
    """Return the Wasserstein figure of the held-out molecules against themselves.

    Args:
        reference: (M, 5) properties.
        n: Size of the samples that the figure is to be compared with.

    Returns:
        The figure of two random halves, and what it becomes for n molecules against M.
    """
    halves = floor_distances(reference, generator=np.random.default_rng(0))
    size = len(reference)
    scale = math.sqrt((1 / n + 1 / size) / (4 / size))
    return {
        "halves": float(halves.mean()),
        "distances": dict(zip(PROPERTIES, halves, strict=True)),
        "these_sizes": float(halves.mean()) * scale,
    }


def differences(
    tables: dict[tuple[str, str, int], Values], reference: Values, resamples: int
) -> list[dict[str, Any]]:
    """Return the differences of Wasserstein figures between models and between arms, with intervals.

    Two samples of one seed are compared where they share the model or the arm.

    Args:
        tables: (N, 5) properties of each sample, by model, arm and seed.
        reference: (M, 5) properties of the held-out molecules.
        resamples: Of the bootstrap.
    """
    found = []
    for first, second in itertools.combinations(tables, 2):
        if first[2] != second[2] or (first[0] != second[0] and first[1] != second[1]):
            continue
        generator = np.random.default_rng(first[2])
        interval = compare_distances(
            tables[first], tables[second], reference, generator=generator, resamples=resamples
        )
        found.append(
            {"first": first[:2], "less": second[:2], "seed": first[2], "difference": interval}
            | {"excludes_0": interval.excludes(0.0)}
        )
    return found


def bounds(model: Model, smiles: Sequence[str], draws: int) -> dict[str, Any]:
    """Return token bound and marginal bound of molecules, canvas included, in float32.

    The standard error of their difference is that of independent figures, which is too large: both score
    the same molecules.
    """
    network = model.saved.network.to(model.generator.loaded_.device)
    ids = model.generator.chemistry_.tokenizer.encode(list(smiles))
    step, device = model.saved.config["canvas_step"], model.generator.loaded_.device
    data = ResidentTokens(ids, np.zeros((len(ids), 1)), step=step)
    data.to(device)
    process = model.saved.process
    token, marginal = (
        likelihood_bound(network, process, data, model.saved.canvas, pattern=pattern, draws=draws)
        for pattern in ("token", "digit")
    )
    half = 1.96 * math.hypot(token.standard_error, marginal.standard_error)
    gap = marginal.nats - token.nats
    return {
        "token": token,
        "marginal": marginal,
        "marginal_less_token": Interval(gap, gap - half, gap + half),
    }


def report(results: dict[str, Any]) -> None:
    """Print the results."""
    floors = results["floor"]
    rows = [
        {
            **{name: entry[name] for name in ("model", "arm", "seed", "wasserstein")},
            **entry["distances"],
            **{name: entry[name] for name in ("uniqueness", "novelty_training", "novelty_table", "fidelity")},
            "NFE": entry["costs"]["nfe_per_proposal"],
            "proposals/s": entry["costs"]["proposals_per_second"],
        }
        for entry in results["samples"]
    ]
    show(
        f"First {results['samples'][0]['proposed']} unguided proposals against {results['held_out']} "
        f"held-out molecules (floor {floors['these_sizes']:.3f}, of two halves {floors['halves']:.3f})",
        rows,
    )
    if results["differences"]:
        keys = ("seed", "difference", "excludes_0")
        pairs = [
            {"first": ", ".join(entry["first"]), "less": ", ".join(entry["less"])}
            | {name: entry[name] for name in keys}
            for entry in results["differences"]
        ]
        show("Differences of the Wasserstein figure", pairs)
    if "bounds" in results:
        rows = [
            {"model": name, "bound": kind, "nats": found[kind].nats, "±": found[kind].standard_error}
            | {"of it canvas": found[kind].canvas_nats, "marginal - token": found["marginal_less_token"]}
            for name, found in results["bounds"].items()
            for kind in ("token", "marginal")
        ]
        show("Nats per held-out molecule, canvas included", rows)


if __name__ == "__main__":
    run(main)

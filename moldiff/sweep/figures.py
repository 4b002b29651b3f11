"""What a sample is worth for a problem, in figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from moldiff.chem.properties import measure
from moldiff.metrics import count_set, flag_set, internal_diversity, scaled_distances
from moldiff.sweep.problem import NEAR, Problem, Reference
from moldiff.sweep.sample import Sample

EXAMPLES = 3
"""Molecules that are kept of a sample, to be looked at."""


@dataclass(frozen=True)
class Figure:
    """One figure of a sample.

    Attributes:
        text: What it is, with its denominator or unit.
        sign: 1 where more of it is better, -1 where less is, 0 where that depends.
    """

    text: str
    sign: int = 0


FIGURES: dict[str, Figure] = {
    "valid": Figure("valid proposals", 1),
    "unique": Figure("distinct molecules", 1),
    "novel": Figure("distinct novel molecules", 1),
    "novel_spelled": Figure(
        "distinct spellings that no known molecule has, as the literature counts novelty"
    ),
    "hits": Figure("proposals that meet every goal", 1),
    "unique_hits": Figure("distinct molecules that meet every goal", 1),
    "novel_hits": Figure("distinct novel molecules that meet every goal", 1),
    "hit_rate": Figure("hits of all proposals", 1),
    "novelty": Figure("novel of distinct molecules", 1),
    "fidelity": Figure("proposals all of whose symbols have an effect, of all", 1),
    "mean_novel": Figure("mean of the property over the novel molecules"),
    "mean_all": Figure("mean of the property over all valid proposals"),
    "error_novel": Figure("mean distance of the novel molecules to the goals, in training deviations", -1),
    "error_all": Figure("mean distance of all valid proposals to the goals, in training deviations", -1),
    "heavy_atoms": Figure("mean number of heavy atoms over all valid proposals"),
    "diversity": Figure("mean of 1 - Tanimoto over pairs of novel molecules", 1),
    "distance": Figure("Wasserstein distance of all proposals to the class in training, in deviations", -1),
    "nfe": Figure("network rows a proposal", -1),
    "nfe_predictor": Figure("predictor rows a proposal", -1),
    "unguided": Figure("tokens a proposal that were drawn as if there were no goal", -1),
    "seconds": Figure("seconds to draw the sample", -1),
}
"""All figures of a sample, in the order of the tables."""


def figures(sample: Sample, problem: Problem, reference: Reference) -> dict[str, Any]:
    """Return every figure of a sample, NaN where it has none, and a few molecules.

    Args:
        sample: The first proposals of a run.
        problem: What they are for.
        reference: What they are held against.

    Returns:
        A number for each of ``FIGURES``, and under ``examples`` SMILES of novel hits, with spaces between.
    """
    values = measure(sample.smiles, problem.measured)
    hit = problem.judged.hits(values, reference.statistics)
    flags = flag_set(sample.smiles, reference.known, canonical=True)
    counts = flags.counts(hit)
    if flags.novel is None:
        raise ValueError("a sample is held against known molecules")
    fresh = flags.unique & flags.novel
    told = values[problem.quantity].to_numpy(dtype=np.float64)
    away = problem.judged.errors(values, reference.statistics)
    novel = [sample.smiles[row] for row in np.flatnonzero(fresh)]
    costs = sample.costs
    found = {
        "valid": counts.valid,
        "unique": counts.unique,
        "novel": counts.novel,
        "novel_spelled": _novel_spelled(sample, reference),
        "hits": counts.hits,
        "unique_hits": counts.unique_hits,
        "novel_hits": counts.novel_hits,
        "hit_rate": counts.hit_rate,
        "novelty": counts.novelty,
        "fidelity": float(sample.faithful.mean()),
        "mean_novel": _mean(told[fresh]),
        "mean_all": _mean(told),
        "error_novel": _mean(away[fresh]),
        "error_all": _mean(away),
        "heavy_atoms": _mean(values["heavy_atoms"].to_numpy()),
        "diversity": internal_diversity(novel),
        "distance": _distance(values, reference.members),
        "nfe": costs["nfe_per_proposal"],
        "nfe_predictor": costs["nfe_predictor_per_proposal"],
        "unguided": costs["unguided_tokens_per_proposal"],
        "seconds": costs["seconds"],
    }
    shown = np.flatnonzero(fresh & hit)[:EXAMPLES]
    return {**found, "examples": " ".join(sample.smiles[row] for row in shown)}


def _novel_spelled(sample: Sample, reference: Reference) -> float:
    """Return how many spellings of valid molecules are novel: another spelling of a known one counts."""
    if not sample.spelled:
        return float("nan")
    valid = [text if smiles else "" for smiles, text in zip(sample.smiles, sample.spelled, strict=True)]
    return float(count_set(valid, reference.known, canonical=True).novel or 0)


def _mean(values: NDArray[np.float64]) -> float:
    """Return the mean of what is there, NaN where nothing is."""
    there = values[np.isfinite(values)]
    return float(there.mean()) if len(there) else float("nan")


def _distance(values: pd.DataFrame, members: pd.DataFrame | None) -> float:
    """Return the mean scaled Wasserstein distance over ``NEAR``.

    Properties that all members share a value of have no scale, and do not count.
    """
    near = values[list(NEAR)].dropna()
    if members is None or not len(near):
        return float("nan")
    spread = [name for name in NEAR if members[name].nunique() > 1]
    if not spread:
        return float("nan")
    return float(scaled_distances(near[spread], members[spread]).mean())

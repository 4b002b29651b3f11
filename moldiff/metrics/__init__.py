"""Metrics of sets of molecules: counts, distances of distributions, diversity, intervals."""

from moldiff.metrics.distances import (
    DistanceReport,
    compare_distances,
    distance_report,
    floor_distances,
    scaled_distance,
    scaled_distances,
)
from moldiff.metrics.diversity import internal_diversity, max_similarity, morgan_fingerprints
from moldiff.metrics.fidelity import faithful_selfies
from moldiff.metrics.hypervolume import hypervolume, non_dominated
from moldiff.metrics.intervals import (
    Interval,
    Share,
    jackknife_interval,
    mean_interval,
    mean_of_any,
    paired_difference_interval,
    share_interval,
)
from moldiff.metrics.keys import TrainingKeys
from moldiff.metrics.picking import maxmin_pick, scaffold_cap
from moldiff.metrics.property_report import PropertyFigures, PropertyReport, property_report
from moldiff.metrics.scaffolds import murcko_scaffolds
from moldiff.metrics.sets import (
    KnownMolecules,
    SetCounts,
    SetFlags,
    canonical_smiles,
    count_set,
    flag_set,
)

__all__ = [
    "DistanceReport",
    "Interval",
    "KnownMolecules",
    "PropertyFigures",
    "PropertyReport",
    "SetCounts",
    "SetFlags",
    "Share",
    "TrainingKeys",
    "canonical_smiles",
    "compare_distances",
    "count_set",
    "distance_report",
    "faithful_selfies",
    "flag_set",
    "floor_distances",
    "hypervolume",
    "internal_diversity",
    "jackknife_interval",
    "max_similarity",
    "maxmin_pick",
    "mean_interval",
    "mean_of_any",
    "morgan_fingerprints",
    "murcko_scaffolds",
    "non_dominated",
    "paired_difference_interval",
    "property_report",
    "scaffold_cap",
    "scaled_distance",
    "scaled_distances",
    "share_interval",
]

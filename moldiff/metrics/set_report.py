"""Everything about a list of proposals as a set: counts, novelty, diversity, scaffolds, similarity."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from moldiff.metrics.diversity import Packed, internal_diversity, max_similarity
from moldiff.metrics.intervals import Interval, Share, mean_of_any
from moldiff.metrics.scaffolds import murcko_scaffolds
from moldiff.metrics.sets import KnownMolecules, SetCounts, count_set

__all__ = ["Diversity", "Library", "Nearest", "Novelty", "SetReport", "nearest_report", "set_report"]


class Library(KnownMolecules, Protocol):
    """Known molecules that say how many they are, such as ``TrainingKeys``."""

    def __len__(self) -> int:
        """Return the number of molecules."""
        ...


@dataclass(frozen=True)
class Novelty:
    """How many molecules are not among known ones.

    Args:
        against: What the known molecules are.
        known: How many they are.
        share: Distinct molecules that are not among them, of all distinct valid molecules.
        novel_hits: Those of them that meet every goal; None without goals.

    Example:
        >>> print(Novelty("training", 100, Share.of_distinct(3, 4, "distinct molecules"), None).share)
        75.0% of 4 distinct molecules
    """

    against: str
    known: int
    share: Share
    novel_hits: int | None


@dataclass(frozen=True)
class Diversity:
    """Internal diversity of the distinct molecules, or of a random sample of them.

    Args:
        value: Mean of 1 - Tanimoto similarity over the pairs of different molecules.
        molecules: How many molecules were compared.
        distinct: Out of how many.

    Example:
        >>> Diversity(0.9, 500, 1000).value
        0.9
    """

    value: float
    molecules: int
    distinct: int


@dataclass(frozen=True)
class Nearest:
    """Similarity of the distinct molecules, or of a random sample of them, to the nearest of a reference.

    Args:
        against: What the reference is.
        mean: Of the similarities, with its interval over molecules.
        median: Of the similarities.
        molecules: How many molecules were compared.
        distinct: Out of how many.

    Example:
        >>> Nearest("training", Interval(0.5, 0.4, 0.6), 0.5, 10, 10).mean.value
        0.5
    """

    against: str
    mean: Interval
    median: float
    molecules: int
    distinct: int


@dataclass(frozen=True)
class SetReport:
    """What a list of proposals is as a set; every share says what it is a share of.

    Args:
        counts: Proposed, valid, unique, and with goals hits and unique hits; novelty stands below.
        validity: Valid of proposed.
        uniqueness: Distinct molecules of valid rows.
        fidelity: Rows whose SELFIES are faithful, of proposed; None where there are no SELFIES.
        hit_rate: Rows that meet every goal, of proposed; None without goals.
        novelty: Against each set of known molecules.
        diversity: Of the distinct molecules.
        scaffolds: Distinct scaffolds of distinct molecules with a ring.
        acyclic: Distinct molecules without a ring, which have no scaffold.

    Example:
        >>> report = set_report(["CCO", "CCO", ""], generator=np.random.default_rng(0))
        >>> print(report.uniqueness)
        50.0% of 2 valid rows
    """

    counts: SetCounts
    validity: Share
    uniqueness: Share
    fidelity: Share | None
    hit_rate: Share | None
    novelty: list[Novelty]
    diversity: Diversity
    scaffolds: Share
    acyclic: int


def set_report(
    smiles: Sequence[str],
    known: Mapping[str, Library] | None = None,
    *,
    hit: npt.NDArray[np.bool_] | None = None,
    faithful: npt.NDArray[np.bool_] | None = None,
    compared: int = 5000,
    generator: np.random.Generator,
) -> SetReport:
    """Describe a list of proposals.

    Args:
        smiles: (N,) canonical SMILES of all proposals, "" where a row is no molecule.
        known: Sets of molecules that do not count as novel, by what they are.
        hit: (N,) bool, whether a row meets every goal; None without goals.
        faithful: (N,) bool, whether a row's SELFIES are faithful; None where there are none.
        compared: Pairs are compared among at most so many distinct molecules.
        generator: Chooses them.

    Example:
        >>> from moldiff.metrics import TrainingKeys
        >>> known = {"mine": TrainingKeys.build(["C"])}
        >>> report = set_report(["C", "C", "c1ccccc1", ""], known, generator=np.random.default_rng(0))
        >>> [entry.share.value for entry in report.novelty], report.scaffolds.count, report.acyclic
        ([0.5], 1, 1)
    """
    counts = count_set(smiles, hit=hit, canonical=True)
    distinct = _distinct(smiles)
    some = _some(distinct, compared, generator)
    scaffolds = [scaffold for scaffold in murcko_scaffolds(distinct) if scaffold]
    n = counts.proposed
    return SetReport(
        counts,
        Share.of_rows(counts.valid, n, PROPOSED),
        Share.of_distinct(counts.unique, counts.valid, "valid rows"),
        None if faithful is None else Share.of_rows(int(faithful.sum()), n, PROPOSED),
        None if counts.hits is None else Share.of_rows(counts.hits, n, PROPOSED),
        [_novelty(name, library, smiles, hit) for name, library in (known or {}).items()],
        Diversity(internal_diversity(some), len(some), len(distinct)),
        Share.of_distinct(len(set(scaffolds)), len(scaffolds), "distinct molecules with a ring"),
        len(distinct) - len(scaffolds),
    )


def nearest_report(
    smiles: Sequence[str],
    against: str,
    fingerprints: Packed,
    *,
    compared: int = 5000,
    generator: np.random.Generator,
) -> Nearest:
    """Return how near the distinct molecules are to the nearest of a reference.

    Args:
        smiles: (N,) canonical SMILES, "" where a row is no molecule.
        against: What the reference is.
        fingerprints: (M, 256) uint8, of the reference, M >= 1.
        compared: At most so many distinct molecules are compared.
        generator: Chooses them, and resamples for the interval.

    Example:
        >>> from moldiff.metrics import morgan_fingerprints
        >>> training = morgan_fingerprints(["CCO"])
        >>> nearest_report(["CCO", ""], "mine", training, generator=np.random.default_rng(0)).median
        1.0
    """
    distinct = _distinct(smiles)
    some = _some(distinct, compared, generator)
    values = max_similarity(some, fingerprints)
    median = float(np.median(values)) if len(values) else math.nan
    return Nearest(against, mean_of_any(values, generator=generator), median, len(some), len(distinct))


PROPOSED = "proposed rows"
"""The denominator of what counts repeats and rows that are no molecule."""


def _distinct(smiles: Sequence[str]) -> list[str]:
    return [name for name in dict.fromkeys(smiles) if name]


def _some(names: Sequence[str], most: int, generator: np.random.Generator) -> list[str]:
    """Return all names, or a random sample of them in their order."""
    if len(names) <= most:
        return list(names)
    return [names[row] for row in np.sort(generator.choice(len(names), most, replace=False))]


def _novelty(
    name: str, library: Library, smiles: Sequence[str], hit: npt.NDArray[np.bool_] | None
) -> Novelty:
    counts = count_set(smiles, library, hit=hit, canonical=True)
    share = Share.of_distinct(counts.novel or 0, counts.unique, "distinct molecules")
    return Novelty(name, len(library), share, counts.novel_hits)

"""MOSES: distribution learning on drug-like molecules.

Polykovskiy et al. 2020, doi 10.3389/fphar.2020.565644.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np
from rdkit import rdBase
from scipy.stats import wasserstein_distance

from moldiff.chem.medicinal import MosesRules
from moldiff.chem.standardise import canonical, parse
from moldiff.datasets.packed_folder import is_whole, read_packed
from moldiff.datasets.sources import MOSES_TEST, MOSES_TEST_SCAFFOLDS, Source, prepared_folder
from moldiff.errors import InputError
from moldiff.metrics.diversity import mean_similarity, nearest_similarity
from moldiff.metrics.fragments import cosine_similarity
from moldiff.metrics.keys import TrainingKeys
from moldiff.protocols.chemnet import frechet_distance
from moldiff.protocols.figures import Figure, Protocol, ProtocolReport, Say, in_parallel
from moldiff.protocols.reference_set import PROPERTIES, ReferenceSet
from moldiff.reference import read_molecules

EXPECTED = 30_000
"""Molecules that the protocol asks for."""

UNIQUE_AT = (1000, 10_000)
"""First valid molecules among which repeats are counted."""


@dataclass(frozen=True)
class Moses(Protocol):
    """The metrics of MOSES, against its test molecules and those with scaffolds that training lacks.

    All figures but validity are over the valid molecules, repeats included, except novelty (over the distinct
    ones). Filters counts those that MOSES itself would have kept; the PAINS are RDKit's, which let alkylated
    phenothiazines pass that MOSES does not (one ZINC molecule in some thousands).

    Args:
        references: "Test" and "TestSF", what is remembered of them.
        known: Keys of the training molecules; None leaves novelty out.
        n_jobs: Processes, in joblib's counting.
    """

    references: dict[str, ReferenceSet]
    known: TrainingKeys | None
    n_jobs: int = 1

    about: ClassVar[str] = "distribution learning on MOSES: 30,000 molecules against its two test sets"

    takes: ClassVar[tuple[str, ...]] = ("train", "test", "test_scaffolds")

    @classmethod
    def open(cls, files: Mapping[str, Path], *, say: Say, n_jobs: int = 1) -> Moses:
        """Return the protocol with its test sets, downloaded unless copies are given.

        Args:
            files: ``test``, ``test_scaffolds``: copies of the test sets; ``train``: a prepared table of the
                training molecules, the one prepared by name unless given.
            say: Called with what is being done.
            n_jobs: Processes.

        Raises:
            InputError: If a test set cannot be had, or ``train`` is no prepared table.
        """
        sets = {"Test": (MOSES_TEST, "test"), "TestSF": (MOSES_TEST_SCAFFOLDS, "test_scaffolds")}
        references = {
            name: ReferenceSet.remembered(
                _read(source, files.get(key), say), name=source.name, say=say, n_jobs=n_jobs
            )
            for name, (source, key) in sets.items()
        }
        place = files.get("train", prepared_folder("moses"))
        there = "train" in files or is_whole(place)
        known = TrainingKeys(np.unique(read_packed(place).keys)) if there else None
        return cls(references, known, n_jobs)

    def __call__(self, smiles: Sequence[str], *, say: Say) -> ProtocolReport:
        """Judge molecules; 30,000 are asked for, and fewer are said."""
        say("reading molecules")
        valid = [name for part in in_parallel(canonical, smiles, self.n_jobs) for name in part if name]
        if len(valid) < 2:
            raise InputError(f"MOSES compares distributions: at least two valid molecules, got {len(valid)}")
        say("measuring molecules")
        ours = ReferenceSet.of(valid, n_jobs=self.n_jobs)
        figures = [
            Figure("valid", len(valid) / len(smiles), len(smiles), "higher", "read by RDKit"),
            *(self._unique(valid, k) for k in UNIQUE_AT),
        ]
        for name, reference in self.references.items():
            say(f"comparing with {name}")
            figures += self._compared(name, ours, reference)
        say("comparing with each other")
        figures += [*self._within(ours), self._filters(valid)]
        test = self.references["Test"]
        for place, name in enumerate(PROPERTIES):
            distance = float(wasserstein_distance(ours.values[:, place], test.values[:, place]))
            about = "Wasserstein distance to the test set, in the property's unit"
            figures.append(Figure(name, distance, len(valid), "lower", about))
        figures.append(self._novelty(valid))
        return ProtocolReport("moses", len(smiles), figures, {"expected": EXPECTED}, self._notes(len(smiles)))

    def _notes(self, rows: int) -> list[str]:
        notes = []
        if rows < EXPECTED:
            notes.append(
                f"{rows:,} molecules are fewer than the {EXPECTED:,} of the protocol: FCD is too large for "
                "few molecules, so it may not stand beside published figures"
            )
        if self.known is None:
            notes.append("no novelty: `moldiff data prepare moses` makes the training molecules known")
        return notes

    def _unique(self, valid: Sequence[str], k: int) -> Figure:
        first = valid[:k]
        return Figure(f"unique@{k}", len(set(first)) / len(first), len(first), "higher", "of the first valid")

    def _compared(self, name: str, ours: ReferenceSet, reference: ReferenceSet) -> list[Figure]:
        n = len(ours)
        compare = partial(nearest_similarity, targets=reference.fingerprints)
        nearest = np.concatenate(in_parallel(compare, ours.fingerprints, self.n_jobs))
        return [
            Figure(
                f"FCD/{name}",
                frechet_distance(ours.moments, reference.moments),
                n,
                "lower",
                "Frechet ChemNet distance",
            ),
            Figure(f"SNN/{name}", float(nearest.mean()), n, "higher", "similarity to the nearest"),
            Figure(
                f"Frag/{name}",
                cosine_similarity(ours.fragments, reference.fragments),
                n,
                "higher",
                "cosine of BRICS fragment counts",
            ),
            Figure(
                f"Scaf/{name}",
                cosine_similarity(ours.scaffolds, reference.scaffolds),
                n,
                "higher",
                "cosine of scaffold counts",
            ),
        ]

    def _within(self, ours: ReferenceSet) -> list[Figure]:
        prints, n = ours.fingerprints, len(ours)
        return [
            Figure(
                "IntDiv" if power == 1 else f"IntDiv{power}",
                1.0 - float(mean_similarity(prints, prints, power=power).mean()),
                n,
                "higher",
                "1 - mean similarity of all pairs" if power == 1 else "the same of root mean squares",
            )
            for power in (1, 2)
        ]

    def _filters(self, valid: Sequence[str]) -> Figure:
        passed = sum(in_parallel(_passing, valid, self.n_jobs))
        return Figure("Filters", passed / len(valid), len(valid), "higher", "kept by the rules of MOSES")

    def _novelty(self, valid: Sequence[str]) -> Figure:
        distinct = list(dict.fromkeys(valid))
        share = math.nan if self.known is None else 1.0 - float(self.known.contains(distinct).mean())
        return Figure(
            "Novelty", share, len(distinct), "higher", "distinct molecules that are not in training"
        )


def _passing(smiles: Sequence[str]) -> int:
    """Return how many molecules MOSES would keep."""
    with rdBase.BlockLogs():
        return int((~MosesRules("MOSES").failed(list(parse(smiles)))).sum())


def _read(source: Source, copy: Path | None, say: Say) -> list[str]:
    """Return the molecules of a test set."""
    say(f"fetching {source.name}" if copy is None else f"reading {copy}")
    path, original = source.fetch(copy)
    if not original:
        say(f"{path} is not the original file of {source.name}")
    return [name for name in canonical(read_molecules(path).smiles) if name]

"""What a protocol remembers of the molecules that it compares with, kept in the user's cache."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rdkit
from numpy.typing import NDArray

from moldiff.chem.properties import measure
from moldiff.datasets import cache_folder
from moldiff.files import whole_file
from moldiff.metrics.diversity import morgan_fingerprints
from moldiff.metrics.fragments import fragment_counts, scaffold_counts
from moldiff.protocols.chemnet import Moments, activations
from moldiff.protocols.figures import Say, in_parallel

PROPERTIES = ("logP", "SA", "QED", "MW")
"""Whose distributions are compared."""

BITS = 1024
"""Of the fingerprints of MOSES."""

FORMAT = 1


@dataclass(frozen=True)
class ReferenceSet:
    """N molecules as MOSES compares with them.

    Attributes:
        fingerprints: (N, 128) uint8, Morgan of radius 2.
        values: (N, 4) of :data:`PROPERTIES`.
        fragments: BRICS fragments and their counts.
        scaffolds: Ring systems and their counts.
        moments: Of ChemNet's activations.
    """

    fingerprints: NDArray[np.uint8]
    values: NDArray[np.float64]
    fragments: Counter[str]
    scaffolds: Counter[str]
    moments: Moments

    def __len__(self) -> int:
        return len(self.fingerprints)

    @classmethod
    def of(cls, smiles: Sequence[str], *, n_jobs: int = 1) -> ReferenceSet:
        """Return what is to be remembered of canonical SMILES, all of them valid."""
        names = list(smiles)
        return cls(
            np.concatenate(in_parallel(_fingerprints, names, n_jobs)),
            measure(names, PROPERTIES, n_jobs=n_jobs).to_numpy(),
            sum(in_parallel(fragment_counts, names, n_jobs), Counter()),
            sum(in_parallel(scaffold_counts, names, n_jobs), Counter()),
            Moments.of(np.concatenate(in_parallel(activations, names, n_jobs))),
        )

    @classmethod
    def remembered(cls, smiles: Sequence[str], *, name: str, say: Say, n_jobs: int = 1) -> ReferenceSet:
        """Return the same from the cache, made and kept if it is not there.

        Args:
            smiles: Canonical SMILES.
            name: What the molecules are called.
            say: Called if it has to be made, which takes minutes for 176 thousand molecules.
            n_jobs: Processes.
        """
        digest = hashlib.blake2b(f"{FORMAT} {rdkit.__version__}\n".encode(), digest_size=16)
        digest.update("\n".join(smiles).encode())
        path = cache_folder() / "protocols" / f"{name}-{digest.hexdigest()}.npz"
        found = cls._load(path)
        if found is None:
            say(f"measuring the {len(smiles):,} molecules of {name}, once")
            found = cls.of(smiles, n_jobs=n_jobs)
            found._save(path)
        return found

    def _save(self, path: Path) -> None:
        text = json.dumps([self.fragments, self.scaffolds]).encode()
        with whole_file(path) as part, part.open("wb") as stream:
            np.savez_compressed(
                stream,
                counts=np.frombuffer(text, dtype=np.uint8),
                fingerprints=self.fingerprints,
                values=self.values,
                mean=self.moments.mean,
                covariance=self.moments.covariance,
            )

    @classmethod
    def _load(cls, path: Path) -> ReferenceSet | None:
        try:
            with np.load(path, allow_pickle=False) as stored:
                counts: list[dict[str, int]] = json.loads(stored["counts"].tobytes())
                moments = Moments(stored["mean"], stored["covariance"])
                prints, values = stored["fingerprints"], stored["values"]
                return cls(prints, values, Counter(counts[0]), Counter(counts[1]), moments)
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return None


def _fingerprints(smiles: Sequence[str]) -> NDArray[np.uint8]:
    return morgan_fingerprints(smiles, bits=BITS)

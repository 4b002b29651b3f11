"""GuacaMol: distribution learning (Brown et al. 2019, doi 10.1021/acs.jcim.8b00839)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from rdkit.Chem.GraphDescriptors import BertzCT
from rdkit.Chem.rdMolDescriptors import CalcNumAliphaticRings
from rdkit.Chem.rdmolfiles import MolToSmiles

from moldiff.chem.properties import measure
from moldiff.chem.standardise import canonical, parse
from moldiff.errors import InputError
from moldiff.metrics.divergence import count_divergence, number_divergence
from moldiff.metrics.diversity import largest_other, morgan_fingerprints
from moldiff.protocols.chemnet import Moments, activations, frechet_distance
from moldiff.protocols.figures import Figure, Protocol, ProtocolReport, Say, in_parallel
from moldiff.reference import read_molecules

EXPECTED = 10_000
"""Molecules of each of its figures, and of the reference that they are compared with."""

NUMBERS = ("BertzCT", "logP", "MW", "TPSA")
"""Descriptors that are numbers."""

COUNTS = ("HBA", "HBD", "rotatable_bonds", "aliphatic_rings", "aromatic_rings")
"""Descriptors that are counts."""

BITS = 4096
"""Of the fingerprints of GuacaMol."""

SEED = 42
"""Of the choice of training molecules to compare with."""


@dataclass(frozen=True)
class GuacaMol(Protocol):
    """Validity, uniqueness, novelty, and scores of KL divergence and FCD against training molecules.

    Molecules are compared without stereochemistry. The 10,000 training molecules of a comparison are drawn at
    random; GuacaMol draws others, which changes its scores in the third digit.

    Args:
        training: Canonical SMILES of all training molecules.
        n_jobs: Processes, in joblib's counting.
    """

    training: Sequence[str]
    n_jobs: int = 1

    about: ClassVar[str] = "distribution learning of GuacaMol: 10,000 molecules against those of training"

    takes: ClassVar[tuple[str, ...]] = ("train",)

    @classmethod
    def open(cls, files: Mapping[str, Path], *, say: Say, n_jobs: int = 1) -> GuacaMol:
        """Return the protocol with the training molecules of a file.

        Args:
            files: ``train``, which is needed.
            say: Called with what is being done.
            n_jobs: Processes.

        Raises:
            InputError: If there is none, or it holds too few molecules.
        """
        if "train" not in files:
            raise InputError("GuacaMol compares with the training molecules: give their file with --train")
        train = files["train"]
        say(f"reading {train}")
        rows = read_molecules(train).smiles
        names = {name for part in in_parallel(_flat, rows, n_jobs) for name in part if name}
        if len(names) < 2:
            raise InputError(f"{train} holds {len(names)} molecules: GuacaMol compares with at least two")
        return cls(sorted(names), n_jobs)

    def __call__(self, smiles: Sequence[str], *, say: Say) -> ProtocolReport:
        """Judge molecules; 10,000 are asked for, and fewer are said."""
        say("reading molecules")
        first = list(smiles[:EXPECTED])
        found = [name for part in in_parallel(_flat, first, self.n_jobs) for name in part]
        valid = [name for name in found if name]
        distinct = list(dict.fromkeys(valid))
        if len(distinct) < 2:
            raise InputError(f"GuacaMol compares distributions: at least two molecules, got {len(distinct)}")
        known = set(self.training)
        novel = sum(name not in known for name in distinct)
        reference = self._reference()
        say("measuring descriptors")
        divergences = self._divergences(reference, distinct)
        score = float(np.mean(np.exp(-np.array(list(divergences.values())))))
        say("asking ChemNet")
        moments = (
            Moments.of(np.concatenate(in_parallel(activations, names, self.n_jobs)))
            for names in (valid, reference)
        )
        distance = frechet_distance(*moments)
        figures = [
            Figure("Validity", len(valid) / len(first), len(first), "higher", "read by RDKit"),
            Figure("Uniqueness", len(distinct) / len(valid), len(valid), "higher", "distinct of the valid"),
            Figure("Novelty", novel / len(distinct), len(distinct), "higher", "distinct, not in training"),
            Figure("KL divergence", score, len(distinct), "higher", "mean of exp(-divergence)"),
            Figure("FCD score", math.exp(-0.2 * distance), len(valid), "higher", "exp(-0.2 FCD)"),
            Figure("FCD", distance, len(valid), "lower", "Frechet ChemNet distance"),
        ]
        figures += [
            Figure(f"KL/{name}", value, len(distinct), "lower", "divergence in nats")
            for name, value in divergences.items()
        ]
        settings = {"expected": EXPECTED, "reference": len(reference), "training": len(self.training)}
        return ProtocolReport("guacamol", len(smiles), figures, settings, self._notes(len(smiles)))

    def _notes(self, rows: int) -> list[str]:
        if rows < EXPECTED:
            return [f"{rows:,} molecules are fewer than the {EXPECTED:,} of the protocol: scores are too low"]
        return [f"the first {EXPECTED:,} of {rows:,} molecules count"] if rows > EXPECTED else []

    def _reference(self) -> list[str]:
        rows = np.random.default_rng(SEED).permutation(len(self.training))[:EXPECTED]
        return [self.training[row] for row in rows]

    def _divergences(self, reference: Sequence[str], sample: Sequence[str]) -> dict[str, float]:
        tables = [
            np.concatenate(in_parallel(_descriptors, names, self.n_jobs)) for names in (reference, sample)
        ]
        found = {}
        for place, name in enumerate((*NUMBERS, *COUNTS)):
            law = number_divergence if name in NUMBERS else count_divergence
            found[name] = law(tables[0][:, place], tables[1][:, place])
        nearest = [largest_other(morgan_fingerprints(names, bits=BITS)) for names in (reference, sample)]
        return {**found, "internal similarity": number_divergence(*nearest)}


def _flat(smiles: Sequence[str]) -> list[str]:
    """Return canonical SMILES without stereochemistry, "" where there is no molecule."""
    plain = ["" if mol is None else MolToSmiles(mol, isomericSmiles=False) for mol in parse(smiles)]
    return canonical(plain)


def _descriptors(smiles: Sequence[str]) -> NDArray[np.float64]:
    """Return the nine descriptors of molecules, (N, 9)."""
    own = [
        (float(BertzCT(mol)), float(CalcNumAliphaticRings(mol))) if mol is not None else (math.nan, math.nan)
        for mol in parse(smiles)
    ]
    extra = dict(zip(("BertzCT", "aliphatic_rings"), np.array(own).T, strict=True))
    known = measure(smiles, [name for name in (*NUMBERS, *COUNTS) if name not in extra])
    columns = [extra[name] if name in extra else known[name].to_numpy() for name in (*NUMBERS, *COUNTS)]
    return np.stack(columns, axis=1)

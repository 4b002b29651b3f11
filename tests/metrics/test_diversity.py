"""Similarities, against RDKit's own pair by pair."""

from __future__ import annotations

import math
import tracemalloc
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from rdkit import Chem, DataStructs
from rdkit.Chem import rdFingerprintGenerator

from moldiff.metrics import diversity
from moldiff.metrics.diversity import internal_diversity, max_similarity, morgan_fingerprints

SMILES = ["CCO", "CCN", "c1ccccc1O", "c1ccccc1", "CC(=O)OC1=CC=CC=C1C(=O)O", "C1CC1", "C", "[NH4+]", "C#N"]
TRAINING = ["CCCO", "c1ccccc1N", "C1CCC1", "CC(=O)O", "Cn1cnc2c1c(=O)n(C)c(=O)n2C"]


def _similarity(left: str, right: str) -> float:
    maker = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
    prints = [maker.GetFingerprint(Chem.MolFromSmiles(text)) for text in (left, right)]
    return float(DataStructs.TanimotoSimilarity(*prints))


def test_fingerprints_are_rdkits_bits() -> None:
    maker = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
    expected = np.stack([maker.GetFingerprintAsNumPy(Chem.MolFromSmiles(text)) for text in SMILES])
    assert np.array_equal(np.unpackbits(morgan_fingerprints(SMILES), axis=1, bitorder="little"), expected)


@pytest.mark.parametrize("chunk", [1, 2, 3, 1000])
def test_diversity_is_the_mean_over_pairs(monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    monkeypatch.setattr(diversity, "_QUERIES", chunk)
    monkeypatch.setattr(diversity, "_TARGETS", chunk + 1)
    expected = np.mean([1 - _similarity(left, right) for left, right in combinations(SMILES, 2)])
    assert internal_diversity([*SMILES, "", "C1"]) == pytest.approx(expected, abs=1e-6)


def test_diversity_by_hand() -> None:
    # Methane and water share no bit, the two methanes all: of three pairs one is at 0 and two at 1.
    assert internal_diversity(["C", "C", "O"]) == pytest.approx(2 / 3, abs=1e-6)
    assert internal_diversity(["C", "C", "C"]) == pytest.approx(0.0, abs=1e-6)
    assert math.isnan(internal_diversity(["C"]))
    assert math.isnan(internal_diversity(["C", ""]))


@pytest.mark.parametrize("chunk", [1, 2, 1000])
def test_nearest_training_molecule(monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    monkeypatch.setattr(diversity, "_QUERIES", chunk)
    monkeypatch.setattr(diversity, "_TARGETS", chunk)
    found = max_similarity(["", *SMILES, "C1"], morgan_fingerprints(TRAINING))
    expected = [max(_similarity(text, known) for known in TRAINING) for text in SMILES]
    assert math.isnan(found[0])
    assert math.isnan(found[-1])
    assert found[1:-1] == pytest.approx(expected, abs=1e-6)


def test_a_training_molecule_is_at_one_exactly_whatever_its_spelling() -> None:
    assert max_similarity(["OCC", "Oc1ccccc1"], morgan_fingerprints(SMILES)).tolist() == [1.0, 1.0]


def test_no_molecule_to_ask_about() -> None:
    assert max_similarity([], morgan_fingerprints(TRAINING)).shape == (0,)
    assert np.isnan(max_similarity(["", "C1"], morgan_fingerprints(TRAINING))).all()


@pytest.mark.parametrize(
    ("fingerprints", "message"),
    [
        (np.zeros((3, 2048), dtype=np.uint8), "must be"),
        (np.zeros((3, 256), dtype=np.float64), "must be"),
        (np.zeros((0, 256), dtype=np.uint8), "empty reference"),
        (np.zeros((3, 256), dtype=np.uint8), "empty reference"),
    ],
)
def test_fingerprints_that_cannot_serve_are_refused(fingerprints: npt.NDArray[Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        max_similarity(["C"], fingerprints)


def test_memory_does_not_grow_with_the_pairs() -> None:
    generator = np.random.default_rng(0)
    bits = generator.random((6000, 2048)) < 0.01
    bits[:, 0] = True
    packed = np.packbits(bits, axis=1, bitorder="little")
    del bits
    tracemalloc.start()
    seen = sum(block.size for _, _, block in diversity._similarities(packed, packed))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert seen == 6000**2
    assert peak < 40e6  # all pairs at once would take 144 MB as float32

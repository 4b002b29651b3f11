"""GuacaMol: scores by hand, and of samples whose scores are known."""

import math

import numpy as np
import pytest
from rdkit import Chem, DataStructs
from rdkit.Chem import rdFingerprintGenerator
from rdkit.Chem.Descriptors import BertzCT, MolLogP, NumAliphaticRings, NumHAcceptors, NumRotatableBonds
from scipy.stats import norm

from moldiff.datasets import load
from moldiff.errors import InputError
from moldiff.metrics.divergence import count_divergence, number_divergence
from moldiff.metrics.diversity import largest_other, morgan_fingerprints
from moldiff.protocols.guacamol import COUNTS, NUMBERS, GuacaMol, _descriptors

SMILES = [name for name in load("b3db").smiles[:150] if not {*"@/"} & {*name}][:60]


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    def fake(smiles, *, device="cpu"):
        rows = [np.random.default_rng(sum(map(ord, name))).normal(size=512) for name in smiles]
        return np.array(rows, dtype=np.float32).reshape(-1, 512)

    monkeypatch.setattr("moldiff.protocols.guacamol.activations", fake)


def judge(training, sample):
    return GuacaMol(training)(sample, say=lambda text: None)


def test_counts_by_hand():
    found = judge(["CCO", "CCN", "CCCC"], ["OCC", "CCO", "C1", "CCCO", "C[C@H](N)O", "C[C@@H](N)O"])
    assert found.value("Validity") == pytest.approx(5 / 6)
    assert found.value("Uniqueness") == pytest.approx(3 / 5)  # mirror images are one molecule
    assert found.value("Novelty") == pytest.approx(2 / 3)
    assert "6 molecules are fewer than the 10,000" in found.notes[0]


def test_the_training_molecules_themselves_score_one():
    found = judge(SMILES, SMILES)
    assert found.value("KL divergence") == pytest.approx(1.0)
    assert found.value("FCD score") == pytest.approx(1.0, abs=1e-6)
    assert found.value("Novelty") == 0.0
    other = judge(SMILES, ["C" * n for n in range(1, 40)])
    assert other.value("KL divergence") < 0.5
    parts = [math.exp(-figure.value) for figure in other.figures if figure.name.startswith("KL/")]
    assert len(parts) == 10
    assert other.value("KL divergence") == pytest.approx(np.mean(parts))
    assert other.value("FCD score") == pytest.approx(math.exp(-0.2 * other.value("FCD")))


def test_descriptors_are_rdkits():
    found = dict(zip((*NUMBERS, *COUNTS), _descriptors(SMILES[:8]).T, strict=True))
    mols = [Chem.MolFromSmiles(name) for name in SMILES[:8]]
    for name, function in {
        "BertzCT": BertzCT,
        "logP": MolLogP,
        "HBA": NumHAcceptors,
        "aliphatic_rings": NumAliphaticRings,
        "rotatable_bonds": NumRotatableBonds,
    }.items():
        np.testing.assert_allclose(found[name], [function(mol) for mol in mols], err_msg=name)


def test_similarity_to_the_nearest_other():
    maker = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=4096)
    prints = [maker.GetFingerprint(Chem.MolFromSmiles(name)) for name in SMILES]
    expected = [
        max(DataStructs.BulkTanimotoSimilarity(each, prints[:row] + prints[row + 1 :]))
        for row, each in enumerate(prints)
    ]
    np.testing.assert_allclose(largest_other(morgan_fingerprints(SMILES, bits=4096)), expected, atol=1e-6)


def test_divergence_of_normal_laws_is_known():
    """KL(N(0, 1), N(1, 1)) = 1/2 nat, but for the kernel's width: both variances grow by its square."""
    points = norm.ppf((np.arange(4000) + 0.5) / 4000)
    width = 4000 ** (-1 / 5)
    assert number_divergence(points, points + 1) == pytest.approx(0.5 / (1 + width**2), rel=0.02)


def test_divergence_of_counts_is_that_of_histograms():
    reference, sample = [0] * 5 + [10] * 5, [0] * 9 + [10] * 1
    expected = 0.5 * math.log(0.5 / 0.9) + 0.5 * math.log(0.5 / 0.1)
    assert count_divergence(reference, sample) == pytest.approx(expected, rel=1e-6)
    assert count_divergence(reference, [50, 60]) > 10  # nothing where the reference is
    assert number_divergence([1.0, 1.0], [1.0, 1.0]) == 0.0
    assert number_divergence([1.0, 1.0], [2.0, 3.0]) > 10


def test_training_molecules_are_needed(tmp_path):
    with pytest.raises(InputError, match="give their file with --train"):
        GuacaMol.open({}, say=print)
    path = tmp_path / "one.smi"
    path.write_text("C\nC1\n")
    with pytest.raises(InputError, match="holds 1 molecules"):
        GuacaMol.open({"train": path}, say=lambda text: None)
    path.write_text("C\nCC\nC[C@H](N)O\n")
    assert GuacaMol.open({"train": path}, say=lambda text: None).training == ["C", "CC", "CC(N)O"]
    with pytest.raises(InputError, match="at least two molecules, got 1"):
        judge(["C", "CC"], ["C", "C"])

"""MOSES: figures by hand on a few molecules, and against the statistics that were published with it."""

import gzip
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from rdkit import Chem, DataStructs
from rdkit.Chem import rdFingerprintGenerator

from moldiff.chem.properties import measure
from moldiff.errors import InputError
from moldiff.metrics.fragments import fragment_counts, scaffold_counts
from moldiff.metrics.keys import TrainingKeys
from moldiff.protocols.chemnet import Moments, activations
from moldiff.protocols.moses import Moses
from moldiff.protocols.reference_set import PROPERTIES, ReferenceSet

OURS = ["CCO", "OCC", "CC(=O)Nc1ccc(O)cc1", "c1ccc2ccccc2c1", "C1CO1", "C1", "CC[NH3+]"]
TEST = ["CC(=O)Nc1ccccc1", "CCCO", "c1ccc2[nH]ccc2c1", "CC(C)N"]


@pytest.fixture(autouse=True)
def no_network(fake_activations):
    """No test here asks ChemNet itself."""


@pytest.fixture
def report():
    reference = ReferenceSet.of(TEST)
    known = TrainingKeys.build(["CCO"])
    return Moses({"Test": reference, "TestSF": reference}, known)(OURS, say=lambda text: None)


def similarity(first, second):
    maker = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=1024)
    prints = (maker.GetFingerprint(Chem.MolFromSmiles(name)) for name in (first, second))
    return DataStructs.TanimotoSimilarity(*prints)


def test_figures_by_hand(report):
    valid = [name for name in OURS if name != "C1"]
    assert report.value("valid") == pytest.approx(6 / 7)
    assert report.value("unique@1000") == pytest.approx(5 / 6)
    assert report.value("Novelty") == pytest.approx(4 / 5)
    # Ethanol, twice, paracetamol and naphthalene pass; the epoxide and the ion do not.
    assert report.value("Filters") == pytest.approx(4 / 6)
    nearest = [max(similarity(ours, other) for other in TEST) for ours in valid]
    assert report.value("SNN/Test") == pytest.approx(np.mean(nearest), abs=1e-6)
    pairs = np.ones((6, 6))
    for i, j in combinations(range(6), 2):
        pairs[i, j] = pairs[j, i] = similarity(valid[i], valid[j])
    assert report.value("IntDiv") == pytest.approx(1 - pairs.mean(), abs=1e-6)
    assert report.value("IntDiv2") == pytest.approx(1 - np.sqrt((pairs**2).mean(1)).mean(), abs=1e-6)
    ours, theirs = (measure(names, ["logP"])["logP"].to_numpy() for names in (valid, TEST))
    grid = np.linspace(-3, 5, 200_001)
    laws = [(np.sort(values)[:, None] <= grid).mean(0) for values in (ours, theirs)]
    assert report.value("logP") == pytest.approx(
        np.abs(laws[0] - laws[1]).sum() * (grid[1] - grid[0]), abs=1e-3
    )


def test_fragments_and_scaffolds_are_cosines_of_counts(report):
    for name, count in (("Frag", fragment_counts), ("Scaf", scaffold_counts)):
        ours, theirs = count([name for name in OURS if name != "C1"]), count(TEST)
        names = sorted({*ours, *theirs})
        first, second = (np.array([counts[each] for each in names], float) for counts in (ours, theirs))
        expected = first @ second / np.linalg.norm(first) / np.linalg.norm(second)
        assert report.value(f"{name}/Test") == pytest.approx(expected)


def test_fewer_molecules_than_the_protocol_wants_are_said(report):
    assert "7 molecules are fewer than the 30,000 of the protocol" in report.notes[0]
    stored = report.to_dict()
    assert stored["protocol"] == "moses"
    assert {figure["n"] for figure in stored["figures"]} == {5, 6, 7}


def test_without_training_molecules_novelty_is_left_out():
    reference = ReferenceSet.of(TEST)
    found = Moses({"Test": reference}, None)(OURS, say=lambda text: None)
    assert np.isnan(found.value("Novelty"))
    assert found.to_dict()["figures"][-1]["value"] is None
    assert "moldiff data prepare moses" in found.notes[-1]


def test_too_few_molecules_are_refused():
    with pytest.raises(InputError, match="at least two valid molecules, got 1"):
        Moses({}, None)(["C", "C1"], say=lambda text: None)


def test_several_processes_give_the_same(monkeypatch):
    monkeypatch.setattr("moldiff.protocols.figures.CHUNK", 2)
    one, two = (ReferenceSet.of(TEST, n_jobs=1), ReferenceSet.of(TEST * 3, n_jobs=1))
    assert two.fragments == {name: 3 * count for name, count in one.fragments.items()}
    assert np.array_equal(two.fingerprints[:4], one.fingerprints)


def test_what_was_measured_is_remembered(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    said = []
    first = ReferenceSet.remembered(TEST, name="four", say=said.append)
    again = ReferenceSet.remembered(TEST, name="four", say=said.append)
    assert said == ["measuring the 4 molecules of four, once"]
    assert again.fragments == first.fragments
    assert again.scaffolds == first.scaffolds
    for name in ("fingerprints", "values"):
        np.testing.assert_array_equal(getattr(again, name), getattr(first, name))
    np.testing.assert_array_equal(again.moments.covariance, first.moments.covariance)
    [path] = (tmp_path / "moldiff" / "protocols").iterdir()
    path.write_bytes(path.read_bytes()[:200])
    ReferenceSet.remembered(TEST, name="four", say=said.append)
    assert len(said) == 2
    ReferenceSet.remembered(TEST[:3], name="four", say=said.append)
    assert len(said) == 3


@pytest.fixture(scope="module")
def published(moses_data):
    """The test molecules and the statistics published with them; these are pickles, of a known hash."""
    import hashlib

    path = moses_data / "test_stats.npz"
    assert hashlib.sha256(path.read_bytes()).hexdigest().startswith("ded25073225a895d")
    stored = np.load(path, allow_pickle=True)["stats"].item()
    with gzip.open(moses_data / "test.csv.gz", "rt") as stream:
        return pd.read_csv(stream)["SMILES"].tolist(), stored


@pytest.mark.slow
def test_descriptors_are_those_that_were_published(published):
    smiles, stored = published
    rows = np.random.default_rng(0).choice(len(smiles), 3000, replace=False)
    names = [smiles[row] for row in rows]
    values = measure(names, PROPERTIES).to_numpy()
    for place, name in enumerate(["logP", "SA", "QED", "weight"]):
        expected = np.asarray(stored[name]["values"])[rows]
        # Releases of RDKit differ a little in QED and SA.
        assert np.quantile(np.abs(values[:, place] - expected), 0.99) < 0.02, name


@pytest.mark.slow
def test_fragments_and_scaffolds_are_those_that_were_published(published):
    smiles, stored = published
    names = smiles[:4000]
    for count, kind, key in ((fragment_counts, "Frag", "frag"), (scaffold_counts, "Scaf", "scaf")):
        known = set(stored[kind][key])
        ours = count(names)
        share = sum(ours[name] for name in ours if name in known) / sum(ours.values())
        assert share > 0.99, kind


@pytest.mark.slow
def test_chemnet_says_what_was_published(published):
    """The moments of 3,000 of the molecules lie around those of all 176,074 as their number lets expect."""
    pytest.importorskip("fcd_torch", reason="the extra moses is not installed")
    smiles, stored = published
    rows = np.random.default_rng(1).choice(len(smiles), 3000, replace=False)
    found = Moments.of(activations([smiles[row] for row in rows]))
    error = np.sqrt(np.diag(stored["FCD"]["sigma"]) / 3000)
    z = (found.mean - stored["FCD"]["mu"]) / np.where(error > 0, error, 1.0)
    assert np.abs(z).max() < 5
    spread = np.diag(found.covariance).sum() / np.diag(stored["FCD"]["sigma"]).sum()
    assert spread == pytest.approx(1.0, abs=0.05)

import numpy as np
import pytest

from moldiff.chem.properties import measure
from moldiff.chem.statistics import PropertyStatistics
from moldiff.metrics import canonical_smiles, internal_diversity, scaled_distances
from moldiff.sweep.figures import FIGURES, figures
from moldiff.sweep.problem import NEAR, Problem, Reference
from moldiff.sweep.sample import Sample

CUBANE, CHAIN, BICYCLE = "C12C3C4C1C5C2C3C45", "CCO", "C1CC2CC1C2"
SMILES = [BICYCLE, CUBANE, CUBANE, "", CHAIN]
SPELLED = [canonical_smiles(BICYCLE), CUBANE, canonical_smiles(CUBANE), "not a molecule", "OCC"]
COSTS = {
    "nfe_per_proposal": 3.0,
    "nfe_predictor_per_proposal": 0.5,
    "unguided_tokens_per_proposal": 0.0,
    "seconds": 9.0,
}


@pytest.fixture
def rings():
    return PropertyStatistics.from_values("rings", [0, 1, 2, 3], "1", "by hand")


@pytest.fixture
def sample():
    faithful = np.array([True, True, True, False, True])
    return Sample([canonical_smiles(text) for text in SMILES], faithful, {}, COSTS, 5, 0.0, SPELLED)


def test_against_a_count_by_hand(sample, rings):
    members = measure([CUBANE, BICYCLE, "C1CC1"], NEAR)
    known = {canonical_smiles(BICYCLE)}
    found = figures(sample, Problem("p", ("rings>=2",)), Reference(known, {"rings": rings}, members, 1.5))
    counts = [found[name] for name in ("valid", "unique", "novel", "hits", "unique_hits", "novel_hits")]
    # Cubane counts once among distinct molecules, the bicycle is known, the chain misses.
    assert counts == [4, 3, 2, 3, 2, 1]
    assert (found["hit_rate"], found["novelty"], found["fidelity"]) == (3 / 5, 2 / 3, 4 / 5)
    bicycle, cube = measure([BICYCLE, CUBANE], ["rings"])["rings"]
    assert found["mean_all"] == (bicycle + 2 * cube + 0) / 4
    assert found["mean_novel"] == (cube + 0) / 2
    assert found["error_novel"] == pytest.approx((0 + 2 / rings.std) / 2)
    assert found["error_all"] == pytest.approx((2 / rings.std) / 4)
    assert found["diversity"] == internal_diversity([CUBANE, CHAIN])
    values = measure(SMILES, NEAR).dropna()
    spread = [name for name in NEAR if members[name].nunique() > 1]
    assert found["distance"] == pytest.approx(scaled_distances(values[spread], members[spread]).mean())
    assert (found["nfe"], found["nfe_predictor"], found["seconds"]) == (3.0, 0.5, 9.0)
    # Both spellings of cubane and that of the chain; the bicycle's is the known one.
    assert found["novel_spelled"] == 3
    assert found["examples"] == canonical_smiles(CUBANE)
    assert set(found) == {*FIGURES, "examples"}


def test_a_sample_without_anything_novel(rings):
    sample = Sample(["", ""], np.array([False, False]), {}, COSTS, 2, 0.0)
    found = figures(sample, Problem("p", ("rings>=2",)), Reference(set(), {"rings": rings}, None, 1.5))
    assert (found["valid"], found["novel"], found["examples"]) == (0, 0, "")
    assert all(
        np.isnan(found[name]) for name in ("mean_novel", "mean_all", "diversity", "distance", "novelty")
    )

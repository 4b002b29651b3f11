"""Reports of small sets, counted by hand."""

import numpy as np
import pytest

from moldiff.metrics import TrainingKeys, internal_diversity, max_similarity, morgan_fingerprints
from moldiff.metrics.set_report import nearest_report, set_report

ROWS = ["CCO", "CCO", "c1ccccc1", "Cc1ccccc1", "", "C1CC1", ""]
KNOWN = TrainingKeys.build(["CCO", "C1CC1", "CCCC"])


def report(smiles=ROWS, known=None, **keywords):
    return set_report(smiles, known, **{"generator": np.random.default_rng(0), **keywords})


def test_every_share_by_hand():
    hit = np.array([True, True, True, False, True, False, False])
    faithful = np.array([True, False, True, True, False, True, True])
    found = report(known={"training": KNOWN}, hit=hit, faithful=faithful)
    shares = [found.validity, found.uniqueness, found.fidelity, found.hit_rate, found.scaffolds]
    assert [(share.count, share.total) for share in shares] == [(5, 7), (4, 5), (5, 7), (3, 7), (2, 3)]
    assert [share.of for share in shares[:2]] == ["proposed rows", "valid rows"]
    assert found.acyclic == 1
    [novelty] = found.novelty
    assert (novelty.against, novelty.known) == ("training", 3)
    assert (novelty.share.count, novelty.share.total, novelty.novel_hits) == (2, 4, 1)
    assert (found.counts.unique_hits, found.counts.hits) == (2, 3)
    assert found.validity.low < 5 / 7 < found.validity.high


def test_what_was_not_asked_is_not_there():
    found = report()
    assert (found.fidelity, found.hit_rate, found.novelty) == (None, None, [])
    assert (found.counts.hits, found.counts.novel) == (None, None)


def test_diversity_is_of_distinct_molecules():
    distinct = [name for name in dict.fromkeys(ROWS) if name]
    found = report().diversity
    assert (found.value, found.molecules, found.distinct) == (internal_diversity(distinct), 4, 4)


def test_similarities_of_many_are_those_of_a_sample():
    smiles = ["C" * n + tail for n in range(1, 30) for tail in ("", "O", "N")]
    first, again = (report(smiles, compared=20).diversity for _ in range(2))
    other = report(smiles, compared=20, generator=np.random.default_rng(1)).diversity
    assert (first.molecules, first.distinct) == (20, len(set(smiles)))
    assert first == again != other


def test_nearest_by_hand():
    training = morgan_fingerprints(["CCO", "CCC"])
    found = nearest_report(ROWS, "training", training, generator=np.random.default_rng(0))
    values = max_similarity(["CCO", "c1ccccc1", "Cc1ccccc1", "C1CC1"], training)
    assert (found.against, found.molecules, found.distinct) == ("training", 4, 4)
    assert found.mean.value == pytest.approx(values.mean())
    assert found.median == np.median(values)
    assert found.mean.low <= found.mean.value <= found.mean.high


@pytest.mark.parametrize("smiles", [[""], [], ["CCO"]])
def test_sets_of_none_and_one(smiles):
    found = report(smiles, known={"training": KNOWN})
    near = nearest_report(smiles, "x", morgan_fingerprints(["C"]), generator=np.random.default_rng(0))
    assert np.isnan(found.diversity.value)
    assert np.isnan(near.mean.low)
    assert found.novelty[0].share.total == found.counts.unique == near.molecules

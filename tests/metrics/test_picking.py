"""Scaffold cap and MaxMin picking, against counts and distances by brute force."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit.Chem.rdFingerprintGenerator import GetMorganGenerator
from rdkit.Chem.rdmolfiles import MolFromSmiles
from rdkit.DataStructs import BulkTanimotoSimilarity

from moldiff.datasets import load
from moldiff.errors import InputError
from moldiff.metrics import murcko_scaffolds
from moldiff.metrics.picking import maxmin_pick, scaffold_cap

QM9 = load("qm9").smiles[::1500]
FEW = ["Cc1ccccc1", "CCc1ccccc1", "CCO", "CCN", "C1CC1", "CC1CC1", "", "C1"]


def distances(smiles: list[str]) -> np.ndarray:
    maker = GetMorganGenerator(radius=2, fpSize=2048)
    prints = [maker.GetFingerprint(MolFromSmiles(text)) for text in smiles]
    return np.array([1 - np.array(BulkTanimotoSimilarity(each, prints)) for each in prints])


@settings(max_examples=100)
@given(st.lists(st.sampled_from(FEW), max_size=20), st.integers(1, 4))
def test_the_first_of_each_scaffold_stay(smiles: list[str], at_most: int) -> None:
    kept = scaffold_cap(smiles, at_most)
    valid = [text not in {"", "C1"} for text in smiles]
    scaffolds = murcko_scaffolds(smiles)
    for row in range(len(smiles)):
        before = sum(valid[r] and scaffolds[r] == scaffolds[row] for r in range(row))
        assert kept[row] == (valid[row] and before < at_most)


@pytest.mark.parametrize("at_most", [1, 3])
def test_counts_of_scaffolds_and_a_cap_again(at_most: int) -> None:
    kept = scaffold_cap(QM9, at_most)
    left = [text for text, keep in zip(QM9, kept, strict=True) if keep]
    before, after = Counter(murcko_scaffolds(QM9)), Counter(murcko_scaffolds(left))
    assert after == {scaffold: min(count, at_most) for scaffold, count in before.items()}
    assert max(before.values()) > at_most
    assert scaffold_cap(left, at_most).all()


def test_no_molecules() -> None:
    assert scaffold_cap([], 1).shape == (0,)
    assert maxmin_pick([], 3).shape == (0,)
    assert maxmin_pick(["", "C1"], 3).dtype == np.int64
    assert not scaffold_cap(["", "C1"], 3).any()


@pytest.mark.parametrize("seed", [0, 1, 2**40])
def test_each_pick_is_as_far_as_can_be_from_those_before(seed: int) -> None:
    picks = maxmin_pick(QM9, 12, seed)
    between = distances(QM9)
    for k in range(1, len(picks)):
        nearest = between[:, picks[:k]].min(axis=1)
        nearest[picks[:k]] = -1
        assert nearest[picks[k]] == pytest.approx(nearest.max(), abs=1e-9)


def test_fewer_picks_are_the_first_of_more() -> None:
    picks = maxmin_pick(QM9, 30).tolist()
    assert len(set(picks)) == 30
    for n in (1, 2, 7, 29):
        assert maxmin_pick(QM9, n).tolist() == picks[:n]


def test_seeds_decide_the_first_pick() -> None:
    first = [int(maxmin_pick(QM9, 1, seed)[0]) for seed in range(8)]
    assert len(set(first)) > 4
    assert first == [int(maxmin_pick(QM9, 1, seed)[0]) for seed in range(8)]


@settings(max_examples=50)
@given(st.lists(st.sampled_from([*FEW, *QM9[:20]]), max_size=15), st.integers(1, 20), st.integers(0, 5))
def test_molecules_are_picked_once_repeats_last_and_nothing_else(
    smiles: list[str], n: int, seed: int
) -> None:
    picks = maxmin_pick(smiles, n, seed).tolist()
    valid = [row for row, text in enumerate(smiles) if text not in {"", "C1"}]
    assert len(set(picks)) == len(picks) == min(n, len(valid))
    assert set(picks) <= set(valid)
    fresh = [smiles[row] not in {smiles[other] for other in picks[:k]} for k, row in enumerate(picks)]
    assert fresh == sorted(fresh, reverse=True)


@pytest.mark.parametrize(("n", "seed"), [(0, 0), (-1, 0), (1, -1)])
def test_nothing_to_pick_is_refused(n: int, seed: int) -> None:
    with pytest.raises(InputError, match="at least 1 molecule to pick and a seed from 0"):
        maxmin_pick(["C"], n, seed)


def test_no_cap_is_refused() -> None:
    with pytest.raises(InputError, match="at least 1 molecule for each scaffold, got 0"):
        scaffold_cap(["C"], 0)

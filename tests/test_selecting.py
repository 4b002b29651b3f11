"""What is kept of the proposals: filters, hits, scaffolds and diverse molecules."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moldiff.chem.filters import parse_filters
from moldiff.errors import InputError
from moldiff.metrics.diversity import internal_diversity
from moldiff.metrics.picking import scaffold_cap
from moldiff.selecting import MOST, POOL, REPEATS, Selection, Wanted

MIXED = ["CCO", "Oc1ccccc1O", "C1CC1", "CC1CC1", "Cc1ccccc1", "CCc1ccccc1", "CCCc1ccccc1", "OC1CC1", "CCN"]


def run(smiles, size=3, hits=(), **wanted):
    """Give all the molecules to a selection, in chunks."""
    selection = Selection(Wanted(**wanted))
    for start in range(0, len(smiles), size):
        part = smiles[start : start + size]
        frame = pd.DataFrame({"smiles": part, "unique": True, "hit": [text in hits for text in part]})
        selection.add(selection.judged(frame))
    return selection


def test_the_first_that_pass_are_kept():
    selection = run(MIXED, n=3, filters=parse_filters(["PAINS", "rings>=1"]))
    assert selection.chosen(0)["smiles"].tolist() == ["C1CC1", "CC1CC1", "Cc1ccccc1"]
    assert selection.found == 3
    kept = selection.kept
    assert kept.filtered.values.tolist() == [
        ["CCO", "rings>=1"],
        ["Oc1ccccc1O", "PAINS"],
        ["CCN", "rings>=1"],
    ]
    assert kept.filters == {"PAINS": 1, "rings>=1": 2}
    assert kept.counts == {"filtered": 3, "capped": 0, "candidates": 6}
    assert (selection.chosen(0)["filters_failed"] == "").all()


def test_repeats_and_what_is_invalid_are_neither_kept_nor_filtered():
    selection = Selection(Wanted(9, filters=parse_filters(["rings>=1"])))
    frame = pd.DataFrame({"smiles": ["CCO", "CCO", "", "C1CC1"], "unique": [True, False, False, True]})
    selection.add(selection.judged(frame.assign(hit=True)))
    assert selection.chosen(0)["smiles"].tolist() == ["C1CC1"]
    assert selection.kept.filtered["smiles"].tolist() == ["CCO"]


def test_hits_that_fail_a_filter_are_no_candidates():
    selection = run(MIXED, n=9, only_hits=True, hits=["CCO", "C1CC1"], filters=parse_filters(["rings>=1"]))
    assert selection.chosen(0)["smiles"].tolist() == ["C1CC1"]
    # A molecule that is no hit is filtered as well: the count is of all distinct molecules.
    assert selection.kept.counts["filtered"] == 2


def test_what_was_truncated_is_left_out_where_that_is_wished():
    frame = pd.DataFrame({"smiles": ["CCO", "CCC"], "unique": True, "hit": True, "truncated": [True, False]})
    for wanted, expected in ((Wanted(9), ["CCO", "CCC"]), (Wanted(9, only_faithful=True), ["CCC"])):
        selection = Selection(wanted)
        selection.add(selection.judged(frame))
        assert selection.chosen(0)["smiles"].tolist() == expected


@given(st.lists(st.sampled_from(MIXED), unique=True), st.integers(1, 4), st.integers(1, 9))
def test_the_cap_in_chunks_is_the_cap_of_all(smiles, cap, size):
    selection = run(smiles, size=size, n=9, scaffold_cap=cap)
    if smiles:
        allowed = scaffold_cap(smiles, cap)
        assert selection.chosen(0)["smiles"].tolist() == [
            s for s, ok in zip(smiles, allowed, strict=True) if ok
        ]
        assert selection.capped == (~allowed).sum()


def test_what_fails_a_filter_takes_no_place_under_the_cap():
    selection = run(MIXED, n=9, scaffold_cap=1, filters=parse_filters(["MW>=100"]))
    assert selection.chosen(0)["smiles"].tolist() == ["Oc1ccccc1O"]


def test_diverse_molecules_are_picked_from_a_pool():
    alike = [f"C{'C' * length}O" for length in range(3, 3 + 12)]
    smiles = [*alike[:10], "c1ccccc1", "C1CC1N", *alike[10:]]
    first, diverse = run(smiles, n=3), run(smiles, n=3, diverse=True)
    assert (first.wanted.needed, diverse.wanted.needed) == (3, 3 * POOL)
    assert diverse.found == 12
    picked = diverse.chosen(0)["smiles"].tolist()
    assert len(picked) == 3
    assert internal_diversity(picked) > internal_diversity(first.chosen(0)["smiles"].tolist())
    assert {"c1ccccc1", "C1CC1N"} <= set(picked)
    assert diverse.chosen(0)["smiles"].tolist() == picked
    assert set(picked) <= set(smiles[:12])


def test_too_few_candidates_are_all_returned():
    assert run(MIXED, n=9, diverse=True).chosen(0)["smiles"].tolist() == MIXED


def test_an_interrupt_while_judging_changes_nothing():
    selection = run(MIXED[:3], n=9, scaffold_cap=1)
    before = (selection.candidates, dict(selection.scaffolds), len(selection.frames), selection.capped)
    selection.judged(pd.DataFrame({"smiles": MIXED[3:], "unique": True, "hit": True}))
    assert (selection.candidates, selection.scaffolds, len(selection.frames), selection.capped) == before


def test_no_more_rows_are_held_than_are_needed():
    selection = run([f"{'C' * length}O" for length in range(1, 60)], n=5, size=20)
    assert sum(map(len, selection.frames)) == 5
    assert selection.candidates == 59


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"n": 0}, "n must be a whole number from 1 to 10,000,000, got 0"),
        ({"n": 10**9}, "n must be a whole number from 1 to 10,000,000, got 1000000000"),
        ({"n": 2.5}, "n must be a whole number"),
        ({"n": float("nan")}, "n must be a whole number"),
        ({"n": True}, "n must be a whole number"),
        ({"n": MOST, "diverse": True}, "40,000,000 candidates"),
        ({"n": 1, "max_proposals": 0}, "max_proposals must be a whole number from 1"),
        ({"n": 1, "scaffold_cap": 0}, "scaffold_cap must be a whole number from 1"),
    ],
)
def test_numbers_out_of_range(wanted, message):
    with pytest.raises(InputError, match=message):
        Wanted(**wanted)


def test_numbers_of_numpy_are_numbers():
    assert Wanted(np.int64(3)).limit == 1150


def test_the_best_are_chosen_of_all():
    smiles = [f"{'C' * length}O" for length in range(1, 60)]
    selection = run(smiles, n=5, size=20, best=True)
    assert selection.found == 5
    assert selection.candidates == len(selection.pool) == 59
    assert selection.chosen(0, selection.pool.iloc[::-1])["smiles"].tolist() == smiles[:-6:-1]


def test_the_cap_keeps_the_best_of_a_scaffold():
    selection = run(MIXED, n=9, scaffold_cap=1, best=True)
    worst_first = selection.pool.iloc[::-1]
    assert selection.chosen(0, worst_first)["smiles"].tolist() == ["CCN", "OC1CC1", "CCCc1ccccc1"]
    assert selection.chosen(0)["smiles"].tolist() == ["CCO", "Oc1ccccc1O", "C1CC1"]
    assert (selection.candidates, selection.capped, selection.found) == (3, 6, 3)


def test_a_run_of_the_best_may_propose_more():
    assert Wanted(10).of_the_best(100) == Wanted(10, max_proposals=1500 + REPEATS * 100, best=True)
    assert Wanted(10, max_proposals=7).of_the_best(100).limit == 7


def test_properties_may_have_any_name():
    """Columns of what is under way do not get in the way of theirs."""
    selection = Selection(Wanted(1, scaffold_cap=1))
    frame = pd.DataFrame({"smiles": ["CCO"], "unique": True, "hit": True, "keep": 0.5, "scaffold": 0.7})
    selection.add(selection.judged(frame))
    assert selection.chosen(0)[["keep", "scaffold"]].to_numpy().tolist() == [[0.5, 0.7]]
    assert set(selection.chosen(0)) == {*frame, "filters_failed"}

"""Steered chunks: their proposals are the molecules that were asked about, and no others."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from moldiff.chem.tokenizer import SelfiesTokenizer
from moldiff.diffusion import MaskedProcess, SubtokenCodec
from moldiff.diffusion.canvas import CanvasLaw
from moldiff.diffusion.sampler import Sampler, conditional
from moldiff.guidance.selections import SELECTIONS, Steered, make_selection
from moldiff.proposing import COSTS, Proposed, Proposer
from moldiff.steering import BestSoFar, Shown, SteeredProposer

C = 5
PROCESS = MaskedProcess(SubtokenCodec(torch.arange(C)[:, None]))
LAW = CanvasLaw(torch.tensor([4, 8]), torch.tensor([1, 1]), torch.zeros(2, 1), torch.tensor([4, 8]))


def network(z, y, t=None):
    return torch.zeros(*z.shape[:2], C)


def nothing_asked(n, generator):
    return torch.full((n, 1), torch.nan)


class Book:
    """Scores rows by their mean, once each, and keeps those it was asked about within a budget."""

    def __init__(self, budget=10**9, failing=None):
        self.budget, self.failing = budget, failing
        self.scores, self.shown = {}, []

    def __call__(self, tokens):
        values = []
        for row in tokens.tolist():
            key = tuple(row)
            self.shown.append(key)
            if key not in self.scores and len(self.scores) < self.budget:
                self.scores[key] = np.nan if self.failing and self.failing(row) else float(np.mean(row))
            values.append(self.scores.get(key, np.nan))
        return torch.tensor(values, dtype=torch.float64)

    def used_up(self):
        return len(self.scores) == self.budget

    def asked(self, tokens):
        return torch.tensor([tuple(row) in self.scores for row in tokens.tolist()], dtype=torch.bool)


KNOBS = {
    "particles": {"n": 4, "looks": 2, "start": 0.0},
    "best-of": {"n": 4},
    "metropolis": {"moves": 5, "most": 2},
}


def steered(name, book, pilot=None, seed=3):
    sampler, shown = Sampler(network, PROCESS), Shown(book, book.asked)
    selection = make_selection(name, Steered(shown, sampler, until=book.used_up), KNOBS[name])
    return SteeredProposer(
        sampler,
        LAW,
        nothing_asked,
        conditional,
        1.0,
        steps=6,
        seed=seed,
        chunk=16,
        group=selection.n,
        selection=selection,
        shown=shown,
        pilot=pilot,
    )


def rows_of(chunk):
    return [tuple(row[:size].tolist()) for row, size in zip(chunk.ids, chunk.canvas, strict=True)]


@pytest.mark.parametrize("name", SELECTIONS)
def test_proposals_are_what_was_shown_in_its_order(name):
    book = Book()
    propose = steered(name, book)
    chunk = propose(1)
    assert rows_of(chunk) == book.shown
    assert len(chunk.ids) >= 16
    assert set(chunk.canvas) == {4, 8}
    assert chunk.ids.dtype == np.uint8
    assert all(not row[size:].any() for row, size in zip(chunk.ids, chunk.canvas, strict=True))
    assert np.isnan(chunk.y).all()
    assert chunk.y.shape == (len(chunk.ids), 1)
    book.shown.clear()
    assert rows_of(propose(2)) == book.shown
    assert propose.rows is None


@pytest.mark.parametrize("name", SELECTIONS)
def test_network_rows_of_the_selection_are_counted(name):
    propose = steered(name, Book())
    plain = Proposer(propose.sampler, LAW, nothing_asked, conditional, 1.0, steps=6, chunk=16)(1)
    beside = propose.selection.passes
    chunk = propose(1)
    assert set(chunk.counts) == set(COSTS)
    added = propose.selection.passes - beside
    assert (added > 0) == (name != "best-of")
    assert chunk.counts["nfe"] <= 16 * 6 + added
    assert chunk.counts["nfe"] > plain.counts["nfe"] / 2 + added


@pytest.mark.parametrize("name", SELECTIONS)
def test_the_same_scores_before_give_the_same_chunk(name):
    first, again, other = (steered(name, Book(), seed=seed) for seed in (3, 3, 4))
    for index in (1, 2):
        one, same, different = (propose(index) for propose in (first, again, other))
        assert rows_of(one) == rows_of(same)
        assert rows_of(one) != rows_of(different)


@pytest.mark.parametrize("name", SELECTIONS)
def test_what_comes_too_late_is_no_proposal_and_what_failed_is_one(name):
    """So that whoever asks again about the proposals, in their order, has spent just as much."""
    book = Book(budget=20, failing=lambda row: row[0] == 1)
    propose = steered(name, book)
    chunks = []
    while not book.used_up():
        chunks.append(propose(len(chunks) + 1))
    again = Book(budget=20, failing=book.failing)
    for chunk in chunks:
        for row in rows_of(chunk):
            again(torch.tensor([row]))
    assert list(again.scores) == list(book.scores)
    assert np.isnan(list(book.scores.values())).any()
    assert len(set(book.shown)) > 20


def test_a_chunk_may_be_empty():
    book = Book(budget=0)
    chunk = steered("metropolis", book)(1)
    assert chunk.ids.shape == (0, 0)
    assert chunk.y.shape == (0, 1)
    assert chunk.canvas.shape == (0,)
    assert chunk.counts["nfe"] > 0


def test_the_first_sample_is_chunk_0():
    pilot = Proposed(np.ones((3, 4), np.uint8), np.zeros((3, 1), np.float32), np.full(3, 4), {}, 0.1)
    book = Book()
    propose = steered("best-of", book, pilot)
    assert propose(0) is pilot
    assert book.shown == []
    assert propose(1) is not pilot
    assert steered("best-of", Book())(0) is not pilot


def test_rows_of_a_group_share_conditions_and_canvas():
    seen = []

    def draw(n, generator):
        seen.append(n)
        return torch.arange(float(n))[:, None]

    propose = Proposer(
        Sampler(network, PROCESS), LAW, draw, conditional, 0.0, steps=2, chunk=12, group=4, seed=1
    )
    chunk = propose(0)
    assert seen == [3]
    assert chunk.y[:, 0].tolist() == [0.0] * 4 + [1.0] * 4 + [2.0] * 4
    assert all(len(set(part)) == 1 for part in chunk.canvas.reshape(3, 4).tolist())
    with pytest.raises(ValueError, match="a chunk of 10 rows does not hold whole groups of 4"):
        replace(propose, chunk=10)


def test_an_elitist_selection_goes_on_from_the_best():
    """Without a move it would show the best ones alone; with one of a token each, their neighbours."""
    book = Book()
    start = [torch.tensor([4, 4, 4, 3]), torch.tensor([4, 4, 4, 4, 4, 4, 4, 2])]
    proposer = replace(steered("metropolis", book), best=lambda n: start)
    proposer.selection.elite = True
    proposer.selection.moves = 1
    chunk = proposer(1)
    whole = {tuple(row.tolist()) for row in start}
    shown = [tuple(row[:size].tolist()) for row, size in zip(chunk.ids, chunk.canvas, strict=True)]
    assert whole <= set(shown)
    assert set(chunk.canvas) == {4, 8}
    for row in shown:
        near = [
            sum(a != b for a, b in zip(row, other, strict=True)) for other in whole if len(other) == len(row)
        ]
        assert min(near) <= 2  # a move hides at most two tokens
    proposer.selection.elite = False
    again = proposer(1)
    assert any(
        tuple(row[:size].tolist()) not in whole for row, size in zip(again.ids, again.canvas, strict=True)
    )


def test_the_best_so_far_are_found_in_what_was_scored():
    tokenizer = SelfiesTokenizer(["[nop]", "[C]", "[O]"])
    scores = {"CCO": 1.0, "CC": np.nan, "N": 9.0, "COC": 3.0, "CCCCCCCCC": 8.0, "C": 2.0}
    best = BestSoFar(tokenizer, lambda names: np.array([scores[name] for name in names]), scores, [2, 4])
    # Nitrogen is no symbol of the model, nine carbons fit no canvas, and ethane has no score.
    assert [row.tolist() for row in best(9)] == [[1, 2, 1, 0], [1, 0], [1, 1, 2, 0]]
    assert [row.tolist() for row in best(1)] == [[1, 2, 1, 0]]
    scores["O"] = 5.0
    assert best(1)[0].tolist() == [2, 0]

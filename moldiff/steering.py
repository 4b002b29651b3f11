"""Runs that are steered by a score: their proposals are the molecules that were scored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from torch import Tensor

from moldiff.guidance.guesses import Score
from moldiff.guidance.selections import Steer
from moldiff.proposing import Proposed, Proposer


class Shown:
    """A score of tokens that remembers what it was shown.

    Args:
        score: Of finished tokens (B, L), NaN where there is none.
        asked: Tells which of the rows (B, L) were asked about, (B,) bool: what comes when nothing more is
            scored is not remembered. Molecules that failed are, so that a run that goes on from its proposals
            knows what it has spent.

    Example:
        >>> import torch
        >>> everything = lambda tokens: torch.ones(len(tokens), dtype=torch.bool)
        >>> shown = Shown(lambda tokens: tokens.sum(1).double(), everything)
        >>> shown(torch.tensor([[1, 2], [0, 4]])).tolist()
        [3.0, 4.0]
        >>> [rows.tolist() for rows in shown.take()], shown.take()
        ([[[1, 2], [0, 4]]], [])
    """

    def __init__(self, score: Score, asked: Callable[[Tensor], Tensor]) -> None:
        self.score = score
        self.asked = asked
        self._rows: list[Tensor] = []

    def __call__(self, tokens: Tensor) -> Tensor:
        """Return the scores (B,) float64 of tokens (B, L) int64."""
        values = self.score(tokens)
        rows = tokens.cpu()
        self._rows.append(rows[self.asked(rows)])
        return values

    def take(self) -> list[Tensor]:
        """Return the rows remembered since the last time, in the order in which they were shown."""
        rows, self._rows = self._rows, []
        return rows


@dataclass
class SteeredProposer(Proposer):
    """Draw chunks whose proposals are all molecules that the score was shown, guesses and repeats included.

    A chunk is a function of seed, index and what was scored before it. Which conditions a guess had is not
    kept: the y of its proposals are NaN.

    Args:
        selection: Steers by the score.
        shown: The score, which remembers.
        pilot: Chunk 0, which is not steered: from it the score's scale was told. None to steer from the first
            chunk on.
    """

    selection: Steer = field(kw_only=True)
    shown: Shown = field(kw_only=True)
    pilot: Proposed | None = None

    @property
    def rows(self) -> int | None:
        """None: how many molecules a chunk shows to the score is not known before."""
        return None

    def __call__(self, index: int) -> Proposed:
        """Return chunk ``index``, counted from 0; the chunks before it have been drawn."""
        if index == 0 and self.pilot is not None:
            return self.pilot
        before = self.selection.passes
        drawn = super().__call__(index)
        rows = [part for part in self.shown.take() if len(part)]
        canvas = np.array([part.shape[1] for part in rows for _ in range(len(part))], dtype=np.int64)
        ids = np.zeros((len(canvas), int(canvas.max(initial=0))), dtype=np.uint8)
        first = 0
        for part in rows:
            ids[first : first + len(part), : part.shape[1]] = part.numpy()
            first += len(part)
        counts = {**drawn.counts, "nfe": drawn.counts["nfe"] + self.selection.passes - before}
        y = np.full((len(ids), drawn.y.shape[1]), np.nan, dtype=np.float32)
        return Proposed(ids, y, canvas, counts, drawn.seconds)

"""Runs that are steered by a score: their proposals are the molecules that were scored."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from moldiff.chem.tokenizer import SelfiesTokenizer
from moldiff.diffusion.tally import SampleOutput
from moldiff.errors import InputError
from moldiff.guidance.guesses import Score
from moldiff.guidance.metropolis import Metropolis
from moldiff.guidance.selections import Steer
from moldiff.proposing import Proposed, Proposer
from moldiff.scoring.goals import Measure


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


class BestSoFar:
    """The best molecules that were scored so far, as tokens.

    They are found in what was scored, not in what was drawn: a run that goes on finds the same ones.

    Args:
        tokenizer: Writes them.
        score: Of molecules; those that were scored cost nothing.
        scored: The molecules that were scored, as they become more.
        sizes: Canvas sizes, ascending.

    Example:
        >>> tokenizer = SelfiesTokenizer(["[nop]", "[C]", "[O]"])
        >>> length = lambda smiles: np.array([float(len(text)) for text in smiles])
        >>> best = BestSoFar(tokenizer, length, ["C", "COC", "CO"], [2, 4])
        >>> [row.tolist() for row in best(2)]
        [[1, 2, 1, 0], [1, 2, 0, 0]]
    """

    def __init__(
        self,
        tokenizer: SelfiesTokenizer,
        score: Measure,
        scored: Collection[str],
        sizes: Sequence[int],
    ) -> None:
        self.tokenizer = tokenizer
        self.score = score
        self.scored = scored
        self.sizes = sizes

    def __call__(self, n: int) -> list[Tensor]:
        """Return the tokens (L,) int64 of at most n molecules, best first, each on its smallest canvas."""
        names = list(self.scored)
        values = np.nan_to_num(self.score(names), nan=-np.inf)
        found: list[Tensor] = []
        for row in np.argsort(-values, kind="stable"):
            if len(found) == n or values[row] == -np.inf:
                break
            ids = self.tokenizer.try_encode([names[row]])[0]
            if isinstance(ids, InputError):
                continue
            size = next((size for size in self.sizes if size > len(ids)), None)
            if size is not None:
                found.append(torch.tensor([*ids.tolist(), *[0] * (size - len(ids))]))
        return found


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
        best: The best molecules so far, with which the chunks of an elitist selection begin; None to draw
            them all.
    """

    selection: Steer = field(kw_only=True)
    shown: Shown = field(kw_only=True)
    pilot: Proposed | None = None
    best: Callable[[int], list[Tensor]] | None = None
    _begin: list[Tensor] = field(default_factory=list)

    @property
    def rows(self) -> int | None:
        """None: how many molecules a chunk shows to the score is not known before."""
        return None

    def __call__(self, index: int) -> Proposed:
        """Return chunk ``index``, counted from 0; the chunks before it have been drawn."""
        if index == 0 and self.pilot is not None:
            return self.pilot
        before = self.selection.passes
        elitist = isinstance(self.selection, Metropolis) and self.selection.elite
        self._begin = self.best(self.chunk) if elitist and self.best is not None else []
        drawn = super().__call__(index)
        rows = [row for part in self.shown.take() for row in part.numpy()]
        canvas = np.array([len(row) for row in rows], dtype=np.int64)
        ids = np.zeros((len(rows), int(canvas.max(initial=0))), dtype=np.uint8)
        for place, row in enumerate(rows):
            ids[place, : len(row)] = row
        counts = {**drawn.counts, "nfe": drawn.counts["nfe"] + self.selection.passes - before}
        y = np.full((len(ids), drawn.y.shape[1]), np.nan, dtype=np.float32)
        return Proposed(ids, y, canvas, counts, drawn.seconds)

    def _canvases(self, y: Tensor, generator: torch.Generator) -> Tensor:
        """Return the canvas of every row, (B,) int64: of the molecules to begin with, if there are any."""
        if not self._begin:
            return super()._canvases(y, generator)
        # There may be fewer than rows: then they take turns.
        return torch.tensor([len(self._begin[row % len(self._begin)]) for row in range(len(y))])

    def _run(self, rows: int, length: int, y: Tensor, noise: torch.Generator) -> SampleOutput:
        """Run rows of one canvas, from noise or from the molecules to begin with."""
        if not (self._begin and isinstance(self.selection, Metropolis)):
            return super()._run(rows, length, y, noise)
        these = [row for row in self._begin if len(row) == length]
        tokens = torch.stack([these[row % len(these)] for row in range(rows)]).to(self.device)
        chain = self.selection.run(tokens, y.to(self.device), noise)
        nothing = torch.zeros(rows, dtype=torch.int64, device=self.device)
        return SampleOutput(chain.tokens, nothing.double(), *[nothing] * 7)

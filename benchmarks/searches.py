"""Searches: a scorer, a budget of calls, and a way to spend it on molecules that a model draws.

Every search begins with the same unsteered sample of its seed, the pilot, whose calls count. The standard
deviation of its scores is the unit of strength, so that one setting serves scorers of any scale.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

from moldiff.benchmarks.ground import Drawn, Ground, Way, counted, seeded
from moldiff.guidance.selections import Steered, make_selection, selection_knobs
from moldiff.scoring.oracle import Oracle
from moldiff.scoring.scorers import BuiltIn

TOP = 10
_MOST_ROUNDS = 2000


class UsedUp(Exception):  # noqa: N818 - no error: how a search ends
    """The budget is used up: what a run would still draw cannot be scored."""


@dataclass(frozen=True)
class Standing:
    """What a search has after so many calls.

    Attributes:
        calls: Distinct molecules that the scorer was asked about.
        mean: Of the ten best scores; NaN where no molecule has one.
        best: The best score.
        molecules: SMILES of the ten best, best first.
        evaluated: Network rows spent.
        asked: Molecules put to the oracle, repeated ones and guesses included.
    """

    calls: int
    mean: float
    best: float
    molecules: list[str]
    evaluated: int
    asked: int


class Search:
    """One scorer, one budget, one way, one seed.

    Args:
        ground: The model.
        scorer: Higher is better.
        way: How to go on after the pilot.
        seed: Of all noise.
        calls: The budget.

    Attributes:
        oracle: Knows all scores, in the order of asking.
        pool: Score and tokens of every molecule that has a score, by SMILES.
    """

    def __init__(self, ground: Ground, scorer: BuiltIn, way: Way, *, seed: int, calls: int) -> None:
        self.ground, self.way, self.seed = ground, way, seed
        self.oracle = Oracle(scorer, workers=0, cache=False, oracle_calls=calls)
        self.pool: dict[str, tuple[float, Tensor]] = {}
        self._unit = 1.0
        self._evaluated = self._mark = self._asked = 0
        self._spent: list[tuple[int, int, int]] = []

    def run(self) -> None:
        """Spend the budget."""
        try:
            self._take(self.ground.unsteered(Way("best-of"), self.seed, 0))
            # All scores alike: any unit will do.
            self._unit = float(np.std([score for score, _ in self.pool.values()])) or 1.0
            for index in range(1, _MOST_ROUNDS):
                if self.way.selection == "best-of":
                    self._take(self.ground.unsteered(self.way, self.seed, index))
                else:
                    self._steer(index)
        except UsedUp:
            pass

    def standing(self, calls: int) -> Standing:
        """Return what there was after the first ``calls`` molecules."""
        scores = dict(itertools.islice(self.oracle.scores.items(), calls))
        known = {name: score for name, score in scores.items() if np.isfinite(score)}
        best = sorted(known, key=lambda name: -known[name])[:TOP]
        spent = next((entry for entry in self._spent if entry[0] >= calls), self._spent[-1])
        return Standing(
            len(scores),
            float(np.mean([known[name] for name in best])) if best else np.nan,
            known[best[0]] if best else np.nan,
            best,
            *spent[1:],
        )

    @property
    def best(self) -> list[Tensor]:
        """The tokens (L,) of the best molecules so far, best first, as many as a round has rows."""
        ordered = sorted(self.pool.values(), key=lambda entry: -entry[0])
        return [row for _, row in ordered[: self.way.rows]]

    @property
    def groups(self) -> int:
        """How many canvases a round has: one for each group of particles, and for each chain."""
        return self.way.rows // int(selection_knobs(self.way.selection, self.way.knobs).get("n", 1))

    def score(self, tokens: Tensor) -> Tensor:
        """Return the scores of finished tokens, (B,) float64 from (B, L) int64.

        Raises:
            UsedUp: If there is nothing left to ask with.
        """
        names = self.ground.smiles(tokens)
        values = self.oracle(names)
        self._asked += len(names)
        for name, value, row in zip(names, values.tolist(), tokens, strict=True):
            if np.isfinite(value):
                self.pool.setdefault(name, (value, row.clone()))
        self._spent.append(
            (self.oracle.calls, self._evaluated + self.ground.network.rows - self._mark, self._asked)
        )
        if self.oracle.left == 0:
            raise UsedUp
        return torch.from_numpy(values)

    def _take(self, chunk: list[Drawn]) -> None:
        """Score unsteered rows; they cost what they cost when they were first drawn."""
        self._mark = self.ground.network.rows
        for drawn in chunk:
            self._evaluated += drawn.evaluated
            self.score(drawn.tokens)

    def _steer(self, index: int) -> None:
        """Run one round."""
        ground, way, generator = self.ground, self.way, seeded(self.seed, index)
        strength = way.strengths[index % len(way.strengths)] / self._unit
        for rows, length, start in BEGINNINGS[way.begin](self, generator):
            sampler = ground.sampler(way)
            selection = make_selection(
                way.selection,
                Steered(self.score, sampler, temperature=way.temperature),
                {**way.knobs, "strength": strength},
            )
            ground.run(sampler, way, rows, length, generator, selection=selection, start=start)


Beginning: TypeAlias = tuple[int, int, Tensor | None]
"""Rows, their canvas, and digits to start from."""


def from_noise(search: Search, generator: torch.Generator) -> Iterator[Beginning]:
    """Begin anew: every group of particles, and every chain, on a canvas of its own."""
    canvases = search.ground.canvases(search.groups, generator)
    yield from _on(canvases, search)


def on_canvases_of_best(search: Search, generator: torch.Generator) -> Iterator[Beginning]:
    """Begin anew, on canvases of the best molecules so far."""
    canvases = torch.tensor([len(row) for row in search.best])
    chosen = torch.randint(len(canvases), (search.groups,), generator=generator)
    yield from _on(canvases[chosen], search)


def _on(canvases: Tensor, search: Search) -> Iterator[Beginning]:
    for length, count in counted(canvases):
        yield count * (search.way.rows // search.groups), length, None


def from_best(search: Search, _: torch.Generator) -> Iterator[Beginning]:
    """Go on with the best molecules so far."""
    best = search.best
    for length, count in counted(torch.tensor([len(row) for row in best])):
        rows = torch.stack([row for row in best if len(row) == length])
        yield count, length, search.ground.process.codec.encode(rows)


BEGINNINGS: dict[str, Callable[[Search, torch.Generator], Iterator[Beginning]]] = {
    "noise": from_noise,
    "canvases of the best": on_canvases_of_best,
    "best": from_best,
}

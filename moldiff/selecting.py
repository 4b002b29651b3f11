"""Which of the molecules that a run proposes are kept: filters, hits, scaffolds, diversity."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from moldiff.chem.filters import Filter, failed_filters
from moldiff.errors import InputError
from moldiff.generation import Kept
from moldiff.metrics.picking import maxmin_pick
from moldiff.metrics.scaffolds import murcko_scaffolds
from moldiff.settings import check_whole

MOST = 10_000_000
"""Molecules of one run: they are held in memory, some hundreds of bytes each."""

REPEATS = 20
"""Proposals for each call of a scorer, at most, since molecules that were scored before cost none."""

POOL = 4
"""Candidates drawn for each molecule returned, where diverse ones are picked."""

KEEP, SCAFFOLD = "=keep", "=scaffold"
"""Columns of chunks on their way, by names that no property can have."""


@dataclass(frozen=True)
class Wanted:
    """What to return of the molecules that are proposed: valid ones, all different, and what is asked here.

    Args:
        n: Molecules to return.
        only_hits: Keep only molecules that meet every goal.
        only_faithful: Keep only molecules all of whose symbols have their full effect. A perfect network
            would write no others, since SELFIES that were encoded have none.
        max_proposals: Begin no chunk after so many; 1,000 + 50 for each molecule needed unless given.
        filters: Keep only molecules that pass them all; those that need the training molecules have them.
        scaffold_cap: Keep at most so many molecules of one scaffold: the first, or the best.
        diverse: Draw ``POOL`` n candidates, and return the n that differ most.
        best: Keep all candidates, to return the best of them, not the first.

    Raises:
        InputError: If a number is out of range.

    Example:
        >>> Wanted(10).limit, Wanted(10, diverse=True).needed
        (1500, 40)
    """

    n: int
    only_hits: bool = False
    only_faithful: bool = False
    max_proposals: int | None = None
    filters: Sequence[Filter] = ()
    scaffold_cap: int | None = None
    diverse: bool = False
    best: bool = False

    def __post_init__(self) -> None:
        check_whole("n", self.n, 1, MOST)
        check_whole("max_proposals", self.max_proposals, 1, 10**12)
        check_whole("scaffold_cap", self.scaffold_cap, 1, MOST)
        if self.needed > MOST:
            raise InputError(
                f"{self.needed:,} candidates for n = {self.n:,} are too many: the most is {MOST:,}"
            )

    def of_the_best(self, calls: int) -> Wanted:
        """Return the same wish for a run that goes on until its scorer's calls are used up.

        Args:
            calls: Of the scorer: a run that shows it nothing new ends after so many proposals for each.
        """
        limit = self.max_proposals or self.limit + REPEATS * calls
        return replace(self, best=True, max_proposals=limit)

    @property
    def needed(self) -> int:
        """Candidates to find."""
        return self.n * (POOL if self.diverse else 1)

    @property
    def limit(self) -> int:
        """Proposals after which no chunk is begun."""
        return 1000 + 50 * self.needed if self.max_proposals is None else self.max_proposals

    @property
    def settings(self) -> dict[str, object]:
        """All of it, as JSON takes it."""
        return {
            "n": self.n,
            "only_hits": self.only_hits,
            "only_faithful": self.only_faithful,
            "max_proposals": self.limit,
            "filters": [each.text for each in self.filters],
            "scaffold_cap": self.scaffold_cap,
            "diverse": self.diverse,
        }


@dataclass
class Selection:
    """What is kept of a run so far.

    Args:
        wanted: What to keep.

    Example:
        >>> selection = Selection(Wanted(2))
        >>> chunk = pd.DataFrame({"smiles": ["C", "CC", "CCC"], "unique": True, "hit": False})
        >>> selection.add(selection.judged(chunk))
        >>> selection.found, selection.chosen(seed=0)["smiles"].tolist()
        (2, ['C', 'CC'])
    """

    wanted: Wanted
    frames: list[pd.DataFrame] = field(default_factory=list)
    failing: list[pd.DataFrame] = field(default_factory=list)
    scaffolds: Counter[str] = field(default_factory=Counter)
    capped: int = 0
    candidates: int = 0

    @property
    def found(self) -> int:
        """Candidates, at most as many as are needed."""
        return min(self.candidates, self.wanted.needed)

    def judged(self, chunk: pd.DataFrame) -> pd.DataFrame:
        """Return the chunk with the filters that each new molecule fails, and whether it may be kept.

        Args:
            chunk: Proposals with smiles, unique and, where the wish is about them, hit and truncated.
        """
        smiles, new = chunk["smiles"].to_numpy(), chunk["unique"].to_numpy()
        failed = np.full(len(chunk), "", dtype=object)
        failed[new] = failed_filters(list(smiles[new]), self.wanted.filters)
        keep = new & (failed == "")
        if self.wanted.only_hits:
            keep &= chunk["hit"].to_numpy()
        if self.wanted.only_faithful:
            keep &= ~chunk["truncated"].to_numpy()
        scaffolds = np.full(len(chunk), "", dtype=object)
        if self.wanted.scaffold_cap is not None:
            scaffolds[keep] = murcko_scaffolds(list(smiles[keep]))
        return chunk.assign(filters_failed=failed, **{KEEP: keep, SCAFFOLD: scaffolds})

    def add(self, chunk: pd.DataFrame) -> None:
        """Keep what may be kept of a chunk from ``judged``, in its order."""
        keep = np.flatnonzero(chunk[KEEP])
        under = np.array([self._under_the_cap(name) for name in chunk[SCAFFOLD].iloc[keep]], dtype=bool)
        self.capped += int((~under).sum())
        self.candidates += int(under.sum())
        # Which of a scaffold are its best is known at the end, which are its first at once.
        if not self.wanted.best:
            keep = keep[under][: self.wanted.needed - sum(map(len, self.frames))]
        self.frames.append(chunk.iloc[keep].drop(columns=KEEP))
        fails = chunk["filters_failed"] != ""
        self.failing.append(chunk.loc[fails, ["smiles", "filters_failed"]])

    def _under_the_cap(self, scaffold: str) -> bool:
        if self.wanted.scaffold_cap is None:
            return True
        self.scaffolds[scaffold] += 1
        return self.scaffolds[scaffold] <= self.wanted.scaffold_cap

    @property
    def pool(self) -> pd.DataFrame:
        """Candidates, in the order in which they were proposed.

        They are as many as are needed; where the best count, all, with those too many of a scaffold.
        """
        return pd.concat(self.frames, ignore_index=True)

    def chosen(self, seed: int, pool: pd.DataFrame | None = None) -> pd.DataFrame:
        """Return the molecules to return, at most n: the first, or the most different of those needed.

        Args:
            seed: Of the choice of different ones.
            pool: The candidates in another order.
        """
        first = self.pool if pool is None else pool
        if self.wanted.scaffold_cap is not None:
            first = first[first.groupby(SCAFFOLD).cumcount() < self.wanted.scaffold_cap]
        first = first.drop(columns=SCAFFOLD).head(self.wanted.needed)
        if not self.wanted.diverse or len(first) <= self.wanted.n:
            return first.head(self.wanted.n)
        picked = maxmin_pick(list(first["smiles"]), self.wanted.n, seed)
        return first.iloc[picked].reset_index(drop=True)

    @property
    def kept(self) -> Kept:
        """What became of the molecules."""
        filtered = pd.concat(self.failing, ignore_index=True)
        fails = Counter(text for texts in filtered["filters_failed"] for text in texts.split("; "))
        texts = [each.text for each in self.wanted.filters]
        return Kept(filtered, {text: fails[text] for text in texts}, self.capped, self.candidates)

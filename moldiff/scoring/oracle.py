"""The oracle: every distinct molecule scored once, within a budget, whatever the scorer does."""

from __future__ import annotations

import math
import pickle
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from joblib import wrap_non_picklable_objects
from numpy.typing import NDArray

from moldiff.chem.standardise import canonical
from moldiff.datasets import cache_folder
from moldiff.errors import InputError
from moldiff.scoring.answers import Function
from moldiff.scoring.cache import ScoreCache, content_key
from moldiff.scoring.pool import Asking, Here, Pool
from moldiff.scoring.process import ScorerProcess
from moldiff.scoring.scorers import BuiltIn, Scorer, load_scorer
from moldiff.scoring.worker import load, source_of
from moldiff.settings import check_whole

USED_UP = "not scored: the budget of oracle calls is used up"
"""The reason of a molecule that came too late."""

LISTED = 100
"""Molecules without a score that a record lists, with the reasons."""

_NO_MOLECULE = "no molecule"


class Oracle:
    """A scorer that is asked about each distinct molecule once, and survived.

    One's own scorer runs in worker processes that are killed when they take too long; what it prints is put
    aside. A batch that fails is tried again molecule by molecule. What has no score in the end (the scorer
    raised, ended, hung, gave NaN, an infinity, text, None or the wrong number of values) is NaN, and
    ``reasons`` says why.

    The budget counts every distinct molecule that gets or fails to get a score, those whose score is on disk
    from earlier runs included: a run then draws the same molecules whether its scores are known or not, and
    the scorer is never asked about more molecules than the budget.

    Args:
        scorer: "package.module:function", a function from a list of SMILES to as many numbers, or a
            ``BuiltIn``.
        oracle_calls: The budget; None for none.
        cache: Folder of scores on disk; True for the user's cache folder, False for none. Built-in scorers
            keep none: they are as fast as the disk.
        workers: Processes that score side by side; 0 scores in this one, without a time-out.
        batch: Molecules that the scorer gets at a time, at most.
        timeout: Seconds for a batch, and for a molecule that is tried alone.
        retries: How often a molecule that failed is tried again.

    Attributes:
        scores: Score of each molecule asked about, by canonical SMILES, in the order of asking; NaN where
            there is none.
        reasons: Why, for those that have none.
        asked: Molecules that the scorer itself was asked about.
        key: Tells the scorer's content from another's; None where it cannot be told.

    Raises:
        InputError: If the scorer cannot be loaded, or a setting is out of range.

    Example:
        >>> lengths = lambda smiles: [len(text) for text in smiles]
        >>> oracle = Oracle(lengths, workers=0, cache=False, oracle_calls=2)
        >>> oracle(["CCO", "OCC", "C1CC", "C", "N"]).tolist()
        [3.0, 3.0, nan, 1.0, nan]
        >>> oracle.calls, oracle.left, oracle.reason("N")
        (2, 0, 'not scored: the budget of oracle calls is used up')
    """

    def __init__(
        self,
        scorer: str | Scorer | Function,
        *,
        oracle_calls: int | None = None,
        cache: bool | str | Path = True,
        workers: int = 1,
        batch: int = 64,
        timeout: float = 120.0,
        retries: int = 1,
    ) -> None:
        _check(oracle_calls=oracle_calls, workers=workers, batch=batch, timeout=timeout, retries=retries)
        if not isinstance(cache, bool | str | Path):
            raise InputError(f"cache must be true, false or the name of a folder, got {cache!r}")
        self.scorer = load_scorer(scorer)
        self.oracle_calls = oracle_calls
        self.scores: dict[str, float] = {}
        self.reasons: dict[str, str] = {}
        self.asked = 0
        staff, self.key = _staff(self.scorer, workers)
        self._pool = Pool(staff, batch=batch, timeout=timeout, retries=retries)
        self._cache = None
        if cache is not False and self.key is not None:
            place = cache_folder() / "scores" if cache is True else Path(cache)
            self._cache = ScoreCache(place / self.key)
        self._on_disk = {} if self._cache is None else self._cache.read()

    @property
    def calls(self) -> int:
        """Distinct molecules that count towards the budget."""
        return len(self.scores)

    @property
    def left(self) -> int | None:
        """Molecules that may still be scored; None without a budget."""
        return None if self.oracle_calls is None else max(0, self.oracle_calls - self.calls)

    def __call__(self, smiles: Sequence[str]) -> NDArray[np.float64]:
        """Return the score of each molecule, (B,) float64, NaN where there is none.

        Args:
            smiles: B SMILES, canonical or not; "" is no molecule.
        """
        names = self._canonical(smiles)
        new = [name for name in dict.fromkeys(names) if name and name not in self.scores]
        self._score(new if self.left is None else new[: self.left])
        return np.array([self.scores.get(name, math.nan) for name in names], dtype=np.float64)

    def reason(self, smiles: str) -> str:
        """Say why a molecule has no score, "" if it has one."""
        name = self._canonical([smiles])[0]
        return "" if math.isfinite(self.scores.get(name, math.nan)) else self._why(name)

    def summary(self) -> dict[str, Any]:
        """Return what a record keeps: scorer, budget, and how many molecules were asked about and failed."""
        return {
            "scorer": self.scorer.name,
            "oracle_calls": self.calls,
            "budget": self.oracle_calls,
            "asked": self.asked,
            "failed": len(self.reasons),
            "reasons": dict(islice(self.reasons.items(), LISTED)),
        }

    def close(self) -> None:
        """End the processes of the scorer; they are started again when they are needed."""
        self._pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _canonical(self, smiles: Sequence[str]) -> list[str]:
        """Return canonical SMILES; those that are known to be are not parsed again."""
        strange = [text for text in dict.fromkeys(smiles) if text not in self.scores]
        named = dict(zip(strange, canonical(strange), strict=True))
        return [named.get(text, text) for text in smiles]

    def _why(self, name: str) -> str:
        if not name:
            return _NO_MOLECULE
        return self.reasons.get(name, USED_UP if self.left == 0 else "not scored yet")

    def _score(self, new: list[str]) -> None:
        """Score molecules that were not asked about before; what is finished stands, whatever happens."""
        found = {name: (self._on_disk[name], "") for name in new if name in self._on_disk}
        try:
            for batch, answers in self._pool([name for name in new if name not in found]):
                found |= zip(batch, zip(answers.values, answers.reasons, strict=True), strict=True)
                self.asked += len(batch)
                if self._cache is not None:
                    self._cache.add(dict(zip(batch, answers.values, strict=True)))
        finally:
            # In the order of asking, whichever process was first.
            for name in new:
                if name in found:
                    self.scores[name], why = found[name]
                    self.reasons |= {name: why} if why else {}


def _staff(scorer: Scorer, workers: int) -> tuple[list[Asking], str | None]:
    """Return who puts batches to a scorer, and the key of its cache, None where there is none.

    Raises:
        InputError: If the scorer cannot be loaded.
    """
    given = scorer.function
    if isinstance(given, BuiltIn):
        return [Here(given)], None
    content = None if given is None else _content(given)
    staff: list[Asking]
    if workers == 0:
        function = _loaded(scorer.name) if given is None else given
        staff, source = [Here(function)], source_of(function)
    else:
        if given is not None and content is None:
            raise InputError(
                f"scorer '{scorer.name}' cannot be sent to a process: name it as package.module:function, or "
                "score in this process with workers=0"
            )
        message = ("text", scorer.name) if given is None else ("pickle", content)
        processes = [ScorerProcess(scorer.name, message) for _ in range(workers)]
        # One starts now, so that a scorer that cannot be loaded is known before anything is drawn.
        processes[0].start()
        staff, source = [*processes], processes[0].source if given is None else source_of(given)
    known = given is None or content is not None
    return staff, content_key(scorer.name, content or b"", source) if known else None


def _content(function: Function) -> bytes | None:
    """Return a function as bytes, with what it has captured; None where that cannot be."""
    try:
        return pickle.dumps(wrap_non_picklable_objects(function))
    except Exception:  # noqa: BLE001 - whatever pickling runs into
        return None


def _loaded(name: str) -> Function:
    """Import a scorer into this process.

    Raises:
        InputError: If that fails.
    """
    loaded = load(("text", name))
    if isinstance(loaded, dict):
        raise InputError(f"scorer '{name}': {loaded['error']}")
    return loaded


def _check(*, oracle_calls: int | None, workers: int, batch: int, timeout: float, retries: int) -> None:
    """Refuse settings out of range.

    Raises:
        InputError: Naming the setting and what was expected.
    """
    check_whole("oracle_calls", oracle_calls, 1, 10**9)
    check_whole("workers", workers, 0, 256)
    check_whole("batch", batch, 1, 1_000_000)
    check_whole("retries", retries, 0, 100)
    if isinstance(timeout, bool | str) or not 0.0 < timeout <= 10**7:
        raise InputError(f"timeout must be a number of seconds above 0, got {timeout}")

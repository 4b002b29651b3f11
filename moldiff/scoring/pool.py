"""Batches of molecules, scored side by side; a batch that fails is tried again molecule by molecule."""

from __future__ import annotations

import io
import math
import queue
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import redirect_stderr, redirect_stdout
from typing import Protocol

from moldiff.scoring.answers import Answers, Function, ask

PATIENCE = 3
"""Molecules in a row that may hang or end the scorer until the rest of their batch is given up."""


class Asking(Protocol):
    """Whatever puts batches to a scorer."""

    def __call__(self, smiles: list[str], timeout: float) -> Answers:
        """Return the answers to a batch."""

    def close(self) -> None:
        """Let go of what is held."""


class Here:
    """A scorer in this process: for those that come with moldiff, and for those that cannot leave it.

    There is no time-out, and a scorer that ends the process ends the tool.

    Args:
        function: The scorer.

    Example:
        >>> Here(lambda smiles: [len(text) for text in smiles])(["C", "CC"]).values
        [1.0, 2.0]
    """

    def __init__(self, function: Function) -> None:
        self.function = function

    def __call__(self, smiles: list[str], timeout: float = math.inf) -> Answers:
        """Return the answers to a batch, with what is printed put aside."""
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            return ask(self.function, smiles)

    def close(self) -> None:
        """Do nothing."""


class Pool:
    """Processes that share the batches of a call.

    Args:
        staff: Puts batches to the scorer, one at a time each.
        batch: Molecules of a batch.
        timeout: Seconds for a batch, and for a molecule that is tried alone.
        retries: How often a molecule that failed is tried again, alone.

    Example:
        >>> def picky(smiles):
        ...     if "bad" in smiles:
        ...         raise ValueError("no bad ones")
        ...     return [len(text) for text in smiles]
        >>> [(found, answers) for found, answers in Pool([Here(picky)])(["C", "bad", "CC"])]
        [(['C', 'bad', 'CC'], Answers(values=[1.0, nan, 2.0],
          reasons=['', 'the scorer raised ValueError: no bad ones', ''], failed='', lost=False))]
    """

    def __init__(
        self, staff: Sequence[Asking], *, batch: int = 64, timeout: float = 120.0, retries: int = 1
    ) -> None:
        self.staff = list(staff)
        self.batch = batch
        self.timeout = timeout
        self.retries = retries
        self._ending = threading.Event()

    def __call__(self, smiles: Sequence[str]) -> Iterator[tuple[list[str], Answers]]:
        """Yield batches with their answers, one for each molecule, as they are finished.

        Args:
            smiles: Distinct molecules.
        """
        self._ending.clear()
        # Small calls are shared out too: a batch to each.
        size = max(1, min(self.batch, math.ceil(len(smiles) / len(self.staff))))
        batches = [list(smiles[start : start + size]) for start in range(0, len(smiles), size)]
        if len(self.staff) == 1 or len(batches) == 1:
            for batch in batches:
                yield batch, self._survived(self.staff[0], batch)
            return
        yield from self._side_by_side(batches)

    def close(self) -> None:
        """End the processes."""
        for asking in self.staff:
            asking.close()

    def _side_by_side(self, batches: list[list[str]]) -> Iterator[tuple[list[str], Answers]]:
        free: queue.SimpleQueue[Asking] = queue.SimpleQueue()
        for asking in self.staff:
            free.put(asking)

        def shared(batch: list[str]) -> tuple[list[str], Answers]:
            asking = free.get()
            try:
                return batch, self._survived(asking, batch)
            finally:
                free.put(asking)

        threads = ThreadPoolExecutor(len(self.staff))
        try:
            for done in as_completed([threads.submit(shared, batch) for batch in batches]):
                yield done.result()
        finally:
            # The threads wait for the processes: where they have not finished, the processes go first.
            self._ending.set()
            if free.qsize() < len(self.staff):
                self.close()
            threads.shutdown(cancel_futures=True)

    def _survived(self, asking: Asking, batch: list[str]) -> Answers:
        """Return an answer for each molecule of a batch: from all at once, or else from one after another."""
        answers = asking(batch, self.timeout)
        if not answers.failed:
            return answers
        tries = self.retries if len(batch) == 1 else max(1, self.retries)
        lost, found = 0, Answers()
        for text in batch:
            given_up = lost >= PATIENCE or self._ending.is_set()
            alone = answers if given_up else self._alone(asking, text, answers, tries)
            lost = lost + 1 if alone.lost else 0
            found.values += alone.values or [math.nan]
            found.reasons += alone.reasons or [alone.failed]
        return found

    def _alone(self, asking: Asking, text: str, answers: Answers, tries: int) -> Answers:
        """Return the first answer that is none of a failure, or the last failure."""
        for _ in range(tries):
            answers = asking([text], self.timeout)
            if not answers.failed:
                break
        return answers

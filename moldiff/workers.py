"""The chunks of a run in order: from disk, drawn here, or drawn by worker processes."""

from __future__ import annotations

import os
import pickle
import queue
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from itertools import count

from moldiff.chunks import ChunkFolder
from moldiff.errors import InputError, RunError
from moldiff.proposing import Proposed, Proposer
from moldiff.settings import is_whole

Draw = Callable[[int], Proposed]

AHEAD = 2
"""Chunks under way or waiting to be taken, for each worker."""

MOST = 256
"""Workers."""

# The paths come first: a worker has to find the very modules that its master uses.
_START = """
import pickle, sys
sys.path[:] = pickle.load(sys.stdin.buffer)
from moldiff.workers import serve
serve()
"""


def check_workers(workers: int, proposer: Proposer, *, steered: bool) -> None:
    """Refuse workers that cannot be had.

    Args:
        workers: How many.
        proposer: What they would draw with.
        steered: Whether the run is steered by scorers.

    Raises:
        InputError: If there are too few or too many, or the proposer draws where they are of no use.
    """
    if not is_whole(workers) or not 1 <= workers <= MOST:
        raise InputError(f"workers must be a whole number from 1 to {MOST}, got {workers}")
    if workers > 1 and proposer.device.type != "cpu":
        raise InputError(f"workers share processors, not the device '{proposer.device}': leave them out")
    if workers > 1 and steered:
        raise InputError(
            "a run that is steered by scorers draws in one process, for what it draws depends on the scores: "
            "leave workers out; the scorer itself may have several, as in --oracle workers=4"
        )
    if workers > 1 and proposer.names.get("compiled"):
        raise InputError("a compiled network stays in one process: leave out either compiled or workers")


def in_order(
    proposer: Proposer, start: int, *, folder: ChunkFolder | None = None, workers: int = 1
) -> Generator[Proposed, None, None]:
    """Yield chunk ``start`` and all that follow, each with the seconds that it took to come.

    Which chunks come does not depend on the workers: they only wait for each other less. Close the iterator
    to end the workers.

    Args:
        proposer: Draws the chunks.
        start: Number of the first.
        folder: Where finished chunks are read from and kept; None to keep them in memory only.
        workers: Processes; 1 draws in this one.

    Raises:
        RunError: If a worker process ends early.
    """
    index = start
    while folder is not None and (stored := folder.read(index)) is not None:
        yield stored
        index += 1
    with _drawing(proposer, workers) as ahead:
        fresh = ahead(index)
        for number in count(index):
            started = time.perf_counter()
            chunk = next(fresh)
            taken = replace(chunk, seconds=time.perf_counter() - started)
            if folder is not None:
                folder.write(number, taken)
            yield taken


@contextmanager
def _drawing(proposer: Proposer, workers: int) -> Iterator[Callable[[int], Iterator[Proposed]]]:
    """Give a function from the number of a chunk to an iterator that draws it and those after it."""
    if workers == 1:
        yield lambda start: map(proposer, count(start))
        return
    message = pickle.dumps(proposer)
    with ExitStack() as ending:
        staff = []
        for _ in range(workers):
            staff.append(Worker(message, proposer.threads))
            ending.callback(staff[-1].close)
        threads = ThreadPoolExecutor(workers)
        ending.callback(threads.shutdown, cancel_futures=True)
        # First of all when it ends: the threads wait for their processes.
        for worker in staff:
            ending.callback(worker.process.kill)
        yield lambda start: _ahead(_shared(staff), threads, start, AHEAD * workers)


def _shared(staff: list[Worker]) -> Draw:
    """Return a function that has any free worker draw a chunk; as many threads may call it at a time."""
    free: queue.SimpleQueue[Worker] = queue.SimpleQueue()
    for worker in staff:
        free.put(worker)

    def draw(index: int) -> Proposed:
        worker = free.get()
        try:
            return worker(index)
        finally:
            free.put(worker)

    return draw


def _ahead(draw: Draw, threads: ThreadPoolExecutor, start: int, most: int) -> Iterator[Proposed]:
    """Yield the chunks from ``start`` on, in order, while at most ``most`` are drawn ahead."""
    waiting: deque[Future[Proposed]] = deque()
    for index in count(start):
        waiting.append(threads.submit(draw, index))
        if len(waiting) == most:
            yield waiting.popleft().result()


class Worker:
    """A process that draws chunks.

    It is asked and answers through pipes, and so ends with the process that started it, however that one
    ends. It has a session of its own: Ctrl-C goes to the master alone, who ends it.

    Args:
        message: A pickled proposer. Pickles are safe between a process and its own child; none is a file.
        threads: That the proposer computes with.
    """

    def __init__(self, message: bytes, threads: int) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", _START],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
            env={**os.environ, "OMP_NUM_THREADS": str(threads)},
        )
        self.message: bytes | None = message

    def __call__(self, index: int) -> Proposed:
        """Return a chunk.

        Raises:
            RunError: If the process has ended.
        """
        asked, answers = self.process.stdin, self.process.stdout
        if asked is None or answers is None:
            raise ValueError("the process has no pipes")
        try:
            if self.message is not None:
                pickle.dump(sys.path, asked)
                asked.write(self.message)
                self.message = None
            pickle.dump(index, asked)
            asked.flush()
            answer: Proposed | str = pickle.load(answers)
        except (OSError, EOFError, ValueError, pickle.UnpicklingError) as error:
            code = self.process.poll()
            raise RunError(
                f"a worker process ended early (exit status {code}): there may be too little memory for so "
                "many, so try fewer --workers"
            ) from error
        if isinstance(answer, str):
            raise RunError(f"a worker process failed: {answer}")
        return answer

    def close(self) -> None:
        """Wait for the process, which was killed, and close its pipes."""
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with suppress(OSError):  # what was not sent yet cannot be sent any more
                    pipe.close()


def serve() -> None:
    """Draw the chunks that the master asks for, until he asks for no more."""
    asked, answers = sys.stdin.buffer, sys.stdout.buffer
    # Whatever prints would otherwise get among the answers.
    sys.stdout = sys.stderr
    try:
        proposer: Proposer = pickle.load(asked)
        while True:
            index: int = pickle.load(asked)
            pickle.dump(_answer(proposer, index), answers)
            answers.flush()
    except (EOFError, BrokenPipeError):
        os._exit(0)  # nobody is left to answer; an ordinary exit would flush to the broken pipe


def _answer(proposer: Proposer, index: int) -> Proposed | str:
    try:
        return proposer(index)
    except Exception as error:  # noqa: BLE001 - the master is told, whatever it is
        return f"{type(error).__name__}: {error}"

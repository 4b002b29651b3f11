"""Trials drawn until there are enough: in this process, or in several that share the storage."""

from __future__ import annotations

import multiprocessing
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import ForkContext, SpawnContext
from multiprocessing.process import BaseProcess

import optuna
from optuna import Study
from optuna.storages import BaseStorage

from moldiff.errors import InputError, RunError
from moldiff.sweep.measuring import measure_cell
from moldiff.tuning.storage import open_storage, storage_trouble
from moldiff.tuning.study import Place, begin_again, finished, free_the_dead, open_study, under_way
from moldiff.tuning.task import Measure, Task
from moldiff.tuning.trying import Trying

Watch = Callable[[Study], None]
"""Called when trials may have finished."""

CONTEXT: SpawnContext | ForkContext = multiprocessing.get_context("spawn")
"""How worker processes begin: with nothing of this one, whose threads and connections they must not share."""

PAUSE = 0.5
"""Seconds between two looks at workers."""


@dataclass(frozen=True)
class Search:
    """Trials of a task, in a storage that other processes and machines may share.

    Args:
        task: What is tuned.
        place: Where its study is.
        trials: Finished trials that the study is to have.
        measure: Draws a cell and tells its figures.
    """

    task: Task
    place: Place
    trials: int
    measure: Measure = measure_cell

    def run(self, *, workers: int = 1, watch: Watch | None = None) -> Study:
        """Draw until the study has enough trials, those of other processes included.

        Args:
            workers: Processes.
            watch: Called when trials may have finished.

        Raises:
            InputError: If the study is of something else, or the storage cannot be used.
            RunError: If a worker process ends early.
        """
        if workers < 1 or self.trials < 1:
            raise InputError(f"expected at least one trial and worker, got {self.trials} and {workers}")
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        told = watch or _unseen
        with storage_trouble(self.place.storage):
            study, storage = self._open()
            free_the_dead(study)
            told(study)
            try:
                if workers == 1:
                    self._work(study, storage, told)
                else:
                    self._share(study, workers, told)
            finally:
                free_the_dead(study)
        return study

    def serve(self, answer: Connection) -> None:
        """Draw trials as a worker process, and say at the end what went wrong, if anything did."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the master, who ends the workers
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        try:
            with storage_trouble(self.place.storage):
                self._work(*self._open(), _unseen)
        except Exception as error:  # noqa: BLE001 - the master is told, whatever it is
            answer.send((type(error).__name__, str(error), isinstance(error, InputError)))
            sys.exit(1)

    def _open(self) -> tuple[Study, BaseStorage]:
        storage = open_storage(self.place.storage)
        return open_study(self.task, storage, self.place), storage

    def _work(self, study: Study, storage: BaseStorage, watch: Watch) -> None:
        """Draw trials while there is room, and whoever started this process is there."""
        trying, master = Trying(self.task, self.measure), multiprocessing.parent_process()
        while (master is None or master.is_alive()) and self._room(study, storage):
            try:
                study.optimize(trying, n_trials=1)
            except KeyboardInterrupt:
                begin_again(study)
                raise
            except optuna.exceptions.UpdateFinishedTrialError:
                pass  # this process was silent for so long that its trial was given to another
            watch(study)

    def _room(self, study: Study, storage: BaseStorage) -> bool:
        """Tell whether a further trial is wanted, besides those that others draw."""
        return len(finished(study)) + len(under_way(study, storage)) < self.trials

    def _share(self, study: Study, workers: int, watch: Watch) -> None:
        """Have processes draw, and wait for them."""
        staff: list[tuple[BaseProcess, Connection]] = []
        try:
            for _ in range(workers):
                answer, theirs = CONTEXT.Pipe(duplex=False)
                staff.append((CONTEXT.Process(target=self.serve, args=(theirs,), daemon=True), answer))
                staff[-1][0].start()
                theirs.close()
            while any(process.is_alive() for process, _ in staff) and not any(map(_failed, staff)):
                time.sleep(PAUSE)
                watch(study)
            failed = next((member for member in staff if _failed(member)), None)
            if failed is not None:
                raise _error(*failed)
        finally:
            for process, _ in staff:
                process.terminate()
                process.join()


def _error(process: BaseProcess, answer: Connection) -> Exception:
    """Return what a worker said that failed, as an error of the master."""
    try:
        kind, text, users = answer.recv()
    except EOFError:
        return RunError(
            f"a worker process ended early (exit status {process.exitcode}): there may be too little memory "
            "for so many, so try fewer --workers; finished trials are kept"
        )
    return InputError(text) if users else RunError(f"a worker process failed: {kind}: {text}")


def _failed(member: tuple[BaseProcess, Connection]) -> bool:
    """Tell whether a worker ended without having done its work."""
    process, _ = member
    return not process.is_alive() and process.exitcode != 0


def _unseen(study: Study) -> None:
    """Watch nothing."""

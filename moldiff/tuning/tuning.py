"""Tuning from a goal to a preset: searched, chosen, measured again on fresh seeds, written."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optuna.trial import TrialState

from moldiff.errors import InputError
from moldiff.identity import fingerprint
from moldiff.sweep.arm import Arm
from moldiff.sweep.measuring import Cell, loaded, reference
from moldiff.sweep.problem import Problem
from moldiff.tuning import pictures, record
from moldiff.tuning.contest import FRESH_SEEDS, Contest
from moldiff.tuning.objectives import DEFAULT, SWEPT, Limit, check_objectives
from moldiff.tuning.record import Tuned
from moldiff.tuning.searching import Search, Watch
from moldiff.tuning.serving import serving
from moldiff.tuning.space import Space
from moldiff.tuning.study import finished
from moldiff.tuning.task import SEEDS, N, Task
from moldiff.tuning.trying import SETTINGS
from moldiff.tuning.winner import best, front

TRIALS = 100
STUDY_FILE, FRESH = "study.db", "fresh"


def make_task(
    problem: Problem,
    model: str = "qm9",
    *,
    objectives: Sequence[str] = (DEFAULT,),
    limits: Sequence[str] = (),
    space: Mapping[str, Any] | None = None,
    predictor: Path | None = None,
    n: int = N,
    seeds: Sequence[int] = SEEDS,
    precision: str = "auto",
    device: str | None = None,
) -> Task:
    """Return what is tuned, after a look at the model.

    Args:
        problem: The goals.
        model: Bundled name or model folder.
        objectives: Keys of ``OBJECTIVES``.
        limits: Such as "novelty>=0.5".
        space: A table [space]: narrower ends, a value that is kept, or other choices, by name.
        predictor: Predictor folder; the one that comes with the model unless given.
        n: Proposals of a sample.
        seeds: Of a trial's samples.
        precision: "auto", "bf16" or "fp32".
        device: "cpu", "cuda" or such; what is there unless given.

    Raises:
        InputError: If anything of it is unknown, out of range or does not fit.
    """
    check_objectives(objectives, problem)
    kept = tuple(Limit.parse(text) for text in limits)
    cell = Cell(Arm(problem.name, model), problem, 0, 1, precision, device)
    generator = loaded(cell)
    fixed = {} if predictor is None else {"predictor": str(predictor)}
    able = serving(generator, problem.ask, predictor)
    held = generator.loaded_
    return Task(
        problem,
        model,
        Space.of(able, space, fixed=fixed, sweeps=SWEPT in objectives),
        tuple(objectives),
        kept,
        n,
        tuple(seeds),
        precision,
        device,
        reference(cell).average if SWEPT in objectives else float("nan"),
        fingerprint(held.saved, held.chemistry, held.guide(predictor)),
    )


@dataclass(frozen=True)
class Tuning:
    """A search, and what is done with its winner.

    Args:
        search: What is searched.
        folder: Where everything is written.
        base: Settings that the winner is held against; those of ``generate`` by default unless any are given.
        others: Goals that are not tuned for, and for which the winner is measured as well.
        fresh_seeds: Of those measurements.

    Raises:
        InputError: If a fresh seed is one of the trials', or other goals cannot be served by a method of the
            space.
    """

    search: Search
    folder: Path
    base: Mapping[str, Any]
    others: tuple[Problem, ...] = ()
    fresh_seeds: tuple[int, ...] = FRESH_SEEDS

    def __post_init__(self) -> None:
        task = self.search.task
        Contest(task, self.base, self.others, self.fresh_seeds)
        Arm(task.problem.name, task.model, self.base)
        for problem in self.others:
            generator = loaded(
                Cell(Arm(problem.name, task.model), problem, 0, 1, task.precision, task.device)
            )
            able = serving(generator, problem.ask, task.space.fixed.get("predictor"))
            for method in task.space.dimensions["method"].ends:
                if method not in able.methods:
                    raise InputError(
                        f"'{problem.name}' cannot be served by {method}, which is searched: name methods "
                        f"that serve both; this goal's are {', '.join(able.methods)}"
                    )

    def run(
        self, *, workers: int = 1, watch: Watch | None = None, command: str = ""
    ) -> tuple[Tuned, list[Path]]:
        """Search, choose, measure again and write.

        Args:
            workers: Processes.
            watch: Called when trials may have finished.
            command: How to repeat it, for the record.

        Returns:
            What was found, and the files.

        Raises:
            InputError: If the study is of something else, or the storage cannot be used.
            RunError: If no trial keeps the limits; all other files are there nevertheless.
        """
        started, task = time.monotonic(), self.search.task
        study = self.search.run(workers=workers, watch=watch)
        trials = [trial for trial in study.get_trials() if trial.state != TrialState.WAITING]
        done = finished(study)
        winner = next(iter(front(task, done)), None)
        compared = []
        if winner is not None:
            contest = Contest(task, self.base, self.others, self.fresh_seeds)
            compared = contest.compare(winner.user_attrs[SETTINGS], self.folder / FRESH, workers=workers)
        tuned = Tuned(task, self.search.place, trials, winner, compared, dict(self.base), self.fresh_seeds)
        seconds = time.monotonic() - started
        written = record.write(tuned, self.folder, command=command, seconds=seconds)
        written += pictures.write(study, task, self.folder)
        if winner is None:
            best(task, done)  # says why there is none
        return tuned, written

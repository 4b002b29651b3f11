"""One generation under way: chunk after chunk is drawn, decoded and judged until there is enough."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from moldiff.chem.distribution import training_record
from moldiff.chem.molecule_filter import Nearest
from moldiff.chem.statistics import UNSTATED
from moldiff.chunks import ChunkFolder
from moldiff.errors import InputError
from moldiff.generation import Generation
from moldiff.judging import NOT_MEASURED, Tally, best_first, measured
from moldiff.proposing import COSTS, Proposed, cost_summary
from moldiff.records import plain, versions
from moldiff.run_plan import RunPlan
from moldiff.selecting import POOL, Selection, Wanted
from moldiff.workers import in_order


@dataclass
class GenerationRun:
    """Draw proposals until n molecules are found or the limit is reached: every iteration draws one chunk.

    Whatever ends the iteration, ``result`` gives what the finished chunks hold.

    A run that is steered by scorers goes on until their calls are used up, or with ``only_hits`` until there
    are enough hits: what it returns are the best molecules of all that were scored.

    Args:
        plan: Draws the chunks, decodes and judges them.
        wanted: What to keep, and how many.
        settings: Further entries of the record: model, device and the like.
        nearest: Similarity to the nearest training molecule, for the column of that; None to leave it empty.
        identity: Of the model's content: what a run that goes on must have in common with the one before.
        workers: Processes that draw.
        notes: Further notes for the user.
        command: What was called, as text.

    Attributes:
        chunks: Finished so far.
        proposed: Proposals in them.
        resumed: Chunks that an earlier run has left in the folder.
        folder: Where finished chunks are kept, after ``keep_in``.

    Raises:
        InputError: If only hits are wanted and there is no goal to judge by.
    """

    plan: RunPlan
    wanted: Wanted
    settings: dict[str, Any]
    nearest: Nearest | None = None
    identity: str = ""
    workers: int = 1
    notes: list[str] = field(default_factory=list)
    command: str = ""
    chunks: int = 0
    proposed: int = 0
    resumed: int = 0
    seconds: float = 0.0
    costs: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COSTS, 0))
    seen: set[str] = field(default_factory=set)
    folder: ChunkFolder | None = None

    def __post_init__(self) -> None:
        self.proposer, self.targets, self.chemistry = (
            self.plan.proposer,
            self.plan.targets,
            self.plan.chemistry,
        )
        measuring = self.chemistry.measuring
        self.seconds = self.plan.seconds
        self.selection = Selection(self.wanted)
        self.tally = Tally(self.targets.goals, self.chemistry.scales, measuring)
        if self.wanted.only_hits and not measured(self.targets.goals, measuring):
            missing = ", ".join(goal.name for goal in self.targets.goals)
            reason = f"{missing} cannot be measured" if missing else "there is no goal"
            raise InputError(f"only_hits needs a goal to tell hits by, but {reason}: leave it out")

    def keep_in(self, folder: Path, *, overwrite: bool = False) -> None:
        """Keep finished chunks in a folder, and go on from those that it holds of this very run.

        How many molecules are wanted, and which, may have changed: it does not decide what is drawn.

        Args:
            folder: Made if missing; to be cleared by the caller once the result stands.
            overwrite: Whether to begin anew where the folder holds a run.

        Raises:
            InputError: If the folder cannot be used, or holds a run with other settings.
        """
        made = {name: versions()[name] for name in ("moldiff", "torch")}
        decisive = {
            **self.settings,
            **self.plan.record,
            **self.proposer.settings,
            "weights": self.identity,
            **made,
        }
        tokens = len(self.chemistry.tokenizer)
        self.folder = ChunkFolder(folder, rows=self.proposer.rows, tokens=tokens)
        self.resumed = self.folder.claim(plain(decisive), overwrite=overwrite)

    @property
    def found(self) -> int:
        """Molecules that could be returned, at most as many as are needed."""
        return self.selection.found

    def __iter__(self) -> Iterator[Self]:
        if self._enough:
            return
        chunks = in_order(self.proposer, self.chunks, folder=self.folder, workers=self.workers)
        with closing(chunks):
            for chunk in chunks:
                self._add(chunk)
                yield self
                if self._enough:
                    return

    @property
    def stored(self) -> int:
        """Finished chunks in the folder: those that an interrupt kept from being counted, too."""
        return 0 if self.folder is None else self.folder.finished

    def close(self) -> None:
        """Let other processes have the folder of the chunks, which stay, and end those of the scorers."""
        self.plan.close()
        if self.folder is not None:
            self.folder.release()

    def forget(self) -> None:
        """Remove the chunks: the result stands, or nothing was drawn."""
        if self.folder is not None:
            self.folder.clear()

    @property
    def _enough(self) -> bool:
        # More scores mean better molecules, so that having enough of them is no reason to stop.
        enough = self.found >= self.wanted.needed and (not self.plan.oracles or self.wanted.only_hits)
        return enough or self.plan.used_up or self.proposed >= self.wanted.limit

    def judged(self, chunk: Proposed) -> pd.DataFrame:
        """Return the proposals of a chunk, decoded and judged, and whether each may be kept.

        Molecules of the chunks so far are not unique any more.
        """
        frame = self.chemistry.table(chunk.ids, self.targets)
        first = ~frame["smiles"].duplicated() & frame["valid"] & ~frame["smiles"].isin(self.seen)
        frame.insert(2, "unique", first)
        return self.selection.judged(frame)

    def _add(self, chunk: Proposed) -> None:
        """Decode, judge and count one chunk."""
        started = time.perf_counter()
        frame = self.judged(chunk)
        # Nothing above changed the run: an interrupt leaves a chunk out or keeps it.
        self.selection.add(frame)
        self.tally.add(frame)
        self.seen.update(frame["smiles"][frame["unique"]])
        self.costs = {name: self.costs[name] + chunk.counts[name] for name in COSTS}
        self.chunks += 1
        self.proposed += len(frame)
        self.seconds += chunk.seconds + time.perf_counter() - started

    def result(self) -> Generation:
        """Return the molecules found so far, at most n, best first.

        Raises:
            ValueError: If no chunk was finished.
        """
        if not self.chunks:
            raise ValueError("there is no finished chunk yet: iterate over the run first")
        started = time.perf_counter()
        goals, scales, measuring = self.targets.goals, self.chemistry.scales, self.chemistry.measuring
        pool = self.selection.pool
        # Of a steered run the best count, of any other the first: a later molecule is as good as they are.
        if self.plan.oracles:
            pool = pool.iloc[best_first(pool, goals, scales, measuring)]
        chosen = self.selection.chosen(self.proposer.seed, pool)
        kept = chosen.iloc[best_first(chosen, goals, scales, measuring)].reset_index(drop=True)
        if self.nearest is not None:
            # Computed in float32: further digits would be noise.
            kept = kept.assign(max_sim_train=self.nearest(list(kept["smiles"])).round(6))
        table = self.chemistry.finished(kept, self.targets)
        seconds = self.seconds + time.perf_counter() - started
        cost = cost_summary(self.costs, self.proposed, len(table), seconds)
        return Generation(
            table,
            goals,
            self.tally.counts,
            {**self.wanted.settings, **self.settings, **self.plan.record, **self.proposer.settings},
            {**cost, "chunks": self.chunks, "chunks_resumed": self.resumed, "workers": self.workers},
            [*self.targets.notes, *self.notes, *self._notes(len(table)), *self.chemistry.notes],
            self.tally.summaries(kept),
            self.chemistry.unmeasured,
            self.selection.kept,
            {name: oracle.summary() for name, oracle in self.plan.oracles.items()},
            training_record(self.chemistry.scales, self._training_values()),
            self.command,
        )

    def _training_values(self) -> dict[str, NDArray[np.float32]]:
        """Return the training rows that the model keeps, by property."""
        columns = self.proposer.canvas.properties.numpy().T
        return dict(zip(self.chemistry.statistics, columns, strict=True))

    def _notes(self, returned: int) -> list[str]:
        measuring = self.chemistry.measuring
        notes = [*self._predicted(), *self._failed()]
        unjudged = [goal for goal in self.targets.goals if measuring.source(goal.name) is None]
        if unjudged:
            wishes = " and ".join(map(str, unjudged))
            notes.append(f"{wishes}: {NOT_MEASURED}, so it guides the model but decides about no hit")
        notes += [*self._unspent(), *self._shortage(returned)]
        candidates = self.selection.found
        if self.wanted.diverse and candidates > returned:
            notes.append(
                f"the {returned} most different of {candidates} candidates are returned (up to {POOL} are "
                "drawn for each)"
            )
        return notes

    def _predicted(self) -> list[str]:
        """Say which goals are judged by predictions."""
        predictor, found = self.plan.predictor, []
        for goal in self.targets.goals:
            if predictor is not None and self.chemistry.measuring.source(goal.name) == "predicted":
                entry, error = predictor.statistics[goal.name], predictor.held_out_error[goal.name]
                unit = "" if entry.unit in ("1", UNSTATED) else f" {entry.unit}"
                kind = f"wrong for {error:.1%}" if entry.classes else f"mean absolute error {error:.3g}{unit}"
                how_far = "nobody knows how far off" if math.isnan(error) else f"{kind} on held-out molecules"
                found.append(f"{goal.name} is predicted, not measured: {how_far}")
        return found

    def _failed(self) -> list[str]:
        """Say which molecules have no score."""
        found = []
        for name, oracle in self.plan.oracles.items():
            if oracle.reasons:
                molecule, reason = next(iter(oracle.reasons.items()))
                found.append(
                    f"{name} has no number for {len(oracle.reasons)} of {oracle.calls} molecules, such as "
                    f"{molecule}: {reason}"
                )
        return found

    def _unspent(self) -> list[str]:
        """Say why calls of the scorers are left, which might have found better molecules."""
        if not self.plan.oracles or self.plan.used_up:
            return []
        calls = f"{self.plan.spent} of {self.plan.calls} oracle calls"
        if not self._enough:
            return [f"stopped after {calls}"]
        if self.wanted.only_hits and self.found >= self.wanted.needed:
            return []
        return [f"{self.proposed} proposals took no more than {calls}: raise max_proposals"]

    def _shortage(self, returned: int) -> list[str]:
        """Say why there are fewer molecules than were asked for, and what can be done."""
        if returned >= self.wanted.n:
            return []
        if self.plan.used_up:
            spent, setting = f"{self.plan.calls} oracle calls", "oracle_calls"
        elif self.proposed < self.wanted.limit:
            return [f"stopped after {self.proposed} proposals with {returned} of {self.wanted.n} molecules"]
        else:
            spent, setting = f"{self.proposed} proposals", "max_proposals"
        named = "hits" if self.wanted.only_hits else "different molecules"
        ways = [f"raise {setting}" + (" or gamma, or loosen the goals" if self.wanted.only_hits else "")]
        ways += ["loosen the filters"] if self.wanted.filters else []
        ways += ["raise scaffold_cap"] if self.selection.capped else []
        return [f"{spent} gave {returned} of {self.wanted.n} {named}: {', or '.join(ways)}"]

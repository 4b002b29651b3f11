"""Generation without end: millions of molecules, on many devices, in shards that survive any interruption."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import torch
from lightning.pytorch import Trainer
from numpy.typing import NDArray

from moldiff.datasets.repeats import repeats
from moldiff.drawer import COUNTS, Drawer, Make, OnChunk
from moldiff.errors import InputError
from moldiff.files import write_json
from moldiff.machine import describe_machine, machine_count
from moldiff.proposing import COSTS, cost_summary
from moldiff.records import plain, versions
from moldiff.shards import Shards, claim
from moldiff.termination import EndOnSigterm
from moldiff.training.fit import without_advice

MOST = 10**10
"""Molecules of one run."""

MARGIN = 1.05
"""Chunks of a round over what the yield so far asks for."""


@dataclass
class Bulk:
    """Draw n different molecules, whatever happens on the way.

    Chunk i of a run is a function of its settings and i. Every process draws its share of the chunks, by
    Lightning's predict loop, and writes what is kept of each to a file of its own; finished files are never
    drawn again. When there are enough, each process writes its share of the molecules that did not come
    before, in the order of the chunks, up to n. So neither the number of devices nor interruptions, at any
    moment and in any way, change what comes.

    Args:
        folder: ``molecules/part-*.parquet`` and ``run.json`` come there; ``proposed/`` while it is under way.
        n: Different molecules wanted.
        make: Makes the generation on a device: it is not iterated, but draws and judges.
        devices: Lightning's devices: a number, or "auto".
        accelerator: Lightning's accelerator.
        command: What was called, as text.

    Attributes:
        is_first: Whether this process is the first of all.

    Raises:
        InputError: If the folder holds another run, or the generation cannot be done in bulk.
    """

    folder: Path
    n: int
    make: Make
    devices: int | str = 1
    accelerator: str = "auto"
    command: str = ""

    def __post_init__(self) -> None:
        if not 1 <= self.n <= MOST:
            raise InputError(f"n must be from 1 to {MOST:,}, got {self.n:,}")
        self.is_first = True
        self.proposed = Shards(self.folder / "proposed")
        self.molecules = Shards(self.folder / "molecules")
        self.run = self.make(torch.device("cpu"))
        self._refuse()
        claim(self.folder / "bulk.json", plain(self.decisive))

    @property
    def limit(self) -> int:
        """Proposals after which no round is begun."""
        given = self.run.wanted.max_proposals
        return 1000 + 50 * self.n if given is None else given

    @property
    def decisive(self) -> dict[str, Any]:
        """All that decides what a chunk holds."""
        run = self.run
        wanted = {name: run.wanted.settings[name] for name in ("only_hits", "only_faithful", "filters")}
        made = {name: versions()[name] for name in ("moldiff", "torch")}
        settings = {name: value for name, value in run.settings.items() if name != "device"}
        return {
            **settings,
            **run.plan.record,
            **run.proposer.settings,
            "weights": run.identity,
            **wanted,
            **made,
        }

    def __call__(self, on_chunk: OnChunk | None = None) -> dict[str, Any]:
        """Draw until there is enough, write the molecules, and return the record of the run."""
        started, before = time.perf_counter(), self._finished()
        if before is not None:
            return before
        with without_advice():
            trainer = self._trainer()
            self.is_first = trainer.is_global_zero
            drawer = Drawer(self.make, self.about, self.proposed, on_chunk)
            done, found = 0, 0
            while found < self.n and done * self._rows < self.limit:
                chunks = range(done, done + self._next(done, found))
                drawer.start(chunks, found)
                trainer.predict(drawer, return_predictions=False)
                trainer.strategy.barrier()
                done = chunks.stop
                again, found = self._again(done)
            told = [self.about(index) or {} for index in range(done)]
            sizes = [self._shards(index).rows(index) - len(part) for index, part in enumerate(again)]
            # Before any process writes what another one still reads.
            trainer.strategy.barrier()
            self._write(range(trainer.global_rank, done, trainer.world_size), again, sizes)
            trainer.strategy.barrier()
        seconds = time.perf_counter() - started
        record = self._record(told, min(found, self.n), seconds, trainer.world_size)
        if trainer.is_global_zero:
            self.molecules.remove(done)
            shutil.rmtree(self.proposed.folder, ignore_errors=True)
            write_json(self.folder / "run.json", record)
        trainer.strategy.barrier()
        return record

    def about(self, index: int) -> dict[str, Any] | None:
        """Return what is known of a chunk that was drawn; None if it has to be drawn."""
        shards = self._where(index)
        return None if shards is None else shards.about(index)

    def _where(self, index: int) -> Shards | None:
        """Return where all that is kept of a chunk is: of a run that is prolonged, among its molecules."""
        if self.proposed.about(index) is not None:
            return self.proposed
        about = self.molecules.about(index)
        return self.molecules if about is not None and not about["cut"] else None

    def _finished(self) -> dict[str, Any] | None:
        """Return the record of this very run if it is finished."""
        try:
            record: dict[str, Any] = json.loads((self.folder / "run.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        whole = all(self.molecules.about(index) is not None for index in range(record["cost"]["chunks"]))
        return record if whole and record["settings"]["n"] == self.n else None

    @property
    def _rows(self) -> int:
        return self.run.proposer.chunk

    def _next(self, done: int, found: int) -> int:
        """Return how many chunks the yield so far asks for; at first, those that are needed at best."""
        share = found / (done * self._rows) if done else 1.0
        wanted = (self.n - found) / self._rows / max(share, 1e-3)
        most = -(-self.limit // self._rows) - done
        return max(1, min(most, int(np.ceil(wanted * (MARGIN if done else 1.0)))))

    def _again(self, done: int) -> tuple[list[NDArray[np.int64]], int]:
        """Return the rows of each chunk that came before, and how many are different in all."""
        marks = [self._shards(index).marks(index) for index in range(done)]
        ends = np.cumsum([len(part) for part in marks])
        rows, _ = repeats(np.concatenate(marks))
        parts = np.split(rows, np.searchsorted(rows, ends[:-1]))
        starts = [0, *ends[:-1].tolist()]
        return [part - start for part, start in zip(parts, starts, strict=True)], int(ends[-1]) - len(rows)

    def _shards(self, index: int) -> Shards:
        """Return where a chunk is that was drawn."""
        return self._where(index) or self.proposed

    def _write(self, mine: Sequence[int], again: Sequence[NDArray[np.int64]], sizes: Sequence[int]) -> None:
        """Write the molecules of some chunks that did not come before, up to the n-th of all."""
        before = np.concatenate([[0], np.cumsum(sizes)])
        for index in mine:
            room = int(np.clip(self.n - before[index], 0, sizes[index]))
            source, cut = self._shards(index), sizes[index] - room
            if source is self.molecules and not cut:
                continue
            frame = source.read(index).drop(index=again[index]).head(room)
            self.molecules.write(index, frame, {**(source.about(index) or {}), "cut": cut})

    def _record(
        self, told: Sequence[dict[str, Any]], returned: int, seconds: float, devices: int
    ) -> dict[str, Any]:
        """Return what is to be said of the run, from what its chunks say."""
        totals = {name: sum(each[name] for each in told) for name in (*COUNTS, *COSTS)}
        drawing = sum(each["seconds"] for each in told)
        cost = cost_summary(totals, totals["proposed"], returned, drawing)
        notes = list(self.run.targets.notes)
        if returned < self.n:
            notes.append(f"{totals['proposed']:,} proposals gave {returned:,} of {self.n:,} molecules")
        record: dict[str, Any] = plain(
            {
                "command": self.command,
                "settings": {**self.decisive, "n": self.n},
                "counts": {**{name: totals[name] for name in COUNTS}, "returned": returned},
                "cost": {**cost, "seconds_of_this_call": seconds, "devices": devices, "chunks": len(told)},
                "notes": notes,
                "versions": {**versions(), "lightning": lightning.__version__},
                "machine": describe_machine(),
            }
        )
        return record

    def _trainer(self) -> Trainer:
        return Trainer(
            accelerator=self.accelerator,
            devices=self.devices,
            num_nodes=machine_count(),
            callbacks=[EndOnSigterm()],
            logger=False,
            enable_checkpointing=False,
            use_distributed_sampler=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )

    def _refuse(self) -> None:
        """Refuse what only a run that is held in memory can do."""
        wanted = self.run.wanted
        for there, what in (
            (bool(self.run.plan.oracles), "a run that is steered by scorers draws in one process"),
            (wanted.diverse, "diverse picks from molecules in memory"),
            (wanted.scaffold_cap is not None, "a scaffold cap counts molecules in memory"),
            (self.run.nearest is not None, "similarity compares with molecules in memory"),
            (self.run.workers > 1, "devices take the place of workers"),
        ):
            if there:
                raise InputError(f"{what}: leave it out, or leave --devices out")

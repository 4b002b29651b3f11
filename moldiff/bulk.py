"""Generation without end: millions of molecules, on many devices, in shards that survive any interruption."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import torch
from lightning.pytorch import LightningModule, Trainer
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader

from moldiff.datasets.pieces import marks_of
from moldiff.datasets.repeats import repeats
from moldiff.errors import InputError
from moldiff.files import write_json
from moldiff.generation_run import GenerationRun
from moldiff.machine import describe_machine, machine_count
from moldiff.proposing import COSTS, cost_summary
from moldiff.records import plain, versions
from moldiff.selecting import KEEP, SCAFFOLD
from moldiff.shards import MARK, Shards, claim
from moldiff.training.fit import without_advice

MOST = 10**10
"""Molecules of one run."""

MARGIN = 1.05
"""Chunks of a round over what the yield so far asks for."""

OnChunk = Callable[[int, int, int], None]
"""Told of chunks done, chunks of this round and molecules kept so far, by the first process."""


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
    make: Callable[[torch.device], GenerationRun]
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
        wanted = {name: run.wanted.settings[name] for name in ("only_hits", "filters")}
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
        started = time.perf_counter()
        with without_advice():
            trainer = self._trainer()
            self.is_first = trainer.is_global_zero
            drawer = Drawer(self.make, self.proposed, on_chunk)
            done, found = 0, 0
            while found < self.n and done * self._rows < self.limit:
                chunks = range(done, done + self._next(done, found))
                drawer.start(done, found, len(chunks))
                loader: DataLoader[int] = DataLoader(list(chunks), batch_size=1)  # type: ignore[arg-type]
                trainer.predict(drawer, loader, return_predictions=False)
                trainer.strategy.barrier()
                done = chunks.stop
                again, found = self._again(done)
            self._write(range(trainer.global_rank, done, trainer.world_size), done, again)
            trainer.strategy.barrier()
        record = self._record(done, min(found, self.n), time.perf_counter() - started, trainer.world_size)
        if trainer.is_global_zero:
            self.molecules.remove(done)
            write_json(self.folder / "run.json", record)
            self.proposed.remove()
            self.proposed.folder.rmdir()
        trainer.strategy.barrier()
        return record

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
        marks = [self.proposed.marks(index) for index in range(done)]
        ends = np.cumsum([len(part) for part in marks])
        rows, _ = repeats(np.concatenate(marks))
        parts = np.split(rows, np.searchsorted(rows, ends[:-1]))
        starts = [0, *ends[:-1].tolist()]
        return [part - start for part, start in zip(parts, starts, strict=True)], int(ends[-1]) - len(rows)

    def _write(self, mine: Sequence[int], done: int, again: Sequence[NDArray[np.int64]]) -> None:
        """Write the molecules of some chunks that did not come before, up to the n-th of all."""
        sizes = [len(self.proposed.marks(index)) - len(again[index]) for index in range(done)]
        before = np.concatenate([[0], np.cumsum(sizes)])
        for index in mine:
            about = {"n": self.n, "chunk": index}
            if self.molecules.about(index) == about:
                continue
            frame = self.proposed.read(index).drop(columns=MARK)
            frame = frame.drop(index=again[index]).head(max(0, self.n - int(before[index])))
            self.molecules.write(index, frame, about)

    def _record(self, done: int, returned: int, seconds: float, devices: int) -> dict[str, Any]:
        """Return what is to be said of the run."""
        told = [self.proposed.about(index) or {} for index in range(done)]
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
                "cost": {**cost, "seconds_of_this_call": seconds, "devices": devices, "chunks": done},
                "notes": notes,
                "versions": {**versions(), "lightning": lightning.__version__},
                "machine": describe_machine(),
            }
        )
        return record

    def _trainer(self) -> Trainer:
        several = self.devices == "auto" or int(self.devices) > 1
        return Trainer(
            accelerator=self.accelerator,
            devices=self.devices,
            num_nodes=machine_count(),
            strategy="ddp" if several and self.accelerator == "cpu" else "auto",
            logger=False,
            enable_checkpointing=False,
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


COUNTS = ("proposed", "valid", "novel", "hits", "kept")
"""What is counted of every chunk: kept ones are valid, the first of their chunk, and pass what was asked."""


class Drawer(LightningModule):
    """Lightning's view of a bulk generation: a batch is the number of a chunk.

    Args:
        make: Makes the generation on a device.
        shards: Where chunks are written.
        on_chunk: Told how far it is, in the first process.
    """

    def __init__(
        self, make: Callable[[torch.device], GenerationRun], shards: Shards, on_chunk: OnChunk | None
    ) -> None:
        super().__init__()
        self.make, self.shards, self.on_chunk = make, shards, on_chunk
        self.run: GenerationRun | None = None
        self.start(0, 0, 0)

    def start(self, done: int, found: int, chunks: int) -> None:
        """Begin a round: chunks done, molecules found and chunks to come."""
        self.done, self.found, self.chunks = done, found, chunks

    def setup(self, stage: str) -> None:
        """Make the generation on this process's device, once."""
        if self.run is None:
            self.run = self.make(self.trainer.strategy.root_device)

    def predict_step(self, batch: Tensor, batch_idx: int) -> None:
        """Draw a chunk and keep it, unless that was done."""
        index = int(batch)
        about = self.shards.about(index)
        if about is None:
            about = self._draw(index)
        self.found += about["kept"] * self.trainer.world_size
        if self.on_chunk is not None and self.trainer.is_global_zero:
            done = min(self.chunks, (batch_idx + 1) * self.trainer.world_size)
            self.on_chunk(self.done + done, self.done + self.chunks, self.found)

    def _draw(self, index: int) -> dict[str, Any]:
        run = self.run or self.make(self.trainer.strategy.root_device)
        chunk = run.proposer(index)
        frame = run.chemistry.table(chunk.ids, run.targets)
        frame.insert(2, "unique", ~frame["smiles"].duplicated() & frame["valid"])
        frame = run.selection.judged(frame)
        kept = frame[frame[KEEP]].drop(columns=[KEEP, SCAFFOLD], errors="ignore").reset_index(drop=True)
        table = run.chemistry.finished(kept, run.targets)
        about = {
            "proposed": len(frame),
            "valid": int(frame["valid"].sum()),
            "novel": int((frame["novel"] & frame["unique"]).sum()),
            "hits": int(frame["hit"].fillna(0).astype(bool).sum()),
            "kept": len(kept),
            "seconds": chunk.seconds,
            **chunk.counts,
        }
        self.shards.write(index, table.assign(**{MARK: marks_of(list(table["smiles"]))}), about)
        return about

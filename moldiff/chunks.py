"""Finished chunks of a generation on disk, so that a run that was stopped goes on where it was."""

from __future__ import annotations

import json
import math
import struct
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

from moldiff.errors import InputError
from moldiff.files import remove_leftovers, whole_file
from moldiff.proposing import COSTS, Proposed
from moldiff.records import first_difference

_DAMAGED = (
    *(OSError, EOFError, zipfile.BadZipFile, zlib.error, struct.error),
    *(ValueError, TypeError, LookupError, RuntimeError, MemoryError),
)
"""What reading a damaged file may raise."""


class ChunkFolder:
    """The finished chunks of one run, a file each, with the settings that they were drawn with.

    A chunk is a function of those settings and its number, so the chunks of a run that was killed are those
    that the same run would draw again. Only one process at a time can hold the folder.

    Args:
        folder: Made by ``claim``.
        rows: Proposals of a chunk; None where that differs.
        tokens: Size of the vocabulary.

    Example:
        >>> import tempfile
        >>> chunk = Proposed(np.ones((2, 4), np.uint8), np.zeros((2, 1), np.float32), np.array([4, 4]),
        ...     dict.fromkeys(COSTS, 3), 0.5)
        >>> with tempfile.TemporaryDirectory() as place:
        ...     folder = ChunkFolder(Path(place) / "chunks", rows=2, tokens=5)
        ...     begun = folder.claim({"seed": 1})
        ...     folder.write(0, chunk)
        ...     folder.release()
        ...     begun, folder.claim({"seed": 1}), folder.read(0).seconds, folder.read(1)
        (0, 1, 0.5, None)
    """

    def __init__(self, folder: Path, *, rows: int | None, tokens: int) -> None:
        self.folder = folder
        self.rows = rows
        self.tokens = tokens
        self._lock: IO[str] | None = None

    def claim(self, settings: Mapping[str, Any], *, overwrite: bool = False) -> int:
        """Take the folder for a run, and return how many of its chunks are finished.

        Args:
            settings: All that decides what a chunk holds, as JSON takes it.
            overwrite: Whether to begin anew where the folder holds a run.

        Raises:
            InputError: If another process has it, it cannot be written, or holds a run with other settings.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock = _locked(self.folder / "lock")
            return self._taken(json.loads(json.dumps(settings)), overwrite)
        except OSError as error:
            self.release()
            raise InputError(f"cannot write to the folder {self.folder}: {error.strerror}") from error
        except InputError:
            self.release()
            raise

    def _taken(self, settings: dict[str, Any], overwrite: bool) -> int:
        """Claim the folder, which is locked."""
        before = None if overwrite else self._settings()
        if before is None:
            # Without its settings no chunk is of use; with these gone first, none is taken for another's.
            self._remove()
            with whole_file(self._record) as part:
                part.write_text(json.dumps(settings, indent=1, ensure_ascii=False), encoding="utf-8")
        elif name := first_difference(before, settings):
            raise InputError(
                f"{self.folder.parent} holds an unfinished run with {name} {before.get(name)}, not "
                f"{settings.get(name)}: give the same settings to go on with it, another folder, or "
                "--overwrite to begin anew"
            )
        return self.finished

    @property
    def finished(self) -> int:
        """How many chunks are finished, from the first on."""
        number = 0
        while self._file(number).is_file():
            number += 1
        return number

    def read(self, index: int) -> Proposed | None:
        """Return a chunk, or None where it is not finished, or damaged."""
        try:
            with np.load(self._file(index), allow_pickle=False) as stored:
                ids, y, canvas = stored["ids"], stored["y"], stored["canvas"]
                counts = dict(zip(COSTS, map(int, stored["counts"]), strict=True))
                seconds = float(stored["seconds"])
        except _DAMAGED:
            return None
        fitting = ids.ndim == 2 and ids.dtype == np.uint8 and len(ids) == len(y) == len(canvas)
        fitting = fitting and self.rows in (None, len(ids))
        if not fitting or ids.max(initial=0) >= self.tokens or not math.isfinite(seconds):
            return None
        return Proposed(ids, y, canvas, counts, seconds)

    def write(self, index: int, chunk: Proposed) -> None:
        """Keep a finished chunk, whole or not at all."""
        counts = np.array([chunk.counts[name] for name in COSTS], dtype=np.int64)
        with whole_file(self._file(index)) as part:
            np.savez(
                part, ids=chunk.ids, y=chunk.y, canvas=chunk.canvas, counts=counts, seconds=chunk.seconds
            )

    def release(self) -> None:
        """Let other processes have the folder."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def clear(self) -> None:
        """Remove the folder: its run is finished and its result stands, or nothing of it is worth keeping.

        What others have put into it stays.
        """
        self._remove()
        (self.folder / "lock").unlink(missing_ok=True)
        self.release()
        if not any(self.folder.iterdir()):
            self.folder.rmdir()

    @property
    def _record(self) -> Path:
        return self.folder / "settings.json"

    def _file(self, index: int) -> Path:
        return self.folder / f"chunk-{index:06d}.npz"

    def _settings(self) -> dict[str, Any] | None:
        """Return the settings of the run that the folder holds, None where it holds none."""
        try:
            found = json.loads(self._record.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return None
        return found if isinstance(found, dict) else None

    def _remove(self) -> None:
        """Remove the settings, then all chunks and what was half written."""
        self._record.unlink(missing_ok=True)
        remove_leftovers(self._record)
        for path in [*self.folder.glob("chunk-*.npz"), *self.folder.glob(".chunk-*-????????.npz")]:
            path.unlink(missing_ok=True)


def _locked(path: Path) -> IO[str]:
    """Open a file that no other process holds; the lock ends with the process, however it ends.

    Raises:
        InputError: If another process has it.
    """
    stream = path.open("w", encoding="utf-8")
    try:
        import fcntl

        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        stream.close()
        raise InputError(
            f"another run is at work in {path.parent.parent}: wait for it, or give another folder"
        ) from None
    except (ImportError, OSError):
        pass  # Windows and some network drives know no such locks
    return stream

"""Processes that score, started when needed, killed when they take too long."""

from __future__ import annotations

import json
import os
import pickle
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from typing import IO, Any

from moldiff.errors import InputError
from moldiff.scoring.answers import Answers
from moldiff.scoring.worker import START

LOADING = 120.0
"""Seconds that a scorer may take to be imported: models are loaded then."""

_LAST_WORDS = 400
"""Bytes of what a process printed in which its last line is looked for."""


class ScorerProcess:
    """One process with a scorer in it, in a session of its own, so that all it starts can be ended with it.

    Args:
        name: The scorer's, for messages.
        message: What is loaded: ("text", "package.module:function") or ("pickle", bytes).

    Attributes:
        source: The file that defines the scorer, "" where there is none; known once it was started.

    Example:
        >>> process = ScorerProcess("len", ("text", "builtins:len"))
        >>> process(["C", "CC"], timeout=60.0).failed
        'the scorer gave an object of type int for 2 molecules: expected a list of numbers'
        >>> process.close()
    """

    def __init__(self, name: str, message: tuple[str, Any]) -> None:
        self.name = name
        self.message = message
        self.source = ""
        self._process: subprocess.Popen[bytes] | None = None
        self._lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._printed = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the object lives

    def __call__(self, smiles: list[str], timeout: float) -> Answers:
        """Return the answers to a batch; a process that hangs or ends is replaced at the next call.

        Args:
            smiles: The batch.
            timeout: Seconds that it may take.
        """
        try:
            self.start()
        except InputError as error:
            return Answers(failed=str(error), lost=True)
        answer = self._answer(smiles, timeout)
        return Answers(failed=answer, lost=True) if isinstance(answer, str) else Answers(**answer)

    def start(self) -> None:
        """Start the process, unless it runs, and let it load the scorer.

        Raises:
            InputError: If the scorer cannot be loaded.
        """
        if self._process is not None:
            return
        self._process = subprocess.Popen(
            [sys.executable, "-c", START, json.dumps(sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._printed,
            start_new_session=True,
        )
        self._lines = queue.SimpleQueue()
        threading.Thread(target=_pass_on, args=(self._process.stdout, self._lines), daemon=True).start()
        loaded = self._answer(self.message, LOADING)
        if isinstance(loaded, str):
            raise InputError(f"scorer '{self.name}' cannot be loaded: {loaded}")
        if "error" in loaded:
            self.close()
            raise InputError(f"scorer '{self.name}': {loaded['error']}")
        self.source = loaded["source"]

    def close(self) -> None:
        """End the process and all that it started."""
        self._end()

    def _end(self) -> str:
        """End the process and all that it started, and say how it ended."""
        process, self._process = self._process, None
        if process is None:
            return "closed"
        # Before it is waited for: until then no other process can get its number.
        if hasattr(os, "killpg"):
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
        process.kill()
        code = process.wait()
        if process.stdin is not None:
            with suppress(OSError):  # what was not sent yet cannot be sent any more
                process.stdin.close()
        return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"

    def _answer(self, request: object, timeout: float) -> dict[str, Any] | str:
        """Return the answer to a request, or, the process ended, what became of it."""
        # The process shares the position in the file, and goes on writing from the beginning.
        self._printed.seek(0)
        self._printed.truncate()
        end = time.monotonic() + timeout
        try:
            self._ask(request)
            line = self._lines.get(timeout=max(0.0, end - time.monotonic()))
            return json.loads(line)  # type: ignore[no-any-return]
        except queue.Empty:
            self._end()
            return f"the scorer took more than {timeout:g} s" + self._last_words()
        except (OSError, ValueError):
            return f"the process of the scorer ended ({self._end()})" + self._last_words()
        except BaseException:
            # An answer that nobody waited for would pass for that to the next request.
            self._end()
            raise

    def _ask(self, request: object) -> None:
        stdin = None if self._process is None else self._process.stdin
        if stdin is None:
            raise ValueError("the process was not started")
        pickle.dump(request, stdin)
        stdin.flush()

    def _last_words(self) -> str:
        """Return the last line that the process printed, to be added to a message."""
        size = os.fstat(self._printed.fileno()).st_size
        tail = os.pread(self._printed.fileno(), _LAST_WORDS, max(0, size - _LAST_WORDS))
        lines = tail.decode(errors="replace").split("\n")
        words = [line.strip() for line in lines if line.strip()]
        return f"; it last printed {words[-1][:150]!r}" if words else ""


def _pass_on(stream: IO[bytes] | None, lines: queue.SimpleQueue[bytes]) -> None:
    """Put the lines of a stream into a queue, and an empty one at its end."""
    if stream is not None:
        with suppress(OSError, ValueError), stream:
            for line in stream:
                lines.put(line)
    lines.put(b"")

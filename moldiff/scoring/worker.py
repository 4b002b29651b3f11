"""The process in which a scorer runs: what hangs, forks, prints or ends there does not reach the tool."""

from __future__ import annotations

import importlib
import json
import os
import pickle
import queue
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from moldiff.errors import did_you_mean
from moldiff.scoring.answers import Function, ask

START = """
import json, sys
sys.path[:] = json.loads(sys.argv.pop())
from moldiff.scoring.worker import serve
serve()
"""
"""What a process runs. The paths come first: it has to find the very modules that its master uses."""


def serve() -> None:
    """Load the scorer that the master names, then score the batches that he sends, until he is gone.

    Requests are pickles on the standard input, answers lines of JSON on the standard output. The scorer gets
    neither: it reads nothing, and what it prints goes where errors go.
    """
    asked, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "w", encoding="ascii")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    own = os.getpid()
    named = pickle.load(asked)
    loaded = _of_this_process(own, lambda: load(named))
    _send(answers, loaded if isinstance(loaded, dict) else {"source": source_of(loaded)})
    if isinstance(loaded, dict):
        return
    requests: queue.SimpleQueue[list[str]] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(asked, requests), daemon=True).start()
    while True:
        batch = requests.get()
        found = _of_this_process(own, lambda: ask(loaded, batch))  # noqa: B023 - called at once
        _send(answers, asdict(found))


def load(named: tuple[str, Any]) -> Function | dict[str, str]:
    """Return the scorer, or {"error": what is wrong with its name}.

    Args:
        named: ("text", "package.module:function") or ("pickle", bytes). Pickles are safe between a process
            and its own child.
    """
    kind, what = named
    if kind == "pickle":
        try:
            return _callable(pickle.loads(what), "it")
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever unpickling runs into
            return {"error": f"it cannot be sent to a process ({type(error).__name__}: {error})"}
    module_name, _, path = what.partition(":")
    # The working folder comes first, as it does for `python -m`; after moldiff's own imports.
    if sys.path[:1] != [str(Path.cwd())]:
        sys.path.insert(0, str(Path.cwd()))
    try:
        found: Any = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a module may raise whatever it likes
        return {"error": _not_imported(module_name, error)}
    for name in path.split("."):
        if not hasattr(found, name):
            known = [
                key
                for key, each in getattr(found, "__dict__", {}).items()
                if callable(each) and key[0] != "_"
            ]
            help_ = did_you_mean(name, known) if known else ", nor any other function"
            return {"error": f"module {module_name!r} has no function {path!r}{help_}"}
        found = getattr(found, name)
    return _callable(found, path)


def source_of(function: Function) -> str:
    """Return the file that defines a scorer, "" where there is none."""
    kind = function if hasattr(function, "__qualname__") else type(function)
    module = sys.modules.get(getattr(kind, "__module__", None) or "")
    return getattr(module, "__file__", None) or ""


def _callable(found: Any, name: str) -> Function | dict[str, str]:
    if callable(found):
        return found  # type: ignore[no-any-return]
    return {"error": f"{name} is no function but an object of type {type(found).__name__}"}


def _not_imported(module: str, error: BaseException) -> str:
    """Say why an import failed, and which modules there are if there is none of that name."""
    missing = error.name if isinstance(error, ModuleNotFoundError) else None
    if missing and (module == missing or module.startswith(f"{missing}.")):
        folder = Path.cwd()
        here = sorted(
            {path.stem for path in folder.glob("*.py")} | {p.parent.name for p in folder.glob("*/*.py")}
        )
        near = did_you_mean(module, here) if here else ""
        return f"no module {module!r} is in the working folder {folder} or installed{near}"
    return f"module {module!r} cannot be imported ({type(error).__name__}: {error})"


def _of_this_process(own: int, action: Callable[[], Any]) -> Any:
    """Return what the action gives; end here if it comes back in a process that it forked."""
    try:
        return action()
    finally:
        if os.getpid() != own:
            os._exit(0)


def _send(answers: IO[str], answer: dict[str, Any]) -> None:
    try:
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
    except BrokenPipeError:
        os._exit(0)  # nobody is left to answer; an ordinary exit would flush to the broken pipe


def _listen(asked: IO[bytes], requests: queue.SimpleQueue[list[str]]) -> None:
    """Pass the requests on; when the master is gone, end this process and all that it started."""
    try:
        while True:
            requests.put(pickle.load(asked))
    except (EOFError, OSError, pickle.UnpicklingError):
        if hasattr(os, "killpg") and os.getpgrp() == os.getpid():
            os.killpg(0, signal.SIGKILL)
        os._exit(0)

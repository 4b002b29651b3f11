"""What records of a run share: values as JSON has them, and the versions that they were made with."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

PACKAGES = ("moldiff", "torch", "rdkit", "selfies", "numpy", "pandas")
"""Packages whose versions stand in every record."""


def plain(value: Any) -> Any:
    """Return a value as JSON has it: dataclasses as objects, NaN and infinities as null.

    Example:
        >>> from moldiff.metrics import Interval
        >>> plain({"figure": Interval(0.5, 0.4, float("nan")), "rows": np.arange(2)})
        {'figure': {'value': 0.5, 'low': 0.4, 'high': None, 'level': 0.95}, 'rows': [0, 1]}
    """
    if is_dataclass(value) and not isinstance(value, type):
        return {entry.name: plain(getattr(value, entry.name)) for entry in fields(value)}
    if isinstance(value, Mapping):
        return {str(name): plain(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value) if isinstance(value, Path) else value


def call_text(function: str, *arguments: Any, **keywords: Any) -> str:
    """Return a call as Python text, for records that say how to repeat it.

    Args:
        function: Its name.
        arguments: Texts, numbers, lists and mappings of such; of a function its name, of anything else what
            ``str`` makes of it, as a text.
        keywords: Likewise.

    Example:
        >>> call_text("generate", 20, goals=["rings>=4"], knobs={"eta": 0.1}, scorers={"size": len})
        "generate(20, goals=['rings>=4'], knobs={'eta': 0.1}, scorers={'size': len})"
    """
    words = [_literal(value) for value in arguments]
    words += [f"{name}={_literal(value)}" for name, value in keywords.items()]
    return f"{function}({', '.join(words)})"


def _literal(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_literal(name)}: {_literal(entry)}" for name, entry in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_literal, value)) + "]"
    if value is None or isinstance(value, bool | int | float | str):
        return repr(value)
    return value.__qualname__ if callable(value) and hasattr(value, "__qualname__") else repr(str(value))


def versions() -> dict[str, str]:
    """Return the installed version of each of :data:`PACKAGES`.

    Example:
        >>> sorted(versions()) == sorted(PACKAGES)
        True
    """
    return {name: _version(name) for name in PACKAGES}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def first_difference(before: Mapping[str, Any], settings: Mapping[str, Any]) -> str | None:
    """Return the first setting in which two runs differ, None if they are alike.

    Example:
        >>> first_difference({"seed": 1, "steps": 8}, {"seed": 1, "steps": 16})
        'steps'
    """
    names = {**settings, **before}
    return next((name for name in names if before.get(name) != settings.get(name)), None)

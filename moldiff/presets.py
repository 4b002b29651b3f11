"""Settings of ``generate`` in a TOML file: how a tuned way of drawing is handed on."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from moldiff.errors import InputError
from moldiff.files import whole_file
from moldiff.sampling import Sampling
from moldiff.settings import check_keywords

OF_THE_RUN = ("seed", "threads", "compiled")
"""Settings that are about one run or one machine, and no preset's business."""

DRAWING = tuple(entry.name for entry in fields(Sampling) if entry.name not in OF_THE_RUN)
SERVING = ("method", "predictor", "reach")
TABLES = ("knobs", "method_knobs")
NUMBERS = ("gamma", "canvas_gamma", "temperature", "reach")

KNOBS_OF = {"sampler": "knobs", "method": "method_knobs"}
"""Settings that have knobs, and where these stand."""

SETTINGS = (*DRAWING, *SERVING)
"""What a preset may hold: keywords of ``MoleculeGenerator.generate``."""


def read_preset(path: str | Path) -> dict[str, Any]:
    """Return the settings of a preset, as keywords of ``MoleculeGenerator.generate``.

    Args:
        path: A TOML file: a line a setting, and the tables ``[knobs]`` and ``[method_knobs]``.

    Raises:
        InputError: If there is no such file, it is no TOML, or a setting in it is unknown or out of range.
    """
    settings = read_toml(path)
    try:
        check_preset(settings)
    except InputError as error:
        raise InputError(f"preset {path}: {error}") from None
    return settings


def over_preset(settings: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a preset with those that were given in their place.

    Args:
        settings: The preset.
        given: Settings of a run. Knobs take the place of single knobs; with another sampler or method the
            preset's knobs, which are those of its own, do not count.

    Example:
        >>> over_preset({"sampler": "cap", "knobs": {"eta": 0.1}}, {"knobs": {"at": 0.3}})
        {'sampler': 'cap', 'knobs': {'eta': 0.1, 'at': 0.3}}
        >>> over_preset({"sampler": "cap", "knobs": {"eta": 0.1}}, {"sampler": "loop"})
        {'sampler': 'loop'}
    """
    found = dict(settings)
    for owner, table in KNOBS_OF.items():
        if owner in given and given[owner] != found.get(owner):
            found.pop(table, None)
        if table in given and table in found:
            given = {**given, table: {**found[table], **given[table]}}
    return {**found, **given}


def check_preset(settings: Mapping[str, Any]) -> None:
    """Refuse settings that no preset may hold, or that are out of range.

    Raises:
        InputError: Naming the first of them.

    Example:
        >>> check_preset({"gama": 2})
        Traceback (most recent call last):
        moldiff.errors.InputError: unknown setting 'gama': did you mean 'gamma'?
    """
    check_keywords(settings, SETTINGS, "setting")
    for name, value in settings.items():
        if (name in TABLES) != isinstance(value, Mapping):
            expected = f"a table [{name}]" if name in TABLES else "one value"
            raise InputError(f"{name} must be {expected}, got {value!r}")
        if name in ("method", "sampler", "predictor") and not isinstance(value, str):
            raise InputError(f"{name} must be text, got {value!r}")
        if name in NUMBERS and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise InputError(f"{name} must be a number, got {value!r}")
    Sampling(**{name: value for name, value in settings.items() if name in DRAWING})


def write_preset(path: str | Path, settings: Mapping[str, Any], *, about: str = "") -> None:
    """Write settings as a preset, whole or not at all.

    Args:
        path: The file.
        settings: Keywords of ``MoleculeGenerator.generate`` among ``SETTINGS``; what is None is left out.
        about: Where they come from: lines of comment at the top.

    Raises:
        InputError: If a setting is unknown or out of range.
    """
    given = {name: value for name, value in settings.items() if value is not None}
    check_preset(given)
    lines = [f"# {line}" for line in about.splitlines()]
    lines += [f"{name} = {_toml(value)}" for name, value in given.items() if name not in TABLES]
    for table in TABLES:
        if given.get(table):
            lines += ["", f"[{table}]", *(f"{name} = {_toml(value)}" for name, value in given[table].items())]
    with whole_file(path) as part:
        part.write_text("\n".join(lines) + "\n", encoding="utf-8")


def read_toml(path: str | Path) -> dict[str, Any]:
    """Return what a TOML file holds.

    Raises:
        InputError: If there is no such file, or it is no TOML.
    """
    try:
        with Path(path).open("rb") as stream:
            return tomllib.load(stream)
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise InputError(f"cannot read {path}: {reason}; expected a TOML file") from None


def _toml(value: Any) -> str:
    # TOML writes numbers, truth values and texts of one line as JSON does.
    return json.dumps(str(value) if isinstance(value, Path) else value, ensure_ascii=False)

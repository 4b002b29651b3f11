"""Plans as TOML files."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from moldiff.errors import InputError
from moldiff.presets import read_toml
from moldiff.settings import check_keywords
from moldiff.sweep.contrast import Contrast, several
from moldiff.sweep.plan import SEEDS, Grid, N, Plan, Published
from moldiff.sweep.problem import Problem

FOR_GRIDS = ("n", "seeds")
TABLES = ("problem", "grid", "published", "contrast")
PUBLISHED_FILE = "published_file"
"""What a plan file holds beside keys of ``Plan``."""


def read_plan(path: str | Path) -> Plan:
    """Return the plan of a TOML file.

    Its keys are those of ``Plan`` and, for all grids, ``n`` and ``seeds``. Each ``[[problem]]`` has the keys
    of ``Problem``, each ``[[published]]`` those of ``Published``, each ``[[contrast]]`` those of
    ``Contrast``. A ``[[grid]]`` holds a value or a list of values for ``model``, ``problem`` (all of them
    unless given) and any of ``KEYS``, and ``n`` and ``seeds`` of its own. ``published_file`` names a file,
    beside the plan, that holds nothing but ``[[published]]``: those for the plan's problems are taken.

    Args:
        path: The file.

    Raises:
        InputError: If it cannot be read, or says something that is unknown or out of range.
    """
    content = read_toml(path)
    try:
        return _plan(content, Path(path).parent)
    except InputError as error:
        raise InputError(f"plan {path}: {error}") from None


def _plan(content: dict[str, Any], folder: Path) -> Plan:
    single = [
        entry.name
        for entry in fields(Plan)
        if entry.init and entry.name not in ("problems", "grids", "published", "contrasts")
    ]
    check_keywords(content, [*single, *FOR_GRIDS, *TABLES, PUBLISHED_FILE], "key of a plan")
    problems = {}
    for entry in _tables(content, "problem"):
        texts = {name: several(entry[name]) for name in ("ask", "aim") if name in entry}
        problem = _made(
            Problem, {**entry, **{name: tuple(map(str, value)) for name, value in texts.items()}}, "problem"
        )
        if problem.name in problems:
            raise InputError(f"two problems are called '{problem.name}'")
        problems[problem.name] = problem
    common = {name: content[name] for name in FOR_GRIDS if name in content}
    grids = []
    for entry in _tables(content, "grid"):
        own = {**common, **{name: entry.pop(name) for name in FOR_GRIDS if name in entry}}
        asked = several(entry.pop("problem", list(problems)))
        grids.append(
            Grid(
                {name: several(value) for name, value in entry.items()},
                asked,
                own.get("n", N),
                several(own.get("seeds", SEEDS)),
            )
        )
    published = [_made(Published, entry, "published") for entry in _tables(content, "published")]
    if PUBLISHED_FILE in content:
        published += _published(folder / str(content[PUBLISHED_FILE]), problems)
    contrasts = [_made(Contrast, entry, "contrast") for entry in _tables(content, "contrast")]
    rest = {name: content[name] for name in single if name in content}
    return Plan(problems, grids, published=published, contrasts=contrasts, **rest)


def _published(path: Path, problems: Collection[str]) -> list[Published]:
    """Return the results of others in a file of their own, those for the problems of a plan.

    Raises:
        InputError: If it cannot be read, or holds anything else.
    """
    content = read_toml(path)
    check_keywords(content, ["published"], f"key of {path.name}")
    found = [_made(Published, entry, "published") for entry in _tables(content, "published")]
    return [entry for entry in found if entry.problem in problems]


def _tables(content: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """Return copies of the tables of a name."""
    found = content.get(name, [])
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        raise InputError(f"'{name}' must be tables, each begun with [[{name}]]")
    return [dict(entry) for entry in found]


def _made(kind: Any, entry: Mapping[str, Any], name: str) -> Any:
    """Return a dataclass from a table.

    Raises:
        InputError: If a key is unknown or missing.
    """
    known = [each.name for each in fields(kind) if each.init]
    check_keywords(entry, known, f"key of a [[{name}]]")
    try:
        return kind(**entry)
    except TypeError as error:
        missing = str(error).partition(": ")[2]
        raise InputError(f"a [[{name}]] lacks {missing}") from None

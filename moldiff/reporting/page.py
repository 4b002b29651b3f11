"""Sections, put together as one file that needs nothing else."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Protocol

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from moldiff.reporting.checking import checked
from moldiff.reporting.frontier import frontier
from moldiff.reporting.molecules import molecules
from moldiff.reporting.properties import properties
from moldiff.reporting.record import RunRecord
from moldiff.reporting.repeat import repeat, repeat_search, repeat_sweep
from moldiff.reporting.run import MOST, Run, cells
from moldiff.reporting.summary import summary
from moldiff.reporting.tuning import tuning

MARK = '<meta name="generator" content="moldiff">'
"""Tells pages of moldiff from those of others."""


class Content(Protocol):
    """What an output folder holds of one kind."""

    @property
    def title(self) -> str:
        """What the page is called by it."""


@dataclass(frozen=True)
class Section:
    """A part of the page.

    Attributes:
        title: Its heading.
        kind: What it shows, a key of the contents of the folder.
        context: From that to what its template takes; None where there is nothing to show.
        template: Name of ``<template>.html``, and of ``<template>.js`` and ``<template>.css`` where it needs
            them; that of the part unless given.
    """

    title: str
    kind: str
    context: Callable[[Any], Mapping[str, Any] | None]
    template: str | None = None


SECTIONS: dict[str, Section] = {
    "summary": Section("Summary", "run", summary),
    "properties": Section("Properties", "run", properties),
    "molecules": Section("Molecules", "run", molecules),
    "repeat": Section("To repeat it", "run", repeat),
    "frontier": Section("Frontier", "frontier", frontier),
    "repeat-sweep": Section("To repeat the sweep", "frontier", repeat_sweep, "repeat"),
    "tuning": Section("Tuning", "tuning", tuning),
    "repeat-search": Section("To repeat the search", "tuning", repeat_search, "repeat"),
}
"""The parts of a page by name, in their order. Another one takes a function, a template and a line here."""


def page(contents: Mapping[str, Content]) -> str:
    """Return the page that shows what a folder holds.

    Args:
        contents: By kind; at least one.
    """
    shown = [
        (name, section, context)
        for name, section in SECTIONS.items()
        if section.kind in contents and (context := section.context(contents[section.kind])) is not None
    ]
    used = ["page", *dict.fromkeys(section.template or name for name, section, _ in shown)]
    scripts = [text for name in used if (text := _text(f"{name}.js"))]
    return (
        _templates()
        .get_template("page.html")
        .render(
            title=", ".join(content.title for content in contents.values()),
            sections=shown,
            mark=Markup(MARK),
            style=Markup("".join(_text(f"{name}.css") for name in used)),
            scripts=[Markup(script) for script in scripts],
            # Only these very scripts may run: one that came in with a file would not, even unescaped.
            digests=[
                base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts
            ],
        )
    )


def run_page(
    table: pd.DataFrame, record: object, *, filtered: pd.DataFrame | None = None, shown: int = MOST
) -> str:
    """Return the page of a run that is still in memory.

    Args:
        table: The molecules.
        record: The record, as JSON has it.
        filtered: What filters took out; None without filters.
        shown: How many molecules are drawn, at most.

    Raises:
        InputError: If table and record are not of one run.
    """
    others = None if filtered is None else cells(filtered)
    return page({"run": Run(checked(RunRecord, record, "the record"), cells(table), others, shown)})


@cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("moldiff.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _text(name: str) -> str:
    """Return a file of the templates as it stands, "" if there is none."""
    file = files("moldiff.reporting") / "templates" / name
    return file.read_text(encoding="utf-8") if file.is_file() else ""

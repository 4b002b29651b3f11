"""Records that come from files, checked before anything of them is shown."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from moldiff.errors import InputError

Number = Annotated[float, Field(allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0)]


class Part(BaseModel):
    """A part of a record; keys that it does not name are left alone."""

    model_config = ConfigDict(frozen=True)


class IntervalEntry(Part):
    """``moldiff.metrics.Interval`` as JSON: None where there is no number."""

    value: Number | None
    low: Number | None = None
    high: Number | None = None


@dataclass(frozen=True)
class Format:
    """What kind of record it is.

    Attributes:
        of: Of what.
        version: Of the format: raised when a key that a report needs changes its meaning.
        command: What writes it.
    """

    of: str
    version: int
    command: str

    @property
    def again(self) -> str:
        """The way out where a record cannot be used."""
        return f": take it from a copy, or run `{self.command}` again"


class Record(Part):
    """A record that a report shows: what it holds, and what it takes to do the same again."""

    FORMAT: ClassVar[Format]

    format_version: int
    versions: dict[str, str]
    machine: str
    command: str

    def check(self) -> None:
        """Refuse parts that do not fit each other.

        Raises:
            InputError: Naming the first.
        """


R = TypeVar("R", bound=Record)


def checked(kind: type[R], stored: object, name: str) -> R:
    """Return a record that was read from JSON.

    Args:
        kind: What it should be.
        stored: What was read.
        name: Of the file, for messages.

    Raises:
        InputError: If another version wrote it, or it is damaged.
    """
    form = kind.FORMAT
    if not isinstance(stored, dict):
        raise InputError(f"{name} is no record of {form.of}: expected an object{form.again}")
    version = stored.get("format_version")
    if version != form.version:
        raise InputError(f"{name} {_other_version(form, stored, version)}")
    try:
        record = kind.model_validate(stored)
        record.check()
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise InputError(f"{name} is damaged at {place} ({first['msg']}){form.again}") from None
    except InputError as error:
        raise InputError(f"{name} is damaged ({error}){form.again}") from None
    return record


def read_json(path: Path, again: str) -> Any:
    """Return what a JSON file holds.

    Args:
        path: The file.
        again: The way out where it cannot be read.

    Raises:
        InputError: If it cannot be read.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) else f"no JSON: {error!s:.80}"
        raise InputError(f"{path} cannot be read ({reason}){again}") from None


def _other_version(form: Format, stored: dict[Any, Any], version: object) -> str:
    versions = stored.get("versions")
    by = versions.get("moldiff") if isinstance(versions, dict) else None
    writer = f"moldiff {by}" if isinstance(by, str) else "another program"
    written = "without a format version" if version is None else f"in format {version!r:.20}"
    newer = isinstance(version, int) and version > form.version
    way_out = "update moldiff" if newer else f"run `{form.command}` again with the settings in it"
    return f"was written by {writer} {written}, and this version reads format {form.version}: {way_out}"

"""What a protocol is, and what it says."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import joblib
from numpy.typing import NDArray

CHUNK = 2000
"""Molecules that a process is given at a time."""

Say = Callable[[str], None]
T = TypeVar("T")


@dataclass(frozen=True)
class Figure:
    """One number of a protocol.

    Attributes:
        name: As the protocol calls it.
        value: NaN where it is not defined.
        n: Molecules that it is over.
        better: "higher", "lower", or "" where neither is.
        about: What it is, in a few words.
    """

    name: str
    value: float
    n: int
    better: str
    about: str


@dataclass(frozen=True)
class ProtocolReport:
    """What a protocol says of a list of molecules.

    Attributes:
        protocol: Its name.
        rows: Rows that were judged.
        figures: All numbers, in the protocol's order.
        settings: What else decides them.
        notes: What the user should know.
    """

    protocol: str
    rows: int
    figures: list[Figure]
    settings: dict[str, Any]
    notes: list[str]

    def value(self, name: str) -> float:
        """Return a number by its name; a KeyError if there is none."""
        return {figure.name: figure.value for figure in self.figures}[name]

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as JSON has it; what is not defined is null."""
        found = asdict(self)
        for figure in found["figures"]:
            figure["value"] = None if math.isnan(figure["value"]) else figure["value"]
        return found


class Protocol(ABC):
    """A protocol with its references: calling it judges a list of molecules.

    Attributes:
        about: What it is, in a few words.
        takes: Files that :meth:`open` can be given.
    """

    about: ClassVar[str]
    takes: ClassVar[tuple[str, ...]]

    @classmethod
    @abstractmethod
    def open(cls, files: Mapping[str, Path], *, say: Say, n_jobs: int = 1) -> Protocol:
        """Return the protocol with references that are at hand, given, or downloaded.

        Args:
            files: Copies of one's own, by the names that the protocol ``takes``.
            say: Called with what is being done.
            n_jobs: Processes, in joblib's counting.

        Raises:
            InputError: If a reference cannot be had.
        """

    @abstractmethod
    def __call__(self, smiles: Sequence[str], *, say: Say) -> ProtocolReport:
        """Judge molecules.

        Args:
            smiles: (N,) SMILES of any form; what RDKit cannot read is not valid.
            say: Called with what is being done.

        Raises:
            InputError: If there are too few.
        """


def in_parallel(function: Callable[[Any], T], rows: Sequence[str] | NDArray[Any], n_jobs: int) -> list[T]:
    """Return a function of rows, SMILES or arrays, for each chunk of them, in order.

    Function and chunks cross process boundaries.
    """
    chunks = [rows[start : start + CHUNK] for start in range(0, len(rows), CHUNK)]
    if n_jobs == 1 or len(chunks) < 2:
        return [function(chunk) for chunk in chunks]
    found: list[T] = joblib.Parallel(n_jobs=n_jobs)(joblib.delayed(function)(chunk) for chunk in chunks)
    return found

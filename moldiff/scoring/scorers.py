"""Scorers: those that come with moldiff, and one's own by name or as a function."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

from moldiff.chem.properties import PROPERTIES, measure
from moldiff.chem.smarts import read_smarts
from moldiff.chem.standardise import canonical, parse
from moldiff.errors import InputError, did_you_mean
from moldiff.metrics.diversity import max_similarity, morgan_fingerprints
from moldiff.scoring.answers import Function

_FORM = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")


class BuiltIn(ABC):
    """A scorer that comes with moldiff: it runs in the tool's own process.

    Attributes:
        name: What it is called in messages and records.
    """

    name: str

    @abstractmethod
    def __call__(self, smiles: list[str]) -> list[float]:
        """Return a number for each molecule, NaN where there is none."""


class Similarity(BuiltIn):
    """Tanimoto similarity of Morgan fingerprints (radius 2, 2,048 bits) to one molecule, 0 to 1.

    Args:
        smiles: That molecule.

    Raises:
        InputError: If it cannot be read.

    Example:
        >>> [round(score, 3) for score in Similarity("CCO")(["OCC", "CCCO"])]
        [1.0, 0.556]
    """

    def __init__(self, smiles: str) -> None:
        known = canonical([smiles])[0]
        if not known:
            raise InputError(f"similarity to {smiles!r}: not readable as a molecule; expected SMILES")
        self.name = f"similarity to {known}"
        self._prints = morgan_fingerprints([known])

    def __call__(self, smiles: list[str]) -> list[float]:
        """Return the similarities."""
        similarities: list[float] = max_similarity(smiles, self._prints).tolist()
        return similarities


class Contained(BuiltIn):
    """Whether a substructure is contained, 0 or 1, or how often.

    Args:
        smarts: SMARTS pattern; stereo marks count.
        count: Whether to give the number of its places, as sets of atoms.

    Raises:
        InputError: If the pattern cannot be read.

    Example:
        >>> Contained("[OX2H]")(["OCCO", "CC"]), Contained("[OX2H]", count=True)(["OCCO", "CC"])
        ([1.0, 0.0], [2.0, 0.0])
    """

    def __init__(self, smarts: str, *, count: bool = False) -> None:
        self._pattern = read_smarts(smarts)
        self._most = 1000 if count else 1
        self.name = f"{'number of' if count else 'contains'} {smarts}"

    def __call__(self, smiles: list[str]) -> list[float]:
        """Return the numbers of matches."""
        pattern, most = self._pattern, self._most
        return [
            float("nan")
            if mol is None
            else float(len(mol.GetSubstructMatches(pattern, useChirality=True, maxMatches=most)))
            for mol in parse(smiles)
        ]


class Measured(BuiltIn):
    """A property that RDKit computes, as a scorer: for models that were not trained on it.

    Args:
        name: A key of ``PROPERTIES``.

    Raises:
        InputError: If there is no such property.

    Example:
        >>> Measured("heavy_atoms")(["CCO"])
        [3.0]
    """

    def __init__(self, name: str) -> None:
        if name not in PROPERTIES:
            raise InputError(f"unknown property '{name}'{did_you_mean(name, PROPERTIES)}")
        self.name = name

    def __call__(self, smiles: list[str]) -> list[float]:
        """Return the values."""
        values: list[float] = measure(smiles, [self.name])[self.name].tolist()
        return values


@dataclass(frozen=True)
class Scorer:
    """A scorer that is known by name, and perhaps at hand.

    Attributes:
        name: What it is called: "package.module:function" where that is how it is found.
        function: The scorer itself; None where it has to be imported.
    """

    name: str
    function: Function | None = None


def load_scorer(given: str | Scorer | Callable[[list[str]], object]) -> Scorer:
    """Return a scorer from its name or from a function; a name is looked up where the scorer will run.

    Args:
        given: "package.module:function", found as ``python -m`` finds modules (in the working folder, or
            installed), or a function from a list of SMILES to as many numbers.

    Raises:
        InputError: If a text has another form, or what came is no function.

    Example:
        >>> load_scorer("my_scores:potency").name, load_scorer(Similarity("CCO")).name
        ('my_scores:potency', 'similarity to CCO')
    """
    if isinstance(given, Scorer):
        return given
    if isinstance(given, str):
        text = given.strip()
        if not _FORM.fullmatch(text):
            raise InputError(
                f"scorer {text[:80]!r}: expected package.module:function, such as my_scores:potency, "
                "with my_scores.py in the working folder"
            )
        return Scorer(text)
    if not callable(given):
        raise InputError(
            "a scorer is a function of a list of SMILES, or its name, such as my_scores:potency; got an "
            f"object of type {type(given).__name__}"
        )
    name = getattr(given, "name", None) or getattr(given, "__qualname__", None) or type(given).__qualname__
    return Scorer(str(name), given)

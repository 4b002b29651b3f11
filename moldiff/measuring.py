"""Where the values of molecules come from: RDKit, scorers of the run, or a predictor."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import pandas as pd

from moldiff.chem.properties import PROPERTIES, measure

if TYPE_CHECKING:
    # Its module loads torch, for which what only reads tables or reports shall not wait.
    from moldiff.scoring.goals import Measure

UNCERTAINTY = "_uncertainty"
"""Ending of the column that says how far off a predicted value is expected to be."""


class Prediction(Protocol):
    """A predictor of properties for finished molecules."""

    @property
    def properties(self) -> Sequence[str]:
        """What it predicts."""

    def __call__(self, smiles: Sequence[str], names: Sequence[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Return values and stated errors, B rows and a column a name each; NaN where there is none."""


@dataclass(frozen=True)
class Measuring:
    """Values of molecules by the name of a property or scorer.

    A scorer of the run comes first, then RDKit; a predictor is asked for what neither gives.

    Args:
        scorers: Measures by name.
        prediction: A predictor; None for none.

    Example:
        >>> measuring = Measuring({"length": lambda smiles: [float(len(text)) for text in smiles]})
        >>> measuring(["CCO"], ["length", "rings", "gap"])
           length  rings
        0     3.0    0.0
        >>> measuring.source("length"), measuring.source("rings"), measuring.source("gap")
        ('scored', 'measured', None)
    """

    scorers: Mapping[str, Measure] = field(default_factory=dict)
    prediction: Prediction | None = None

    def source(self, name: str) -> str | None:
        """Say how a value comes about: scored, measured or predicted; None where there is no way."""
        if name in self.scorers:
            return "scored"
        if name in PROPERTIES:
            return "measured"
        return "predicted" if self.prediction is not None and name in self.prediction.properties else None

    def __call__(self, smiles: Sequence[str], names: Iterable[str]) -> pd.DataFrame:
        """Return the values of B molecules, NaN where there is none.

        Args:
            smiles: B canonical SMILES, "" where invalid.
            names: What is asked for; what nothing gives is left out.

        Returns:
            B rows, a column a name; beside a predicted one ``<name>_uncertainty``, its stated error.
        """
        by: dict[str | None, list[str]] = {}
        for name in names:
            by.setdefault(self.source(name), []).append(name)
        scored = {name: self.scorers[name](smiles) for name in by.get("scored", ())}
        parts = [pd.DataFrame(scored, index=range(len(smiles))), measure(smiles, by.get("measured", []))]
        if self.prediction is not None and "predicted" in by:
            values, stated = self.prediction(smiles, by["predicted"])
            parts += [values, stated.add_suffix(UNCERTAINTY)]
        return pd.concat(parts, axis=1)

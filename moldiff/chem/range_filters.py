"""Filters by a number: any property in a range, and the similarity to the training molecules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from rdkit.Chem.rdchem import Mol
from rdkit.Chem.rdmolfiles import MolToSmiles

from moldiff.chem.goal_text import read_goal
from moldiff.chem.goals import Goal
from moldiff.chem.molecule_filter import MoleculeFilter, Nearest, shown
from moldiff.chem.properties import PROPERTIES
from moldiff.chem.statistics import PropertyStatistics
from moldiff.errors import InputError, did_you_mean

SIMILARITY = "similarity"
"""What a range filter calls the similarity to the nearest training molecule."""

_RANGE = {"name", "low", "high", "low_open", "high_open", "target", "tolerance"}


class PropertyRange(MoleculeFilter):
    """Removes molecules whose property lies outside a range, written as a goal is.

    Args:
        text: A range or limit of a property of :data:`PROPERTIES`, a value of one that takes whole numbers,
            or a value with a tolerance. Weights, max and min belong to goals and are refused.

    Raises:
        InputError: Another text, an unknown property, or a range without numbers in it.

    Example:
        >>> from rdkit.Chem import MolFromSmiles
        >>> mols = [MolFromSmiles("CCO"), MolFromSmiles("c1ccccc1"), None]
        >>> PropertyRange("MW <= 50").failed(mols).tolist()
        [False, True, True]
        >>> PropertyRange("MW <= 50").text
        'MW<=50'
    """

    usage = "MW<=500"
    removes = "molecules with a value outside the range, of any property listed above"
    source = "the property's"

    def __init__(self, text: str) -> None:
        goal = read_range(text, self.usage)
        if goal.name not in PROPERTIES:
            raise InputError(f"unknown property {shown(goal.name)}{did_you_mean(goal.name, PROPERTIES)}")
        entry = PROPERTIES[goal.name]
        if goal.target is not None and goal.tolerance is None and not entry.integer:
            raise InputError(f"filter {shown(text)}: say how near, as in {goal}±0.1: {goal.name} is no count")
        super().__init__(str(goal))
        # What is left to resolve is whole numbers: no training values enter, so one stands for all.
        stats = PropertyStatistics.from_values(goal.name, [0.0], entry.unit, entry.reference, entry.integer)
        try:
            self._goal = goal.resolve(stats)
        except InputError:
            raise InputError(
                f"filter {shown(text)}: no whole number lies in it, and {goal.name} is one"
            ) from None

    def rejects(self, mol: Mol) -> bool:
        """Tell whether the value lies outside."""
        return not self._goal.hit(PROPERTIES[self._goal.name].compute(mol))


class SimilarityRange:
    """Removes molecules whose nearest training molecule is more, or less, similar than the range allows.

    Similarity is Tanimoto's, of Morgan fingerprints (radius 2, 2,048 bits), as in the column
    ``max_sim_train``; 1 is a molecule with the same fingerprint as a training molecule.

    Args:
        text: A range or limit of ``similarity``, ends between 0 and 1.

    Raises:
        InputError: Another text, or an end outside 0 to 1.

    Example:
        >>> from rdkit.Chem import MolFromSmiles
        >>> new = SimilarityRange("similarity<=0.7").with_training(lambda smiles: np.array([0.2, 0.9]))
        >>> new.failed([MolFromSmiles("CCO"), MolFromSmiles("CCN")]).tolist()
        [False, True]
    """

    usage: ClassVar[str] = "similarity<=0.7"
    removes: ClassVar[str] = (
        "molecules more (with >=, less) similar than this to the nearest training molecule"
    )
    source: ClassVar[str] = "Tanimoto, Morgan fingerprints of radius 2, 2,048 bits"
    needs_training: ClassVar[bool] = True

    def __init__(self, text: str) -> None:
        goal = read_range(text, self.usage)
        if goal.name != SIMILARITY:
            raise InputError(f"filter {shown(text)}: expected a range of {SIMILARITY}, as in {self.usage}")
        if goal.target is not None and goal.tolerance is None:
            raise InputError(f"filter {shown(text)}: say how near, as in {goal}±0.1")
        ends = [end for end in (goal.low, goal.high, goal.target) if end is not None and np.isfinite(end)]
        beyond = (goal.low_open and goal.low == 1) or (goal.high_open and goal.high == 0)
        if beyond or not all(0 <= end <= 1 for end in ends):
            raise InputError(f"filter {shown(text)}: similarity lies between 0 and 1, and so must the range")
        self.text = str(goal)
        self._goal = goal
        self._nearest: Nearest | None = None

    def with_training(self, nearest: Nearest) -> Self:
        """Return the filter with the training molecules to compare with."""
        bound = type(self)(self.text)
        bound._nearest = nearest
        return bound

    def failed(self, mols: Sequence[Mol | None]) -> NDArray[np.bool_]:
        """Return (B,) bool, whether each molecule fails; None does.

        Raises:
            ValueError: There is nothing to compare with yet: see :meth:`with_training`.
        """
        if self._nearest is None:
            raise ValueError(f"{self!r} has no training molecules yet: call with_training first")
        smiles = ["" if mol is None else MolToSmiles(mol) for mol in mols]
        # Similarities are float32 quotients of counts, 0.6 among them 0.60000002: six decimals are exact.
        return ~self._goal.hit(np.round(self._nearest(smiles), 6))

    def __repr__(self) -> str:
        return f"SimilarityRange({self.text!r})"


def read_range(text: str, usage: str) -> Goal:
    """Return the goal that a filter's text describes, if it is a range.

    Args:
        text: The filter's text.
        usage: An example for messages.

    Raises:
        InputError: If it is no goal, or one with a weight, max or min.
    """
    wanted = f"expected a range such as {usage} or 1<=logP<=3, without weight, max or min"
    try:
        fields = read_goal(text)
    except ValueError:
        raise InputError(f"filter {shown(text)}: {wanted}") from None
    if not fields.keys() <= _RANGE:
        raise InputError(f"filter {shown(text)}: {wanted}")
    try:
        return Goal(**fields)
    except ValueError as error:
        raise InputError(f"filter {shown(text)}: {error}") from None

"""What a filter is: a test that a molecule passes or fails, named by the text that asks for it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar, Protocol, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray
from rdkit.Chem.rdchem import Mol

from moldiff.errors import InputError

Nearest: TypeAlias = Callable[[Sequence[str]], NDArray[np.float64]]
"""From (B,) SMILES to the similarity of each to the nearest training molecule, (B,), NaN for no molecule."""


class Filter(Protocol):
    """A test of molecules, built from its text alone.

    Attributes:
        usage: An example of the text; for a filter without a value, the text.
        removes: Which molecules fail, in a few words.
        source: Where the definition stands.
        needs_training: Whether :meth:`with_training` has to come before :meth:`failed`.
        text: What was asked for, in the form that is printed; it reads back as the same filter.
    """

    usage: ClassVar[str]
    removes: ClassVar[str]
    source: ClassVar[str]
    needs_training: ClassVar[bool]
    text: str

    def __init__(self, text: str) -> None:
        """Read the text; raise InputError where it cannot be read."""

    def failed(self, mols: Sequence[Mol | None]) -> NDArray[np.bool_]:
        """Return (B,) bool, whether each molecule fails; None, which is no molecule, does."""
        ...

    def with_training(self, nearest: Nearest) -> Self:
        """Return the filter, able to compare with the training molecules."""
        ...


class MoleculeFilter(ABC):
    """A filter that looks at one molecule at a time: to write one is to write :meth:`rejects`.

    Args:
        text: The filter's text, checked by the subclass.

    Example:
        >>> from rdkit.Chem import MolFromSmiles
        >>> class Acyclic(MoleculeFilter):
        ...     usage, removes, source = "acyclic", "molecules with a ring", "by hand"
        ...
        ...     def rejects(self, mol):
        ...         return mol.GetRingInfo().NumRings() > 0
        >>> Acyclic("acyclic").failed([MolFromSmiles("CCO"), MolFromSmiles("C1CC1"), None]).tolist()
        [False, True, True]
    """

    usage: ClassVar[str]
    removes: ClassVar[str]
    source: ClassVar[str]
    needs_training: ClassVar[bool] = False

    def __init__(self, text: str) -> None:
        self.text = text

    @abstractmethod
    def rejects(self, mol: Mol) -> bool:
        """Tell whether a sanitised molecule fails."""

    def failed(self, mols: Sequence[Mol | None]) -> NDArray[np.bool_]:
        """Return (B,) bool, whether each molecule fails; None does."""
        return np.array([mol is None or self.rejects(mol) for mol in mols], dtype=np.bool_)

    def with_training(self, nearest: Nearest) -> Self:
        """Return the filter itself: it compares with nothing."""
        return self

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.text!r})"


def check_plain(text: str, usage: str) -> None:
    """Raise InputError unless the text is the bare name of the filter."""
    if text != usage:
        raise InputError(f"filter {shown(text)}: {usage} stands alone, without a value")


def value_of(text: str, usage: str) -> str:
    """Return what stands after "=" in ``name=value``, without spaces around it.

    Args:
        text: The filter's text.
        usage: An example of it, which has the name.

    Raises:
        InputError: If the name is another one or the value is missing.

    Example:
        >>> value_of("elements = C, N", "elements=C,N,O,F")
        'C, N'
    """
    name, _, value = (part.strip() for part in text.partition("="))
    if name != usage.partition("=")[0] or not value:
        raise InputError(f"filter {shown(text)}: expected a value after one '=', as in {usage}")
    return value


def shown(text: str) -> str:
    """Return the text in quotes for a message, cut short where it is long."""
    return repr(text if len(text) <= 80 else text[:77] + "...")

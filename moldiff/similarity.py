"""How near molecules are to those that a model was trained on, where these are at hand."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property, partial
from pathlib import Path

from moldiff.chem.filters import Filter, bind_training, parse_filter
from moldiff.chem.molecule_filter import Nearest
from moldiff.errors import InputError
from moldiff.metrics.diversity import max_similarity
from moldiff.metrics.keys import TrainingKeys
from moldiff.reference import Reference, reference_from, training_references


class TrainingMolecules:
    """The molecules that a model was trained on: a model keeps their keys, which tell them in a table.

    They are looked for when something needs them, since that takes seconds for a large table.

    Args:
        known: The model's training keys.
        data: Name of its data set, as its configuration has it.
        table: The table that it was trained on; None to look for it among the data sets that come with
            moldiff.

    Attributes:
        notes: What the user should know, once they were needed.

    Example:
        >>> known = TrainingKeys.build(["CCO", "C"])
        >>> training = TrainingMolecules(known, "mine")
        >>> [each.text for each in training.bind(["MW <= 500"])], training.found
        (['MW<=500'], None)
    """

    def __init__(self, known: TrainingKeys, data: object = None, table: str | Path | None = None) -> None:
        self.known = known
        self.data = data
        self.table = table
        self.notes: list[str] = []

    def bind(self, filters: str | Filter | Iterable[str | Filter]) -> list[Filter]:
        """Return filters, each once, that have the training molecules where they need them.

        Args:
            filters: Filters or their texts.

        Raises:
            InputError: If a text is no filter, or needs training molecules that are not at hand.
        """
        asked = [filters] if isinstance(filters, str) or not isinstance(filters, Iterable) else filters
        parsed = [parse_filter(each) if isinstance(each, str) else each for each in asked]
        distinct = list({each.text: each for each in parsed}.values())
        return bind_training(distinct, self.found if any(each.needs_training for each in distinct) else None)

    @property
    def nearest(self) -> Nearest:
        """From SMILES to the similarity of each to the nearest training molecule.

        Raises:
            InputError: If the training molecules are not at hand.
        """
        if self.found is None:
            raise InputError(
                "the training molecules are not at hand, only their keys: give the table that the model was "
                "trained on (--training-table), or leave the similarity out"
            )
        return self.found

    @cached_property
    def found(self) -> Nearest | None:
        """The same, or None where the training molecules are not at hand.

        Raises:
            InputError: If the table given cannot be read, or none of its molecules is a training molecule.
        """
        inside = self._inside()
        if inside is None:
            return None
        if len(inside.distinct) < len(self.known):
            self.notes.append(
                f"similarity is to {len(inside.distinct):,} of the {len(self.known):,} training molecules: "
                "the table does not hold the others, at least not drawn in the same way"
            )
        return partial(max_similarity, fingerprints=inside.fingerprints())

    def _inside(self) -> Reference | None:
        """Return the molecules of the table that are among the keys."""
        if self.table is None:
            return training_references(self.data, self.known)[0]
        everything = reference_from(self.table)
        among = self.known.contains(everything.distinct)
        if not among.any():
            raise InputError(f"the model was trained on no molecule of {self.table}: give its own table")
        chosen = [smiles for smiles, there in zip(everything.distinct, among, strict=True) if there]
        return Reference(everything.name, chosen)

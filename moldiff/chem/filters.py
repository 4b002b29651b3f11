"""Filters by name: from the texts that people give to the filters that each molecule fails."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import compress

from moldiff.chem.alerts import Brenk, Catalogue, Nih, Pains, PainsA, PainsB, PainsC, Zinc
from moldiff.chem.medicinal import Mcf, MosesRules
from moldiff.chem.molecule_filter import Filter, MoleculeFilter, Nearest, shown
from moldiff.chem.properties import PROPERTIES
from moldiff.chem.range_filters import SIMILARITY, PropertyRange, SimilarityRange
from moldiff.chem.standardise import parse
from moldiff.chem.structure_filters import Avoids, Contains, Elements, NoRadicals, RingSizes
from moldiff.errors import InputError, did_you_mean

__all__ = [
    "FILTERS",
    "Catalogue",
    "Filter",
    "MoleculeFilter",
    "Nearest",
    "PropertyRange",
    "bind_training",
    "failed_filters",
    "parse_filter",
    "parse_filters",
]

FILTERS: dict[str, type[Filter]] = {
    "PAINS": Pains,
    "PAINS_A": PainsA,
    "PAINS_B": PainsB,
    "PAINS_C": PainsC,
    "BRENK": Brenk,
    "NIH": Nih,
    "ZINC": Zinc,
    "MCF": Mcf,
    "MOSES": MosesRules,
    "elements": Elements,
    "ring-sizes": RingSizes,
    "contains": Contains,
    "avoids": Avoids,
    "no-radicals": NoRadicals,
    SIMILARITY: SimilarityRange,
}
"""Filters by the name that their texts begin with; besides, every property makes a :class:`PropertyRange`."""

_LONGEST = 2000

# Parsed molecules take a hundred times the memory of their SMILES: no more than these are held at a time.
_CHUNK = 1024


def parse_filter(text: str) -> Filter:
    """Read a filter such as "PAINS", "elements=C,N,O,F", "MW<=500", "avoids=C#N", "similarity<=0.7".

    ``parse_filter(text).text`` is the same filter in the form that is printed.

    Args:
        text: The filter; spaces at its ends do not count.

    Raises:
        InputError: The text is no filter, or its value is none that the filter takes.

    Example:
        >>> parse_filter("1 <= logP <= 3").text
        '1<=logP<=3'
        >>> parse_filter("pains")
        Traceback (most recent call last):
        moldiff.errors.InputError: unknown filter 'pains': did you mean 'PAINS'?
    """
    words = text.strip()
    if not words.isprintable() or len(words) > _LONGEST:
        raise InputError(f"filter {shown(words)}: expected at most {_LONGEST} printable characters")
    name = _name(words)
    if name in FILTERS:
        return FILTERS[name](words)
    if name in PROPERTIES:
        return PropertyRange(words)
    raise InputError(f"unknown filter {shown(name)}{did_you_mean(name, [*FILTERS, *PROPERTIES])}")


def parse_filters(texts: Sequence[str]) -> list[Filter]:
    """Read filters, each once, in their order.

    Args:
        texts: As for :func:`parse_filter`.

    Example:
        >>> [each.text for each in parse_filters(["MW<=500", "PAINS", "MW <= 500"])]
        ['MW<=500', 'PAINS']
    """
    filters = [parse_filter(text) for text in texts]
    return list({each.text: each for each in filters}.values())


def bind_training(filters: Sequence[Filter], nearest: Nearest | None) -> list[Filter]:
    """Give the training molecules to the filters that compare with them.

    Args:
        filters: Any filters.
        nearest: From SMILES to similarities to the nearest training molecule, such as
            ``partial(max_similarity, fingerprints=morgan_fingerprints(training))`` of ``moldiff.metrics``;
            None where the training molecules are not at hand.

    Raises:
        InputError: A filter needs them, and they are not at hand.
    """
    for each in filters:
        if nearest is None and each.needs_training:
            raise InputError(
                f"filter '{each.text}' compares with the training molecules, which no model file holds: "
                "give the table that the model was trained on, or leave the filter out"
            )
    return list(filters) if nearest is None else [each.with_training(nearest) for each in filters]


def failed_filters(smiles: Sequence[str], filters: Sequence[Filter]) -> list[str]:
    """Return the texts of the filters that each molecule fails, with "; " between them.

    Args:
        smiles: B SMILES; each is parsed once.
        filters: Those that need the training molecules have them: see :func:`bind_training`.

    Returns:
        B strings: "" for a molecule that passes all, and for the SMILES "", which is no molecule. A text
        that RDKit cannot parse fails all.

    Example:
        >>> failed_filters(["Oc1ccccc1O", "CCO", ""], parse_filters(["PAINS", "rings=0"]))
        ['PAINS; rings=0', '', '']
    """
    if not filters:
        return [""] * len(smiles)
    chunks = (smiles[start : start + _CHUNK] for start in range(0, len(smiles), _CHUNK))
    return [failures for chunk in chunks for failures in _failed_chunk(chunk, filters)]


def _failed_chunk(smiles: Sequence[str], filters: Sequence[Filter]) -> list[str]:
    mols = list(parse(smiles))
    rows = zip(*(each.failed(mols) for each in filters), strict=True)
    texts = [each.text for each in filters]
    failures = ("; ".join(compress(texts, fails)) for fails in rows)
    return [failure if molecule else "" for molecule, failure in zip(smiles, failures, strict=True)]


def _name(text: str) -> str:
    """Return what a filter's text calls it: the first word between its signs that is no number.

    ``max QED`` and ``2*MW<=500`` are called by the property, whose filter then says what is wrong with them.
    """
    parts = [part.strip() for part in re.split("[<>=≤≥]", text)]
    named = [part for part in parts if re.match(r"[^\W\d]|.*\*", part)]
    return re.sub(
        r"^(.*\*\s*)?((max|min)(imi[sz]e)?\s+)?", "", named[0] if named else text, flags=re.IGNORECASE
    )

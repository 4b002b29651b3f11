"""From a table of molecules to what training needs: tokens, codes, conditions, canvases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

import numpy as np
import torch
from numpy.typing import NDArray

from moldiff.chem.codes import CODES
from moldiff.chem.statistics import PropertyStatistics
from moldiff.chem.tokenizer import SelfiesTokenizer
from moldiff.datasets import MoleculeTable, PackedTable, pack
from moldiff.diffusion.canvas import CanvasLaw
from moldiff.diffusion.codec import SubtokenCodec
from moldiff.errors import InputError, did_you_mean
from moldiff.training.data import ResidentTokens
from moldiff.training.notation import Notation

STEPS = (4, 8, 16, 32)
"""Canvas steps to choose from."""

NOTHING: Mapping[str, PropertyStatistics] = MappingProxyType({})
"""No statistics."""


@dataclass
class Prepared:
    """Training material of one table.

    Attributes:
        tokenizer: SELFIES symbols of the table.
        code: Name of the code.
        codec: Digits of every token.
        statistics: Training statistics of every condition, in the order of the columns of y.
        train: Molecules to learn from.
        validation: Molecules held out for the bounds printed during and after training.
        canvas: Law of canvas sizes in ``train``.
        canvas_step: They are multiples of this.
        longest: The longest canvas that a network has to take.
        keys: (N,) uint64 keys of the molecules of ``train``.
    """

    tokenizer: SelfiesTokenizer
    code: str
    codec: SubtokenCodec
    statistics: list[PropertyStatistics]
    train: ResidentTokens
    validation: ResidentTokens
    canvas: CanvasLaw
    canvas_step: int
    longest: int
    keys: NDArray[np.uint64]


def prepare(
    table: MoleculeTable | PackedTable,
    properties: Sequence[str],
    *,
    digits: int = 1,
    code: str = "chemistry",
    canvas_step: int | None = None,
    like: Notation | None = None,
    known: Mapping[str, PropertyStatistics] = NOTHING,
    batch_tokens: int = 4096,
    seed: int = 0,
    n_jobs: int = 1,
) -> Prepared:
    """Tokenise a table, measure the properties it lacks, and split it by hash.

    Args:
        table: Molecules with canonical SMILES; or packed, which has all that done.
        properties: Conditions of the model: label columns of the table or properties that RDKit measures.
        digits: K, sub-tokens of a token; 1 is the plain masked model.
        code: Name of the code (a key of ``CODES``).
        canvas_step: Canvas sizes are multiples of this; ``fitting_step`` unless given.
        like: How a model writes molecules, for its predictor: in the place of symbols, digits, code and
            canvases of the table's own.
        known: Statistics of properties that a model has learned before: they stay as they are.
        batch_tokens: Canvas tokens in a training batch.
        seed: Seed of data order and canvas sample.
        n_jobs: Processes for measuring properties.

    Raises:
        InputError: If a property or the code is unknown, no molecule is left to train on, or one cannot be
            written ``like`` the model writes.
    """
    _check_code(code)
    packed = _packed(table, properties, like, n_jobs)
    rows = _training_rows(packed)
    if like is None:
        codec = _codec(packed, digits, code)
        step = fitting_step(packed.ids.lengths) if canvas_step is None else canvas_step
    else:
        code, codec, step = like.code, like.codec, like.canvas_step
    resident = partial(ResidentTokens, packed.ids, packed.values, orders=packed.orders, step=step, seed=seed)
    # Bounds are those of the canonical order, the first.
    parts = (packed.written(rows), _held_out(packed) * packed.orders)
    train, validation = (resident(rows=part, batch_tokens=batch_tokens) for part in parts)
    labels = torch.from_numpy(packed.values[parts[0] // packed.orders]).float()
    return Prepared(
        tokenizer=SelfiesTokenizer(packed.tokens),
        code=code,
        codec=codec,
        statistics=_statistics(packed, rows, known),
        train=train,
        validation=validation,
        canvas=CanvasLaw.fit(train.canvases, labels, torch.Generator().manual_seed(seed)),
        canvas_step=step,
        longest=_longest([train, validation], like),
        keys=packed.keys[rows],
    )


def fitting_step(lengths: Sequence[int] | NDArray[np.integer]) -> int:
    """Return a canvas step that makes some five to ten sizes: each is compiled once, and padded half a step.

    Args:
        lengths: Symbols of each molecule, at least one.

    Example:
        >>> fitting_step([9, 15, 21]), fitting_step([12, 40, 70])
        (4, 8)
    """
    common = float(np.quantile(lengths, 0.99))
    return next((step for step in STEPS if common <= 10 * step), STEPS[-1])


def _check_code(code: str) -> None:
    if code not in CODES:
        raise InputError(f"unknown code '{code}'{did_you_mean(code, CODES)}")


def _packed(
    table: MoleculeTable | PackedTable, properties: Sequence[str], like: Notation | None, n_jobs: int
) -> PackedTable:
    """Return the table packed, with these properties."""
    if isinstance(table, MoleculeTable):
        tokenizer = None if like is None else like.tokenizer
        return pack(table, properties, tokenizer=tokenizer, n_jobs=n_jobs)
    return table.select(properties)


def _training_rows(packed: PackedTable) -> NDArray[np.int64]:
    rows = packed.rows("train")
    if not len(rows):
        raise InputError(f"{packed.name} has {len(packed)} molecules, none of them to train on: give more")
    return rows


def _held_out(packed: PackedTable) -> NDArray[np.int64]:
    """Return the rows of the validation part, or of training if a table of a few molecules has none."""
    rows = packed.rows("validation")
    return rows if len(rows) else packed.rows("train")


def _statistics(
    packed: PackedTable, rows: NDArray[np.int64], known: Mapping[str, PropertyStatistics]
) -> list[PropertyStatistics]:
    """Return the statistics of every condition: those that are known, or else those over some rows."""
    return [
        known[entry.name]
        if entry.name in known
        else PropertyStatistics.from_values(
            entry.name,
            packed.values[rows, column],
            entry.unit,
            entry.source,
            entry.integer,
            classes=entry.classes,
        )
        for column, entry in enumerate(packed.conditions)
    ]


def _codec(packed: PackedTable, digits: int, code: str) -> SubtokenCodec:
    """Return the digits of a table's own symbols; refuse to write a single symbol in several digits."""
    if digits > 1 and len(packed.tokens) < 3:
        raise InputError(
            f"the molecules of {packed.name} have only one SELFIES symbol, {packed.tokens[-1]}, which "
            "needs no digits: take the family mdlm, or more molecules"
        )
    counts = np.bincount(packed.ids.flat, minlength=len(packed.tokens))
    return SubtokenCodec(torch.from_numpy(CODES[code](packed.tokens, digits, counts=counts.tolist())))


def _longest(parts: Sequence[ResidentTokens], like: Notation | None) -> int:
    """Return the longest canvas: of the molecules, or of the model that has to hold them all."""
    longest = max(int(part.canvases.max()) for part in parts)
    if like is None:
        return longest
    if longest > like.longest:
        raise InputError(
            f"a molecule needs a canvas of {longest} positions, the model's have up to {like.longest}: leave "
            "such molecules out"
        )
    return like.longest

"""From a table of molecules to what training needs: tokens, codes, conditions, canvases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from moldiff.chem.codes import CODES
from moldiff.chem.properties import PROPERTIES
from moldiff.chem.statistics import PropertyStatistics
from moldiff.chem.tokenizer import SelfiesTokenizer
from moldiff.datasets import MoleculeTable, split, with_properties
from moldiff.diffusion.canvas import CanvasLaw
from moldiff.diffusion.codec import SubtokenCodec
from moldiff.errors import InputError, did_you_mean
from moldiff.training.data import ResidentTokens
from moldiff.training.notation import Notation

STEPS = (4, 8, 16, 32)
"""Canvas steps to choose from."""


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
        train_smiles: Canonical SMILES of ``train``.
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
    train_smiles: list[str]


def prepare(
    table: MoleculeTable,
    properties: Sequence[str],
    *,
    digits: int = 1,
    code: str = "chemistry",
    canvas_step: int | None = None,
    like: Notation | None = None,
    batch_tokens: int = 4096,
    seed: int = 0,
    device: torch.device | None = None,
    n_jobs: int = 1,
) -> Prepared:
    """Tokenise a table, measure the properties it lacks, and split it by hash.

    Args:
        table: Molecules with canonical SMILES.
        properties: Conditions of the model: label columns of the table or properties that RDKit measures.
        digits: K, sub-tokens of a token; 1 is the plain masked model.
        code: Name of the code (a key of ``CODES``).
        canvas_step: Canvas sizes are multiples of this; ``fitting_step`` unless given.
        like: How a model writes molecules, for its predictor: in the place of symbols, digits, code and
            canvases of the table's own.
        batch_tokens: Canvas tokens in a training batch.
        seed: Seed of data order and canvas sample.
        device: Where the tokens live.
        n_jobs: Processes for measuring properties.

    Raises:
        InputError: If a property or the code is unknown, no molecule is left to train on, or one cannot be
            written ``like`` the model writes.
    """
    if code not in CODES:
        raise InputError(f"unknown code '{code}'{did_you_mean(code, CODES)}")
    frame = with_properties(table, [name for name in properties if name not in table.labels], n_jobs=n_jobs)
    tokenizer = SelfiesTokenizer.fit(table.smiles) if like is None else like.tokenizer
    ids = tokenizer.encode(table.smiles)
    if like is None:
        codec = _codec(table, tokenizer, ids, digits, code)
        step = fitting_step([len(row) for row in ids]) if canvas_step is None else canvas_step
    else:
        code, codec, step = like.code, like.codec, like.canvas_step
    y = frame[list(properties)].to_numpy(dtype=np.float64)
    part = split(table.smiles)
    if not (part == "train").any():
        raise InputError(f"{table.name} has {len(table)} molecules, none of them to train on: give more")
    # A table of a few molecules may have none held out: its bound is then one of the training molecules.
    held_out = part == "validation" if (part == "validation").any() else part == "train"
    resident = partial(ResidentTokens, step=step, batch_tokens=batch_tokens, seed=seed, device=device)
    chosen = (part == "train", held_out)
    train, validation = (resident([ids[i] for i in np.flatnonzero(rows)], y[rows]) for rows in chosen)
    longest = _longest([train, validation], like)
    labels = torch.from_numpy(y[part == "train"]).float()
    law = CanvasLaw.fit(train.canvases, labels, torch.Generator().manual_seed(seed))
    statistics = [_statistics(table, name, y[part == "train", i]) for i, name in enumerate(properties)]
    smiles = [table.smiles[i] for i in np.flatnonzero(part == "train")]
    return Prepared(tokenizer, code, codec, statistics, train, validation, law, step, longest, smiles)


def fitting_step(lengths: Sequence[int]) -> int:
    """Return a canvas step that makes some five to ten sizes: each is compiled once, and padded half a step.

    Args:
        lengths: Symbols of each molecule, at least one.

    Example:
        >>> fitting_step([9, 15, 21]), fitting_step([12, 40, 70])
        (4, 8)
    """
    common = float(np.quantile(lengths, 0.99))
    return next((step for step in STEPS if common <= 10 * step), STEPS[-1])


def _codec(
    table: MoleculeTable, tokenizer: SelfiesTokenizer, ids: Sequence[np.ndarray], digits: int, code: str
) -> SubtokenCodec:
    """Return the digits of a table's own symbols; refuse to write a single symbol in several digits."""
    if digits > 1 and len(tokenizer) < 3:
        raise InputError(
            f"the molecules of {table.name} have only one SELFIES symbol, {tokenizer.tokens[-1]}, which "
            "needs no digits: take the family mdlm, or more molecules"
        )
    counts = np.bincount(np.concatenate(ids), minlength=len(tokenizer))
    return SubtokenCodec(torch.from_numpy(CODES[code](tokenizer.tokens, digits, counts=counts.tolist())))


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


def _statistics(table: MoleculeTable, name: str, values: np.ndarray) -> PropertyStatistics:
    """Return the training statistics of a condition, with the unit of its source."""
    if name in table.labels:
        classes = table.classes.get(name, ())
        return PropertyStatistics.from_values(
            name, values, table.units[name], table.citation, classes=classes
        )
    known = PROPERTIES[name]
    return PropertyStatistics.from_values(name, values, known.unit, known.reference, known.integer)

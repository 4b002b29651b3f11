"""How a model writes molecules, for a predictor that is to read its states."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from moldiff.bundled import model_folder
from moldiff.chem.tokenizer import SelfiesTokenizer
from moldiff.datasets import MoleculeTable, PackedTable
from moldiff.datasets.cleaning import NO_SELFIES, TOO_LONG, DroppedRow, listed, reasons
from moldiff.diffusion.canvas import canvas_size
from moldiff.diffusion.codec import SubtokenCodec
from moldiff.errors import InputError
from moldiff.models.checkpoint import SavedModel, load_model, read_json, refusing_damage

UNKNOWN_SYMBOL = "symbol outside the model's vocabulary"


@dataclass(frozen=True)
class Notation:
    """Symbols, digits and canvases of a model: what its predictors have to share with it.

    Args:
        family: A key of ``FAMILIES``.
        tokenizer: SELFIES symbols.
        code: Name of the code.
        codec: Digits of every token.
        canvas_step: Canvas sizes are multiples of this.
        longest: The longest canvas.

    Example:
        >>> tokenizer = SelfiesTokenizer(["[nop]", "[C]", "[O]"])
        >>> codec = SubtokenCodec(torch.arange(3)[:, None])
        >>> Notation("mdlm", tokenizer, "chemistry", codec, 4, 8).refused(["CO", "CN"])
        {'CN': ("symbol outside the model's vocabulary", '[N]')}
    """

    family: str
    tokenizer: SelfiesTokenizer
    code: str
    codec: SubtokenCodec
    canvas_step: int
    longest: int

    def sift(
        self, table: MoleculeTable, rows: Sequence[int] | None = None
    ) -> tuple[MoleculeTable, list[DroppedRow]]:
        """Return the molecules of a table that the model can write, and the rows of the others.

        Args:
            table: Canonical SMILES and labels.
            rows: The row of each molecule in the source of the table, from 1; its place unless given.

        Raises:
            InputError: If the model can write none of them.
        """
        refused = self.refused(table.smiles)
        places = zip(range(1, len(table) + 1) if rows is None else rows, table.smiles, strict=True)
        dropped = [DroppedRow(row, text, *refused[text]) for row, text in places if text in refused]
        if len(dropped) == len(table):
            raise InputError(
                f"the model can write none of the {len(table):,} molecules of {table.name} "
                f"({listed(reasons(dropped))}): take another model, or train one on this table"
            )
        return table.take(np.array([text not in refused for text in table.smiles])), dropped

    def sift_packed(self, packed: PackedTable) -> tuple[PackedTable, dict[str, int]]:
        """Return the molecules of a packed table that the model can write, in its ids; others by reason.

        Raises:
            InputError: If the model can write none of them.
        """
        found, missing = packed.rewritten(self.tokenizer.tokens)
        counts = {f"{UNKNOWN_SYMBOL}, {symbol}": count for symbol, count in missing.items()}
        sizes = canvas_size(torch.from_numpy(found.ids.lengths), self.canvas_step).numpy()
        fits = np.asarray((sizes <= self.longest).reshape(-1, found.orders).all(axis=1))
        if not fits.all():
            counts[TOO_LONG] = int((~fits).sum())
            found = found.take(fits)
        if not len(found):
            raise InputError(
                f"the model can write none of the {len(packed):,} molecules of {packed.name} "
                f"({listed(counts)}): take another model, or train one on this table"
            )
        return found, counts

    def refused(self, smiles: Iterable[str]) -> dict[str, tuple[str, str]]:
        """Return the molecules that the model cannot write, each with a reason and more about it.

        Args:
            smiles: Canonical SMILES.
        """
        known, refused = set(self.tokenizer.tokens), {}
        for text in smiles:
            try:
                symbols = self.tokenizer.symbols(text)
            except InputError as error:
                refused[text] = NO_SELFIES, str(error)
                continue
            canvas = int(canvas_size(torch.tensor(len(symbols)), self.canvas_step))
            if unknown := sorted(set(symbols) - known):
                refused[text] = UNKNOWN_SYMBOL, ", ".join(unknown)
            elif canvas > self.longest:
                refused[text] = TOO_LONG, f"{canvas} positions; the model has up to {self.longest}"
        return refused


def read_notation(model: str | Path) -> Notation:
    """Return how a model writes molecules.

    Args:
        model: A folder, or the name of a bundled model.

    Raises:
        InputError: If there is no such model, or its files are damaged.
    """
    folder = model_folder(model)
    return notation_of(folder, load_model(folder))


def notation_of(folder: Path, saved: SavedModel) -> Notation:
    """Return how a model that was loaded from a folder writes molecules.

    Raises:
        InputError: If a file of the folder is damaged.
    """
    config, longest = saved.config, saved.network.max_length
    with refusing_damage(f"the model in {folder}"):
        tokenizer = SelfiesTokenizer(read_json(folder / "vocab.json")["tokens"])
        step = config["canvas_step"]
        if type(step) is not int or not 1 <= step <= longest:
            raise ValueError(f"canvas_step {step!r}, longest canvas {longest}")
        return Notation(config["family"], tokenizer, str(config["code"]), saved.codec, step, longest)

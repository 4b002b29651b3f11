"""A model to go on from: what a new table adds to it, and what of it stays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from moldiff.bundled import model_folder
from moldiff.chem.codes import extended
from moldiff.chem.statistics import PropertyStatistics
from moldiff.chem.tokenizer import MAX_TOKENS, SelfiesTokenizer
from moldiff.datasets import MoleculeTable, PackedTable, pack
from moldiff.datasets.packed import Condition
from moldiff.diffusion.canvas import canvas_size
from moldiff.diffusion.codec import SubtokenCodec
from moldiff.errors import InputError
from moldiff.metrics.keys import TrainingKeys
from moldiff.models.checkpoint import PRESET, SavedModel, load_model, read_json, refusing_damage
from moldiff.models.denoiser import Denoiser
from moldiff.models.growing import grow
from moldiff.training.notation import Notation, notation_of


@dataclass(frozen=True)
class StartingPoint:
    """A model that another one starts from.

    Its tokens keep their ids and digits, its properties their columns, scales and statistics, its training
    molecules stay known; tokens, properties and positions of the new table come after them.

    Attributes:
        name: Of the model.
        saved: Network, codec, canvas law, configuration.
        notation: How it writes molecules.
        statistics: Of its properties, in the order of its columns.
        keys: Of its training molecules.
        preset: Text of its preset, "" where there is none: how it is drawn, and the new model after it.
    """

    name: str
    saved: SavedModel
    notation: Notation
    statistics: dict[str, PropertyStatistics]
    keys: TrainingKeys
    preset: str = ""

    @classmethod
    def read(cls, model: str | Path) -> StartingPoint:
        """Return the model of a folder, or a bundled one by name.

        Raises:
            InputError: If there is none, or its files are damaged.
        """
        folder = model_folder(model)
        saved = load_model(folder)
        notation = notation_of(folder, saved)
        with refusing_damage(f"the model in {folder}"):
            stored = read_json(folder / "properties.json")
            statistics = {name: PropertyStatistics.from_dict(entry) for name, entry in stored.items()}
            preset = (folder / PRESET).read_text(encoding="utf-8") if (folder / PRESET).is_file() else ""
        keys = TrainingKeys.load(folder / "train_keys.bin")
        return cls(folder.name, saved, notation, statistics, keys, preset)

    def pack(
        self, table: MoleculeTable | PackedTable, properties: Sequence[str], *, n_jobs: int = 1
    ) -> PackedTable:
        """Return a table in the ids of the model and of its new tokens, with all columns of the new model.

        Args:
            table: Molecules with canonical SMILES, or packed.
            properties: What the model is to know after it, besides what it knows. Of the model's own
                properties, the table has those that RDKit measures and those among its labels.
            n_jobs: Processes for measuring.

        Raises:
            InputError: If a property is unknown, or a class with other names, or there are too many symbols.
        """
        every = [*self.statistics, *(name for name in properties if name not in self.statistics)]
        known = [name for name in every if name in table.offered or name not in self.statistics]
        found = pack(table, known, n_jobs=n_jobs) if isinstance(table, MoleculeTable) else table.select(known)
        for entry in found.conditions:
            self._check_classes(entry)
        new = sorted(set(found.tokens) - set(self.notation.tokenizer.tokens))
        tokens = [*self.notation.tokenizer.tokens, *new]
        if len(tokens) > MAX_TOKENS:
            raise InputError(
                f"{self.name} has {len(self.notation.tokenizer)} symbols and {found.name} adds {len(new)}: "
                f"a vocabulary holds {MAX_TOKENS - 1} besides [nop]: leave rare ones out, or train afresh"
            )
        return self._widened(found.rewritten(tokens)[0], every)

    def notation_of(self, packed: PackedTable) -> Notation:
        """Return how the new model writes molecules: the tokens of :meth:`pack`, its longest canvas."""
        new = packed.tokens[len(self.notation.tokenizer) :]
        codes = extended(self.notation.tokenizer.tokens, self.notation.codec.codes.numpy(), new)
        longest = int(canvas_size(torch.tensor(int(packed.ids.lengths.max())), self.notation.canvas_step))
        return replace(
            self.notation,
            tokenizer=SelfiesTokenizer(packed.tokens),
            codec=SubtokenCodec(torch.from_numpy(codes)),
            longest=max(longest, self.notation.longest),
        )

    def fill(self, network: Denoiser) -> None:
        """Give a network of the new model the weights that it starts from."""
        grow(network, self.saved.network.state_dict())

    def emphasis(self, count: int) -> tuple[float, ...]:
        """Return how readily each of so many properties is to be shown in training, the model's own first.

        As likely as not the first one shown is new: a table is small beside what the model learned its own
        properties from, and new ones among many would hardly ever be shown alone, as goals name them.
        """
        known, new = len(self.statistics), count - len(self.statistics)
        return (1.0,) * known + (known / new,) * new if known and new else ()

    def with_keys(self, keys: NDArray[np.uint64]) -> TrainingKeys:
        """Return the molecules that the new model knows: those of training, and these."""
        return TrainingKeys(np.union1d(self.keys.values, keys))

    def _check_classes(self, entry: Condition) -> None:
        before = self.statistics.get(entry.name)
        if before is not None and before.classes != entry.classes:
            expected = " or ".join(before.classes) or "numbers"
            raise InputError(
                f"'{entry.name}' is known to {self.name} as {expected}, and the table has "
                f"{' or '.join(entry.classes) or 'numbers'}: rename the column"
            )

    def _widened(self, packed: PackedTable, every: Sequence[str]) -> PackedTable:
        """Return the table with columns of NaN for what it does not have."""
        place = {name: number for number, name in enumerate(packed.offered)}
        values = np.full((len(packed), len(every)), np.nan, dtype=np.float32)
        conditions = []
        for column, name in enumerate(every):
            if name in place:
                values[:, column] = packed.values[:, place[name]]
                conditions.append(packed.conditions[place[name]])
            else:
                known = self.statistics[name]
                conditions.append(Condition(name, known.unit, known.source, known.integer, known.classes))
        return replace(packed, values=values, conditions=tuple(conditions))

"""What turns the token ids of a model into molecules and judges them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from moldiff.chem.properties import PROPERTIES
from moldiff.chem.statistics import PropertyStatistics
from moldiff.chem.tokenizer import SelfiesTokenizer
from moldiff.generation import BACK, FRONT
from moldiff.judging import judge, measured, outside_training
from moldiff.measuring import UNCERTAINTY, Measuring
from moldiff.metrics.keys import TrainingKeys
from moldiff.models.checkpoint import read_json, refusing_damage
from moldiff.targets import Targets

_STEREO = re.compile(r"[@/\\]")
_CHARGE = re.compile(r"[A-Za-z0-9][+-]\d*\]")


@dataclass(frozen=True)
class Chemistry:
    """A model's tokens, its properties and the molecules that it was trained on.

    Attributes:
        tokenizer: Token ids to SMILES.
        statistics: Training statistics by property, in the order of the columns of y.
        known: The training molecules.
        measuring: Where values of molecules come from.
        others: Statistics of what goals of the run are about and the model does not know.
    """

    tokenizer: SelfiesTokenizer
    statistics: dict[str, PropertyStatistics]
    known: TrainingKeys
    measuring: Measuring = field(default_factory=Measuring)
    others: dict[str, PropertyStatistics] = field(default_factory=dict)

    @property
    def scales(self) -> dict[str, PropertyStatistics]:
        """Statistics of everything that a goal can be about."""
        return {**self.others, **self.statistics}

    @property
    def unmeasured(self) -> list[str]:
        """Properties that condition the model but whose values nothing gives."""
        return [name for name in self.statistics if self.measuring.source(name) is None]

    @property
    def notes(self) -> list[str]:
        """What the symbols of the model cannot say."""
        tokens = self.tokenizer.tokens
        lacking = [
            name
            for name, sign in (("stereochemistry", _STEREO), ("charges", _CHARGE))
            if not any(map(sign.search, tokens))
        ]
        if not lacking:
            return []
        return [f"the model has no symbols for {' or '.join(lacking)}: its molecules come without"]

    def table(self, ids: np.ndarray, targets: Targets) -> pd.DataFrame:
        """Return smiles, valid, novel, the columns of ``judge``, and truncated, for ids (B, L)."""
        smiles = self.tokenizer.decode(ids)
        frame = pd.DataFrame({"smiles": smiles, "valid": [text != "" for text in smiles]})
        frame["novel"] = frame["valid"] & ~self.known.contains(smiles)
        judged = judge(smiles, targets.goals, self.scales, self.measuring)
        return pd.concat([frame, judged], axis=1).assign(truncated=~self.tokenizer.faithful(ids))

    def finished(self, kept: pd.DataFrame, targets: Targets) -> pd.DataFrame:
        """Measure the properties that no goal asked for, and put the columns in order.

        Args:
            kept: Molecules with the columns of ``table``, unique and filters_failed; and max_sim_train if the
                training molecules are at hand.
            targets: Goals of the run.
        """
        columns = [*self.statistics, *self.others]
        rest = self.measuring(list(kept["smiles"]), [name for name in columns if name not in kept])
        full = pd.concat([kept, rest], axis=1)
        full["outside_training"] = outside_training(full, self.statistics)
        empty = [name for name in [*columns, "max_sim_train"] if name not in full]
        empty += [] if measured(targets.goals, self.measuring) else ["score", "hit"]
        empty += [] if any(name in PROPERTIES for name in self.statistics) else ["outside_training"]
        full = full.assign(**dict.fromkeys(empty, np.nan))
        values = [name for column in columns for name in (column, column + UNCERTAINTY) if name in full]
        return full[[*FRONT, *values, *(f"{goal.name}_error" for goal in targets.goals), *BACK]]


def read_chemistry(folder: Path) -> Chemistry:
    """Return the vocabulary, the property statistics and the training keys of a model folder.

    Raises:
        InputError: If one of them is missing or damaged.
    """
    stored = read_json(folder / "properties.json")
    with refusing_damage(f"the model in {folder}"):
        return Chemistry(
            SelfiesTokenizer(read_json(folder / "vocab.json")["tokens"]),
            {name: PropertyStatistics.from_dict(entry) for name, entry in stored.items()},
            TrainingKeys.load(folder / "train_keys.bin"),
        )

"""The card of a predictor: what it was trained on, and how right it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from moldiff.chem.statistics import PropertyStatistics
from moldiff.files import whole_file
from moldiff.models.predictor_noise import NOISES

CARD = """# {name}: predictor of {count} properties under {noise} noise, for {data}

Says of a finished or a noisy molecule what its properties are, and how probable a goal is: for classifier
guidance of {families} models, and for properties that RDKit cannot compute. {parameters:,} parameters,
trained on {molecules:,} molecules of {data}. Licence: Apache-2.0.

Data: {citation}

## Training

    {command}

{tokens:,} canvas tokens in {steps:,} steps; {minutes:.0f} min on {machine} (torch {torch}, {precision}).

## Held-out molecules

Calibrated on one half of the validation part of the split (2.5% of the molecules, by hash), measured on the
other half. Error: mean absolute error (of a class: share that is wrong) of finished molecules, and at half
noise; coverage: share of the labels within the stated 90% interval, least and most over {levels} noise
levels. `calibration.csv` has all of them."""


def write_predictor_card(
    folder: Path,
    config: Mapping[str, Any],
    figures: pd.DataFrame,
    statistics: Sequence[PropertyStatistics],
    *,
    citation: str,
) -> None:
    """Write ``README.md`` of a predictor folder.

    Args:
        folder: The predictor folder.
        config: ``config.json``.
        figures: What ``calibration_table`` returned.
        statistics: Of the properties.
        citation: Of the training data.
    """
    training = config["training"]
    facts = {**training, **training["report"], "minutes": training["report"]["seconds"] / 60}
    head = CARD.format(
        name=folder.name,
        count=len(statistics),
        noise=config["noise"],
        families=", ".join(NOISES[config["noise"]].families),
        levels=figures["level"].nunique(),
        citation=citation,
        **facts,
    )
    with whole_file(folder / "README.md") as part:
        part.write_text(f"{head}\n\n{_table(figures, statistics)}\n", encoding="utf-8")


def _table(figures: pd.DataFrame, statistics: Sequence[PropertyStatistics]) -> str:
    rows = ["| property | unit | sd | error | error at half noise | coverage |", "|---|---|---|---|---|---|"]
    for entry in statistics:
        mine = figures[figures["property"] == entry.name].sort_values("level")
        half = mine.iloc[(mine["level"] - 0.5).abs().argmin()]
        numbers = (entry.std, mine["error"].iloc[0], half["error"])
        cells = " | ".join(f"{number:.3g}" for number in numbers)
        low, high = mine["coverage"].min(), mine["coverage"].max()
        rows.append(f"| {entry.name} | {entry.unit} | {cells} | {low:.3f} to {high:.3f} |")
    return "\n".join(rows)

"""The model card: what a model was trained on, how long, and how good it is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from moldiff.chem.statistics import PropertyStatistics
from moldiff.files import whole_file
from moldiff.models.families import FAMILIES

CARD = """# {name}: {family} model of {data}

A model over SELFIES tokens, {about}: {digits} digit(s) a token ({code} code), {parameters:,}
parameters, trained on {molecules:,} molecules of {data}. Licence: Apache-2.0.

Data: {citation}

## Training

    {command}

{tokens:,} canvas tokens in {steps:,} steps; {minutes:.0f} min on {machine} (torch {torch}, {precision}).

## Held-out likelihood

Upper bounds on -log p of a molecule, canvas included, without conditions, on the validation part of the
split (2.5% of the molecules, by hash; of large tables some of them)."""

CURVE_ROWS = 12
"""Rows of the learning curve that the card prints."""


def write_card(
    folder: Path,
    config: Mapping[str, Any],
    statistics: Mapping[str, PropertyStatistics],
    *,
    citation: str,
    curve: Path | None = None,
) -> None:
    """Write ``README.md`` of a model folder from its configuration.

    Args:
        folder: The model folder.
        config: ``config.json``.
        statistics: The model's conditions.
        citation: Of the training data.
        curve: The learning curve's CSV, if there is one.
    """
    sections = [CARD.format(name=folder.name, citation=citation, **_facts(config))]
    sections += [_bounds(config["training"]["validation"]), "## Conditions", _conditions(statistics)]
    if curve is not None and curve.exists():
        sections += ["## Learning curve", "Averaged weights, one noise draw a molecule.", _curve(curve)]
    with whole_file(folder / "README.md") as part:
        part.write_text("\n\n".join(sections) + "\n", encoding="utf-8")


def _facts(config: Mapping[str, Any]) -> dict[str, Any]:
    training = config["training"]
    report = {**training["report"], "minutes": training["report"]["seconds"] / 60}
    about = FAMILIES[config["family"]].about
    return {**training, **report, "family": config["family"], "about": about, "code": config["code"]}


def _bounds(validation: Mapping[str, Any]) -> str:
    rows = [
        "| bound | nats per molecule | standard error | of them canvas | molecules |",
        "|---|---|---|---|---|",
    ]
    for name, bound in validation.items():
        figures = (bound["nats"], bound["standard_error"], bound["canvas_nats"])
        cells = [name.replace("_", " "), *(f"{value:.3f}" for value in figures), f"{bound['molecules']:,}"]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def _conditions(statistics: Mapping[str, PropertyStatistics]) -> str:
    rows = ["| property | unit | mean | sd | 10% | 90% |", "|---|---|---|---|---|---|"]
    for entry in statistics.values():
        figures = (entry.mean, entry.std, entry.quantiles["0.1"], entry.quantiles["0.9"])
        rows.append(
            f"| {entry.name} | {entry.unit} | " + " | ".join(f"{value:.4g}" for value in figures) + " |"
        )
    return "\n".join(rows)


def _curve(path: Path) -> str:
    frame = pd.read_csv(path)
    shown = frame.iloc[sorted({round(i * (len(frame) - 1) / CURVE_ROWS) for i in range(CURVE_ROWS + 1)})]
    head = ["| tokens | token bound | marginal bound |", "|---|---|---|"]
    figures = zip(shown["tokens"], shown["token_bound"], shown["marginal_bound"], strict=True)
    return "\n".join(
        [*head, *(f"| {count:,} | {token:.2f} | {digit:.2f} |" for count, token, digit in figures)]
    )

"""What trained networks say of themselves, side by side: how tokens are written, cost, held-out bounds.

Read from the configuration of each folder; nothing is trained or measured.

    python -m moldiff.benchmarks.networks out/ablations/* -o benchmarks/results/qm9-ablations/networks.csv
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from moldiff.benchmarks.common import run
from moldiff.errors import InputError
from moldiff.files import whole_file
from moldiff.models.checkpoint import read_config

BOUNDS = ("token_bound", "marginal_bound")


def parser() -> argparse.ArgumentParser:
    """Return the options."""
    found = argparse.ArgumentParser(description="What trained networks say of themselves, side by side.")
    found.add_argument("folders", type=Path, nargs="+", help="model folders")
    found.add_argument("-o", "--output", type=Path, required=True, help="CSV file to write")
    return found


def main(words: Sequence[str]) -> None:
    """Write the table."""
    given = parser().parse_args(words)
    rows = pd.DataFrame([row(folder) for folder in given.folders])
    with whole_file(given.output) as part:
        rows.to_csv(part, index=False, float_format="%.6g")
    print(f"{len(rows)} networks written to {given.output}")


def row(folder: Path) -> dict[str, Any]:
    """Return what a table says of a model folder: bounds in nats a held-out molecule, canvas included.

    Raises:
        InputError: If the folder holds no model, or one that was not trained by a recipe.
    """
    config = read_config(folder)
    try:
        training = config["training"]
        bounds = {
            column: training["validation"][name][key]
            for name in BOUNDS
            for column, key in ((name, "nats"), (f"{name}_se", "standard_error"))
        }
        return {
            "model": folder.name,
            "family": config["family"],
            "digits": training["digits"],
            "code": config["code"],
            "parameters": training["parameters"],
            "seed": training["recipe"]["seed"],
            **training["report"],
            **bounds,
            "command": training["command"],
            "machine": training["machine"],
            "torch": training["torch"],
        }
    except (KeyError, TypeError):
        raise InputError(
            f"{folder} does not say how it was trained: expected a folder of `moldiff train`"
        ) from None


if __name__ == "__main__":
    run(main)

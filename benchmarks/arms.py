"""The arms of the comparison: four families, trained alike on two class columns and nothing else.

The classes are those of the literature on QM9: more than 3 rings, and QED strictly above the 90th percentile
of the whole table. A molecule shows neither class with probability .15, one with .70 and both with .15. The
networks have 3 million parameters within 5% and see the same number of canvas tokens. Their predictors, one
for each kind of noise, learn the same two classes.

    python -m moldiff.benchmarks.arms --families prime mdlm udlm ar --tokens 1e8 -o RUNS
    python -m moldiff.benchmarks.arms --predictors masked uniform --tokens 4e7 -o RUNS

Beside them the networks of the ablation, trained as the arms are, for as many tokens each and with several
seeds: one digit a symbol, or two or three in each of the codes. A folder is called after network and seed.

    python -m moldiff.benchmarks.arms --ablations --tokens 1e7 --seed 0 -o out/ablations
    python -m moldiff.benchmarks.arms --ablations k1 k2-chemistry --tokens 1e7 --seed 1 -o out/ablations

A run that was stopped goes on with the same command.
"""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from moldiff.benchmarks.common import run
from moldiff.chem.codes import CODES
from moldiff.datasets import MoleculeTable, load, with_properties
from moldiff.models.families import FAMILIES
from moldiff.models.predictor_noise import NOISES
from moldiff.training.predicting import PredictorRecipe
from moldiff.training.recipe import Recipe

RINGS, SHARE = 3, 0.9
CLASSES: dict[str, tuple[str, ...]] = {"rings_top": ("rest", "top"), "qed_top": ("rest", "top")}
SHOWN = (0.15, 0.70, 0.15)
PREDICTOR: dict[str, Any] = {"width": 96, "depth": 4}
"""Two classes need no more: after 10 M tokens its errors are those of the usual size, for half the time."""

ABLATIONS: dict[str, dict[str, Any]] = {
    "k1": {"family": "mdlm"},
    **{f"k{k}-{code}": {"family": "prime", "digits": k, "code": code} for k in (2, 3) for code in CODES},
}
"""Networks that differ in how tokens are written."""

CONDITION_WIDTH = 64
"""Half of the bundled models': two classes need no more, and the arms stay at 3 million parameters."""


def parser() -> argparse.ArgumentParser:
    """Return the options."""
    found = argparse.ArgumentParser(description="Train the arms of the comparison.")
    what = found.add_mutually_exclusive_group()
    what.add_argument("--families", nargs="+", choices=list(FAMILIES), default=list(FAMILIES))
    what.add_argument("--predictors", nargs="+", choices=list(NOISES), help="train these, and no arm")
    what.add_argument(
        "--ablations", nargs="*", choices=list(ABLATIONS), help="train these, all unless named, and no arm"
    )
    found.add_argument("--tokens", type=float, default=1e8, help="canvas tokens of each")
    found.add_argument("--batch-tokens", type=int, default=4096, help="canvas tokens in a batch")
    found.add_argument("--seed", type=int, default=0)
    found.add_argument("--no-compile", dest="compiled", action="store_false")
    found.add_argument("--no-progress", dest="progress", action="store_false")
    found.add_argument("-o", "--output", type=Path, required=True, help="folder; one folder an arm in it")
    return found


def main(words: Sequence[str]) -> None:
    """Train them, one after another."""
    given = parser().parse_args(words)
    table = classes(load("qm9"))
    running: dict[str, Any] = {
        "command": f"python -m moldiff.benchmarks.arms {shlex.join(without_place(words))}",
        "compiled": given.compiled,
        "progress": given.progress,
    }
    if given.predictors:
        for noise in given.predictors:
            # One predictor serves all families of its noise: the first has the most digits.
            family = NOISES[noise].families[0]
            prepared = recipe(given, family).prepare(table, list(CLASSES))
            learner = PredictorRecipe(family=family, tokens=given.tokens, seed=given.seed, **PREDICTOR)
            learner.train(prepared, table, given.output / f"predictor-{noise}", **running)
        return
    if given.ablations is not None:
        for name in given.ablations or ABLATIONS:
            place = given.output / f"{name}-{given.seed}"
            recipe(given, **ABLATIONS[name]).train(table, list(CLASSES), place, **running)
        return
    for family in given.families:
        recipe(given, family).train(table, list(CLASSES), given.output / family, **running)


def without_place(words: Sequence[str]) -> list[str]:
    """Return the words of a command with RUNS for the folder that is written."""
    places = {place + 1 for place, word in enumerate(words) if word in ("-o", "--output")}
    return ["RUNS" if place in places else word for place, word in enumerate(words)]


def recipe(given: argparse.Namespace, family: str, **code: Any) -> Recipe:
    """Return how the arm of a family is trained.

    Args:
        given: The options.
        family: The family.
        code: Digits and code of the tokens; the family's own unless given.
    """
    return Recipe(
        family=family,
        **code,
        condition_width=CONDITION_WIDTH,
        tokens=given.tokens,
        batch_tokens=given.batch_tokens,
        seed=given.seed,
        shown=SHOWN,
    )


def thresholds(values: pd.DataFrame) -> dict[str, float]:
    """Return what rings and QED have to exceed for their class, from the values of a whole table."""
    return {"rings": float(RINGS), "QED": float(np.quantile(values["QED"], SHARE))}


def classes(table: MoleculeTable) -> MoleculeTable:
    """Return a table with the two classes in the place of its labels."""
    values = with_properties(table, ["rings", "QED"])
    limits = thresholds(values)
    top = {"rings_top": values["rings"] > limits["rings"], "qed_top": values["QED"] > limits["QED"]}
    return replace(
        table,
        name=f"{table.name}-classes",
        labels=pd.DataFrame(top).astype(np.float64),
        units=dict.fromkeys(CLASSES, "1"),
        classes=CLASSES,
    )


if __name__ == "__main__":
    run(main)

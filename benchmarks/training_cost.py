"""What a canvas token costs in training with one digit a token and with several, alone, in one run.

The families take turns on the same batches, so that whatever slows the machine meets them all; the first
steps, in which the networks are compiled, do not count.

    python -m moldiff.benchmarks.training_cost -o benchmarks/results/training_cost.json
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from moldiff.benchmarks.common import Record, run, show
from moldiff.datasets import load
from moldiff.metrics import mean_interval
from moldiff.models.compiled import many_shapes
from moldiff.models.families import FAMILIES
from moldiff.models.precision import cast_parameters, resolve_precision
from moldiff.training.dropping import drop_conditions
from moldiff.training.module import Objective
from moldiff.training.optimizer import MasterWeights, muon_and_adamw
from moldiff.training.recipe import Recipe


def parser() -> argparse.ArgumentParser:
    """Return the options."""
    found = argparse.ArgumentParser(description="Seconds a canvas token in training, by family.")
    found.add_argument("--data", default="qm9")
    found.add_argument("--families", nargs="+", choices=list(FAMILIES), default=["prime", "mdlm"])
    found.add_argument("--rounds", type=int, default=8, help="turns that count, of every family")
    found.add_argument("--steps", type=int, default=20, help="optimiser steps of a turn")
    found.add_argument(
        "--warm-up", type=int, default=60, help="steps of the first turn, which does not count"
    )
    found.add_argument("--seeds", type=int, nargs=1, default=[0])
    found.add_argument("--width", type=int, default=Recipe.width)
    found.add_argument("--no-compile", dest="compiled", action="store_false")
    found.add_argument("-o", "--output", type=Path, required=True, help="JSON file to write")
    return found


def main(words: Sequence[str]) -> None:
    """Run the benchmark."""
    given = parser().parse_args(words)
    record = Record("training_cost", words, given)
    runners = {family: Runner(family, given) for family in given.families}
    # Every canvas size has to be compiled before the clock counts: the first turns meet them all.
    for runner in runners.values():
        runner.turn(given.warm_up)
    times: dict[str, list[float]] = {family: [] for family in runners}
    for _ in range(given.rounds):
        for family, runner in runners.items():
            times[family].append(runner.turn(given.steps))
    base = np.array(times[given.families[-1]])
    generator = np.random.default_rng(given.seeds[0])
    results = {
        family: {
            "digits": FAMILIES[family].digits,
            "parameters": runners[family].parameters,
            "microseconds_a_token": mean_interval(1e6 * np.array(found), generator=generator),
            "against_last": mean_interval(np.array(found) / base, generator=generator),
        }
        for family, found in times.items()
    }
    show("Training cost of a canvas token", [{"family": name, **row} for name, row in results.items()])
    record.write(results)


class Runner:
    """A network in training, outside Lightning, that can be stopped between any two steps.

    Args:
        family: A key of ``FAMILIES``.
        given: Parsed options.
    """

    def __init__(self, family: str, given: argparse.Namespace) -> None:
        recipe = Recipe(family=family, width=given.width, seed=given.seeds[0])
        table = load(given.data)
        self.data = (prepared := recipe.prepare(table, table.offered)).train
        network = recipe.network(prepared)
        cast_parameters(network, resolve_precision("auto", self.data.device))
        self.objective = Objective(network, FAMILIES[family].process(prepared.codec))
        self.parameters = sum(weight.numel() for weight in network.parameters())
        names, weights = zip(*self.objective.named_parameters(), strict=True)
        self.optimizer = MasterWeights(weights, muon_and_adamw(list(names)))
        self.forward = torch.compile(self.objective, dynamic=False) if given.compiled else self.objective
        self.step = 0

    def turn(self, steps: int) -> float:
        """Take some steps and return seconds a canvas token."""
        tokens, started = 0, time.perf_counter()
        for _ in range(steps):
            tokens += self._one()
        return (time.perf_counter() - started) / tokens

    def _one(self) -> int:
        x0, y = self.data.batch(self.step)
        generator = torch.Generator(device=x0.device).manual_seed(self.step)
        y = drop_conditions(y, generator)
        z, t, weight = self.objective.process.corrupt(x0, "mixed", generator)
        with many_shapes():
            self.forward(x0, z, y, t, weight).backward()
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.step += 1
        return x0.numel()


if __name__ == "__main__":
    run(main)

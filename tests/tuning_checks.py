"""Searches without a network: figures that are a function of the settings."""

import os
import time
from pathlib import Path

import numpy as np

from moldiff.sweep.figures import FIGURES
from moldiff.sweep.problem import Problem
from moldiff.tuning.searching import Search
from moldiff.tuning.serving import Serving
from moldiff.tuning.space import Space
from moldiff.tuning.study import Place
from moldiff.tuning.task import Task

RINGS = Problem("rings>=4", ("rings>=4",))
SERVING = Serving(("cfg",), "cfg")
NOISE = 2.0
"""Between seeds, of the hits of 100."""


def made_up(cell):
    """Return most hits at gamma 4, temperature 0.6, with re-masking; more steps give nothing but cost."""
    given = cell.arm.settings
    gamma, temperature = given.get("gamma", 2.0), given.get("temperature", 0.85)
    hides = not str(given.get("sampler", "ancestral")).startswith("ancestral")
    share = 0.9 - 0.06 * (gamma - 4) ** 2 - 2.0 * (temperature - 0.6) ** 2 - 0.1 * (not hides)
    noise = NOISE / 100 * np.random.default_rng([cell.seed, round(1000 * gamma)]).normal()
    found = {
        **dict.fromkeys(FIGURES, 1.0),
        "novel_hits": cell.n * (max(share, 0.0) + noise),
        "novel": cell.n * (1 - 0.1 * gamma),
        "novelty": 1 - 0.1 * gamma,
        "mean_novel": 3.0 + gamma / 2,
        "nfe": float(given.get("steps", 64)),
        "seconds": cell.n / 100,
    }
    return {**found, "examples": ""}


def nothing(cell):
    """Return figures of a sample that holds no novel molecule."""
    return {**made_up(cell), "novel": 0.0, "mean_novel": float("nan"), "error_novel": float("nan")}


def fails(cell):
    """Fail as a broken installation would."""
    raise ValueError("no such operator")


class Together:
    """Figures that nobody gets before so many processes draw.

    Args:
        folder: Where they sign.
        count: How many.
    """

    def __init__(self, folder, count=2):
        self.folder, self.count = Path(folder), count

    def __call__(self, cell):
        (self.folder / f"{os.getpid()}.here").touch()
        until = time.monotonic() + 300
        while len(list(self.folder.glob("*.here"))) < self.count and time.monotonic() < until:
            time.sleep(0.05)
        return made_up(cell)


class Stuck:
    """Figures of a few samples; then a process that draws for ever.

    Args:
        folder: Where it says that it is stuck.
        after: How many.
    """

    def __init__(self, folder, after):
        self.folder, self.after = Path(folder), after

    def __call__(self, cell):
        self.after -= 1
        if self.after < 0:
            (self.folder / "stuck").touch()
            time.sleep(600)
        return made_up(cell)


def make_task(table=None, serving=SERVING, *, sweeps=False, **more):
    """Return a task on four rings with a model that nobody looks at."""
    given = {"n": 100, "digest": "abc", **more}
    return Task(RINGS, "qm9", Space.of(serving, table, sweeps=sweeps), **given)


def make_search(folder, task=None, *, trials=10, measure=made_up, storage=None, name="rings", seed=0):
    """Return a search with its study in a folder."""
    place = Place(storage or f"sqlite:///{Path(folder) / 'study.db'}", name, seed)
    return Search(task or make_task(), place, trials, measure)

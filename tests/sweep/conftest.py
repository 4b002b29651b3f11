"""Plans of a few arms, and figures without a network."""

import pytest
from sweep_checks import made_up

from moldiff.sweep import running
from moldiff.sweep.plan import Grid, Plan
from moldiff.sweep.problem import Problem

RINGS = Problem("rings", ("rings>=2",))


@pytest.fixture
def drawn(monkeypatch):
    """The cells that were drawn, without drawing them."""
    found = []

    def measure(cell):
        found.append(cell)
        return made_up(cell)

    monkeypatch.setattr(running, "measure_cell", measure)
    return found


@pytest.fixture
def plan():
    def make(gammas=(1.0, 2.0, 3.0), seeds=(0, 1), n=512, **more):
        grid = Grid({"model": ["qm9"], "gamma": list(gammas)}, ["rings"], n, list(seeds))
        return Plan({"rings": RINGS}, [grid], **more)

    return make

"""Which arms are measured, on what, and how often."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from moldiff.errors import InputError
from moldiff.settings import check_keywords, is_whole
from moldiff.sweep.arm import KEYS, Arm
from moldiff.sweep.contrast import Contrast
from moldiff.sweep.measuring import Cell
from moldiff.sweep.problem import Problem

N = 1024
SEEDS = (0, 1, 2, 3, 4)
LEAST_NOVEL = 50
"""Novel molecules of an arm, at least, for it to be part of a frontier: the mean of fewer says little."""

DEFAULT_GRID: dict[str, tuple[Any, ...]] = {
    "gamma": (1.0, 2.0, 3.0),
    "temperature": (0.55, 0.7, 0.85, 1.0),
    "sampler": ("ancestral", "confidence-loop"),
    "steps": (64,),
}
"""What is varied where nobody says."""


@dataclass(frozen=True)
class Published:
    """A result of others in the same axes.

    Attributes:
        problem: Name of the problem.
        name: Method and settings.
        novel: Distinct novel molecules.
        mean: Mean of the property over them.
        source: Where it was printed.
        n: Of how many proposals.
        apart: Whether it was made in another way and is shown apart.
    """

    problem: str
    name: str
    novel: float
    mean: float
    source: str
    n: int = N
    apart: bool = False


@dataclass(frozen=True)
class Grid:
    """Arms that are every combination of some values.

    Args:
        axes: Values of ``model`` and of any of ``KEYS``.
        problems: Names of the problems.
        n: Proposals of a sample.
        seeds: Of the samples.

    Raises:
        InputError: If a key is unknown, a list is empty, or a value is out of range.

    Example:
        >>> [arm.label for arm in Grid({"model": ["qm9"], "gamma": [1, 2]}, ["rings"]).arms]
        ['qm9 gamma=1', 'qm9 gamma=2']
    """

    axes: Mapping[str, Sequence[Any]]
    problems: Sequence[str]
    n: int = N
    seeds: Sequence[int] = SEEDS

    def __post_init__(self) -> None:
        check_keywords(self.axes, ("model", *KEYS), "key of a grid")
        for name, values in {**self.axes, "problem": self.problems, "seeds": self.seeds}.items():
            if not len(values):
                raise InputError(f"the grid is empty: {name} has no value")
        check_draws(self.n, self.seeds)

    @property
    def arms(self) -> list[Arm]:
        """The arms, the last key varying fastest."""
        names = [name for name in self.axes if name != "model"]
        values = [self.axes[name] for name in names]
        models = self.axes.get("model", ["qm9"])
        return [
            Arm(problem, model, dict(zip(names, chosen, strict=True)))
            for problem, model, chosen in itertools.product(self.problems, models, itertools.product(*values))
        ]


@dataclass(frozen=True)
class Plan:
    """What a sweep measures.

    Args:
        problems: By name.
        grids: The arms; an arm that stands in several is measured as the first says.
        fresh_seeds: Seeds on which the arms of the frontiers are measured again, since the best of many on
            some seeds look better than they are. What is printed is from these, if there are any.
        published: Results of others, to be shown beside.
        contrasts: Arms that are held against each other.
        least_novel: Novel molecules of an arm, at least, for it to be part of a frontier.
        precision: "auto", "bf16" or "fp32".
        device: "cpu", "cuda" or such; what is there unless given.
        compiled: Whether networks are compiled: it pays from some ten thousand proposals of each.

    Raises:
        InputError: If there are no arms, a grid names no problem, or seeds are used twice.
    """

    problems: Mapping[str, Problem]
    grids: Sequence[Grid]
    fresh_seeds: Sequence[int] = ()
    published: Sequence[Published] = ()
    contrasts: Sequence[Contrast] = ()
    least_novel: int = LEAST_NOVEL
    precision: str = "auto"
    device: str | None = None
    compiled: bool = False
    arms: dict[str, tuple[Arm, Grid]] = field(init=False)

    def __post_init__(self) -> None:
        asked = [name for grid in self.grids for name in grid.problems]
        check_keywords([*asked, *(entry.problem for entry in self.published)], self.problems, "problem")
        arms: dict[str, tuple[Arm, Grid]] = {}
        for grid in self.grids:
            for arm in grid.arms:
                arms.setdefault(arm.key, (arm, grid))
        if not arms:
            raise InputError("there is nothing to measure: give a grid, such as gamma = [1, 2, 3]")
        idle = self.problems.keys() - {*asked}
        if idle:
            raise InputError(f"no grid is for the problem '{min(idle)}': name it in one, or leave it out")
        if not isinstance(self.compiled, bool):
            raise InputError(f"compiled must be true or false, got {self.compiled!r}")
        check_fresh(self.fresh_seeds, [seed for grid in self.grids for seed in grid.seeds])
        for contrast in self.contrasts:
            for against in (False, True):
                if not any(contrast.has(arm, against=against) for arm, _ in arms.values()):
                    wanted = contrast.against if against else contrast.arms
                    raise InputError(f"contrast '{contrast.name}': no arm has {dict(wanted)}")
        object.__setattr__(self, "arms", arms)

    def cells(self) -> Iterator[Cell]:
        """Yield every cell, the first seed of all arms first."""
        most = max(len(grid.seeds) for _, grid in self.arms.values())
        for place in range(most):
            for arm, grid in self.arms.values():
                if place < len(grid.seeds):
                    yield self.cell(arm, grid.seeds[place], grid.n)

    def cell(self, arm: Arm, seed: int, n: int) -> Cell:
        """Return a sample of an arm."""
        problem = self.problems[arm.problem]
        return Cell(arm, problem, seed, n, self.precision, self.device, self.compiled)

    def fresh(self, keys: Sequence[str]) -> list[Cell]:
        """Return the cells of some arms on the fresh seeds.

        Args:
            keys: Of the arms.
        """
        found = [self.arms[key] for key in keys]
        return [self.cell(arm, seed, grid.n) for seed in self.fresh_seeds for arm, grid in found]


def check_draws(n: object, seeds: Sequence[object]) -> None:
    """Refuse numbers of proposals and seeds that are none.

    Raises:
        InputError: Naming the first.
    """
    if not (is_whole(n) and isinstance(n, int) and n >= 1):
        raise InputError(f"n must be a whole number of at least 1, got {n!r}")
    for seed in seeds:
        if not (is_whole(seed) and isinstance(seed, int) and 0 <= seed < 2**63):
            raise InputError(f"seeds are whole numbers from 0, got {seed!r}")
    if len(set(seeds)) < len(seeds):
        raise InputError(f"seeds are to differ, got {', '.join(map(str, seeds))}")


def check_fresh(fresh: Sequence[int], seeds: Sequence[int]) -> None:
    """Refuse fresh seeds that are none, or that something is chosen on.

    Raises:
        InputError: Naming the first.
    """
    check_draws(1, fresh)
    twice = {*fresh} & {*seeds}
    if twice:
        raise InputError(f"fresh seeds are seeds that nothing was chosen on: {min(twice)} is among both")

"""Two kinds of arms held against each other: all other settings equal, and each side at its best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from moldiff.errors import InputError
from moldiff.metrics import Interval, jackknife_interval
from moldiff.settings import check_keywords
from moldiff.sweep.arm import KEYS, Arm
from moldiff.sweep.figures import FIGURES

if TYPE_CHECKING:
    from moldiff.sweep.results import ArmResult, ProblemResult

MODEL = "model"


@dataclass(frozen=True)
class Contrast:
    """Arms with some settings against arms with others.

    Args:
        name: What is asked.
        arms: For ``model`` and any of ``KEYS`` a value, or several: arms that have one of them.
        against: The same of the other arms. Where both name several models, as many, these are trainings of
            two recipes with one seed after another, and the interval is over the trainings.

    Raises:
        InputError: If a key is unknown, or the two sides are the same.

    Example:
        >>> contrast = Contrast("re-masking", {"sampler": ["cap", "loop"]}, {"sampler": "ancestral"})
        >>> contrast.has(Arm("rings", "qm9", {"sampler": "loop"})), contrast.trainings
        (True, 1)
    """

    name: str
    arms: Mapping[str, Any]
    against: Mapping[str, Any]

    def __post_init__(self) -> None:
        for side in (self.arms, self.against):
            if not isinstance(side, Mapping) or not side:
                raise InputError(
                    f"contrast '{self.name}': arms and against are tables such as "
                    f'{{ sampler = "cap" }}, got {side!r}'
                )
            check_keywords(side, (MODEL, *KEYS), f"key of contrast '{self.name}'")
        if self.arms == self.against:
            raise InputError(f"contrast '{self.name}' holds arms against themselves")

    def has(self, arm: Arm, *, against: bool = False) -> bool:
        """Tell whether an arm stands on the first side, or on the other."""
        side = self.against if against else self.arms
        return all(_value(arm, name) in several(values) for name, values in side.items())

    @property
    def trainings(self) -> int:
        """How many trainings of two recipes are compared; 1 where there is one of each."""
        models, others = (several(side.get(MODEL, [None])) for side in (self.arms, self.against))
        return len(models) if len(models) == len(others) else 1

    def rest(self, arm: Arm) -> str:
        """Return what arms have to share to be compared: all settings that the contrast does not name."""
        named = {*self.arms, *self.against}
        kept = {MODEL: arm.model, **arm.settings}
        return repr(sorted((name, value) for name, value in kept.items() if name not in named))


@dataclass(frozen=True)
class Effect:
    """What a contrast found for one problem.

    Attributes:
        contrast: What was asked.
        pairs: Settings that both sides were measured with, over which the differences are means.
        over: What the intervals of the differences are over: "seeds" or "trainings".
        differences: Of every figure, all other settings equal; NaN where there is none.
        ratio: Hypervolume of the arms over that of the others, each side at its best; over seeds.
    """

    contrast: Contrast
    pairs: int
    over: str
    differences: dict[str, Interval]
    ratio: Interval


def effect(contrast: Contrast, chosen: ProblemResult, told: ProblemResult) -> Effect | None:
    """Return what a contrast says of a problem; None where one of its sides has no arm.

    Args:
        contrast: What is asked.
        chosen: All arms: differences are of every setting that both sides have, so nothing was selected.
        told: The frontiers of both sides, on fresh seeds if there are any: the ratio is of the best.
    """
    groups = _groups(contrast, chosen.arms)
    first, second = (side(contrast, told, against=against) for against in (False, True))
    if not (groups or (first and second)):
        return None
    trained = contrast.trainings > 1
    differences = {
        name: _interval([_replicates(contrast, group, name) for group in groups]) for name in FIGURES
    }
    return Effect(
        contrast,
        len(groups),
        "trainings" if trained else "seeds",
        differences,
        told.ratio(first, second),
    )


def side(contrast: Contrast, result: ProblemResult, *, against: bool) -> list[ArmResult]:
    """Return the arms of one side that no other of it dominates."""
    return result.undominated([entry for entry in result.arms if contrast.has(entry.arm, against=against)])


def _groups(contrast: Contrast, arms: Sequence[ArmResult]) -> list[tuple[list[ArmResult], list[ArmResult]]]:
    """Return arms of both sides that share their seeds, the most there are, and their other settings."""
    most = max((len(entry.seeds) for entry in arms), default=0)
    found: dict[tuple[Any, ...], tuple[list[ArmResult], list[ArmResult]]] = {}
    for entry in arms:
        for place, against in enumerate((False, True)):
            if len(entry.seeds) == most and contrast.has(entry.arm, against=against):
                found.setdefault((entry.seeds, contrast.rest(entry.arm)), ([], []))[place].append(entry)
    wanted = contrast.trainings
    return [pair for pair in found.values() if all(_trained(each) >= wanted for each in pair)]


def _trained(arms: Sequence[ArmResult]) -> int:
    return len({entry.arm.model for entry in arms})


def _replicates(
    contrast: Contrast, group: tuple[list[ArmResult], list[ArmResult]], figure: str
) -> NDArray[np.float64]:
    """Return the difference of a figure for every training, or for every seed where there is one."""
    sides = (contrast.arms, contrast.against)
    if contrast.trainings == 1:
        means = [np.mean([entry.values[figure] for entry in arms], axis=0) for arms in group]
    else:
        means = [
            np.array(
                [
                    np.mean([entry.values[figure].mean() for entry in arms if entry.arm.model == model])
                    for model in several(given[MODEL])
                ]
            )
            for arms, given in zip(group, sides, strict=True)
        ]
    difference: NDArray[np.float64] = means[0] - means[1]
    return difference


def _interval(found: Sequence[NDArray[np.float64]]) -> Interval:
    """Return the mean over groups that have the figure, with its interval over replicates."""
    there = [each for each in found if np.isfinite(each).all()]
    if not there:
        return Interval(np.nan, np.nan, np.nan)
    mean = np.mean(there, axis=0)
    return jackknife_interval(lambda kept: float(mean[kept].mean()), len(mean))


def _value(arm: Arm, name: str) -> Any:
    return arm.model if name == MODEL else arm.settings.get(name)


def several(values: Any) -> list[Any]:
    """Return the values of a key that holds one or several."""
    return list(values) if isinstance(values, list | tuple) else [values]

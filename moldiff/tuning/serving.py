"""What can serve goals, and what a model's family leaves to be chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path

from moldiff.choosing import AUTO, CONDITION, STEERING, Known, choose
from moldiff.errors import InputError
from moldiff.generator import MoleculeGenerator
from moldiff.goal_defaults import run_defaults
from moldiff.guidance.methods import GUIDANCE
from moldiff.guidance.selections import SELECTIONS, RunDefaults
from moldiff.presets import over_preset
from moldiff.settings import check_keywords
from moldiff.wishes import Wishes


@dataclass(frozen=True)
class Serving:
    """What can serve goals, and what a model's family leaves to be chosen.

    Attributes:
        methods: Guidances that can serve the goals, each alone.
        auto: The one that ``generate`` takes.
        conditions: Whether the model knows the property of a goal, so that a predictor can guide over
            conditions.
        hides: Whether tokens can be hidden again, as samplers do.
        steps: Whether the number of steps can be chosen.
        digits: K.
        usual: How ``generate`` draws unless told.
        sampler: How the family samples unless told.

    Example:
        >>> Serving(("cfg",), "cfg").check("cbg")
        Traceback (most recent call last):
        moldiff.errors.InputError: method 'cbg' cannot serve these goals with this model; expected cfg
    """

    methods: tuple[str, ...]
    auto: str
    conditions: bool = True
    hides: bool = True
    steps: bool = True
    digits: int = 1
    usual: RunDefaults = field(default_factory=RunDefaults)
    sampler: str = "forward-backward"

    def check(self, method: str) -> None:
        """Refuse a guidance that cannot serve the goals.

        Raises:
            InputError: Naming those that can.
        """
        if method in SELECTIONS:
            raise InputError(
                f"method '{method}' asks a scorer about every molecule, and cannot be tuned here; expected "
                f"{', '.join(self.methods)}"
            )
        check_keywords([method], GUIDANCE, "method")
        if method not in self.methods:
            raise InputError(
                f"method '{method}' cannot serve these goals with this model; expected "
                f"{', '.join(self.methods)}"
            )


def serving(
    generator: MoleculeGenerator, goals: Sequence[str], predictor: str | Path | None = None
) -> Serving:
    """Return what can serve goals.

    Args:
        generator: The model.
        goals: As it is asked for them.
        predictor: Predictor folder; the one that comes with the model unless given.

    Raises:
        InputError: If neither the model nor a predictor knows them.
    """
    loaded, model = generator.loaded_, generator.model_
    guide = loaded.guide(predictor)
    parsed = Wishes(goals).parsed
    known = Known(generator.statistics_, () if guide is None else guide.properties)
    auto = choose(parsed, AUTO, known)
    if auto.selection is not None:
        scored = [goal.name for goal in auto.of(parsed, STEERING)]
        raise InputError(
            f"neither the model nor a predictor knows {', '.join(scored)}: what steers by scores cannot be "
            "tuned here; train a model or a predictor on it"
        )
    able = []
    for method in GUIDANCE:
        try:
            choose(parsed, method, known)
        except InputError:
            continue
        able.append(method)
    usual = run_defaults(auto.of(parsed, CONDITION), guidance=auto.guidance, masks=model.process.masks)
    kept = {entry.name: getattr(usual, entry.name) for entry in fields(RunDefaults)}
    preset = loaded.preset.settings(guided=True)
    own = {name: value for name, value in preset.items() if name in kept}
    if "gamma" in own:
        # As where a run names gamma: the size of the canvas goes with it unless it is named too.
        kept["canvas_gamma"] = None
    return Serving(
        tuple(able),
        auto.guidance,
        usual=RunDefaults(**over_preset(kept, own)),
        conditions=any(goal.name in known.model for goal in parsed),
        hides=model.process.masks,
        steps=model.family.steps is not None,
        digits=model.codec.digits,
        sampler=model.family.sampler,
    )

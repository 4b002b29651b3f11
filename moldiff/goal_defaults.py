"""How a run is drawn unless another way is asked for: by what steers it, or else by what it asks."""

from __future__ import annotations

from collections.abc import Sequence

from moldiff.chem.goals import Goal
from moldiff.guidance.selections import RUN_DEFAULTS, RunDefaults

GOAL_DEFAULTS: dict[str, RunDefaults] = {
    "bound": RunDefaults(
        sampler="cap",
        knobs={"eta": 0.0049, "at": 0.4},
        steps=128,
        gamma=3.0,
        canvas_gamma=2.75,
        temperature=0.68,
    ),
}
"""For kinds of goals that have their own, of masked models guided by conditions.

Found by ``moldiff tune`` for "rings>=4", fidelity kept (``benchmarks/results/tune-rings-faithful``), and held
against the usual on other bounds (``benchmarks/results/qm9-ranges``). For values and intervals nothing better
was found.
"""


def run_defaults(
    goals: Sequence[Goal], *, selection: str | None = None, guidance: str = "cfg", masks: bool = True
) -> RunDefaults:
    """Return how a run is drawn where nothing else is said.

    Args:
        goals: What conditions serve.
        selection: A key of ``SELECTIONS``; None where nothing is steered.
        guidance: A key of ``GUIDANCE``.
        masks: Whether tokens of the model can be hidden and drawn again.

    Example:
        >>> run_defaults([]).temperature, run_defaults([Goal.parse("rings>=4")]).temperature
        (0.85, 0.68)
        >>> run_defaults([], selection="metropolis").rows
        32
    """
    usual = RunDefaults()
    if selection is not None:
        return RUN_DEFAULTS.get(selection, usual)
    kinds = {goal.kind for goal in goals}
    if len(kinds) != 1 or guidance != "cfg" or not masks:
        return usual
    return GOAL_DEFAULTS.get(kinds.pop(), usual)

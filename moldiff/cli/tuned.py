"""What ``moldiff tune`` says on screen when it is done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from optuna.trial import TrialState
from rich.console import Group, RenderableType
from rich.text import Text

from moldiff.cli.tables import add_row, new_table, number
from moldiff.metrics import Interval
from moldiff.sweep.arm import Arm

if TYPE_CHECKING:
    from moldiff.tuning.contest import Comparison
    from moldiff.tuning.record import Tuned

BESIDE = ("novel_hits", "hit_rate", "novelty", "diversity", "nfe", "seconds")
"""Figures that are told besides the objectives and limits, and that of the goals."""


def shown(tuned: Tuned) -> RenderableType:
    """Return the winner, and what its settings are worth on fresh seeds."""
    task, winner = tuned.task, tuned.winner
    states = [trial.state for trial in tuned.trials]
    arm = Arm(task.problem.name, task.model, tuned.settings)
    counts = ", ".join(
        f"{states.count(state)} {text}"
        for state, text in ((TrialState.COMPLETE, "complete"), (TrialState.PRUNED, "given up"))
    )
    parts: list[RenderableType] = [Text(f"trial {winner.number if winner else ''} of {counts}: {arm.label}")]
    parts += [_table(tuned, comparison) for comparison in tuned.comparisons]
    return Group(*parts)


def _table(tuned: Tuned, comparison: Comparison) -> RenderableType:
    task = tuned.task
    names = [*task.objectives, *(limit.figure for limit in task.limits), comparison.problem.axis[0], *BESIDE]
    seeds = len(tuned.fresh_seeds)
    kind = "tuned for" if comparison.tuned else "not tuned for"
    columns = ["tuned", "before", "difference, 95%"]
    title = f"{comparison.problem.name} ({kind}): means over {seeds} fresh seeds of {task.n:,} proposals"
    table = new_table(title, ["figure", *columns], right=columns)
    for name in dict.fromkeys(names):
        if name in comparison.winner:
            means = comparison.winner[name].mean(), comparison.base[name].mean()
            add_row(
                table, name, *(number(float(mean)) for mean in means), _interval(comparison.difference(name))
            )
    return table


def _interval(found: Interval) -> str:
    known = found.low == found.low
    return f"{found.value:+.3g} [{found.low:+.3g}, {found.high:+.3g}]" if known else number(found.value, 3)

"""What ``moldiff pareto`` says on screen when it is done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from moldiff.cli.tables import add_row, new_table, number
from moldiff.metrics import Interval

if TYPE_CHECKING:
    from moldiff.sweep.contrast import Effect
    from moldiff.sweep.results import ProblemResult

HEADINGS = {"mean_novel": "mean {}", "error_novel": "error"}
"""Of the figure of a problem's axis, over the novel molecules."""


def shown(result: ProblemResult) -> RenderableType:
    """Return the frontiers of a problem, what they dominate, and what others have published."""
    if not result.frontier():
        return Text(f"{result.problem.name}: no arm has {result.least_novel} novel molecules")
    lines = [*_dominated(result), *_published(result)]
    return Group(_frontier(result), *(Text(line) for line in lines))


def contrasted(result: ProblemResult, effects: Sequence[Effect]) -> str:
    """Return what the contrasts of a plan found for a problem, a line each."""
    figure, _ = result.problem.axis
    names = {
        "novel": "novel",
        figure: HEADINGS[figure].format(result.problem.quantity),
        "novel_hits": "hits",
        "nfe": "NFE",
    }
    lines = [
        f"{result.problem.name}: differences with all other settings equal, ratios with each at its best"
    ]
    for entry in effects:
        settings = f"{entry.pairs} setting{'' if entry.pairs == 1 else 's'}, over {entry.over}"
        told = [f"{word} {_interval(entry.differences[name])}" for name, word in names.items()]
        differences = f"{', '.join(told)} ({settings}); " if entry.pairs else ""
        lines.append(f"{entry.contrast.name}: {differences}hypervolume ratio {_interval(entry.ratio)}")
    return "\n".join(lines)


def _frontier(result: ProblemResult) -> Table:
    figure, _ = result.problem.axis
    quantity = result.problem.quantity
    names = {"novel": "novel", "novel_hits": "hits", figure: HEADINGS[figure].format(quantity), "nfe": "NFE"}
    arms = [entry for group in result.groups for entry in result.frontier(group)]
    drawn = ", ".join(f"{n:,}" for n in sorted({entry.n for entry in arms}))
    title = (
        f"{result.problem.name}: what no other arm of its model dominates; novel and novel hits of {drawn}"
    )
    table = new_table(title, ["arm", *names.values()], right=[*names.values()], wrap=["arm"])
    for entry in arms:
        add_row(table, entry.arm.label, *(number(entry.mean(name), 3) for name in names))
    return table


def _dominated(result: ProblemResult) -> list[str]:
    """Return the hypervolumes, and how they compare."""
    lines = []
    for group in result.groups:
        arms = result.frontier(group)
        if not arms:
            continue
        line = f"{group}: hypervolume {_interval(result.hypervolume(arms))}"
        if result.published:
            line += f", {_interval(result.ratio_to_published(arms))} times the published"
        lines.append(line)
    return lines


def _published(result: ProblemResult) -> list[str]:
    lines = []
    for entry in result.published:
        arms = result.dominating(entry)
        verdict = f"dominated by {arms[0].arm.label}" if arms else "not dominated"
        lines.append(
            f"published: {entry.name}, {entry.novel:g} novel of {entry.n:,} at {entry.mean:g}: {verdict}"
        )
    return lines


def _interval(found: Interval) -> str:
    if found.value != found.value:
        return "unknown"
    known = found.low == found.low
    return f"{found.value:.3g} [{found.low:.3g}, {found.high:.3g}]" if known else f"{found.value:.3g}"

"""What ``moldiff evaluate`` says on screen."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from moldiff.cli.tables import add_row, new_table, number

if TYPE_CHECKING:
    from moldiff.evaluation import Evaluation
    from moldiff.likelihood import Likelihood
    from moldiff.metrics.intervals import Interval, Share
    from moldiff.metrics.property_report import PropertyReport
    from moldiff.protocols.figures import ProtocolReport


def scores(found: Evaluation) -> RenderableType:
    """Return the figures of an evaluation, each with its denominator, one table under another."""
    parts: list[RenderableType] = [_set(found)]
    if found.goals:
        parts.append(_goals(found))
    parts.append(_properties(found.properties, found.reference))
    if found.likelihood is not None:
        parts.append(_likelihood(found.likelihood))
    parts += [Text(f"note: {note}") for note in found.notes]
    return Group(*parts)


def _set(found: Evaluation) -> Table:
    sets = found.sets
    table = new_table("", ["figure", "value", "95% interval", "of"], right=("value",))
    _share(table, "validity", sets.validity)
    _share(table, "uniqueness", sets.uniqueness)
    for entry in sets.novelty:
        _share(table, f"novelty: not among the {entry.known:,} {entry.against}", entry.share)
    if sets.fidelity is not None:
        _share(table, "fidelity", sets.fidelity)
    if sets.hit_rate is not None:
        _share(table, "hit rate: every goal met", sets.hit_rate)
        counts = sets.counts
        of = f"{counts.unique:,} distinct molecules"
        add_row(table, "distinct molecules that meet every goal", f"{counts.unique_hits:,}", "", of)
        for entry in sets.novelty:
            add_row(table, f"of them not among the {entry.against}", f"{entry.novel_hits:,}", "", of)
    diversity = sets.diversity
    pairs = f"pairs of {diversity.molecules:,} distinct molecules"
    add_row(table, "internal diversity", number(diversity.value), "", pairs)
    _share(table, f"scaffolds: {sets.scaffolds.count:,} different", sets.scaffolds)
    without = f"{sets.counts.unique:,} distinct molecules"
    add_row(table, "molecules without a ring", f"{sets.acyclic:,}", "", without)
    if found.nearest is not None:
        near = found.nearest
        name = f"similarity to the nearest of {near.against}"
        of = f"{near.molecules:,} distinct molecules (median {number(near.median)})"
        add_row(table, name, number(near.mean.value), _ends(near.mean), of)
    return table


def _share(table: Table, name: str, share: Share) -> None:
    value = "" if math.isnan(share.value) else f"{share.value:.1%}"
    ends = "" if math.isnan(share.low) else f"{share.low:.1%} to {share.high:.1%}"
    add_row(table, name, value, ends, f"{share.total:,} {share.of}")


def _ends(interval: Interval) -> str:
    return "" if math.isnan(interval.low) else f"{number(interval.low)} to {number(interval.high)}"


def _goals(found: Evaluation) -> RenderableType:
    columns = ["goal", "hit rate", "95% interval", "mean error", "its 95% interval", "unit"]
    first = found.goals[0]
    title = f"Goals: hits of {first.hit_rate.total:,} proposed rows, errors over {first.valid:,} valid rows"
    table = new_table("", columns, right=("hit rate", "mean error"))
    for goal in found.goals:
        share = goal.hit_rate
        ends = f"{share.low:.1%} to {share.high:.1%}"
        error = (number(goal.error.value), _ends(goal.error))
        add_row(table, goal.goal, f"{share.value:.1%}", ends, *error, goal.unit)
    return Group(Text(title), table)


def _properties(report: PropertyReport, reference: str | None) -> RenderableType:
    """Return means and spreads, and beside a reference the distances, which are in its deviations."""
    title = f"Properties of {report.rows:,} valid rows"
    numbers = ["mean", "sd"]
    if reference is not None:
        title += f" beside {report.reference_rows:,} of {reference}; distances in sd of the reference"
        numbers += ["ref. mean", "ref. sd", "distance", "floor"]
    table = new_table("", ["property", *numbers], right=numbers, wrap=["property"])
    for name, entry in report.figures.items():
        values = [entry.mean, entry.sd, entry.reference_mean, entry.reference_sd, entry.distance, entry.floor]
        unit = "" if entry.unit == "1" else f" ({entry.unit})"
        add_row(table, name + unit, *(number(value, 3) for value in values[: len(numbers)]))
    parts: list[RenderableType] = [Text(title), table]
    if report.mean_distance is not None:
        distance, ends = report.mean_distance, _ends(report.mean_distance)
        mean = f"mean distance {number(distance.value)}" + (f" (95% interval {ends})" if ends else "")
        floor = f"; sampling error alone gives {number(report.mean_floor)}" if report.mean_floor > 0 else ""
        parts.append(Text(f"{mean} over {report.compared} properties{floor}"))
    return Group(*parts)


def _likelihood(found: Likelihood) -> RenderableType:
    title = (
        f"-log p of {found.scored:,} of {found.rows:,} rows under the model, without conditions: upper "
        f"bounds from {found.draws} noise draws a molecule"
    )
    table = new_table("", ["bound", "nats per molecule", "95% interval"], right=("nats per molecule",))
    for name, bound in (("token bound", found.token_bound), ("marginal bound", found.marginal_bound)):
        add_row(table, name, number(bound.value), _ends(bound))
    add_row(table, "of both: canvas", number(found.canvas_nats), "")
    left_out = [
        Text(f"not scored: {count:,} of {found.rows:,} rows, {reason}")
        for reason, count in found.excluded.items()
    ]
    return Group(Text(title), table, *left_out)


def protocol_scores(found: ProtocolReport) -> Table:
    """Return the figures of a protocol as a table."""
    arrows = {"higher": "↑", "lower": "↓"}
    made = new_table(
        f"{found.protocol}: {found.rows:,} molecules", ["figure", "value", "of", "is"], ["value", "of"]
    )
    for figure in found.figures:
        name = f"{figure.name} {arrows.get(figure.better, '')}".strip()
        add_row(made, name, number(figure.value), f"{figure.n:,}", figure.about)
    return made

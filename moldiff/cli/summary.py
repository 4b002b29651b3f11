"""What ``moldiff generate`` says on screen when it is done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from moldiff.cli.tables import add_row, new_table, number
from moldiff.judging import NOT_MEASURED
from moldiff.reporting.wording import share_text

if TYPE_CHECKING:
    from moldiff.generation import Generation

BEST = 5
"""Molecules shown."""


def report(result: Generation) -> RenderableType:
    """Return counts, goals, cost, notes and the best molecules, one under another."""
    parts: list[RenderableType] = [_counts(result)]
    if result.summaries:
        parts.append(_goals(result))
    parts += [Text(f"method: {line}") for line in result.settings.get("served", [])]
    parts.append(Text(_cost(result)))
    if result.unmeasured:
        names = ", ".join(result.unmeasured)
        parts.append(Text(f"{NOT_MEASURED}: {names} (conditions of the model that nothing here computes)"))
    parts += [Text(f"note: {note}") for note in result.notes]
    if len(result.table):
        parts.append(_best(result))
    return Group(*parts)


def _counts(result: Generation) -> Table:
    """Return the counts at each stage, each with its denominator."""
    counts, kept = result.counts, result.kept
    table = new_table("", ["stage", "count", "share"], right=("count",))
    rows: list[tuple[str, int | None, str]] = [
        ("proposed", counts.proposed, ""),
        ("valid", counts.valid, _of(counts.valid, counts.proposed, "proposed")),
        ("unique", counts.unique, _of(counts.unique, counts.valid, "valid")),
        ("novel", counts.novel, _of(counts.novel, counts.unique, "unique")),
        *_filtered(result),
        ("hits", counts.hits, _of(counts.hits, counts.proposed, "proposed (hit rate, repeats counted)")),
        ("hits, unique", counts.unique_hits, _of(counts.unique_hits, counts.hits, "hits")),
        ("hits, novel", counts.novel_hits, _of(counts.novel_hits, counts.unique_hits, "unique hits")),
        (
            "too many of a scaffold",
            kept.capped or None,
            f"left out, at most {result.settings.get('scaffold_cap')} each",
        ),
        (
            "candidates",
            kept.candidates if result.settings.get("diverse") else None,
            "to pick diverse ones from",
        ),
        ("returned", len(result.table), f"of {result.settings['n']} asked for"),
        ("outside training", _outside(result), "of returned have a property beyond the training 0.1-99.9%"),
    ]
    for name, count, share in rows:
        if count is not None:
            add_row(table, name, f"{count:,}", share)
    return table


def _filtered(result: Generation) -> list[tuple[str, int | None, str]]:
    """Return how many molecules the filters took out, in all and each by itself."""
    kept, unique = result.kept, result.counts.unique
    if not kept.filters:
        return []
    total = len(kept.filtered)
    each = [(f"  {text}", count, _of(count, unique, "unique")) for text, count in kept.filters.items()]
    share = _of(total, unique, "unique fail a filter (listed in the filtered table)")
    return [("filtered", total, share), *(each if len(each) > 1 else [])]


def _outside(result: Generation) -> int | None:
    """Return how many of the molecules are unusual; None if none is, or none could be told."""
    return int(result.table["outside_training"].fillna(False).astype(bool).sum()) or None


def _goals(result: Generation) -> Table:
    """Return the mean distance to each goal, over valid proposals and over the molecules returned."""
    title = (
        f"Goals: mean error (distance to the goal, 0 where met) over {result.counts.valid:,} valid proposals "
        f"and over {len(result.table):,} returned"
    )
    heads = ["goal", "met by valid", "error, valid", "error, returned", "unit"]
    table = new_table(title, heads, right=heads[1:4])
    for summary in result.summaries:
        goal = summary.goal
        if summary.source == "predicted":
            goal += ", predicted"
        if summary.threshold is not None:
            goal += f" ({'>=' if summary.direction == 'max' else '<='}{number(summary.threshold)})"
        if summary.hits_valid is None:
            add_row(table, goal, NOT_MEASURED, "", "", summary.unit)
            continue
        share = summary.hits_valid / max(1, summary.valid)
        met = f"{summary.hits_valid:,} ({share:.1%})"
        errors = [number(value) for value in (summary.error_valid, summary.error_returned)]
        add_row(table, goal, met, *errors, summary.unit)
    return table


def _cost(result: Generation) -> str:
    """Return time and work of the run, and the settings that they belong to."""
    cost, settings = result.cost, result.settings
    steps = "a step a position" if settings["steps"] is None else f"{settings['steps']} steps"
    knobs = ", ".join(f"{name} {value}" for name, value in settings["knobs"].items())
    return (
        f"{cost['seconds']:.1f} s, {cost['molecules_per_second']:.1f} returned molecules/s, "
        f"{cost['proposals_per_second']:.1f} proposals/s; per proposal: NFE {cost['nfe_per_proposal']:.1f}, "
        f"{_asked(result)}"
        f"{cost['remasked_digits_per_proposal']:.1f} re-masked digits\n"
        f"model {settings['model']}, gamma {settings['gamma']}, temperature {settings['temperature']}, "
        f"{steps}, sampler {settings['sampler']}{f' ({knobs})' if knobs else ''}, "
        f"seed {settings['seed']}"
    )


def _asked(result: Generation) -> str:
    """Return what predictor and scorers were asked, "" where there are none."""
    rows = result.cost["nfe_predictor_per_proposal"]
    asked = [f"predictor rows {rows:.1f}, "] if rows else []
    asked += [
        f"{name}: {entry['oracle_calls']:,} of {entry['budget']:,} oracle calls, "
        for name, entry in result.scorers.items()
    ]
    return "".join(asked)


def _best(result: Generation) -> Table:
    """Return the first molecules of the table with what the goals ask for."""
    names = [summary.property for summary in result.summaries]
    shown = result.table.head(BEST)
    title = (
        f"Best {len(shown)} of {len(result.table)}" if names else f"First {len(shown)} of {len(result.table)}"
    )
    columns = ["smiles", *names, *(["score"] if names else []), "novel"]
    table = new_table(title, columns, right=(*names, "score"))
    for row in shown.to_dict("records"):
        values = [number(row[name]) or NOT_MEASURED for name in names]
        score = [number(row["score"])] if names else []
        add_row(table, row["smiles"], *values, *score, "yes" if row["novel"] else "no")
    return table


def _of(count: int | None, whole: int | None, named: str) -> str:
    share = share_text(count, whole)
    return f"{share} of {named}" if share else ""

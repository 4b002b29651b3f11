"""The first part of a page: what was asked, how it was served and met, and what it cost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from moldiff.chem.statistics import PropertyStatistics
from moldiff.reporting.record import GoalEntry
from moldiff.reporting.run import Run
from moldiff.reporting.wording import decimals, number_text, setting_text, share_text, unit_text

COSTS = {
    "seconds": "seconds",
    "molecules_per_second": "returned molecules a second",
    "proposals_per_second": "proposals a second",
    "nfe_per_proposal": "rows of the network (NFE) a proposal",
    "nfe_predictor_per_proposal": "rows of the predictor a proposal",
    "revealed_digits_per_proposal": "digits revealed a proposal",
    "remasked_digits_per_proposal": "digits hidden again a proposal",
    "filled_digits_per_proposal": "digits filled at the end a proposal",
    "unguided_tokens_per_proposal": "tokens drawn without guidance a proposal",
}
"""What a run cost, in words; what is 0 is left out."""

IN_USE = ("model", "method", "gamma", "temperature", "steps", "sampler", "seed")
"""Settings that stand in the summary; all of them stand at the end of the page."""


@dataclass(frozen=True)
class Stage:
    """One line of the counts.

    Attributes:
        name: What is counted.
        count: How many.
        share: The share, with its denominator.
        part: Length of the bar, 0 to 1; None for no bar.
    """

    name: str
    count: int
    share: str
    part: float | None = None


@dataclass(frozen=True)
class GoalRow:
    """One goal, how it was served and how it was met.

    Attributes:
        goal: As people read it.
        full: As the record has it.
        served: By what.
        source: measured, scored or predicted; None where nothing gives values.
        proposals: Share of valid proposals that meet it, with its denominator; "" where not measured.
        returned: Share of returned molecules that meet it, likewise.
        errors: Mean distance over valid proposals, and over returned molecules.
        unit: Of the distances.
    """

    goal: str
    full: str
    served: str
    source: str | None
    proposals: str
    returned: str
    errors: tuple[str, str]
    unit: str


def summary(run: Run) -> dict[str, Any]:
    """Return what the template ``summary.html`` shows of a run."""
    record = run.record
    settings = {name: setting_text(record.settings[name]) for name in IN_USE if name in record.settings}
    return {
        "settings": settings,
        "goals": list(_goals(run)),
        "proposals": list(_proposals(run)),
        "returned": list(_returned(run)),
        "cost": _cost(run),
        "unmeasured": record.unmeasured,
        "notes": record.notes,
    }


def _proposals(run: Run) -> Iterator[Stage]:
    """Yield the counts over all proposals, each with its denominator."""
    counts = run.record.counts
    unique = counts.unique
    yield Stage("proposed", counts.proposed, "all that were drawn", 1.0)
    lines: list[tuple[str, int | None, int | None, str]] = [
        ("valid", counts.valid, counts.proposed, "of proposed"),
        ("unique", unique, counts.valid, "of valid"),
        ("novel", counts.novel, unique, "of unique"),
        ("hits", counts.hits, counts.proposed, "of proposed, repeats counted"),
        ("unique hits", counts.unique_hits, counts.hits, "of hits"),
        ("novel hits", counts.novel_hits, counts.unique_hits, "of unique hits"),
    ]
    if run.record.filters:
        lines.append(("filtered out", counts.filtered, unique, "of unique"))
    if len(run.record.filters) > 1:
        lines += [(f"by {text}", count, unique, "of unique") for text, count in run.record.filters.items()]
    for name, count, whole, of in lines:
        if count is not None:
            share = share_text(count, whole)
            yield Stage(name, count, f"{share} {of}" if share else "", count / max(1, counts.proposed))
    if counts.capped:
        most = setting_text(run.record.settings.get("scaffold_cap"))
        yield Stage("too many of a scaffold", counts.capped, f"left out, at most {most} of each")


def _returned(run: Run) -> Iterator[Stage]:
    """Yield the counts over the molecules returned."""
    total, settings = len(run.table), run.record.settings
    if settings.get("diverse"):
        yield Stage("candidates", run.record.counts.candidates, "the most different were picked from them")
    wanted = settings.get("n")
    asked = f"of {wanted:,} asked for" if isinstance(wanted, int) else ""
    yield Stage("returned", total, asked, 1.0 if total else None)
    for name, column, of in (
        ("hits", "hit", "of returned meet every goal"),
        ("novel", "novel", "of returned are no training molecules"),
        (
            "outside training",
            "outside_training",
            "of returned have a property beyond the middle 99.8% of training",
        ),
        ("truncated", "truncated", "of returned have symbols without effect"),
    ):
        count = run.count(column)
        if count is not None and total:
            yield Stage(name, count, f"{share_text(count, total)} {of}", count / total)


def _goals(run: Run) -> Iterator[GoalRow]:
    """Yield the goals, in the order in which they were asked."""
    served = run.record.settings.get("served")
    lines = served if isinstance(served, list) and len(served) == len(run.record.goals) else None
    for place, (entry, wish) in enumerate(zip(run.record.goals, run.wishes, strict=True)):
        places = _places(run.record.statistics(entry.property))
        yield GoalRow(
            wish,
            entry.goal,
            # The line begins with the goal as it was asked, which holds no colon before a space.
            str(lines[place]).partition(": ")[2] if lines else "",
            entry.source,
            _met(entry.hits_valid, entry.valid, "valid"),
            _met_by_returned(run, entry),
            (number_text(entry.error_valid, places), number_text(entry.error_returned, places)),
            unit_text(entry.unit),
        )


def _places(statistics: PropertyStatistics | None) -> int | None:
    """Return the decimals of mean distances: more than those of a single value."""
    worth = decimals(statistics)
    return None if worth is None else max(2, worth + 1)


def _met(count: int | None, whole: int, named: str) -> str:
    return "" if count is None else f"{share_text(count, whole)} ({count:,} of {whole:,} {named})"


def _met_by_returned(run: Run, entry: GoalEntry) -> str:
    goal = run.record.goal(entry)
    if entry.source is None or goal is None:
        return ""
    values = run.numbers(entry.property)
    return _met(int(goal.hit(values).sum()), len(values), "returned")


def _cost(run: Run) -> list[tuple[str, str]]:
    """Return what the run cost: figures with what they are of."""
    record, cost = run.record, run.record.cost
    found = [(number_text(cost[name]), what) for name, what in COSTS.items() if cost.get(name)]
    for name, entry in record.scorers.items():
        calls, budget = entry.get("oracle_calls"), entry.get("budget")
        found.append((setting_text(calls), f"of {setting_text(budget)} oracle calls: {name}"))
    return found

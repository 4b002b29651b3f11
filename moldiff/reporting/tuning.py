"""The part of a page with a search: what the winner is worth, every trial, the best ones, the preset."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from moldiff.chem.goals import Goal
from moldiff.errors import InputError
from moldiff.reporting.figure_text import SHARES, figure_text, head, interval_text
from moldiff.reporting.frontier import wish_text
from moldiff.reporting.history import FRAME, History
from moldiff.reporting.tuning_record import (
    COMPLETE,
    PRUNED,
    ComparedEntry,
    ComparisonEntry,
    Search,
    TrialEntry,
    TuningRecord,
)
from moldiff.reporting.wording import number_text, setting_text

BEST = 12
"""Trials of the table, beside those that no other dominates."""

COLUMNS = ("novel", "novel_hits", "hit_rate", "fidelity", "diversity", "nfe", "seconds")
"""Figures of the table, beside the objectives."""

COMPARED = (
    "novel_hits",
    "novel",
    "hit_rate",
    "mean_novel",
    "error_novel",
    "fidelity",
    "diversity",
    "distance",
    "nfe",
    "seconds",
)
"""Figures of a comparison, after the objectives."""

LESS = ("error_novel", "distance", "nfe", "seconds")
"""Figures of which less is better."""

UNDIRECTED = ("mean_novel", "mean_all", "heavy_atoms")
"""Figures of which more may be better or worse."""


def tuning(search: Search) -> dict[str, Any]:
    """Return what the template ``tuning.html`` shows of a search."""
    record = search.record
    goals = record.problem.aim or record.problem.ask
    signs = {objective.name: objective.sign for objective in record.objectives}
    return {
        "facts": dict(_facts(record)),
        "objectives": record.objectives,
        "comparisons": [_comparison(record, entry, signs) for entry in record.comparisons],
        "fresh": ", ".join(map(str, record.fresh_seeds)),
        "base": setting_text(record.base) if record.base else "the defaults of generate",
        "histories": [History(objective, record.trials) for objective in record.objectives],
        "frame": FRAME,
        "pruned": any(trial.state == PRUNED for trial in record.trials),
        "missed": any(trial.state == COMPLETE and not trial.kept_limits for trial in record.trials),
        "heads": [head(name, f"{record.n:,}", _quantity(goals[0])) for name in _columns(record)],
        "rows": list(_rows(record)),
        "winner": record.winner,
        "settings": {} if record.winner is None else record.winner.settings,
        "preset": search.preset,
    }


def _facts(record: TuningRecord) -> Iterator[tuple[str, str]]:
    """Yield what was tuned, and how much was tried."""
    asked, judged = (", ".join(map(wish_text, goals)) for goals in (record.problem.ask, record.problem.aim))
    yield "asked", asked
    if judged and judged != asked:
        yield "judged", judged
    yield "model", record.model
    if record.limits:
        yield "subject to", ", ".join(map(wish_text, record.limits))
    states = dict.fromkeys(trial.state for trial in record.trials)
    counts = {state: sum(trial.state == state for trial in record.trials) for state in states}
    told = ", ".join(f"{count:,} {state}" for state, count in counts.items())
    yield "trials", f"{len(record.trials):,} ({told})" if told else "none"
    yield "of", f"{record.n:,} proposals on seeds {', '.join(map(str, record.seeds))}"


def _comparison(record: TuningRecord, entry: ComparisonEntry, signs: Mapping[str, int]) -> dict[str, Any]:
    """Return the winner against what it is to replace, for one set of goals."""
    names = [*signs, *(name for name in COMPARED if name not in signs)]
    judged = record.problem.aim if entry.tuned and record.problem.aim else entry.goals
    heads = {name: head(name, f"{record.n:,}", _quantity(judged[0])) for name in names}
    return {
        "goals": ", ".join(map(wish_text, entry.goals)),
        "tuned": entry.tuned,
        "rows": [
            {
                "name": heads[name][0],
                "of": heads[name][1],
                "objective": name in signs,
                **_compared(name, entry.figures[name], signs),
            }
            for name in names
            if name in entry.figures and entry.figures[name].difference.value is not None
        ],
    }


def _quantity(goal: str) -> str:
    """Return the property that a goal is about."""
    try:
        return Goal.parse(goal).name
    except (InputError, ValueError):
        return "property"


def _compared(name: str, entry: ComparedEntry, signs: Mapping[str, int]) -> dict[str, str]:
    """Return one figure of a comparison."""
    low, high = entry.difference.low, entry.difference.high
    sign = signs.get(name, 0 if name in UNDIRECTED else -1 if name in LESS else 1)
    verdict = ""
    if low is not None and high is not None and sign:
        better, worse = (low > 0, high < 0) if sign > 0 else (high < 0, low > 0)
        verdict = "better" if better else "worse" if worse else "no difference shown"
    return {
        "winner": figure_text(name, entry.winner),
        "base": figure_text(name, entry.base),
        "difference": _signed(name, entry.difference.value),
        "ends": interval_text(name, entry.difference),
        "verdict": verdict,
    }


def _signed(name: str, value: float | None) -> str:
    """Return a difference: of shares in points of per cent."""
    sign = "+" if value is not None and value > 0 else ""
    if value is not None and name in SHARES:
        return f"{sign}{number_text(100 * value, 1)} points"
    return f"{sign}{figure_text(name, value)}"


def _columns(record: TuningRecord) -> list[str]:
    names = [objective.name for objective in record.objectives]
    return [*names, *(name for name in COLUMNS if name not in names)]


def _rows(record: TuningRecord) -> Iterator[dict[str, Any]]:
    """Yield the best trials, and those that no other dominates: the best by the first objective first."""
    first = record.objectives[0]
    able = [trial for trial in record.trials if trial.counts]
    able.sort(key=lambda trial: (-first.sign * (trial.value(first.name) or 0.0), trial.number))
    winner = None if record.winner is None else record.winner.number
    shown = [trial for place, trial in enumerate(able) if place < BEST or trial.number in record.front]
    for trial in shown:
        yield {
            "number": trial.number,
            "told": " ".join(f"{name}={setting_text(value)}" for name, value in trial.settings.items()),
            "won": trial.number == winner,
            "front": trial.number in record.front and len(record.objectives) > 1,
            "cells": [(value, figure_text(name, value)) for name, value in _cells(trial, record)],
        }


def _cells(trial: TrialEntry, record: TuningRecord) -> Iterator[tuple[str, float | None]]:
    """Yield the columns of a trial."""
    objectives = [objective.name for objective in record.objectives]
    for name in _columns(record):
        yield name, trial.value(name) if name in objectives else trial.mean(name)

"""The part of a page with the frontiers: of every problem the drawing, the tables, what others published."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from moldiff.chem.goals import Goal
from moldiff.errors import InputError
from moldiff.reporting.arms import item
from moldiff.reporting.checking import IntervalEntry
from moldiff.reporting.drawings import drawings
from moldiff.reporting.figure_text import figure_text, head, interval_text
from moldiff.reporting.frontier_record import ArmEntry, FrontierRecord, ModelEntry, ProblemEntry
from moldiff.reporting.scatter import CROSS, FRAME, SHAPES, STAR, Mark, Scatter, look
from moldiff.reporting.wording import goal_text, number_text, unit_text

COLUMNS = ("novel", "novel_hits", "", "hit_rate", "diversity", "distance", "fidelity", "nfe", "seconds")
"""Figures of the table; "" is that of the axis."""


EXTRA = ("nfe_predictor", "unguided")
"""Figures that are told where they are not 0 throughout."""


def frontier(record: FrontierRecord) -> dict[str, Any]:
    """Return what the template ``frontier.html`` shows of a sweep."""
    scatters = [Scatter(problem) for problem in record.problems]
    drawn = drawings(_examples([mark for scatter in scatters for mark in scatter.marks]))
    places = {smiles: place for place, smiles in enumerate(drawn)}
    return {
        "problems": [_problem(record, scatter, number, places) for number, scatter in enumerate(scatters)],
        "drawings": list(drawn.values()),
        "shapes": {**{str(place): path for place, path in enumerate(SHAPES)}, "star": STAR, "cross": CROSS},
        "frame": FRAME,
        "least": record.least_novel,
    }


def _examples(marks: Sequence[Mark]) -> Iterator[str]:
    """Yield molecules in the order in which they get room: those of frontiers, then the first of each arm."""
    arms = [(mark.entry, mark.kind) for mark in marks if isinstance(mark.entry, ArmEntry)]
    for arm, kind in arms:
        if kind == "front":
            yield from arm.examples
    most = max((len(arm.examples) for arm, _ in arms), default=0)
    for place in range(most):
        yield from (arm.examples[place] for arm, _ in arms if place < len(arm.examples))


def _problem(record: FrontierRecord, scatter: Scatter, number: int, places: dict[str, int]) -> dict[str, Any]:
    """Return what is shown of one problem."""
    problem, n = scatter.problem, f"{scatter.n:,}"
    names = [problem.figure if name == "" else name for name in COLUMNS]
    figures = _figures(problem)
    return {
        "name": problem.name,
        "number": number,
        "facts": dict(_facts(problem)),
        "seeds": _seeds(record, problem, n),
        "scatter": scatter,
        "better": _axis_text(record, problem),
        "against": {name: _against(record, name, n) for name in scatter.axes},
        "groups": list(_legend(scatter)),
        "has_others": any(mark.kind == "other" for mark in scatter.marks),
        "has_published": any(not entry.apart for entry in problem.published),
        "has_apart": any(entry.apart for entry in problem.published),
        "heads": [head(name, n, problem.quantity) for name in names],
        "rows": list(_rows(scatter, names)),
        "volumes": [_volume(entry) for entry in problem.models if entry.frontier],
        "published": list(_published(problem)),
        "contrast_heads": [head(name, n, problem.quantity) for name in problem.compared],
        "contrasts": list(_contrasts(problem)),
        "data": {
            "labels": [record.text(name).replace("the property", problem.quantity) for name in figures],
            "marks": [item(mark, problem, figures, places) for mark in scatter.marks],
            "reach": {
                place: [mark.y, *mark.reach]
                for place, mark in enumerate(scatter.marks)
                if mark.reach is not None
            },
            "views": {name: _view(scatter, name, _against(record, name, n)) for name in scatter.axes},
        },
    }


def _figures(problem: ProblemEntry) -> list[str]:
    """Return the figures that a point shows: those that some arm has."""
    arms = (*problem.arms, *problem.tried)
    found: dict[str, set[float | None]] = {}
    for arm in arms:
        for name, entry in arm.figures.items():
            found.setdefault(name, set()).add(entry.value)
    return [name for name, values in found.items() if values - {None, 0.0 if name in EXTRA else None}]


def _facts(problem: ProblemEntry) -> Iterator[tuple[str, str]]:
    """Yield what was asked and judged, and how training molecules do."""
    asked, judged = (", ".join(map(wish_text, goals)) for goals in (problem.ask, problem.aim))
    if asked == judged:
        yield "asked and judged", asked
    else:
        yield "asked", asked
        yield "judged", judged
    name, _ = head(problem.figure, "", problem.quantity)
    unit = unit_text(problem.unit) if problem.figure.startswith("mean") else ""
    for what, value in (
        ("training", problem.average),
        ("training molecules that meet it", problem.class_average),
    ):
        if value is not None:
            yield f"{name} of {what}", f"{number_text(value)} {unit}".rstrip()


def wish_text(goal: str) -> str:
    """Return a goal as people read it.

    Example:
        >>> wish_text("rings>=4"), wish_text("no goal at all")
        ('rings ≥ 4', 'no goal at all')
    """
    try:
        return goal_text(Goal.parse(goal), goal)
    except (InputError, ValueError):
        return goal


def _seeds(record: FrontierRecord, problem: ProblemEntry, n: str) -> str:
    """Return how many arms there were, of how many proposals, on which seeds."""
    tried = f"{problem.arms_tried:,} arm{'' if problem.arms_tried == 1 else 's'}"
    first = f"{tried} of {n} proposals on seed{_listed(record.seeds)}"
    # A budget gives all seeds to the better arms alone, and a grid may have fewer of its own.
    chosen = problem.tried if record.fresh_seeds else problem.arms
    fewer = sum(len(arm.seeds) < len(record.seeds) for arm in chosen)
    first += f", {fewer:,} of them on some of these alone" if fewer else ""
    if not record.fresh_seeds:
        return f"{first}: arms were chosen and are told on the same seeds, which flatters the best of many."
    among = "model, or of their side of a contrast," if problem.contrasts else "model"
    return (
        f"{first}. The {len(problem.arms):,} that no other arm of their {among} dominated there were "
        f"measured again on fresh seed{_listed(record.fresh_seeds)}, and are told by these alone: the "
        "best of many look better than they are on the seeds that they were chosen by."
    )


def _listed(seeds: Sequence[int]) -> str:
    return f"{'' if len(seeds) == 1 else 's'} {', '.join(map(str, seeds))}"


def _axis_text(record: FrontierRecord, problem: ProblemEntry) -> str:
    """Return what the axis upwards is."""
    unit = unit_text(problem.unit) if problem.figure.startswith("mean") else ""
    text = record.text(problem.figure).replace("the property", problem.quantity)
    turned = "" if problem.sign > 0 else ", less upwards: less is better"
    return f"{text}{f' ({unit})' if unit else ''}{turned}"


def _against(record: FrontierRecord, name: str, n: str) -> str:
    """Return what another axis is."""
    return f"{record.text(name)}{f', of {n} proposals' if name in ('novel', 'seconds') else ''}"


def _legend(scatter: Scatter) -> Iterator[tuple[str, str, str]]:
    """Yield name, colour and shape of every model."""
    for number, group in enumerate(scatter.problem.groups):
        yield group, *look(number)


def _rows(scatter: Scatter, names: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yield the rows of the table: arms of a frontier, most novel molecules first."""
    arms = [
        (place, mark.entry)
        for place, mark in enumerate(scatter.marks)
        if mark.kind == "front" and isinstance(mark.entry, ArmEntry)
    ]
    groups = scatter.problem.groups
    for place, arm in sorted(
        arms, key=lambda pair: (groups.index(pair[1].model), -(pair[1].value("novel") or 0) / pair[1].n)
    ):
        cells = [
            (arm.value(name), figure_text(name, arm.value(name)), interval_text(name, arm.figures[name]))
            for name in names
        ]
        yield {"mark": place, "model": arm.model, "told": arm.told, "label": arm.label, "cells": cells}


def _volume(entry: ModelEntry) -> dict[str, Any]:
    """Return what a model's frontier dominates: numbers, each with its interval."""
    return {
        "model": entry.model,
        "volume": _pair(entry.hypervolume),
        "published": None if entry.to_published is None else _pair(entry.to_published),
        "others": {
            other: _pair(ratio) for other, ratio in entry.to_others.items() if ratio.value is not None
        },
    }


def _pair(entry: IntervalEntry) -> tuple[str, str]:
    return figure_text("", entry.value), interval_text("", entry)


def _published(problem: ProblemEntry) -> Iterator[dict[str, Any]]:
    """Yield the published results, with what dominates them."""
    for entry in problem.published:
        count = len(entry.dominated_by)
        yield {
            "name": entry.name,
            "source": entry.source,
            "novel": number_text(entry.novel),
            "of": f"{entry.n:,}",
            "mean": number_text(entry.mean),
            "apart": entry.apart,
            "first": entry.dominated_by[0] if count else "",
            "more": count - 1,
        }


def _contrasts(problem: ProblemEntry) -> Iterator[dict[str, Any]]:
    """Yield what arms gave more or less than others."""
    for entry in problem.contrasts:
        yield {
            "name": entry.name,
            "sides": f"{_settings(entry.arms)} against {_settings(entry.against)}",
            "of": f"{entry.pairs:,} setting{'' if entry.pairs == 1 else 's'}, over {entry.over}",
            "cells": [_pair(entry.differences[name]) for name in problem.compared] if entry.pairs else [],
            "ratio": _pair(entry.ratio),
        }


def _settings(side: dict[str, Any]) -> str:
    """Return the settings of a side of a contrast.

    Example:
        >>> _settings({"sampler": ["cap", "loop"], "gamma": 2})
        'sampler cap or loop, gamma 2'
    """
    values = {name: value if isinstance(value, list) else [value] for name, value in side.items()}
    return ", ".join(f"{name} {' or '.join(map(str, each))}" for name, each in values.items())


def _view(scatter: Scatter, name: str, text: str) -> dict[str, Any]:
    """Return where everything lies on one of the other axes, as the script needs it."""
    axis = scatter.axes[name]
    at = [None if (value := mark.values[name]) is None else axis.at(value) for mark in scatter.marks]
    bars = [None if (ends := mark.bars[name]) is None else [*map(axis.at, ends)] for mark in scatter.marks]
    return {
        "text": text,
        "ticks": [[tick.at, tick.text] for tick in scatter.ticks(name)],
        "at": at,
        # Few marks have an interval.
        "bars": {place: ends for place, ends in enumerate(bars) if ends is not None},
    }

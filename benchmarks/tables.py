"""Tables in Markdown of what a sweep found, from its record: nothing is computed again.

Of every problem: the arms of the frontiers with the figures that novelty alone does not tell, what the
frontiers dominate, which published results they dominate and which not, and the contrasts.

    python -m moldiff.benchmarks.tables benchmarks/results/qm9-guidance/frontier.json
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from moldiff.benchmarks.common import run
from moldiff.models.checkpoint import read_json
from moldiff.reporting.checking import checked
from moldiff.reporting.figure_text import head, with_interval
from moldiff.reporting.frontier_record import FrontierRecord, ModelEntry, ProblemEntry, PublishedEntry

COLUMNS = ("novel", "", "novel_hits", "mean_all", "distance", "fidelity", "nfe", "nfe_predictor", "seconds")
"""Figures of an arm; "" is that of the axis."""


def parser() -> argparse.ArgumentParser:
    """Return the options."""
    found = argparse.ArgumentParser(description="Tables in Markdown of what a sweep found.")
    found.add_argument("record", type=Path, help="frontier.json of `moldiff pareto` or `moldiff bench`")
    found.add_argument(
        "--tried", action="store_true", help="all arms on the first seeds, in the place of the frontiers"
    )
    return found


def main(words: Sequence[str]) -> None:
    """Print the tables."""
    given = parser().parse_args(words)
    record = checked(FrontierRecord, read_json(given.record), str(given.record))
    print("\n\n".join(part for problem in record.problems for part in parts(problem, tried=given.tried)))


def parts(problem: ProblemEntry, *, tried: bool = False) -> Iterator[str]:
    """Yield the tables of a problem.

    Args:
        problem: What was asked for, and what every arm gave.
        tried: Whether to show every arm on the seeds that frontiers are chosen by.
    """
    yield f"**{problem.name}**, asked {', '.join(problem.ask)}, judged {', '.join(problem.aim)}"
    yield _arms(problem, tried=tried)
    yield _volumes(problem.models)
    if problem.published:
        yield "\n\n".join(_published(problem.published))
    if problem.contrasts:
        yield _contrasts(problem)


def _arms(problem: ProblemEntry, *, tried: bool) -> str:
    arms = [
        arm for arm in (problem.tried or problem.arms if tried else problem.arms) if tried or arm.frontier
    ]
    columns = [problem.figure if name == "" else name for name in COLUMNS]
    there = [name for name in columns if name in problem.arms[0].figures]
    names = [name for name in there if any(arm.value(name) for arm in arms)]
    order = sorted(arms, key=lambda arm: (problem.groups.index(arm.model), -(arm.value("novel") or 0)))
    rows = (
        [arm.model, arm.told, *(with_interval(name, arm.figures[name]) for name in names)] for arm in order
    )
    proposals = ", ".join(f"{n:,}" for n in sorted({arm.n for arm in arms}))
    return _table(["model", f"settings, of {proposals} proposals", *_heads(problem, names)], rows)


def _volumes(models: Sequence[ModelEntry]) -> str:
    there = [entry for entry in models if entry.frontier]
    rows = (
        [
            entry.model,
            with_interval("", entry.hypervolume),
            "" if entry.to_published is None else with_interval("", entry.to_published),
            "; ".join(f"{with_interval('', ratio)} × {other}" for other, ratio in entry.to_others.items()),
        ]
        for entry in there
    )
    return _table(["model", "hypervolume", "over the published", "over the others"], rows)


def _published(entries: Sequence[PublishedEntry]) -> Iterator[str]:
    """Yield a sentence on the published results, and one on those that stand apart."""
    for apart, what in ((False, "published results"), (True, "results that were made in another way")):
        own = [entry for entry in entries if entry.apart == apart]
        if own:
            left = [
                f"{entry.name} ({entry.novel:g} at {entry.mean:g})" for entry in own if not entry.dominated_by
            ]
            yield (
                f"Dominated: {len(own) - len(left)} of {len(own)} {what}. "
                f"Not dominated: {'; '.join(left) or 'none'}."
            )


def _contrasts(problem: ProblemEntry) -> str:
    names = problem.compared
    rows = (
        [
            entry.name,
            f"{entry.pairs}, over {entry.over}" if entry.pairs else "none",
            *(with_interval(name, entry.differences[name]) if entry.pairs else "" for name in names),
            with_interval("", entry.ratio),
        ]
        for entry in problem.contrasts
    )
    return _table(["contrast", "equal settings", *_heads(problem, names), "hypervolume ratio"], rows)


def _heads(problem: ProblemEntry, names: Sequence[str]) -> list[str]:
    return [head(name, "", problem.quantity)[0] for name in names]


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    r"""Return a table in Markdown.

    Example:
        >>> print(_table(["a", "b"], [["1", "x|y"]]))
        | a | b |
        |---|---|
        | 1 | x\|y |
    """
    lines = [heads, ["---"] * len(heads), *rows]
    text = [[cell.replace("|", "\\|") for cell in line] for line in lines]
    return "\n".join(
        "|" + "|".join(line) + "|" if place == 1 else "| " + " | ".join(line) + " |"
        for place, line in enumerate(text)
    )


if __name__ == "__main__":
    run(main)

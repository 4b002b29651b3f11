"""What a run is asked for: goals, the scorers that some of them name, and how they are to be served."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from moldiff.chem.goals import Goal
from moldiff.choosing import AUTO
from moldiff.errors import InputError
from moldiff.scoring.scorers import Contained, Scorer, Similarity, load_scorer

AnyScorer = str | Scorer | Callable[[list[str]], object]


@dataclass(frozen=True)
class Wishes:
    """Goals as people give them, and what serves them.

    Args:
        goals: Such as "rings>=4", "logP=1.5±0.2", "max QED", or on a scorer: "max my_scores:potency".
        method: ``auto``, a guidance (cfg, cbg, cbg-topk, cbg-first-order) or a selection (particles,
            metropolis, best-of).
        scorers: Scorers by the name that goals call them; "package.module:function", or a function from a
            list of SMILES to as many numbers. A goal may name "package.module:function" itself.
        similar_to: SMILES to be similar to, each a goal "max similarity".
        contains: SMARTS to be contained, each a goal "contains>=1".
        predictor: Predictor folder; the one that comes with the model unless given.
        oracle_calls: Distinct molecules that a scorer is asked about, at most; 1,000, or 10 for each molecule
            wanted, unless given.
        oracle: Further keywords of ``Oracle``: workers, batch, timeout, retries, cache.
        reach: Quantile of training beyond which max and min goals ask.

    Raises:
        InputError: If a goal or a scorer cannot be read, or no goal names a scorer.

    Example:
        >>> wishes = Wishes("rings>=4", similar_to="CCO", contains=["[OH]", "C=O"])
        >>> [str(goal) for goal in wishes.parsed]
        ['rings>=4', 'max similarity', 'contains>=1', 'contains_2>=1']
        >>> wishes.named["similarity"].name
        'similarity to CCO'
    """

    goals: str | Goal | Iterable[str | Goal] = ()
    method: str = AUTO
    scorers: Mapping[str, AnyScorer] = field(default_factory=dict)
    similar_to: str | Iterable[str] = ()
    contains: str | Iterable[str] = ()
    predictor: str | Path | None = None
    oracle_calls: int | None = None
    oracle: Mapping[str, Any] = field(default_factory=dict)
    reach: float | None = None
    parsed: list[Goal] = field(init=False)
    named: dict[str, Scorer] = field(init=False)

    def __post_init__(self) -> None:
        wishes = [self.goals] if isinstance(self.goals, str | Goal) else list(self.goals)
        parsed = [Goal.parse(wish) if isinstance(wish, str) else wish for wish in wishes]
        named = {name: load_scorer(scorer) for name, scorer in self.scorers.items()}
        for given, name, wish, make in (
            (self.similar_to, "similarity", "max {}", Similarity),
            (self.contains, "contains", "{}>=1", Contained),
        ):
            for number, text in enumerate([given] if isinstance(given, str) else given, start=1):
                called = name if number == 1 else f"{name}_{number}"
                if called in named:
                    raise InputError(f"'{called}' is what moldiff calls a scorer of its own: rename yours")
                named[called] = load_scorer(make(text))
                parsed.append(Goal.parse(wish.format(called)))
        asked = {goal.name for goal in parsed}
        named |= {name: load_scorer(name) for name in asked if ":" in name and name not in named}
        idle = [name for name in named if name not in asked]
        if idle:
            raise InputError(f"no goal names the scorer '{idle[0]}': add one, such as 'max {idle[0]}'")
        # Only here are they known: the fields that people give stay as they came.
        object.__setattr__(self, "parsed", parsed)
        object.__setattr__(self, "named", named)

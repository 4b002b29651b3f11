"""Which method serves which goal, and why."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from moldiff.chem.goals import Goal
from moldiff.chem.properties import PROPERTIES
from moldiff.errors import InputError, did_you_mean
from moldiff.guidance.methods import GUIDANCE, needs_predictor
from moldiff.guidance.selections import SELECTIONS

AUTO = "auto"
"""Conditions where the model knows the property, its predictor where that does, steering otherwise."""

AUTO_GUIDANCE = "cbg-topk"
"""How ``auto`` asks a predictor."""

AUTO_SELECTION = "metropolis"
"""How ``auto`` steers by a score."""

WITHOUT_REFILLS = "particles"
"""How it steers models whose tokens cannot be hidden and drawn again."""

CONDITION, PREDICTOR, STEERING = "condition", "predictor", "steering"

_WAYS = {
    CONDITION: "a condition of the model ({})",
    PREDICTOR: "guided by a predictor ({})",
    STEERING: "steered by the scores of molecules ({})",
}


@dataclass(frozen=True)
class Known:
    """What can be asked, by name of a property or scorer.

    Attributes:
        model: Conditions of the model.
        predictor: What a predictor predicts; empty without one.
        scorers: Scorers of this run; every property that RDKit computes is one, too.
        refills: Whether tokens of the model can be hidden and drawn again.
    """

    model: Collection[str]
    predictor: Collection[str] = ()
    scorers: Collection[str] = ()
    refills: bool = True

    def by(self, server: str) -> Collection[str]:
        """Return the names that conditions, predictor or steering can serve."""
        return {
            CONDITION: self.model,
            PREDICTOR: self.predictor,
            STEERING: [*self.scorers, *PROPERTIES],
        }[server]


@dataclass(frozen=True)
class Choice:
    """How the goals of a run are served.

    Attributes:
        served: For each goal one of condition, predictor and steering.
        guidance: A key of ``GUIDANCE``.
        selection: A key of ``SELECTIONS``; None where nothing is steered.
        reasons: Why, a line for each goal.

    Example:
        >>> goals = [Goal.parse("rings>=4"), Goal.parse("max mine:potency")]
        >>> choice = choose(goals, "auto", Known(model=["rings"], scorers=["mine:potency"]))
        >>> choice.served, choice.guidance, choice.selection
        (['condition', 'steering'], 'cfg', 'metropolis')
    """

    served: list[str] = field(default_factory=list)
    guidance: str = "cfg"
    selection: str | None = None
    reasons: list[str] = field(default_factory=list)

    def of(self, goals: Sequence[Goal], server: str) -> list[Goal]:
        """Return the goals that one of them serves."""
        return [goal for goal, by in zip(goals, self.served, strict=True) if by == server]


def choose(goals: Sequence[Goal], method: str, known: Known) -> Choice:
    """Return what serves each goal.

    ``auto`` takes for each goal the first that can: conditions, predictor, steering. A guidance or selection
    by name serves every goal that it can; those that it cannot are left to the others, but for ``cfg``, which
    asks for conditions alone, and for a guidance that cannot leave anything to a scorer.

    Args:
        goals: Any number of goals.
        method: ``auto``, a key of ``GUIDANCE`` or of ``SELECTIONS``.
        known: What can be asked.

    Raises:
        InputError: If there is no such method, or none can serve a goal; the message says the ways out.
    """
    order = _order(method)
    served = [_server(goal, method, order, known) for goal in goals]
    if method != AUTO and order[0] not in served and order[0] != CONDITION:
        raise InputError(f"method '{method}' has no goal to serve: {_lacking(goals, order[0], known)}")
    guidance = method if method in GUIDANCE else AUTO_GUIDANCE if PREDICTOR in served else "cfg"
    usual = AUTO_SELECTION if known.refills else WITHOUT_REFILLS
    selection = (method if method in SELECTIONS else usual) if STEERING in served else None
    names = {
        CONDITION: "cfg" if needs_predictor(guidance) else guidance,
        PREDICTOR: guidance,
        STEERING: selection,
    }
    lines = [
        f"{goal}: {_WAYS[by].format(names[by])}{_reason(by, order)}"
        for goal, by in zip(goals, served, strict=True)
    ]
    return Choice(served, guidance, selection, lines)


def _order(method: str) -> tuple[str, ...]:
    """Return what a method tries for a goal, in turn.

    Raises:
        InputError: If there is no such method.
    """
    if method == AUTO:
        return CONDITION, PREDICTOR, STEERING
    if method in SELECTIONS:
        return STEERING, CONDITION, PREDICTOR
    if method not in GUIDANCE:
        raise InputError(f"unknown method '{method}'{did_you_mean(method, [AUTO, *GUIDANCE, *SELECTIONS])}")
    return (PREDICTOR, CONDITION) if needs_predictor(method) else (CONDITION,)


def _server(goal: Goal, method: str, order: Sequence[str], known: Known) -> str:
    for server in order:
        if goal.name in known.by(server):
            return server
    raise InputError(_nobody(goal, method, known))


def _nobody(goal: Goal, method: str, known: Known) -> str:
    """Say that no method, or not this one, can serve a goal, and what can be done."""
    name = goal.name
    able = [server for server in (CONDITION, PREDICTOR, STEERING) if name in known.by(server)]
    if able:
        ways = {
            CONDITION: "cfg (it is a condition of the model)",
            PREDICTOR: "cbg (a predictor knows it)",
            STEERING: "particles, metropolis or best-of (they need a number for each molecule alone)",
        }
        named = " or ".join(ways[server] for server in able)
        return f"method '{method}' cannot serve '{goal}': use auto or {named}"
    if ":" in name:
        return f"unknown scorer '{name}': expected package.module:function, such as my_scores:potency"
    every = dict.fromkeys([*known.model, *known.predictor, *known.scorers, *PROPERTIES])
    return (
        f"unknown property '{name}'{did_you_mean(name, every)}; the model was not trained on it, no "
        "predictor knows it, and RDKit does not measure it: train one with moldiff train, or give a "
        "scorer, as in 'max my_scores:potency'"
    )


def _lacking(goals: Sequence[Goal], server: str, known: Known) -> str:
    names = ", ".join(f"'{goal.name}'" for goal in goals) or "there is none"
    if server == PREDICTOR:
        found = ", ".join(known.predictor)
        knows = (
            f"the predictor knows {found}" if found else "there is no predictor: give one, --predictor DIR"
        )
        return f"{names}; {knows}"
    return f"{names}; it needs a scorer, or a property that RDKit measures"


def _reason(server: str, order: Sequence[str]) -> str:
    """Say why nothing that comes before it in the order serves a goal."""
    lacking = {CONDITION: "the model was not trained on it", PREDICTOR: "no predictor knows it"}
    why = " and ".join(lacking[other] for other in order[: order.index(server)] if other in lacking)
    return f": {why}" if why else ""

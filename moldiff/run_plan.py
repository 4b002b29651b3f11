"""From wishes to what draws and judges: which method serves each goal, what it needs, and a first sample."""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch

from moldiff.chem.goals import Goal
from moldiff.chem.properties import PROPERTIES
from moldiff.chem.statistics import PropertyStatistics
from moldiff.chemistry import Chemistry
from moldiff.choosing import CONDITION, PREDICTOR, STEERING, Choice, Known, choose
from moldiff.errors import InputError, RunError
from moldiff.generation import BACK, FRONT
from moldiff.guidance.classifier_based import PredictedGoal
from moldiff.guidance.methods import needs_predictor
from moldiff.guidance.metropolis import refills
from moldiff.loaded_model import LoadedModel
from moldiff.measuring import Measuring
from moldiff.property_prediction import PropertyPredictor
from moldiff.proposing import Proposer
from moldiff.sampling import Sampling, Ways
from moldiff.scoring.goals import GoalScore, TokenScore, refuse_classes
from moldiff.scoring.oracle import Oracle
from moldiff.scoring.scorers import Measured, load_scorer
from moldiff.settings import check_keywords, is_whole
from moldiff.steering import BestSoFar, SteeredProposer
from moldiff.targets import Targets, outside_notes, plan_targets, refuse_repeats
from moldiff.wishes import Wishes
from moldiff.workers import check_workers

CALLS, CALLS_EACH = 1000, 10
"""Oracle calls of a run, and for each molecule wanted, at least."""

LEAST_CALLS = 16
"""Oracle calls of the smallest run: with fewer, the first sample of an eighth would be a single molecule."""

ASKING = ("workers", "batch", "timeout", "retries", "cache")
"""Keywords of ``Oracle`` that people may set, besides the calls."""

PILOT = 128
"""Unsteered proposals that are scored first, at most; an eighth of the oracle calls at most."""

LARGEST = 1e100
"""Size of a score, at most: larger ones have squares that no computer can hold."""

PILOT_INDEX = 2**32 - 1
"""Number of the chunk that is the first sample: no run gets there."""


@dataclass(frozen=True)
class RunPlan:
    """What a generation takes.

    Attributes:
        proposer: Draws the proposals.
        targets: Goals, resolved, and conditions.
        chemistry: Judges, with the values that the run's scorers and predictor give.
        oracles: The scorers that steer, by name.
        record: Entries of the run's record: method, what serves each goal and why, scorers.
        predictor: Predicts what nothing else measures; None for none.
        seconds: Wall time of the first sample and its scores.
    """

    proposer: Proposer
    targets: Targets
    chemistry: Chemistry
    oracles: dict[str, Oracle] = field(default_factory=dict)
    record: dict[str, Any] = field(default_factory=dict)
    predictor: PropertyPredictor | None = None
    seconds: float = 0.0

    @property
    def used_up(self) -> bool:
        """Whether every oracle call is spent; never without a scorer."""
        return any(oracle.left == 0 for oracle in self.oracles.values())

    def asked(self, tokens: torch.Tensor) -> torch.Tensor:
        """Tell which rows (B, L) of tokens were asked about, (B,) bool: all while calls are left."""
        if not self.used_up:
            return torch.ones(len(tokens), dtype=torch.bool)
        smiles = self.chemistry.tokenizer.decode(tokens.numpy())
        known = [all(text in oracle.scores for oracle in self.oracles.values()) for text in smiles]
        return torch.tensor(known, dtype=torch.bool)

    @property
    def spent(self) -> int:
        """Molecules that each scorer was asked about so far; 0 without one."""
        return max((oracle.calls for oracle in self.oracles.values()), default=0)

    @property
    def calls(self) -> int:
        """Molecules that each scorer is asked about, at most; 0 without one."""
        return max((oracle.oracle_calls or 0 for oracle in self.oracles.values()), default=0)

    def close(self) -> None:
        """End the processes of the scorers."""
        for oracle in self.oracles.values():
            oracle.close()


@dataclass(frozen=True)
class Planner:
    """Make plans of runs of one model.

    Args:
        loaded: The model.
        sampling: Settings of the run.
        workers: Processes that are to draw.
    """

    loaded: LoadedModel
    sampling: Sampling
    workers: int = 1

    def __call__(self, wishes: Wishes, n: int) -> RunPlan:
        """Return the plan of a run; its first sample is drawn and scored if the goals need one.

        Args:
            wishes: Goals, and how they are to be served.
            n: Molecules wanted.

        Raises:
            InputError: If a goal cannot be served, or a setting does not fit.
            RunError: If a scorer has no number for any molecule of the first sample.
        """
        goals, loaded = wishes.parsed, self.loaded
        refuse_repeats(goals)
        predictor = loaded.guide(wishes.predictor)
        mine = loaded.chemistry.statistics
        known = {**({} if predictor is None else predictor.statistics), **mine}
        predictable = () if predictor is None else predictor.properties
        _refuse_taken(wishes.named, known)
        can_refill = refills(loaded.saved.process)
        choice = choose(goals, wishes.method, Known(mine, predictable, wishes.named, can_refill))
        conditions = self._conditions(goals, choice)
        targets = plan_targets(conditions, mine, loaded.saved.canvas, reach=wishes.reach)
        predicted = [goal.resolve(known[goal.name]) for goal in choice.of(goals, PREDICTOR)]
        ways = Ways(choice.guidance, self._predicted_goal(predictor, predicted), choice.selection)
        steered = choice.of(goals, STEERING)
        refuse_classes(steered)
        proposer = self._proposer(targets, ways)
        # After what is refused without them, for they start processes.
        oracles = self._oracles(steered, wishes, n)
        plan = RunPlan(
            proposer,
            targets,
            replace(loaded.chemistry, measuring=Measuring(oracles, predictor)),
            oracles,
            {"method": wishes.method, "served": choice.reasons, "predictor": predictor and predictor.name},
            predictor,
        )
        try:
            check_workers(self.workers, proposer, steered=bool(oracles))
            return self._steered(plan, goals, known, ways) if oracles else _judging(plan, goals, known)
        except BaseException:
            plan.close()
            raise

    def _proposer(self, targets: Targets, ways: Ways) -> Proposer:
        loaded, sampling = self.loaded, self.sampling
        if ways.selection is None:  # a selection needs the sampler that suits it, not the model
            guided = targets.asks or ways.goal is not None
            sampling = loaded.preset.under(sampling, guided=guided)
        network = loaded.compiled() if sampling.compiled else None
        return sampling.proposer(loaded.saved, targets, ways=ways, network=network, device=loaded.device)

    def _conditions(self, goals: Sequence[Goal], choice: Choice) -> list[Goal]:
        """Return the goals that become conditions: with gamma given, those of a predictor as well."""
        both = bool(self.sampling.gamma) and needs_predictor(choice.guidance)
        servers = (CONDITION, PREDICTOR) if both else (CONDITION,)
        found = [goal for server in servers for goal in choice.of(goals, server)]
        return [goal for goal in goals if goal in found and goal.name in self.loaded.chemistry.statistics]

    def _predicted_goal(
        self, predictor: PropertyPredictor | None, goals: Sequence[Goal]
    ) -> PredictedGoal | None:
        """Return what the predictor is asked, None without goals for it.

        Args:
            predictor: The predictor, if there is one.
            goals: Resolved.
        """
        if predictor is None or not goals:
            return None
        bounds = {goal.name: goal.bounds() for goal in goals}
        pairs = [bounds.get(name, (math.nan, math.nan)) for name in predictor.properties]
        low, high = torch.tensor(pairs, dtype=torch.float64).unbind(1)
        device, dtype = self.loaded.device, next(self.loaded.saved.network.parameters()).dtype
        return PredictedGoal(predictor.guiding(device, dtype, compiled=self.sampling.compiled), low, high)

    def _oracles(self, goals: Sequence[Goal], wishes: Wishes, n: int) -> dict[str, Oracle]:
        """Return what scores molecules for each of the goals; all have the same budget."""
        check_keywords(wishes.oracle, ASKING, "oracle setting")
        calls = max(CALLS, CALLS_EACH * n) if wishes.oracle_calls is None else wishes.oracle_calls
        if goals and is_whole(calls) and calls < LEAST_CALLS:
            raise InputError(
                f"oracle_calls must be at least {LEAST_CALLS}, an eighth of them for a first sample, "
                f"got {calls}"
            )
        found: dict[str, Oracle] = {}
        for goal in goals:
            scorer = wishes.named.get(goal.name) or load_scorer(Measured(goal.name))
            try:
                found[goal.name] = Oracle(scorer, oracle_calls=calls, **wishes.oracle)
            except BaseException:
                for oracle in found.values():
                    oracle.close()
                raise
        return found

    def _steered(
        self,
        plan: RunPlan,
        goals: Sequence[Goal],
        known: Mapping[str, PropertyStatistics],
        ways: Ways,
    ) -> RunPlan:
        """Return the plan with a selection by the scores, whose scale a first sample tells."""
        started = time.perf_counter()
        pilot = replace(plan.proposer, chunk=min(PILOT, plan.calls // 8))(PILOT_INDEX)
        smiles = plan.chemistry.tokenizer.decode(pilot.ids)
        found = {name: _statistics(name, oracle, smiles) for name, oracle in plan.oracles.items()}
        judging = _judging(plan, goals, {**found, **known})
        scales = judging.chemistry.scales
        terms = [
            (plan.oracles[goal.name], replace(goal, weight=goal.weight / scales[goal.name].scale))
            for goal in judging.targets.goals
            if goal.name in plan.oracles
        ]
        tokenizer, score = plan.chemistry.tokenizer, GoalScore(terms)
        steered = replace(
            ways, score=TokenScore(tokenizer, score), used_up=lambda: plan.used_up, asked=plan.asked
        )
        proposer = self._proposer(plan.targets, steered)
        if isinstance(proposer, SteeredProposer):
            sizes, oracle = self.loaded.saved.canvas.sizes.tolist(), next(iter(plan.oracles.values()))
            proposer.pilot, proposer.best = pilot, BestSoFar(tokenizer, score, oracle.scores, sizes)
        entries = plan.oracles.items()
        scorers = {name: {"scorer": entry.scorer.name, "content": entry.key} for name, entry in entries}
        record = {**plan.record, "scorers": scorers, "oracle_calls": plan.calls, "pilot": len(pilot.ids)}
        return replace(judging, proposer=proposer, record=record, seconds=time.perf_counter() - started)


def _refuse_taken(scorers: Collection[str], known: Collection[str]) -> None:
    """Refuse scorers that are called like something else.

    Raises:
        InputError: Naming the first of them.
    """
    for name in scorers:
        if name in (*FRONT, *BACK):
            raise InputError(f"'{name}' is a column of every result: call the scorer something else")
        if name in known or name in PROPERTIES:
            raise InputError(
                f"'{name}' is a property that is known without a scorer: call the scorer something else, or "
                "leave it out"
            )


def _judging(plan: RunPlan, goals: Sequence[Goal], known: Mapping[str, PropertyStatistics]) -> RunPlan:
    """Return the plan with all goals resolved, and the statistics by which they are judged."""
    resolved = [goal.resolve(known[goal.name]) for goal in goals]
    others = {goal.name: known[goal.name] for goal in goals if goal.name not in plan.chemistry.statistics}
    unsteered = [goal for goal in resolved if goal.name not in plan.oracles]
    notes = [*dict.fromkeys([*plan.targets.notes, *outside_notes(unsteered, known)])]
    return replace(
        plan,
        targets=replace(plan.targets, goals=resolved, notes=notes),
        chemistry=replace(plan.chemistry, others=others),
    )


def _statistics(name: str, oracle: Oracle, smiles: Sequence[str]) -> PropertyStatistics:
    """Return the statistics of a scorer over the first sample.

    Raises:
        RunError: If it has no number for any molecule, or numbers too large to be compared.
    """
    values = oracle(smiles)
    known = values[np.isfinite(values)]
    if not len(known):
        molecule = next((text for text in smiles if text), "")
        raise RunError(
            f"scorer '{name}' has no number for any of the first {len(smiles)} molecules, such as {molecule}:"
            f" {oracle.reason(molecule)}"
        )
    if np.abs(known).max() > LARGEST:
        raise RunError(f"scorer '{name}' gives numbers up to {known.max():.3g}: expected at most {LARGEST:g}")
    source = f"{len(known)} unsteered proposals"
    return PropertyStatistics.from_values(name, known, "1", source, integer=False)

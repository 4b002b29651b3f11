"""Score any list of molecules: as a set, against a reference, by goals, and by a model's likelihood."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rdkit import rdBase

from moldiff.chem.goals import Goal
from moldiff.chem.properties import PROPERTIES, measure
from moldiff.chem.standardise import canonical
from moldiff.chem.statistics import PropertyStatistics
from moldiff.errors import InputError
from moldiff.generator import MoleculeGenerator
from moldiff.identity import trained_on
from moldiff.likelihood import MAX_DRAWS, Likelihood, likelihood
from moldiff.metrics.fidelity import faithful_selfies
from moldiff.metrics.goal_report import GoalFigures, goal_report, read_goals, resolve_goal
from moldiff.metrics.property_report import PropertyReport, property_report
from moldiff.metrics.set_report import Nearest, SetReport, nearest_report, set_report
from moldiff.records import plain
from moldiff.reference import Background, Source, background

__all__ = ["Evaluation", "evaluate"]

LISTED = 100
"""Rows without a likelihood that a record names; the table of the likelihood names all."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Evaluation:
    """What is to be said of a list of molecules.

    Attributes:
        sets: Counts, shares, novelty, diversity, scaffolds.
        properties: Mean and spread of every property, and distances to the reference.
        reference: What the reference of those distances is; None without one.
        nearest: Similarity to the nearest molecule of a reference; None without one.
        goals: Figures of each goal.
        likelihood: Bounds under the model; None without one.
        settings: What decides the figures, seed included.
        notes: What the user should know.

    Example:
        >>> found = evaluate(["CCO", "OCC", "C1"], goals=["heavy_atoms>=3"])
        >>> found.sets.counts.valid, found.sets.uniqueness.value, found.goals[0].hit_rate.count
        (2, 0.5, 2)
    """

    sets: SetReport
    properties: PropertyReport
    reference: str | None
    nearest: Nearest | None
    goals: list[GoalFigures]
    likelihood: Likelihood | None
    settings: dict[str, Any]
    notes: list[str]

    def to_dict(self) -> dict[str, Any]:
        """Return all figures as JSON has them; what is not defined is null."""
        found: dict[str, Any] = plain({**vars(self), "likelihood": None})
        # Novelty stands beside the counts, against each set of known molecules.
        for name in ("novel", "novel_hits"):
            del found["sets"]["counts"][name]
        if self.likelihood is not None:
            table = self.likelihood.table
            left_out = table.loc[table["excluded"] != "", ["row", "smiles", "excluded"]].head(LISTED)
            figures = {name: value for name, value in vars(self.likelihood).items() if name != "table"}
            found["likelihood"] = plain({**figures, "excluded_rows": left_out.to_dict("records")})
        return found


def evaluate(
    smiles: Sequence[str],
    *,
    selfies: Sequence[str] | None = None,
    reference: Source | None = None,
    model: str | Path | MoleculeGenerator | None = None,
    goals: Iterable[str | Goal] = (),
    draws: int = 4,
    compared: int = 5000,
    seed: int = 0,
    n_jobs: int = 1,
    device: str | None = None,
    precision: str = "fp32",
    say: Say | None = None,
) -> Evaluation:
    """Score a list of molecules; every row is a proposal, repeats and rows that are no molecule too.

    Args:
        smiles: (N,) SMILES of any form; what RDKit cannot read counts as not valid.
        selfies: (N,) SELFIES of the same rows, for fidelity; None where there are none.
        reference: What to hold the molecules against: the name of a data set, a file, a table or SMILES.
        model: A bundled name, a model folder or a generator. Its training molecules are not novel; without a
            reference of its own the distances are to the validation part of the model's data set, where that
            comes with moldiff.
        goals: Such as "rings>=4"; on properties that RDKit measures.
        draws: Noise draws of each molecule and bound.
        compared: Similarities are those of at most so many distinct molecules, drawn at random.
        seed: Of noise, samples and resamples, 0 or more.
        n_jobs: Processes for measuring properties, in joblib's counting.
        device: Where a named model runs; the best there is unless given.
        precision: "auto", "bf16" or "fp32", of a named model.
        say: Called with what is being done.

    Raises:
        InputError: If there is no row, a setting is out of range, or a reference, model or goal is of no use.
    """
    settings = _Settings(draws, compared, seed, n_jobs)
    wishes = read_goals(goals)
    _check_rows(smiles, selfies)
    if model is not None and not isinstance(model, MoleculeGenerator):
        model = MoleculeGenerator.from_pretrained(model, device=device, precision=precision)
    with rdBase.BlockLogs():
        run = _Run(settings, model, _background(reference, model), say or (lambda _: None))
        return run.evaluate(smiles, selfies, wishes)


@dataclass(frozen=True)
class _Settings:
    """The numbers that a user may set."""

    draws: int
    compared: int
    seed: int
    n_jobs: int

    def __post_init__(self) -> None:
        for name, fine, expected in (
            ("draws", 1 <= self.draws <= MAX_DRAWS, f"from 1 to {MAX_DRAWS:,}"),
            ("compared", self.compared >= 2, "at least 2"),
            ("seed", 0 <= self.seed < 2**63, "from 0 to below 2^63"),
            ("n_jobs", self.n_jobs >= 1 or self.n_jobs == -1, "at least 1, or -1 for all cores"),
        ):
            if not fine:
                raise InputError(f"{name} must be {expected}, got {getattr(self, name)}")

    def stream(self, place: int) -> np.random.Generator:
        """Return the random numbers of one part: what one part draws changes no other part."""
        return np.random.default_rng([self.seed, place])


@dataclass(frozen=True)
class _Run:
    """One evaluation: what is compared with, and how."""

    settings: _Settings
    model: MoleculeGenerator | None
    around: Background
    say: Say

    def evaluate(
        self, smiles: Sequence[str], selfies: Sequence[str] | None, wishes: list[Goal]
    ) -> Evaluation:
        """Measure and compare; the arguments are those of :func:`evaluate`, with goals that were read."""
        self.say("reading molecules")
        names = canonical(smiles)
        self.say("measuring the reference")
        jobs = self.settings.n_jobs
        expected = None if self.around.reference is None else self.around.reference.values(n_jobs=jobs)
        goals = self._resolved(wishes, expected)
        self.say("measuring properties")
        values = _measured(names, jobs)
        hit, figures = goal_report(goals, values, generator=self.settings.stream(0))
        sets = self._sets(names, hit if goals else None, selfies)
        properties = property_report(values, expected, generator=self.settings.stream(1))
        return Evaluation(
            sets,
            properties,
            None if self.around.reference is None else self.around.reference.name,
            self._nearest(names),
            figures,
            self._likelihood(smiles, names),
            self._record(goals),
            [*self.around.notes, *self._notes(sets)],
        )

    def _resolved(self, wishes: list[Goal], expected: pd.DataFrame | None) -> list[Goal]:
        """Resolve goals by the statistics of the model's training, or else of the reference."""
        statistics = {} if self.model is None else dict(self.model.statistics_)
        for goal in wishes:
            if goal.name not in statistics and expected is not None:
                known = PROPERTIES[goal.name]
                statistics[goal.name] = PropertyStatistics.from_values(
                    goal.name, expected[goal.name], known.unit, known.reference, known.integer
                )
        return [resolve_goal(goal, statistics) for goal in wishes]

    def _sets(self, names: list[str], hit: np.ndarray | None, selfies: Sequence[str] | None) -> SetReport:
        self.say("comparing molecules")
        return set_report(
            names,
            self.around.known,
            hit=hit,
            faithful=None if selfies is None else faithful_selfies(selfies),
            compared=self.settings.compared,
            generator=self.settings.stream(2),
        )

    def _nearest(self, names: list[str]) -> Nearest | None:
        near = self.around.nearest
        if near is None:
            return None
        self.say(f"comparing with {near.name}")
        return nearest_report(
            names,
            near.name,
            near.fingerprints(),
            compared=self.settings.compared,
            generator=self.settings.stream(2),  # the same molecules as in the report of the set
        )

    def _likelihood(self, smiles: Sequence[str], names: list[str]) -> Likelihood | None:
        if self.model is None:
            return None
        found = likelihood(
            self.model.model_,
            self.model.chemistry_.tokenizer,
            names,
            draws=self.settings.draws,
            seed=self.settings.seed,
            say=self.say,
        )
        # A row that is no molecule is told by what stands in the file.
        shown = [name or str(text) for name, text in zip(names, smiles, strict=True)]
        return replace(found, table=found.table.assign(smiles=shown))

    def _record(self, goals: list[Goal]) -> dict[str, Any]:
        """Return what decides the figures."""
        network = None if self.model is None else next(self.model.model_.network.parameters())
        return {
            "model": None if self.model is None else self.model.loaded_.name,
            "precision": None if network is None else str(network.dtype).removeprefix("torch."),
            "device": None if network is None else str(network.device),
            "goals": [str(goal) for goal in goals],
            "draws": self.settings.draws,
            "compared": self.settings.compared,
            "seed": self.settings.seed,
        }

    def _notes(self, sets: SetReport) -> list[str]:
        notes = []
        if sets.fidelity is None:
            notes.append("fidelity is not applicable: it is a figure of SELFIES, and there are none")
        if sets.diversity.molecules < sets.diversity.distinct:
            notes.append(
                f"similarities are those of {sets.diversity.molecules:,} of {sets.diversity.distinct:,} "
                "distinct molecules, drawn at random"
            )
        return notes


def _background(source: Source | None, model: MoleculeGenerator | None) -> Background:
    if model is None:
        return background(source)
    data = trained_on(model.model_)
    return background(source, model=model.loaded_.name, keys=model.chemistry_.known, data=data)


def _measured(names: Sequence[str], n_jobs: int) -> pd.DataFrame:
    """Return all properties of all rows, each distinct molecule measured once."""
    distinct = list(dict.fromkeys(names))
    values = measure(distinct, list(PROPERTIES), n_jobs=n_jobs)
    place = {name: row for row, name in enumerate(distinct)}
    return values.iloc[[place[name] for name in names]].reset_index(drop=True)


def _check_rows(smiles: Sequence[str], selfies: Sequence[str] | None) -> None:
    if not len(smiles):
        raise InputError("expected molecules to evaluate, got no row")
    if selfies is not None and len(selfies) != len(smiles):
        raise InputError(f"expected as many SELFIES as SMILES, got {len(selfies)} and {len(smiles)}")

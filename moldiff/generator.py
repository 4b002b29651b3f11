"""The facade: one class that trains, loads and generates."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing, nullcontext
from dataclasses import fields
from pathlib import Path
from typing import Any, Self

import pandas as pd

from moldiff.bundled import model_folder, predictor_folder
from moldiff.chem.filters import Filter
from moldiff.chem.goals import Goal
from moldiff.chem.standardise import Standardiser
from moldiff.chem.statistics import PropertyStatistics
from moldiff.chemistry import Chemistry
from moldiff.datasets import MoleculeTable, PackedTable
from moldiff.generation import Generation
from moldiff.generation_run import GenerationRun
from moldiff.identity import fingerprint, model_record, trained_on
from moldiff.loaded_model import LoadedModel
from moldiff.models.checkpoint import SavedModel
from moldiff.output import OutputFiles
from moldiff.packed_intake import take_in
from moldiff.proposing import Proposer
from moldiff.records import call_text
from moldiff.run_plan import Planner, RunPlan
from moldiff.sampling import Sampling
from moldiff.selecting import Wanted
from moldiff.settings import check_keywords
from moldiff.similarity import TrainingMolecules
from moldiff.targets import Targets, plan_targets
from moldiff.training.recipe import Recipe
from moldiff.wishes import Wishes

__all__ = ["Generation", "MoleculeGenerator", "Progress"]

KEEPING = ("only_hits", "only_faithful", "max_proposals", "scaffold_cap", "diverse")
"""Keywords of ``Wanted`` that ``generate`` takes as they are."""

Goals = str | Goal | Iterable[str | Goal]

Progress = Callable[[int, int], None]
"""Called after every chunk with the molecules found and the proposals drawn so far."""


class MoleculeGenerator:
    """Train, load and run a generator of molecules with target properties.

    Args:
        recipe: Keywords of :class:`moldiff.training.recipe.Recipe`; they matter for ``fit`` only.

    Attributes:
        recipe: How ``fit`` trains.
        dropped_: After ``fit``: rows of the table that were left out, by reason.

    Raises:
        InputError: If the recipe has no such keyword, or a value is out of range.

    Example:
        >>> import moldiff
        >>> generator = moldiff.MoleculeGenerator.from_pretrained("qm9")
        >>> result = generator.generate(5, goals=["rings>=2"], steps=16, seed=0)
        >>> len(result.smiles), list(result.table.columns[:2])
        (5, ['smiles', 'valid'])
    """

    def __init__(self, **recipe: Any) -> None:
        check_keywords(recipe, [entry.name for entry in fields(Recipe)], "recipe")
        self.recipe = Recipe(**recipe)
        self.dropped_: dict[str, int] = {}
        self._loaded: LoadedModel | None = None

    def fit(
        self,
        frame: pd.DataFrame | MoleculeTable | PackedTable,
        *,
        smiles: str | None = None,
        properties: Sequence[str],
        standardiser: Standardiser | None = None,
        folder: str | Path | None = None,
        **running: Any,
    ) -> Self:
        """Train on a table.

        Args:
            frame: A row a molecule, or a table from ``moldiff.datasets.load`` or ``read_packed``. What one
                should know of it is a warning; ``dropped_`` counts the rows left out, which
                ``training/dropped.csv`` lists.
            smiles: Column of SMILES; found by name or content unless given.
            properties: Conditions: columns of numbers or classes, or properties that RDKit measures.
            standardiser: What is done to the molecules; clean-up and largest fragment unless given.
            folder: Model folder to write; an interrupted run in it goes on. Without it nothing is kept on
                disk until ``save_pretrained``.
            running: Keywords of ``Recipe.train`` that do not change the result, such as ``progress=False``.

        Raises:
            InputError: If a column or the table cannot be used; the message says why.
        """
        taken = take_in(frame, properties, smiles=smiles, standardiser=standardiser)
        self.dropped_ = dict(taken.counts)
        for note in taken.notes:
            warnings.warn(note, stacklevel=2)
        place = tempfile.TemporaryDirectory() if folder is None else nullcontext(folder)
        with place as chosen:
            taken.save_dropped(Path(chosen))
            self.recipe.train(taken.table, taken.properties, Path(chosen), **running)
            self._loaded = LoadedModel.read(Path(chosen))
        if folder is None:
            self._loaded.name = taken.table.name
        return self

    @classmethod
    def from_pretrained(
        cls, model: str | Path = "qm9", *, device: str | None = None, precision: str = "auto"
    ) -> Self:
        """Load a bundled model by name, or a model folder.

        Args:
            model: A bundled name, such as "qm9", or a folder.
            device: "cpu", "cuda" or such; what is there unless given.
            precision: "auto", "bf16" or "fp32".

        Raises:
            InputError: If there is no such model, device or precision, or the model cannot be read.
        """
        folder, made = model_folder(model), cls()
        made._loaded = LoadedModel.read(folder, precision=precision, device=device)
        bundled = predictor_folder(folder)
        if bundled is not None:
            made._loaded.predictor = made._loaded.fitting(bundled)
        return made

    def save_pretrained(self, folder: str | Path) -> None:
        """Write the model as a folder that ``from_pretrained`` reads."""
        self.loaded_.save(Path(folder))

    @property
    def statistics_(self) -> dict[str, PropertyStatistics]:
        """Training statistics of the properties that goals can be about, in the order of the columns of y."""
        return self.chemistry_.statistics

    def targets(self, goals: Goals, *, reach: float | None = None) -> Targets:
        """Return the goals resolved against the model, with the conditions they become.

        Args:
            goals: Any number of goals.
            reach: Quantile of training, 0.5 to below 1, beyond which max (and below one minus which min)
                goals ask.

        Raises:
            InputError: If a goal cannot be read or the model has no such property.
        """
        return plan_targets(Wishes(goals).parsed, self.statistics_, self.model_.canvas, reach=reach)

    def proposer(self, targets: Targets, **settings: Any) -> Proposer:
        """Return what draws proposals, chunk by chunk, without any selection.

        Args:
            targets: From ``targets``.
            settings: Keywords of :class:`moldiff.sampling.Sampling`: gamma, temperature, steps ...

        Raises:
            InputError: If a value is out of range or a name unknown.
        """
        check_keywords(settings, [entry.name for entry in fields(Sampling)], "setting")
        loaded = self.loaded_
        sampling = loaded.preset.under(Sampling(**settings), guided=targets.asks)
        network = loaded.compiled() if sampling.compiled else None
        return sampling.proposer(loaded.saved, targets, network=network, device=loaded.device)

    def plan(self, n: int, goals: Goals = (), *, workers: int = 1, **settings: Any) -> RunPlan:
        """Return what serves the goals of a run, and draws its chunks: goals on scorers are scored for it.

        Args:
            n: Molecules wanted.
            goals: Any number of goals.
            workers: Processes that are to draw.
            settings: Keywords of :class:`moldiff.wishes.Wishes` and :class:`moldiff.sampling.Sampling`.

        Raises:
            InputError: If a goal cannot be served, a value is out of range or a name unknown.
        """
        names = [entry.name for entry in fields(Wishes) if entry.init and entry.name != "goals"]
        check_keywords(settings, [*names, *(entry.name for entry in fields(Sampling))], "setting")
        wishes = Wishes(goals, **{name: settings.pop(name) for name in names if name in settings})
        return Planner(self.loaded_, Sampling(**settings), workers)(wishes, n)

    def run(
        self,
        n: int,
        goals: Goals = (),
        *,
        filters: str | Filter | Iterable[str | Filter] = (),
        similarity: bool = False,
        training_table: str | Path | None = None,
        workers: int = 1,
        **settings: Any,
    ) -> GenerationRun:
        """Return a generation that has not begun: iterate to draw chunks, then take its ``result``.

        The arguments are those of ``generate``.
        """
        training = TrainingMolecules(self.chemistry_.known, trained_on(self.model_), training_table)
        keeping = {name: settings.pop(name) for name in KEEPING if name in settings}
        wanted = Wanted(n, filters=training.bind(filters), **keeping)
        plan = self.plan(n, goals, workers=workers, **settings)
        try:
            return GenerationRun(
                plan,
                wanted.of_the_best(plan.calls) if plan.oracles else wanted,
                {"goals": [str(goal) for goal in plan.targets.goals], "reach": settings.get("reach")}
                | model_record(self.model_, self.loaded_.name, self.loaded_.device),
                nearest=training.nearest if similarity else None,
                identity=fingerprint(self.model_, self.chemistry_, plan.predictor),
                workers=workers,
                notes=training.notes,
            )
        except BaseException:
            plan.close()
            raise

    def generate(
        self,
        n: int,
        goals: Goals = (),
        *,
        output: str | Path | None = None,
        overwrite: bool = False,
        progress: Progress | None = None,
        **settings: Any,
    ) -> Generation:
        """Generate n unique molecules for the goals.

        Args:
            n: Molecules to return: valid, unique, and hits with ``only_hits``.
            goals: Such as "rings>=4", "logP=1.5±0.2", "1<=logP<=2", "max QED", "2*min SA", or with a scorer
                of one's own "max my_scores:potency".
            output: Folder, or name of the table, to write; an interrupted call with it goes on there.
            overwrite: Whether to begin anew where ``output`` holds an unfinished run, or files of others.
            progress: Called after every chunk.
            settings: ``only_hits``: return only molecules that meet every goal.
                ``only_faithful``: return only those all of whose symbols have their full effect.
                ``max_proposals``: begin no chunk after so many proposals; 1,000 + 50 n unless given.
                Keywords of :class:`moldiff.wishes.Wishes`: method, predictor, scorers, similar_to, contains,
                oracle_calls, oracle, reach.
                ``filters``: such as "PAINS" or "MW<=500", which the molecules have to pass.
                ``scaffold_cap``: molecules of one scaffold, at most.
                ``diverse``: draw four times as many, and return the n that differ most.
                ``similarity``: compare with the training molecules, for the column max_sim_train.
                ``training_table``: the table of the training molecules; found for data sets of moldiff.
                ``workers``: processes that draw, on the CPU; the molecules are the same.
                All others are keywords of :class:`moldiff.sampling.Sampling`: gamma, temperature, steps,
                method_knobs, sampler, knobs, seed, chunk, threads, compiled.

        Returns:
            The first n such molecules that were proposed, best first; fewer, with a note, where the limit was
            reached.

        Raises:
            InputError: If n, a goal, a filter or a setting is out of range, or the output cannot be written.
        """
        files = None if output is None else OutputFiles.at(output)
        if files is not None:
            files.check(overwrite=overwrite)  # before a scorer is asked about a first sample
        with closing(self.run(n, goals, **settings)) as run:
            run.command = call_text("generator.generate", n, goals, **settings)
            if files is not None:
                files.prepare(overwrite=overwrite)
                run.keep_in(files.chunks, overwrite=overwrite)
            for _ in run:
                if progress is not None:
                    progress(run.found, run.proposed)
            result = run.result()
            if files is not None:
                result.save(files)
                run.forget()
        return result

    @property
    def loaded_(self) -> LoadedModel:
        """The model as it is used; a ValueError if there is none yet."""
        if self._loaded is None:
            raise ValueError("this generator has no model yet: call fit or from_pretrained first")
        return self._loaded

    @property
    def model_(self) -> SavedModel:
        """Network, codec, canvas law and configuration; a ValueError if there is no model yet."""
        return self.loaded_.saved

    @property
    def chemistry_(self) -> Chemistry:
        """Tokens, property statistics and training molecules; a ValueError if there is no model yet."""
        return self.loaded_.chemistry

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
import torch

from moldiff.bundled import model_folder
from moldiff.chem.filters import Filter
from moldiff.chem.goals import Goal
from moldiff.chem.standardise import Standardiser
from moldiff.chem.statistics import PropertyStatistics
from moldiff.chemistry import read_chemistry
from moldiff.datasets import MoleculeTable
from moldiff.files import whole_file
from moldiff.frames import intake
from moldiff.generation import Generation
from moldiff.generation_run import GenerationRun
from moldiff.identity import fingerprint, model_record, trained_on
from moldiff.models.checkpoint import SavedModel, load_model, save_model, write_json
from moldiff.models.compiled import Compiled
from moldiff.models.precision import cast_parameters
from moldiff.output import OutputFiles
from moldiff.proposing import Proposer
from moldiff.sampling import Sampling
from moldiff.selecting import Wanted
from moldiff.settings import check_keywords, usable_device, usable_dtype
from moldiff.similarity import TrainingMolecules
from moldiff.targets import Targets, plan_targets
from moldiff.training.recipe import Recipe
from moldiff.workers import check_workers

__all__ = ["Generation", "MoleculeGenerator", "Progress"]

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
        self.device = torch.device("cpu")
        self.dropped_: dict[str, int] = {}
        self.name_ = ""
        self._saved: SavedModel | None = None
        self._bulk: Compiled | None = None
        self._card = ""

    def fit(
        self,
        frame: pd.DataFrame | MoleculeTable,
        *,
        smiles: str | None = None,
        properties: Sequence[str],
        standardiser: Standardiser | None = None,
        folder: str | Path | None = None,
        **running: Any,
    ) -> Self:
        """Train on a table.

        Args:
            frame: A row a molecule, or a table from ``moldiff.datasets.load``. What one should know of it is
                a warning; ``dropped_`` counts the rows left out, which ``training/dropped.csv`` lists.
            smiles: Column of SMILES; found by name or content unless given.
            properties: Conditions: columns of numbers or classes, or properties that RDKit measures.
            standardiser: What is done to the molecules; clean-up and largest fragment unless given.
            folder: Model folder to write; an interrupted run in it goes on. Without it nothing is kept on
                disk until ``save_pretrained``.
            running: Keywords of ``Recipe.train`` that do not change the result, such as ``progress=False``.

        Raises:
            InputError: If a column or the table cannot be used; the message says why.
        """
        taken = intake(frame, properties, smiles=smiles, standardiser=standardiser)
        self.dropped_ = taken.counts
        for note in taken.notes:
            warnings.warn(note, stacklevel=2)
        place = tempfile.TemporaryDirectory() if folder is None else nullcontext(folder)
        with place as chosen:
            taken.save_dropped(Path(chosen))
            self.recipe.train(taken.table, taken.properties, Path(chosen), **running)
            self._load(Path(chosen), "auto", None)
        if folder is None:
            self.name_ = taken.table.name
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
        return cls()._load(model_folder(model), precision, device)

    def save_pretrained(self, folder: str | Path) -> None:
        """Write the model as a folder that ``from_pretrained`` reads."""
        model, target = self.model_, Path(folder)
        # Until the new one is whole the folder is no model: weights and vocabulary of two would not fit.
        (target / "config.json").unlink(missing_ok=True)
        statistics = self.chemistry_.statistics
        write_json(target / "properties.json", {name: entry.to_dict() for name, entry in statistics.items()})
        self.chemistry_.known.save(target / "train_keys.bin")
        if self._card:
            with whole_file(target / "README.md") as part:
                part.write_text(self._card, encoding="utf-8")
        save_model(target, model, list(self.chemistry_.tokenizer.tokens))

    @property
    def statistics_(self) -> dict[str, PropertyStatistics]:
        """Training statistics of the properties that goals can be about, in the order of the columns of y."""
        _ = self.model_
        return self.chemistry_.statistics

    def targets(self, goals: str | Goal | Iterable[str | Goal], *, reach: float | None = None) -> Targets:
        """Return the goals resolved against the model, with the conditions they become.

        Args:
            goals: Any number of goals.
            reach: Quantile of training, 0.5 to below 1, beyond which max (and below one minus which min)
                goals ask.

        Raises:
            InputError: If a goal cannot be read or the model has no such property.
        """
        wishes = [goals] if isinstance(goals, str | Goal) else goals
        parsed = [Goal.parse(goal) if isinstance(goal, str) else goal for goal in wishes]
        return plan_targets(parsed, self.statistics_, self.model_.canvas, reach=reach)

    def proposer(self, targets: Targets, **settings: Any) -> Proposer:
        """Return what draws proposals, chunk by chunk, without any selection.

        Args:
            targets: From ``targets``.
            settings: Keywords of :class:`moldiff.sampling.Sampling`: gamma, temperature, steps ...

        Raises:
            InputError: If a value is out of range or a name unknown.
        """
        check_keywords(settings, [entry.name for entry in fields(Sampling)], "setting")
        model, sampling = self.model_, Sampling(**settings)
        network = self._compiled() if sampling.compiled else None
        return sampling.proposer(model, targets, network=network, device=self.device)

    def run(
        self,
        n: int,
        goals: str | Goal | Iterable[str | Goal] = (),
        *,
        only_hits: bool = False,
        max_proposals: int | None = None,
        reach: float | None = None,
        filters: str | Filter | Iterable[str | Filter] = (),
        scaffold_cap: int | None = None,
        diverse: bool = False,
        similarity: bool = False,
        training_table: str | Path | None = None,
        workers: int = 1,
        **settings: Any,
    ) -> GenerationRun:
        """Return a generation that has not begun: iterate to draw chunks, then take its ``result``.

        The arguments are those of ``generate``.
        """
        targets = self.targets(goals, reach=reach)
        proposer = self.proposer(targets, **settings)
        check_workers(workers, proposer)
        training = TrainingMolecules(self.chemistry_.known, trained_on(self.model_), training_table)
        wanted = Wanted(
            n, only_hits, max_proposals, training.bind(filters), scaffold_cap=scaffold_cap, diverse=diverse
        )
        return GenerationRun(
            proposer,
            targets,
            self.chemistry_,
            wanted,
            {"goals": [str(goal) for goal in targets.goals], "reach": reach}
            | model_record(self.model_, self.name_, self.device),
            nearest=training.nearest if similarity else None,
            identity=fingerprint(self.model_, self.chemistry_),
            workers=workers,
            notes=training.notes,
        )

    def generate(
        self,
        n: int,
        goals: str | Goal | Iterable[str | Goal] = (),
        *,
        output: str | Path | None = None,
        overwrite: bool = False,
        progress: Progress | None = None,
        **settings: Any,
    ) -> Generation:
        """Generate n unique molecules for the goals.

        Args:
            n: Molecules to return: valid, unique, and hits with ``only_hits``.
            goals: Such as "rings>=4", "logP=1.5±0.2", "1<=logP<=2", "max QED", "2*min SA".
            output: Folder, or name of the table, to write; an interrupted call with it goes on there.
            overwrite: Whether to begin anew where ``output`` holds an unfinished run, or files of others.
            progress: Called after every chunk.
            settings: ``only_hits``: return only molecules that meet every goal.
                ``max_proposals``: begin no chunk after so many proposals; 1,000 + 50 n unless given.
                ``reach``: quantile beyond which max and min goals ask.
                ``filters``: such as "PAINS" or "MW<=500", which the molecules have to pass.
                ``scaffold_cap``: molecules of one scaffold, at most.
                ``diverse``: draw four times as many, and return the n that differ most.
                ``similarity``: compare with the training molecules, for the column max_sim_train.
                ``training_table``: the table of the training molecules; found for data sets of moldiff.
                ``workers``: processes that draw, on the CPU; the molecules are the same.
                All others are keywords of :class:`moldiff.sampling.Sampling`: gamma, temperature, steps,
                sampler, knobs, seed, chunk, threads, compiled.

        Returns:
            The first n such molecules that were proposed, best first; fewer, with a note, where the limit was
            reached.

        Raises:
            InputError: If n, a goal, a filter or a setting is out of range, or the output cannot be written.
        """
        run = self.run(n, goals, **settings)
        files = None if output is None else OutputFiles.at(output)
        if files is not None:
            files.prepare(overwrite=overwrite)
            run.keep_in(files.chunks, overwrite=overwrite)
        with closing(run):
            for _ in run:
                if progress is not None:
                    progress(run.found, run.proposed)
            result = run.result()
            if output is not None:
                result.save(output)
                run.forget()
        return result

    def _load(self, folder: Path, precision: str, device: str | None) -> Self:
        self.device = usable_device(device)
        dtype = usable_dtype(precision, self.device)
        model = load_model(folder)
        self.chemistry_ = read_chemistry(folder)
        # Weights lie on disk in bfloat16, so that casting them loses nothing that saving them would keep.
        cast_parameters(model.network.to(self.device), dtype)
        self.codec_ = model.codec.to(self.device)
        self.name_ = folder.resolve().name
        card = folder / "README.md"
        self._card = card.read_text(encoding="utf-8", errors="replace") if card.is_file() else ""
        self._saved = model
        self._bulk = None
        return self

    def _compiled(self) -> Compiled:
        """Return the compiled network, the same one for all runs."""
        if self._bulk is None:
            self._bulk = Compiled(self.model_.network)
        return self._bulk

    @property
    def model_(self) -> SavedModel:
        """Network, codec, canvas law and configuration; a ValueError if there is no model yet."""
        if self._saved is None:
            raise ValueError("this generator has no model yet: call fit or from_pretrained first")
        return self._saved

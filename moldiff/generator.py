"""The facade: one class that trains, loads and generates."""

from __future__ import annotations

import inspect
import tempfile
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import fields
from pathlib import Path
from typing import Any, Self

import pandas as pd
import torch

from moldiff.bundled import model_folder
from moldiff.chem.goals import Goal
from moldiff.chem.statistics import PropertyStatistics
from moldiff.chem.tokenizer import SelfiesTokenizer
from moldiff.diffusion.masked import MaskedProcess
from moldiff.diffusion.sampler import Sampler
from moldiff.diffusion.samplers import make_sampler, sampler_knobs
from moldiff.errors import InputError
from moldiff.files import whole_file
from moldiff.frames import table_from_frame
from moldiff.generation import Generation
from moldiff.generation_run import Chemistry, GenerationRun
from moldiff.guidance.classifier_free import ClassifierFree
from moldiff.metrics.keys import TrainingKeys
from moldiff.models.checkpoint import DAMAGES, SavedModel, load_model, read_json, save_model, write_json
from moldiff.models.compiled import Compiled
from moldiff.models.precision import cast_parameters
from moldiff.proposing import Proposer
from moldiff.settings import check_keywords, check_numbers, usable_device, usable_dtype
from moldiff.targets import Targets, plan_targets
from moldiff.training.recipe import Recipe

__all__ = ["Generation", "MoleculeGenerator", "Progress"]

Progress = Callable[[int, int], None]
"""Called after every chunk with the molecules found and the proposals drawn so far."""


def read_chemistry(folder: Path) -> Chemistry:
    """Return the vocabulary, the property statistics and the training keys of a model folder.

    Raises:
        InputError: If one of them is missing or damaged.
    """
    stored = read_json(folder / "properties.json")
    try:
        return Chemistry(
            SelfiesTokenizer(read_json(folder / "vocab.json")["tokens"]),
            {name: PropertyStatistics.from_dict(entry) for name, entry in stored.items()},
            TrainingKeys.load(folder / "train_keys.bin"),
        )
    except DAMAGES as error:
        raise InputError(f"the model in {folder} cannot be read ({error}): copy or train it again") from error


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
        frame: pd.DataFrame,
        *,
        smiles: str = "smiles",
        properties: Sequence[str],
        folder: str | Path | None = None,
        **running: Any,
    ) -> Self:
        """Train on a table.

        Args:
            frame: A row a molecule; ``dropped_`` says afterwards which rows were of no use.
            smiles: Column of SMILES; rows that are no molecule, and repeats, are dropped.
            properties: Conditions: columns of the table or properties that RDKit measures.
            folder: Model folder to write; an interrupted run in it goes on. Without it nothing is kept on
                disk until ``save_pretrained``.
            running: Keywords of ``Recipe.train`` that do not change the result, such as ``progress=False``.

        Raises:
            InputError: If a column is missing, is not of numbers or has a name that is taken, or no molecule
                is left.
        """
        table, self.dropped_ = table_from_frame(frame, smiles, properties)
        place = tempfile.TemporaryDirectory() if folder is None else nullcontext(folder)
        with place as chosen:
            self.recipe.train(table, properties, Path(chosen), **running)
            self._load(Path(chosen), "auto", None)
        if folder is None:
            self.name_ = table.name
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
        model, target = self._model(), Path(folder)
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
        self._model()
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
        return plan_targets(parsed, self.statistics_, self._model().canvas, reach=reach)

    def proposer(
        self,
        targets: Targets,
        *,
        gamma: float = 2.0,
        temperature: float = 0.7,
        steps: int = 64,
        sampler: str = "confidence-loop",
        knobs: dict[str, Any] | None = None,
        seed: int = 0,
        chunk: int = 256,
        compiled: bool = False,
    ) -> Proposer:
        """Return what draws proposals, chunk by chunk, without any selection.

        Args:
            targets: From ``targets``.
            gamma: Strength of classifier-free guidance: 0 unconditional, 1 conditional, above 1 beyond.
            temperature: Divides the network's logits; 1 is the model's own law.
            steps: T.
            sampler: A key of ``SAMPLERS``.
            knobs: Keywords of that sampler.
            seed: Seed of the run, 0 or more.
            chunk: Rows of a chunk.
            compiled: Whether to compile the network: for thousands of molecules.

        Raises:
            InputError: If a value is out of range or a name unknown.
        """
        model = self._model()
        check_numbers(temperature=temperature, gamma=gamma, steps=steps, chunk=chunk, seed=seed)
        remasking, trajectory = make_sampler(sampler, knobs)
        process = MaskedProcess(self.codec_)
        return Proposer(
            Sampler(self._compiled() if compiled else model.network, process, remasking, trajectory),
            model.canvas,
            targets.draw,
            ClassifierFree(gamma),
            gamma,
            temperature,
            steps,
            seed,
            chunk,
            self.device,
            {
                "guidance": "cfg",
                "sampler": sampler,
                "knobs": sampler_knobs(sampler, knobs),
                "compiled": compiled,
            },
        )

    def run(
        self,
        n: int,
        goals: str | Goal | Iterable[str | Goal] = (),
        *,
        only_hits: bool = False,
        max_proposals: int | None = None,
        reach: float | None = None,
        **settings: Any,
    ) -> GenerationRun:
        """Return a generation that has not begun: iterate to draw chunks, then take its ``result``.

        The arguments are those of ``generate``.
        """
        check_keywords(settings, list(inspect.signature(self.proposer).parameters)[1:], "setting")
        targets = self.targets(goals, reach=reach)
        limit = 1000 + 50 * n if max_proposals is None else max_proposals
        record = {
            "model": self.name_,
            "family": self._model().config.get("family"),
            "goals": [str(goal) for goal in targets.goals],
            "reach": reach,
            "device": str(self.device),
            "precision": str(next(self._model().network.parameters()).dtype).removeprefix("torch."),
        }
        proposer = self.proposer(targets, **settings)
        return GenerationRun(proposer, targets, self.chemistry_, n, only_hits, limit, record)

    def generate(
        self,
        n: int,
        goals: str | Goal | Iterable[str | Goal] = (),
        *,
        only_hits: bool = False,
        max_proposals: int | None = None,
        reach: float | None = None,
        progress: Progress | None = None,
        **settings: Any,
    ) -> Generation:
        """Generate n unique molecules for the goals.

        Args:
            n: Molecules to return: valid, unique, and hits with ``only_hits``.
            goals: Such as "rings>=4", "logP=1.5±0.2", "1<=logP<=2", "max QED", "2*min SA".
            only_hits: Return only molecules that meet every goal.
            max_proposals: Begin no chunk after so many proposals; 1,000 + 50 n unless given.
            reach: Quantile beyond which max and min goals ask.
            progress: Called after every chunk.
            settings: Keywords of ``proposer``: gamma, temperature, steps, sampler, knobs, seed ...

        Returns:
            The first n such molecules that were proposed, best first; fewer, with a note, where the limit was
            reached.

        Raises:
            InputError: If n, a goal or a setting is out of range.
        """
        run = self.run(n, goals, only_hits=only_hits, max_proposals=max_proposals, reach=reach, **settings)
        for _ in run:
            if progress is not None:
                progress(run.found, run.proposed)
        return run.result()

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
            self._bulk = Compiled(self._model().network)
        return self._bulk

    def _model(self) -> SavedModel:
        if self._saved is None:
            raise ValueError("this generator has no model yet: call fit or from_pretrained first")
        return self._saved

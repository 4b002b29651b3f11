"""Samples of a model under test, and the molecules they are compared with."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Literal, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from moldiff.benchmarks.common import checksum
from moldiff.bundled import model_folder
from moldiff.chem.goals import Goal
from moldiff.datasets import (
    DATASETS,
    SOURCES,
    MoleculeTable,
    PackedTable,
    open_table,
    split,
    with_properties,
)
from moldiff.diffusion.masked import MaskedProcess
from moldiff.diffusion.sampler import Sampler
from moldiff.generator import MoleculeGenerator
from moldiff.identity import trained_on
from moldiff.metrics import (
    KnownMolecules,
    TrainingKeys,
    morgan_fingerprints,
)
from moldiff.models.checkpoint import load_model
from moldiff.models.precision import resolve_precision
from moldiff.proposing import Proposer
from moldiff.sweep.arm import read_sampler
from moldiff.sweep.sample import Sample, draw

TABLE = "qm9"
"""Whose held-out part is the reference, and whose molecules are not novel, unless the model's is known."""

NEAREST_AMONG = 100_000
"""Training molecules of a large table, evenly spaced, among which the nearest is looked for."""

Unit = Literal["digit", "token"]


class Model:
    """A model under test, with the settings that the command line gave.

    Args:
        name: A bundled name or a model folder.
        given: Parsed options.
    """

    def __init__(self, name: str, given: argparse.Namespace) -> None:
        self.folder = model_folder(name)
        self.name = self.folder.resolve().name
        self.saved = load_model(self.folder)
        self.generator = MoleculeGenerator.from_pretrained(
            name, device=given.device, precision=given.precision
        )
        self.dtype = resolve_precision(given.precision, self.generator.loaded_.device)
        chosen = {
            key: getattr(given, key)
            for key in ("method", "gamma", "temperature", "steps", "chunk", "sampler", "compiled")
        }
        self.settings = {key: value for key, value in chosen.items() if value is not None}
        if given.gamma_classifier is not None:
            self.settings["method_knobs"] = {"gamma_classifier": given.gamma_classifier}

    def proposer(
        self, goals: Iterable[str | Goal] = (), *, seed: int, unit: Unit = "digit", **changes: Any
    ) -> Proposer:
        """Return what draws proposals.

        Args:
            goals: What is asked for.
            seed: Seed of the run.
            unit: What is revealed together, and re-masked together where that happens.
            changes: Settings other than those of the command line; ``sampler`` as in ``read_sampler``.
        """
        settings = {**self.settings, **changes, "seed": seed}
        if "sampler" in settings:
            name, knobs = read_sampler(settings["sampler"], settings.get("steps", self.saved.family.steps))
            settings |= {"sampler": name, "knobs": knobs}
        if unit == "token" and settings.get("sampler") != "ancestral":
            settings["knobs"] = {**settings.get("knobs", {}), "unit": "token"}
        asked = list(goals)
        if not asked:  # nothing to guide by: the model as it is
            settings = {
                name: value for name, value in settings.items() if name not in ("method", "method_knobs")
            }
        proposer = self.generator.plan(1, asked, **settings).proposer
        if unit == "digit":
            return proposer
        old = proposer.sampler
        process = MaskedProcess(self.generator.model_.codec, unit=unit)
        sampler = Sampler(old.network, process, old.remasking, old.trajectory, old.order)
        return replace(proposer, sampler=sampler, names={**proposer.names, "reveal_unit": unit})

    def sample(
        self, n: int, goals: Iterable[str | Goal] = (), *, seed: int, label: str = "", **changes: Any
    ) -> Sample:
        """Return the first n proposals, under a progress bar if there is a label for it."""
        return self.first(self.proposer(goals, seed=seed, **changes), n, label=label)

    def first(self, proposer: Proposer, n: int, *, label: str = "") -> Sample:
        """Return the first n proposals of a proposer: no filter, no re-ranking, no second try."""
        screen = Console()
        bar = bool(label) and screen.is_terminal
        sample = draw(
            proposer,
            self.generator.chemistry_.tokenizer,
            n,
            watch=partial(track, description=label, transient=True, disable=not bar),
        )
        if label and not bar:
            seconds = sample.costs["seconds"]
            screen.print(f"{label}: {sample.drawn} proposals in {seconds:.0f} s", highlight=False)
        return sample

    def known(self) -> dict[str, KnownMolecules]:
        """Return what novel molecules are not among: the training part, or the whole table."""
        return {
            "training": self.generator.chemistry_.known,
            "table": _keys(self.table),
        }

    @property
    def table(self) -> str:
        """Name of the table that the model was trained on, if moldiff knows it."""
        name = trained_on(self.saved)
        return name if name in {*DATASETS, *SOURCES} else TABLE

    def describe(self) -> dict[str, Any]:
        """Return what identifies the model: family, digits, parameters, checksum of the weights."""
        return {
            "family": self.saved.config.get("family"),
            "digits": self.saved.codec.digits,
            "parameters": sum(weight.numel() for weight in self.saved.network.parameters()),
            "sha256": checksum(self.folder),
            "device": str(self.generator.loaded_.device),
            "precision": str(self.dtype).removeprefix("torch."),
        }


def held_out(names: Sequence[str], table: str = TABLE) -> pd.DataFrame:
    """Return the held-out molecules (validation and test part) with their properties.

    Returns:
        Column ``smiles``, then ``names``.
    """
    source = _opened(table)
    if isinstance(source, PackedTable):
        packed = source.select(names)
        rows = np.concatenate([packed.rows("validation"), packed.rows("test")])
        frame = pd.DataFrame(np.asarray(packed.values[rows], dtype=np.float64), columns=list(names))
        frame.insert(0, "smiles", packed.smiles(rows))
        return frame
    frame = with_properties(source.take(split(source.smiles) != "train"), names)
    return frame[["smiles", *names]]


def training_fingerprints(table: str = TABLE) -> NDArray[np.uint8]:
    """Return packed fingerprints (M, 256) uint8 of the training molecules, some of them of a large table."""
    source = _opened(table)
    if isinstance(source, PackedTable):
        rows = source.rows("train")
        return morgan_fingerprints(source.smiles(rows[:: max(1, len(rows) // NEAREST_AMONG)]))
    return morgan_fingerprints(source.take(split(source.smiles) == "train").smiles)


def _opened(table: str) -> MoleculeTable | PackedTable:
    """Return a table by name; only a file would be a frame."""
    return cast("MoleculeTable | PackedTable", open_table(table))


def _keys(table: str) -> TrainingKeys:
    """Return the keys of all molecules of a table."""
    source = _opened(table)
    return (
        TrainingKeys(np.unique(source.keys))
        if isinstance(source, PackedTable)
        else TrainingKeys.build(source.smiles)
    )

"""Samples of a model under test, and the molecules they are compared with."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from rich.console import Console
from rich.progress import track

from moldiff.benchmarks.common import checksum
from moldiff.bundled import model_folder
from moldiff.chem.goals import Goal
from moldiff.datasets import load, split, with_properties
from moldiff.diffusion.masked import MaskedProcess
from moldiff.diffusion.sampler import Sampler
from moldiff.errors import InputError
from moldiff.generator import MoleculeGenerator
from moldiff.metrics import (
    KnownMolecules,
    TrainingKeys,
    count_set,
    morgan_fingerprints,
    share_interval,
)
from moldiff.models.checkpoint import load_model
from moldiff.models.precision import resolve_precision
from moldiff.proposing import COSTS, Proposer, cost_summary

TABLE = "qm9"
"""The table whose held-out part is the reference, and whose molecules are not novel."""

Unit = Literal["digit", "token"]


def read_sampler(text: str, steps: int) -> tuple[str, dict[str, Any]]:
    """Return name and knobs of a sampler written as "name" or "name:knob=value,knob=value".

    Args:
        text: Values are numbers, numbers over T ("3/T") or words.
        steps: T.

    Raises:
        InputError: If a knob has no value.

    Example:
        >>> read_sampler("cap:eta=3/T,unit=token", 64)
        ('cap', {'eta': 0.046875, 'unit': 'token'})
    """
    name, _, rest = text.partition(":")
    knobs: dict[str, Any] = {}
    for entry in filter(None, rest.split(",")):
        knob, sign, value = (part.strip() for part in entry.partition("="))
        if not (knob and sign and value):
            raise InputError(f"expected a knob such as eta=0.05 in sampler '{text}', got '{entry}'")
        number = value.removesuffix("/T")
        try:
            knobs[knob] = float(number) / (1 if number == value else steps)
        except ValueError:
            knobs[knob] = value
    return name.strip(), knobs


@dataclass(frozen=True)
class Sample:
    """The first proposals of a run, none left out.

    Attributes:
        smiles: N canonical SMILES, "" where not valid.
        faithful: (N,) bool, whether all symbols of the proposal had an effect.
        settings: All sampling settings.
        costs: Of a proposal: network rows, re-masked digits and the like; proposals a second.
        drawn: Proposals of all chunks, the surplus of the last one included.
        decode_seconds: What it took to turn their token ids into SMILES.
    """

    smiles: list[str]
    faithful: NDArray[np.bool_]
    settings: dict[str, Any]
    costs: dict[str, float]
    drawn: int
    decode_seconds: float

    def counts(self, known: Mapping[str, KnownMolecules], hit: ArrayLike | None = None) -> dict[str, Any]:
        """Return validity, uniqueness, fidelity, novelty against each set of known molecules, hits.

        Args:
            known: Sets of molecules that are not novel, by name.
            hit: (N,) bool, whether the proposal meets every goal.
        """
        total = count_set(self.smiles, hit=hit, canonical=True)
        found: dict[str, Any] = {
            "proposed": total.proposed,
            "valid": total.valid,
            "unique": total.unique,
            "validity": total.validity,
            "uniqueness": total.uniqueness,
            "fidelity": share_interval(int(self.faithful.sum()), total.proposed),
        }
        if total.hits is not None:
            found |= {"hits": total.hits, "hit_rate": share_interval(total.hits, total.proposed)}
        for name, molecules in known.items():
            fresh = count_set(self.smiles, molecules, hit=hit, canonical=True)
            found |= {f"novel_{name}": fresh.novel, f"novelty_{name}": fresh.novelty}
            if hit is not None:
                found[f"novel_hits_{name}"] = fresh.novel_hits
        return found


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
        family = self.saved.family
        own: dict[str, Any] = {"steps": family.steps, "sampler": family.sampler}
        settings = {**own, **self.settings, **changes}
        name, knobs = read_sampler(settings["sampler"], settings["steps"])
        if unit == "token" and name != "ancestral":
            knobs["unit"] = "token"
        settings |= {"sampler": name, "knobs": knobs, "seed": seed}
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
        sampler = Sampler(old.network, process, old.remasking, old.trajectory)
        return replace(proposer, sampler=sampler, names={**proposer.names, "reveal_unit": unit})

    def sample(
        self, n: int, goals: Iterable[str | Goal] = (), *, seed: int, label: str = "", **changes: Any
    ) -> Sample:
        """Return the first n proposals, under a progress bar if there is a label for it."""
        return self.first(self.proposer(goals, seed=seed, **changes), n, label=label)

    def first(self, proposer: Proposer, n: int, *, label: str = "") -> Sample:
        """Return the first n proposals of a proposer: no filter, no re-ranking, no second try."""
        tokenizer = self.generator.chemistry_.tokenizer
        screen = Console()
        bar = bool(label) and screen.is_terminal
        chunks = range(-(-n // proposer.chunk))
        smiles: list[str] = []
        faithful, seconds, decoding = [], 0.0, 0.0
        counts = dict.fromkeys(COSTS, 0)
        for index in track(chunks, label, transient=True, disable=not bar):
            chunk = proposer(index)
            started = time.perf_counter()
            smiles += tokenizer.decode(chunk.ids)
            decoding += time.perf_counter() - started
            faithful.append(tokenizer.faithful(chunk.ids))
            counts = {name: counts[name] + chunk.counts[name] for name in COSTS}
            seconds += chunk.seconds
        if label and not bar:
            screen.print(f"{label}: {len(smiles)} proposals in {seconds:.0f} s", highlight=False)
        # What a proposal costs is a mean over all that were drawn, the surplus of the last chunk included.
        drawn = len(smiles)
        costs = cost_summary(counts, drawn, drawn, seconds)
        del costs["molecules_per_second"]
        return Sample(smiles[:n], np.concatenate(faithful)[:n], proposer.settings, costs, drawn, decoding)

    def known(self) -> dict[str, KnownMolecules]:
        """Return what novel molecules are not among: the training part, or the whole table."""
        return {
            "training": self.generator.chemistry_.known,
            "table": TrainingKeys.build(load(TABLE).smiles),
        }

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


def held_out(names: Sequence[str]) -> pd.DataFrame:
    """Return the held-out molecules (validation and test part) with their properties.

    Returns:
        Column ``smiles``, then ``names``.
    """
    table = load(TABLE)
    frame = with_properties(table.take(split(table.smiles) != "train"), names)
    return frame[["smiles", *names]]


def training_fingerprints() -> NDArray[np.uint8]:
    """Return packed fingerprints (M, 256) uint8 of the training molecules."""
    table = load(TABLE)
    return morgan_fingerprints(table.take(split(table.smiles) == "train").smiles)

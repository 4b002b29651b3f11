"""Proposals kept in files: drawn where a network is fast, judged where there is time for it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from moldiff.benchmarks.common import checksum
from moldiff.benchmarks.samples import Model
from moldiff.errors import InputError
from moldiff.files import write_json
from moldiff.records import plain, versions
from moldiff.sweep.sample import Sample


@dataclass(frozen=True)
class KeptSamples:
    """Draws samples of a model and keeps each in a file, which is read where it was drawn before.

    A file is found by the model's weights, the settings and the number of proposals: a benchmark that was
    stopped goes on, and one machine may draw what another judges.

    Args:
        folder: Of the files; nothing is kept without one.
    """

    folder: Path | None

    def __call__(self, model: Model, n: int, *, seed: int, label: str, **way: Any) -> Sample:
        """Return the first n proposals, drawn or read.

        Args:
            model: The model.
            n: How many.
            seed: Of the sample.
            label: Of the progress bar.
            way: Settings other than those of the command line.

        Raises:
            InputError: If a file is damaged.
        """
        if self.folder is None:
            return model.sample(n, seed=seed, label=label, **way)
        decisive = {
            "weights": checksum(model.folder),
            "n": n,
            "seed": seed,
            "precision": str(model.dtype),
            **model.settings,
            **way,
        }
        name = hashlib.blake2b(json.dumps(decisive, sort_keys=True).encode(), digest_size=8).hexdigest()
        path = self.folder / f"{name}.json"
        if path.exists():
            return _read(path)
        sample = model.sample(n, seed=seed, label=label, **way)
        entries = asdict(sample) | {"faithful": sample.faithful.astype(int).tolist()}
        device = str(model.generator.loaded_.device)
        about = {"decisive": decisive, "device": device, "versions": versions()}
        write_json(path, plain({**about, "sample": {**entries, "spelled": list(sample.spelled)}}))
        return sample


def _read(path: Path) -> Sample:
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))["sample"]
        faithful = np.array(entries.pop("faithful"), dtype=np.bool_)
        return Sample(**entries, faithful=faithful)
    except (ValueError, KeyError, TypeError):
        raise InputError(f"{path} is damaged: remove it, and the sample is drawn again") from None

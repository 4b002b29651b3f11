"""Scores on disk, so that no molecule is scored twice by the same scorer, in whatever run."""

from __future__ import annotations

import hashlib
import json
import math
import warnings
from collections.abc import Mapping
from pathlib import Path

import rdkit

from moldiff.files import whole_file


class ScoreCache:
    """A folder of small files, each with the scores of one batch, named by their content.

    Batches are whole or not there, whenever a run is killed, and several runs may write at a time. The files
    may be deleted.

    Args:
        folder: Of one scorer, by ``content_key``.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     ScoreCache(Path(folder)).add({"CCO": 0.5, "C": math.nan})
        ...     ScoreCache(Path(folder)).read()
        {'CCO': 0.5}
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self) -> dict[str, float]:
        """Return every score that is kept, by canonical SMILES."""
        found: dict[str, float] = {}
        for path in sorted(self.folder.glob("[!.]*.json")):
            found |= _read(path)
        return found

    def add(self, scores: Mapping[str, float]) -> None:
        """Keep scores; what is not finite is left out, for a failure may not happen again.

        A cache that cannot be written costs time, not the run.
        """
        kept = {smiles: score for smiles, score in scores.items() if math.isfinite(score)}
        if not kept:
            return
        text = json.dumps(kept)
        name = hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
        try:
            with whole_file(self.folder / f"{name}.json") as part:
                part.write_text(text)
        except OSError as error:
            warnings.warn(f"scores are not cached: {error}", stacklevel=3)


def content_key(name: str, message: bytes, source: str) -> str:
    """Hash what a score depends on, as far as is known: the scorer, its file, and the release of RDKit.

    What that file imports or reads is not looked at: when it changes, clear the cache or do without.

    Args:
        name: The scorer as it is asked for.
        message: A function as bytes, with what it has captured; empty for one that is named by text.
        source: The file that defines it, "" where there is none.
    """
    digest = hashlib.blake2b(digest_size=16)
    try:
        content = Path(source).read_bytes() if source else b""
    except OSError:
        content = b""
    for part in (rdkit.__version__.encode(), name.encode(), message, content):
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


def _read(path: Path) -> dict[str, float]:
    """Return the scores of a file, none where it cannot be used."""
    try:
        scores = json.loads(path.read_text())
        return {str(smiles): float(score) for smiles, score in scores.items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}

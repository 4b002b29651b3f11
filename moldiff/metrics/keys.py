"""Which molecules a model was trained on, kept as five bytes each instead of their SMILES.

The key of a molecule is the 40-bit BLAKE2b hash (RFC 7693, digest size 5) of its canonical SMILES. A molecule
outside a training set of n is taken for a training molecule with probability n / 2^40: for the 131 thousand
molecules of QM9 once in 8 million questions, for 1.6 million once in 690 thousand. A training molecule is
never missed, as long as the same canonical SMILES is asked for.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from moldiff.errors import InputError

__all__ = ["KEY_BYTES", "TrainingKeys", "keys", "row_keys"]

KEY_BYTES = 5
# Mark of the file and its version, number of keys, checksum of what follows: the keys, big-endian, ascending.
_HEADER = struct.Struct(">8sQ8s")
_MARK = b"moldkey1"


def row_keys(smiles: Iterable[str]) -> npt.NDArray[np.uint64]:
    """Return the key of each molecule, (N,) uint64 below 2^40, in the order given.

    Args:
        smiles: (N,) canonical SMILES; they are not parsed.
    """
    digests = b"".join(hashlib.blake2b(each.encode(), digest_size=KEY_BYTES).digest() for each in smiles)
    return _unpack(digests)


def _unpack(packed: bytes) -> npt.NDArray[np.uint64]:
    rows = np.frombuffer(packed, dtype=np.uint8).reshape(-1, KEY_BYTES)
    padded = np.zeros((len(rows), 8), dtype=np.uint8)
    padded[:, 8 - KEY_BYTES :] = rows
    return padded.view(">u8")[:, 0].astype(np.uint64)


def _pack(values: npt.NDArray[np.uint64]) -> bytes:
    return values.astype(">u8").view(np.uint8).reshape(-1, 8)[:, 8 - KEY_BYTES :].tobytes()


def keys(smiles: Iterable[str]) -> npt.NDArray[np.uint64]:
    """Return the ascending distinct keys of canonical SMILES, (M,) uint64 below 2^40.

    Args:
        smiles: Canonical SMILES, repeats allowed; they are not parsed.

    Raises:
        ValueError: If a SMILES is empty: the empty molecule is nobody's training molecule.

    Example:
        >>> keys(["CCO", "C", "C"]).shape
        (2,)
    """
    names = list(smiles)
    if "" in names:
        raise ValueError(f"row {names.index('')} is empty: only valid molecules have a key")
    return np.unique(row_keys(names))


class TrainingKeys:
    """The keys of a training set: built once, shipped with the model, asked for novelty.

    Args:
        values: (M,) uint64, strictly ascending, below 2^40, as ``keys`` returns them.

    Raises:
        ValueError: If the values are not such keys.

    Example:
        >>> known = TrainingKeys.build(["CCO", "C"])
        >>> known.contains(["C", "CC", "CCO"]).tolist()
        [True, False, True]
        >>> known.false_positive_rate == 2 / 2**40
        True
    """

    def __init__(self, values: npt.NDArray[np.uint64]) -> None:
        if values.ndim != 1 or values.dtype != np.uint64:
            raise ValueError(f"keys must be (M,) uint64, got {values.shape} {values.dtype}")
        if (values[1:] <= values[:-1]).any() or (values >= np.uint64(256**KEY_BYTES)).any():
            raise ValueError(f"keys must be strictly ascending numbers below 2^{8 * KEY_BYTES}")
        self.values = values

    @classmethod
    def build(cls, smiles: Iterable[str]) -> TrainingKeys:
        """Make the keys of a training set from its canonical SMILES (see ``keys``)."""
        return cls(keys(smiles))

    def __len__(self) -> int:
        """Return the number of distinct keys."""
        return len(self.values)

    @property
    def false_positive_rate(self) -> float:
        """Probability that a molecule outside the set is said to be in it: distinct keys / 2^40."""
        return float(len(self.values) / 256**KEY_BYTES)

    def contains(self, smiles: Sequence[str]) -> npt.NDArray[np.bool_]:
        """Return whether each molecule is a training molecule, (N,) bool.

        Args:
            smiles: (N,) canonical SMILES; "" is never contained.
        """
        asked = row_keys(smiles)
        if len(self.values) == 0:
            return np.zeros(len(asked), dtype=np.bool_)
        place = np.minimum(np.searchsorted(self.values, asked), len(self.values) - 1)
        named = np.array([each != "" for each in smiles], dtype=np.bool_)
        found: npt.NDArray[np.bool_] = named & (self.values[place] == asked)
        return found

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the keys whole or not at all: to a temporary name beside ``path``, then renamed."""
        target = Path(path)
        partial = target.with_name(f"{target.name}.{os.getpid()}.tmp")
        body = _pack(self.values)
        try:
            with partial.open("wb") as stream:
                stream.write(_HEADER.pack(_MARK, len(self.values), _checksum(body)))
                stream.write(body)
                stream.flush()
                os.fsync(stream.fileno())
            partial.replace(target)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> TrainingKeys:
        """Read what ``save`` wrote.

        Raises:
            InputError: If the file is absent, is something else, or was cut short or changed.
        """
        source = Path(path)
        try:
            content = source.read_bytes()
        except OSError as error:
            raise InputError(f"cannot read the training keys {source}: {error.strerror}") from error
        return cls(_unpack(_checked_body(content, source)))


def _checksum(body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=8).digest()


def _checked_body(content: bytes, source: Path) -> bytes:
    remedy = "copy the model folder again, or write the keys anew with TrainingKeys.build(smiles).save(path)"
    if len(content) < _HEADER.size or not content.startswith(_MARK):
        raise InputError(f"{source} is not a file of training keys (expected the mark {_MARK!r}): {remedy}")
    _, count, checksum = _HEADER.unpack_from(content)
    body = content[_HEADER.size :]
    if len(body) != count * KEY_BYTES:
        raise InputError(f"{source} announces {count} keys and holds {len(body) / KEY_BYTES:g}: {remedy}")
    if _checksum(body) != checksum:
        raise InputError(f"{source} does not match its checksum: {remedy}")
    return body

"""Files that stand under their final name only when they are whole."""

from __future__ import annotations

import glob
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    """Give a temporary name beside ``path`` to write to, and rename it when the block ends without an error.

    Whatever stood under ``path`` stays until the rename, and stays for good when the block fails or the
    process is killed. The suffix is kept, because writers choose their format by it.

    Args:
        path: The final name. Its folder is made if it is missing.

    Yields:
        The name to write to. It lies in the same folder, so that the rename cannot cross file systems.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     target = Path(folder) / "numbers.txt"
        ...     with whole_file(target) as part:
        ...         written = part.write_text("1 2 3")
        ...         before = target.exists()
        ...     before, target.read_text()
        (False, '1 2 3')
    """
    final = Path(path)
    final.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=final.parent, prefix=f".{final.stem}-", suffix=final.suffix)
    os.close(handle)
    part = Path(name)
    try:
        yield part
        part.chmod(0o666 & ~_umask())  # mkstemp gives 0600, which is for secrets, not for results
        _reach_the_disk(part)
        part.replace(final)
    finally:
        part.unlink(missing_ok=True)


def write_json(path: str | Path, content: Mapping[str, Any]) -> None:
    """Write a JSON object, whole or not at all."""
    with whole_file(path) as part:
        part.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def remove_leftovers(path: str | Path) -> None:
    """Remove what killed processes left of writing ``path``: only where no other process writes it now.

    Args:
        path: A final name that was given to ``whole_file``.
    """
    final = Path(path)
    # tempfile puts eight characters between prefix and suffix.
    for part in final.parent.glob(f".{glob.escape(final.stem)}-????????{glob.escape(final.suffix)}"):
        if part.is_file():
            part.unlink(missing_ok=True)


def _reach_the_disk(path: Path) -> None:
    """Wait until the content is on the disk, or a power cut could keep the new name of an empty file."""
    with path.open("rb+") as stream:
        os.fsync(stream.fileno())


def _umask() -> int:
    """Return the process's file mode mask, which can only be read by setting it."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask

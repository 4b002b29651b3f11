"""Files from the network: checked by their hash, resumed where they were cut off."""

from __future__ import annotations

import hashlib
import urllib.error
import urllib.request
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path

from moldiff.errors import InputError

BLOCK = 1 << 20
"""Bytes read at a time."""

TIMEOUT = 60.0
"""Seconds without a byte after which a connection counts as lost."""


def download(
    url: str, path: Path, sha256: str, *, on_bytes: Callable[[int, int | None], None] | None = None
) -> None:
    """Fetch a file unless it is there, and check its hash.

    What came before a connection was lost stays beside ``path``, in ``.part``, and is gone on from.

    Args:
        url: Where it is.
        path: Where it goes; it stands there only when it is whole.
        sha256: Its hash, in hexadecimal.
        on_bytes: Told how many bytes there are and how many there will be, where the server says so.

    Raises:
        InputError: If it cannot be fetched, or is not the file of that hash.
    """
    if path.exists() and file_hash(path) == sha256:
        return
    part = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _fetch(url, part, on_bytes)
    except urllib.error.HTTPError as error:
        raise InputError(f"cannot download {url}: the server says {error.code} {error.reason}") from error
    except (OSError, HTTPException) as error:
        there = part.stat().st_size if part.exists() else 0
        reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
        raise InputError(
            f"cannot download {url}: {reason}; {there:,} bytes are there: run it again to go on, or give "
            "your own copy with --from"
        ) from error
    found = file_hash(part)
    if found != sha256:
        part.unlink()
        raise InputError(
            f"{url} is not the file that was expected: its sha256 is {found}, not {sha256}; nothing was "
            "kept: give your own copy with --from"
        )
    part.replace(path)


def _fetch(url: str, part: Path, on_bytes: Callable[[int, int | None], None] | None) -> None:
    """Append to a part of a file what it lacks."""
    there = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={there}-"} if there else {})
    try:
        answer = urllib.request.urlopen(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code == 416 and there:  # nothing after what is there: the hash tells whether that is all
            return
        raise
    with answer:
        if there and answer.status != 206:  # a server that does not resume sends all of it
            there = 0
        length = answer.headers.get("Content-Length")
        total = there + int(length) if length else None
        with part.open("r+b" if there else "wb") as stream:
            stream.seek(there)
            while block := answer.read(BLOCK):
                stream.write(block)
                there += len(block)
                if on_bytes is not None:
                    on_bytes(there, total)
    if total is not None and there < total:
        raise ConnectionError(f"the connection was lost after {there:,} of {total:,} bytes")


def file_hash(path: Path) -> str:
    """Return the sha256 of a file in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()

"""How fast tables are prepared, and that memory does not grow with them.

Made-up chains that all differ, so that nothing but their number tells the tables apart: each is prepared by
the command line in a process of its own, with an empty cache, and the largest memory of that process and of
the workers that it started is what the system says at their end. ``--again`` prepares every table a second
time, from the finished pieces.

    python -m moldiff.benchmarks.preparing --rows 100000 1000000 -o benchmarks/results/preparing.json
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from moldiff.benchmarks.common import Record, run, show
from moldiff.datasets.packed_folder import read_index
from moldiff.errors import RunError

LINKS = ("C", "N", "O", "C(F)", "C(=O)", "S", "C(Cl)", "C(C)", "C(O)", "C(N)")
"""Links of a chain by decimal digit; each has one atom in the chain, so no two numbers are one molecule."""


def parser() -> argparse.ArgumentParser:
    """Return the options."""
    found = argparse.ArgumentParser(description="How fast tables are prepared, and with how much memory.")
    found.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000])
    found.add_argument("--property", nargs="+", default=["heavy_atoms"], help="what RDKit measures")
    found.add_argument("--jobs", type=int, default=1)
    found.add_argument("--again", action="store_true", help="a second time, from finished pieces")
    found.add_argument("--seeds", type=int, nargs="+", default=[0], help="of nothing: the chains are numbers")
    found.add_argument("-o", "--output", type=Path, required=True, help="JSON file to write")
    return found


def main(words: Sequence[str]) -> None:
    """Run the benchmark."""
    given = parser().parse_args(words)
    record = Record("preparing", words, given)
    rows = []
    for count in given.rows:
        with tempfile.TemporaryDirectory() as work:
            place = Path(work)
            write_chains(place / "chains.smi", count)
            rows += [
                {"rows": count, "": what, **prepared(place, given.property, given.jobs)}
                for what in ("first", "again")[: 1 + given.again]
            ]
    show("Tables prepared by `moldiff data prepare`, each in a process of its own", rows)
    record.write({"tables": rows})


def chain(number: int) -> str:
    """Return the molecule of a number: a link for each of its decimal digits, between two ends.

    Example:
        >>> chain(0), chain(142)
        ('BrCI', 'BrNC(=O)OI')
    """
    return "Br" + "".join(LINKS[int(digit)] for digit in str(number)) + "I"


def write_chains(path: Path, count: int) -> None:
    """Write so many different molecules, a line each."""
    with path.open("w", encoding="ascii") as stream:
        stream.writelines(f"{chain(number)}\n" for number in range(count))


def prepared(place: Path, names: Sequence[str], jobs: int) -> dict[str, Any]:
    """Prepare the chains of a folder, and return what that took.

    Raises:
        RunError: If the command fails.
    """
    words = [sys.executable, "-m", "moldiff", "data", "prepare", str(place / "chains.smi")]
    words += ["-o", str(place / "made"), "--jobs", str(jobs), "--no-standardise", "--no-progress"]
    words += [word for name in names for word in ("--property", name)]
    started = time.perf_counter()
    watcher = [sys.executable, "-c", WATCH, *words]
    environment = {**os.environ, "XDG_CACHE_HOME": str(place / "cache")}
    done = subprocess.run(watcher, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise RunError(f"preparing failed: {done.stderr.strip()}")
    seconds = time.perf_counter() - started
    index = read_index(place / "made")
    size = sum(path.stat().st_size for path in (place / "made").iterdir())
    return {
        "molecules": index["molecules"],
        "seconds": seconds,
        "molecules/s": index["molecules"] / seconds,
        "memory MB": int(done.stdout.splitlines()[-1]) / 1024,
        "bytes/molecule": size / index["molecules"],
    }


WATCH = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:]).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(code)
"""
"""Runs a command and prints the memory of the largest of its processes, in kilobytes."""


if __name__ == "__main__":
    run(main)

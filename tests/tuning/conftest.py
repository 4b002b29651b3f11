"""Storages of studies; a PostgreSQL server of one's own where there are its programs."""

import importlib.util
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest


def program(name):
    """Return a program of PostgreSQL, which Debian does not put on the path."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return shutil.which(name) or (str(found[-1]) if found else None)


@pytest.fixture(scope="session")
def postgresql():
    """The URL of a server that is started for the tests, and stopped after them."""
    if importlib.util.find_spec("psycopg") is None:
        pytest.skip("the driver psycopg is not installed: pip install 'moldiff[postgres]'")
    programs = [program(name) for name in ("initdb", "pg_ctl")]
    if not all(programs):
        pytest.skip("there are no programs of PostgreSQL")
    # Not in pytest's folders, which are for its own user alone; short, because names of sockets are.
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    user = {"user": "nobody"} if os.geteuid() == 0 else {}
    if user:
        shutil.chown(folder, "nobody")
    data, options = folder / "data", f"-k {folder} -c listen_addresses='' -c fsync=off"

    def call(path, *words):
        told = subprocess.run([path, *words], cwd=folder, capture_output=True, text=True, check=False, **user)
        if told.returncode:
            pytest.skip(f"{Path(path).name} does not run here: {told.stderr.strip()[-200:]}")

    try:
        call(programs[0], "-D", str(data), "-U", "tuner", "-A", "trust", "--no-sync")
        log = str(folder / "log")
        call(programs[1], "-D", str(data), "-l", log, "-o", options, "-w", "-t", "30", "start")
        try:
            yield f"postgresql://tuner@/postgres?host={folder}"
        finally:
            call(programs[1], "-D", str(data), "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "journal", "postgresql"])
def storage(request, tmp_path):
    """A storage of each kind."""
    if request.param == "postgresql":
        return request.getfixturevalue("postgresql")
    return (
        f"sqlite:///{tmp_path / 'shared.db'}" if request.param == "sqlite" else f"journal:{tmp_path}/shared"
    )

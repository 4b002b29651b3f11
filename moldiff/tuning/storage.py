"""Where a study is kept: a database or a journal file, by URL."""

from __future__ import annotations

import importlib.util
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import optuna
from optuna.storages import BaseStorage, JournalStorage, RDBStorage, RetryHeartbeatStaleTrialCallback
from optuna.storages.journal import JournalFileBackend
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from moldiff.errors import InputError

JOURNAL = "journal:"
JOURNAL_SUFFIXES = (".journal", ".log")

PATIENCE = 60
"""Seconds to wait for a database that another process writes to, or that does not answer."""

HEARTBEAT = 30
"""Seconds between the signs of life that a worker leaves in a database while it draws."""

SILENCE = 180
"""Seconds without one after which its trial is given to another."""

RETRIES = 2
"""Times that a trial is begun again after its worker died."""

DRIVERS = {"postgresql": ("psycopg", "postgres")}
"""By database the driver in use, and the extra of moldiff that installs it."""

EXPECTED = "expected sqlite:///FILE, postgresql://USER@HOST/DATABASE, or a journal file as journal:FILE"


def is_journal(storage: str) -> bool:
    """Tell whether a storage is a journal file.

    Example:
        >>> is_journal("journal:shared/tune"), is_journal("tune.log"), is_journal("sqlite:///tune.db")
        (True, True, False)
    """
    return storage.startswith(JOURNAL) or ("://" not in storage and storage.endswith(JOURNAL_SUFFIXES))


def shown(storage: str) -> str:
    """Return a storage without its password.

    Example:
        >>> shown("postgresql://me:secret@host/tune")
        'postgresql://me:***@host/tune'
    """
    if is_journal(storage):
        return storage
    try:
        return make_url(storage).render_as_string(hide_password=True)
    except ArgumentError:
        return storage


def open_storage(storage: str) -> BaseStorage:
    """Return a storage, made if it is not there.

    Args:
        storage: URL of a database, or "journal:" and a file; a name that ends in .journal or .log is one.

    Raises:
        InputError: If nothing is known of such a storage, its driver is not installed, or it is locked or
            cannot be reached.
    """
    with storage_trouble(storage), warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        if is_journal(storage):
            return _journal(Path(storage.removeprefix(JOURNAL)))
        return _database(storage)


def _journal(path: Path) -> JournalStorage:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return JournalStorage(JournalFileBackend(str(path)))
    except (OSError, RuntimeError, ValueError, LookupError, TypeError) as error:
        raise InputError(
            f"journal file {path} cannot be used ({type(error).__name__}: {error!s:.80}): give another "
            "--storage"
        ) from error


def _database(storage: str) -> RDBStorage:
    try:
        url = make_url(storage)
    except ArgumentError:
        raise InputError(f"unknown storage '{storage}': {EXPECTED}") from None
    name = url.get_backend_name()
    if name in DRIVERS and url.drivername == name:
        driver, extra = DRIVERS[name]
        if importlib.util.find_spec(driver) is None:
            raise InputError(
                f"storage {shown(storage)} needs the driver {driver}: pip install 'moldiff[{extra}]'"
            )
        url = url.set(drivername=f"{name}+{driver}")
    if name == "sqlite" and url.database not in (None, "", ":memory:"):
        Path(str(url.database)).parent.mkdir(parents=True, exist_ok=True)
    waiting = {"sqlite": "timeout", "postgresql": "connect_timeout"}.get(name)
    return RDBStorage(
        url.render_as_string(hide_password=False),
        engine_kwargs={"connect_args": {waiting: PATIENCE}} if waiting else None,
        heartbeat_interval=HEARTBEAT,
        grace_period=SILENCE,
        heartbeat_stale_trial_callback=retry(),
    )


def retry() -> RetryHeartbeatStaleTrialCallback:
    """Return what has a trial begun again whose worker died."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return RetryHeartbeatStaleTrialCallback(max_retry=RETRIES)


@contextmanager
def storage_trouble(storage: str) -> Iterator[None]:
    """Say what is wrong with a storage where it does not do what it should.

    Raises:
        InputError: Instead of what the database or the file system raises.
    """
    # Alembic tells of every look at a schema.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    name = shown(storage)
    try:
        yield
    except NoSuchModuleError:
        raise InputError(f"unknown storage '{name}': {EXPECTED}") from None
    except ImportError as error:
        reason = error.__cause__ or error
        raise InputError(f"storage {name} needs a driver that is not installed ({reason})") from None
    except (SQLAlchemyError, optuna.exceptions.StorageInternalError) as error:
        raise InputError(_reason(name, error)) from error


def _reason(name: str, error: Exception) -> str:
    """Return what a database says, in a line."""
    cause = error.__cause__ if isinstance(error, optuna.exceptions.StorageInternalError) else error
    told = str(getattr(cause, "orig", None) or cause or error).strip().partition("\n")[0]
    if "locked" in told:
        return (
            f"storage {name} is locked by another process ({told}): wait until it is done; for many workers "
            "take PostgreSQL or a journal file"
        )
    return (
        f"storage {name} cannot be used: {told}; nothing of the study is lost, and the same command goes on"
    )

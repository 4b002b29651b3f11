import importlib.util
import sqlite3

import pytest
from tuning_checks import make_search

from moldiff.errors import InputError
from moldiff.tuning import storage as storages
from moldiff.tuning.storage import is_journal, open_storage, shown, storage_trouble


def test_journals_by_name(tmp_path):
    open_storage(str(tmp_path / "deep" / "tune.log"))
    open_storage(f"journal:{tmp_path}/tune")
    assert (tmp_path / "deep" / "tune.log").exists()
    assert (tmp_path / "tune").exists()
    assert not is_journal("postgresql://host/name.log")


def test_the_folder_of_a_database_is_made(tmp_path):
    open_storage(f"sqlite:///{tmp_path}/deep/study.db")
    assert (tmp_path / "deep" / "study.db").exists()


@pytest.mark.parametrize("text", ["study.db", "", "redis://host", "mongo://host/name"])
def test_what_is_no_storage_is_refused(text):
    with pytest.raises(InputError, match=r"unknown storage .*: expected sqlite:///FILE, postgresql://"):
        open_storage(text)


def test_a_server_that_is_not_there():
    pytest.importorskip("psycopg")
    with pytest.raises(
        InputError, match=r"storage postgresql://me:\*\*\*@localhost:1/x cannot be used"
    ) as found:
        open_storage("postgresql://me:secret@localhost:1/x")
    assert "secret" not in str(found.value)


def test_a_driver_that_is_not_there(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"needs the driver psycopg: pip install 'moldiff\[postgres\]'"):
        open_storage("postgresql://me:secret@host/x")


def test_a_driver_of_ones_own_that_is_not_there():
    with pytest.raises(InputError, match=r"needs a driver that is not installed|unknown storage"):
        open_storage("postgresql+pg8001://host/x")


def test_a_locked_database(tmp_path, monkeypatch):
    monkeypatch.setattr(storages, "PATIENCE", 0.2)
    # Signs of life are another thread's, whose errors are told apart.
    monkeypatch.setattr(storages, "HEARTBEAT", None)
    search = make_search(tmp_path, trials=1)
    search.run()
    other = sqlite3.connect(tmp_path / "study.db")
    other.execute("BEGIN EXCLUSIVE")
    try:
        with pytest.raises(
            InputError, match=r"study.db is locked by another process .*wait until it is done"
        ):
            make_search(tmp_path, trials=2).run()
    finally:
        other.close()
    assert len(make_search(tmp_path, trials=2).run().trials) == 2


@pytest.mark.parametrize(("name", "prefix"), [("study.db", "sqlite:///"), ("study", "journal:")])
def test_a_file_that_is_something_else(tmp_path, name, prefix):
    (tmp_path / name).write_text("gamma = 2\n" * 1000)
    with pytest.raises(InputError, match="cannot be used"):
        open_storage(f"{prefix}{tmp_path / name}")


def test_a_journal_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"journal file .* cannot be used"):
        open_storage(f"journal:{tmp_path}/file/study")


def test_other_errors_stay_what_they_are():
    with pytest.raises(ZeroDivisionError), storage_trouble("sqlite:///x"):
        raise ZeroDivisionError


def test_passwords_are_not_shown():
    assert shown("postgresql+psycopg://a:b@c/d") == "postgresql+psycopg://a:***@c/d"
    assert shown("journal:here") == "journal:here"

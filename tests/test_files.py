"""A file stands under its final name only when it is whole."""

import stat

import pytest

from moldiff.files import remove_leftovers, whole_file


def test_file_appears_when_the_block_ends(tmp_path):
    path = tmp_path / "new" / "table.csv"
    with whole_file(path) as part:
        part.write_text("a,b\n")
        assert not path.exists()
        assert part.parent == path.parent
        assert part.suffix == ".csv"
    assert path.read_text() == "a,b\n"
    assert list(path.parent.iterdir()) == [path]


def test_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("old")
    with pytest.raises(RuntimeError, match="half way"), whole_file(path) as part:
        part.write_text("ne")
        raise RuntimeError("half way")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_others_may_read_the_file_as_usual(tmp_path):
    usual = tmp_path / "usual"
    usual.write_text("")
    with whole_file(tmp_path / "ours") as part:
        part.write_text("")
    assert stat.S_IMODE((tmp_path / "ours").stat().st_mode) == stat.S_IMODE(usual.stat().st_mode)


def test_what_a_killed_process_left_is_removed(tmp_path):
    path = tmp_path / "table [1].csv"
    with whole_file(path) as part:
        part.write_text("new")
        left = part.with_name(part.name)  # the name that a killed process leaves behind
    left.write_text("half")
    others = [
        tmp_path / name for name in (".table [1]-notes.csv", ".table [1]-12345678.txt", "table [1].csv")
    ]
    for other in others:
        other.write_text("mine")
    remove_leftovers(path)
    assert sorted(tmp_path.iterdir()) == sorted(others)


def test_content_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr("os.fsync", lambda handle: synced.append((tmp_path / "x").exists()))
    with whole_file(tmp_path / "x") as part:
        part.write_text("1")
    assert synced == [False]

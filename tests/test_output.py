"""Where the files of a run go, and what is never overwritten."""

import json
import os
import pathlib

import pandas as pd
import pytest

from moldiff.errors import InputError
from moldiff.output import FORMATS, OutputFiles

TABLE = pd.DataFrame({"smiles": ["C", "CC"], "x": [1.0, 2.0]})


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_or_the_name_of_the_table():
    folder = OutputFiles.at("out", "parquet")
    assert [path.as_posix() for path in folder.written] == [
        "out/molecules.parquet",
        "out/molecules.sdf",
        "out/filtered.parquet",
        "out/report.html",
        "out/run.json",
    ]
    file = OutputFiles.at("a/mine.CSV")
    assert [path.as_posix() for path in (*file.written, file.chunks)] == [
        "a/mine.CSV",
        "a/mine-molecules.sdf",
        "a/mine-filtered.csv",
        "a/mine-report.html",
        "a/mine-run.json",
        "a/.mine-chunks",
    ]


def test_a_folder_may_be_called_like_a_table(tmp_path):
    (tmp_path / "odd.csv").mkdir()
    assert OutputFiles.at(tmp_path / "odd.csv").table == tmp_path / "odd.csv" / "molecules.csv"


def test_wrong_format():
    with pytest.raises(InputError, match="unknown format 'parket': did you mean 'parquet'"):
        OutputFiles.at("out", "parket")
    with pytest.raises(InputError, match=r"'mine.csv' is the name of a csv table, .* asked for is parquet"):
        OutputFiles.at("mine.csv", "parquet")


@pytest.mark.parametrize("place", ["out", "out/mine.csv", "out/mine.parquet"])
def test_prepared_is_ready_and_leaves_nothing(tmp_path, place):
    files = OutputFiles.at(tmp_path / place)
    files.prepare()
    assert names(tmp_path / "out") == []
    files.save(TABLE, {"seed": 1})
    files.prepare()  # what a run wrote, a run may replace
    assert len(names(tmp_path / "out")) == 3
    assert json.loads(files.record.read_text())["seed"] == 1


@pytest.mark.parametrize(
    "name", ["molecules.csv", "molecules.sdf", "filtered.csv", "report.html", "run.json"]
)
@pytest.mark.parametrize("record", [None, "{}", '{"files": 3}', '{"files": [["x"]]}', "[" * 100_000, "\xff"])
def test_files_of_others_are_not_replaced(tmp_path, name, record):
    if record is not None:
        (tmp_path / "run.json").write_text(record, encoding="latin-1")
    (tmp_path / name).write_text("mine")
    files = OutputFiles.at(tmp_path)
    with pytest.raises(InputError, match=r"is there already, .*--overwrite to replace it"):
        files.prepare()
    assert (tmp_path / name).read_text() == "mine"
    files.prepare(overwrite=True)
    assert (tmp_path / name).read_text() == "mine"


def test_a_table_of_ones_own_is_not_replaced_by_its_name(tmp_path):
    (tmp_path / "mine.csv").write_text("smiles\nC\n")
    with pytest.raises(InputError, match="is there already"):
        OutputFiles.at(tmp_path / "mine.csv").prepare()


def test_other_files_of_the_folder_do_not_matter(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "molecules.csv.bak").write_text("mine")
    OutputFiles.at(tmp_path).prepare()
    assert names(tmp_path) == ["molecules.csv.bak", "notes.txt"]


def test_a_killed_run_that_had_written_its_table_goes_on(tmp_path):
    files = OutputFiles.at(tmp_path)
    files.chunks.mkdir()
    files.table.write_text("half of a result: the record is not there yet")
    (tmp_path / ".molecules-abcd1234.csv").write_text("half written")
    files.prepare()
    assert names(tmp_path) == [".chunks", "molecules.csv"]


def test_a_new_result_removes_what_the_old_one_had_more(tmp_path):
    folder = OutputFiles.at(tmp_path)
    folder.save(TABLE, {}, filtered=TABLE, page=lambda record: ", ".join(record["files"]))
    assert names(tmp_path) == ["filtered.csv", "molecules.csv", "molecules.sdf", "report.html", "run.json"]
    listed = "molecules.csv, filtered.csv, molecules.sdf, report.html, run.json"
    assert (tmp_path / "report.html").read_text() == listed
    OutputFiles.at(tmp_path, "parquet").save(TABLE, {}, sdf=False)
    assert names(tmp_path) == ["molecules.parquet", "run.json"]


def test_only_what_a_run_wrote_is_removed(tmp_path):
    for name in ("molecules.sdf", "thesis.txt", "filtered.parquet"):
        (tmp_path / name).write_text("mine")
    (tmp_path / "run.json").write_text(json.dumps({"files": ["molecules.csv", "thesis.txt", "../x"]}))
    OutputFiles.at(tmp_path).save(TABLE, {}, sdf=False)
    assert names(tmp_path) == [
        "filtered.parquet",
        "molecules.csv",
        "molecules.sdf",
        "run.json",
        "thesis.txt",
    ]


def test_a_folder_in_the_place_of_a_file(tmp_path):
    (tmp_path / "run.json").mkdir()
    with pytest.raises(InputError, match="there is a folder of that name"):
        OutputFiles.at(tmp_path).prepare()


@pytest.mark.parametrize("place", ["x" * 300, "x" * 300 + ".csv"])
def test_names_that_no_disk_takes(tmp_path, place):
    with pytest.raises(InputError, match=r"cannot write to the folder .*: File name too long"):
        OutputFiles.at(tmp_path / place).prepare()


def test_a_file_in_the_place_of_the_folder(tmp_path):
    (tmp_path / "taken").write_text("mine")
    with pytest.raises(InputError, match="cannot write to the folder"):
        OutputFiles.at(tmp_path / "taken" / "out").prepare()
    with pytest.raises(InputError, match="cannot write to the folder"):
        OutputFiles.at(tmp_path / "taken").prepare()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_is_read_only(tmp_path):
    (tmp_path / "out").mkdir(mode=0o500)
    with pytest.raises(InputError, match="Permission denied"):
        OutputFiles.at(tmp_path / "out").prepare()


@pytest.mark.skipif(not pathlib.Path("/proc/self").is_dir(), reason="no folder of that kind")
def test_a_place_where_nobody_can_write():
    with pytest.raises(InputError, match="cannot write to the folder /proc"):
        OutputFiles.at("/proc/self/out").prepare()


def test_every_format_is_read_back(tmp_path):
    read = {"csv": pd.read_csv, "parquet": pd.read_parquet}
    assert set(read) == set(FORMATS)
    for name, write in FORMATS.items():
        write(TABLE, tmp_path / f"x.{name}")
        pd.testing.assert_frame_equal(read[name](tmp_path / f"x.{name}"), TABLE)

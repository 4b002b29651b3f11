"""Output folders of every state: whole, half deleted, of others, of several runs."""

import json

import pandas as pd
import pytest
from report_contents import write_frontier, write_tuning

from moldiff.errors import InputError
from moldiff.output import FORMATS, OutputFiles
from moldiff.reporting import write_report
from moldiff.reporting.run_files import READERS


def edit(path, **changes):
    record = json.loads(path.read_text())
    path.write_text(json.dumps({**record, **changes}))


def test_the_page_is_the_one_that_the_run_wrote(folder):
    written = (folder / "report.html").read_bytes()
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert write_report(folder) == folder / "report.html"
    assert (folder / "report.html").read_bytes() == written
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_every_format_is_read():
    assert set(READERS) == set(FORMATS)


def test_parquet_gives_the_same_page_as_memory(generation, tmp_path):
    generation.save(tmp_path / "mine.parquet")
    written = (tmp_path / "mine-report.html").read_bytes()
    for place in ("", "mine.parquet", "mine-run.json"):
        assert write_report(tmp_path / place) == tmp_path / "mine-report.html"
        assert (tmp_path / "mine-report.html").read_bytes() == written


def test_another_place_and_another_number(folder, tmp_path):
    before = (folder / "run.json").read_bytes()
    (folder / "report.html").unlink()
    assert write_report(folder, tmp_path / "new" / "page.html", shown=7) == tmp_path / "new" / "page.html"
    html = (tmp_path / "new" / "page.html").read_text(encoding="utf-8")
    assert html.count('<li class="card"') == 7
    assert "The first 7 of 80 molecules returned" in html
    assert not (folder / "report.html").exists()
    assert (folder / "run.json").read_bytes() == before


def test_a_report_that_came_later_belongs_to_the_run(generation, tmp_path):
    generation.save(tmp_path, report=False)
    assert not (tmp_path / "report.html").exists()
    write_report(tmp_path)
    files = json.loads((tmp_path / "run.json").read_text())["files"]
    assert files == ["molecules.csv", "filtered.csv", "molecules.sdf", "report.html", "run.json"]
    OutputFiles.at(tmp_path).prepare()  # the next run may replace it
    generation.save(tmp_path, report=False)
    assert not (tmp_path / "report.html").exists()


def test_a_page_of_someone_else_is_kept(generation, tmp_path):
    generation.save(tmp_path, report=False)
    (tmp_path / "report.html").write_text("mine")
    with pytest.raises(InputError, match=r"report.html is there already, .*: give another name with -o"):
        write_report(tmp_path)
    assert (tmp_path / "report.html").read_text() == "mine"


def test_no_such_folder(tmp_path):
    with pytest.raises(
        InputError, match=r"there is no .*nowhere: expected a folder that `moldiff generate`, `moldiff p"
    ):
        write_report(tmp_path / "nowhere")


def test_no_record(folder, tmp_path):
    (folder / "run.json").unlink()
    with pytest.raises(
        InputError,
        match=r"out holds no run.json or frontier.json or tuning.json: expected a folder .* finish what",
    ):
        write_report(folder)
    with pytest.raises(InputError, match=r"there is no molecules-run.json beside .*molecules.csv"):
        write_report(folder / "molecules.csv")


@pytest.mark.parametrize("name", ["molecules.csv", "filtered.csv"])
def test_half_deleted(folder, name):
    (folder / name).unlink()
    with pytest.raises(
        InputError, match=rf"{name} is gone, and run.json lists it: take it from a copy, or run"
    ):
        write_report(folder)


def test_structures_are_not_needed(folder):
    (folder / "molecules.sdf").unlink()
    write_report(folder)


def test_rows_are_gone(folder):
    table = pd.read_csv(folder / "molecules.csv")
    table.head(9).to_csv(folder / "molecules.csv", index=False)
    with pytest.raises(
        InputError, match="the table has 9 molecules, and its run returned 80: they are not of one"
    ):
        write_report(folder)


@pytest.mark.parametrize("name", ["smiles", "logP"])
def test_columns_are_gone(folder, name):
    pd.read_csv(folder / "molecules.csv").drop(columns=name).to_csv(folder / "molecules.csv", index=False)
    with pytest.raises(InputError, match=f"the table of molecules has no column '{name}'"):
        write_report(folder)


@pytest.mark.parametrize("content", [b"", b'a,b\n"1', b"\xff\xfe\x00", b"a,b\n1,2,3\n"])
def test_damaged_tables(folder, content):
    (folder / "molecules.csv").write_bytes(content)
    with pytest.raises(InputError, match=r"molecules.csv cannot be read|the table "):
        write_report(folder)


def test_a_damaged_parquet(generation, tmp_path):
    generation.save(tmp_path, format="parquet")
    (tmp_path / "molecules.parquet").write_bytes(b"PAR1 or not")
    with pytest.raises(InputError, match=r"molecules.parquet cannot be read"):
        write_report(tmp_path)


@pytest.mark.parametrize("content", ["", "{", "[" * 100_000, "\xff"])
def test_damaged_records(folder, content):
    (folder / "run.json").write_text(content, encoding="latin-1")
    with pytest.raises(InputError, match=r"run.json cannot be read \(no JSON.*: take it from a copy, or run"):
        write_report(folder)


def test_another_version(folder):
    edit(folder / "run.json", format_version=99)
    before = (folder / "report.html").read_bytes()
    with pytest.raises(InputError, match="in format 99, and this version reads format 1: update moldiff"):
        write_report(folder)
    assert (folder / "report.html").read_bytes() == before


@pytest.mark.parametrize("files", [[], ["run.json"], ["other.csv"], ["../molecules.txt"]])
def test_a_record_that_lists_no_table(folder, files):
    edit(folder / "run.json", files=files)
    with pytest.raises(InputError, match=r"run.json lists no table of molecules among its files"):
        write_report(folder)


def test_a_record_cannot_lead_out_of_its_folder(generation, tmp_path):
    generation.save(tmp_path / "other")
    generation.save(tmp_path / "out")
    (tmp_path / "out" / "molecules.csv").unlink()
    edit(tmp_path / "out" / "run.json", files=["../other/molecules.csv"])
    with pytest.raises(InputError, match=r"out/molecules.csv is gone"):
        write_report(tmp_path / "out")


def test_several_runs_in_one_folder(generation, tmp_path):
    generation.save(tmp_path / "a.csv")
    generation.save(tmp_path / "b.csv")
    with pytest.raises(InputError, match=r"holds several runs \(a-run.json, b-run.json\): name one"):
        write_report(tmp_path)
    assert write_report(tmp_path / "b-run.json").name == "b-report.html"


def test_a_folder_in_the_place_of_the_page(folder, tmp_path):
    with pytest.raises(InputError, match="it is a folder, expected the name of a file"):
        write_report(folder, tmp_path)


def test_a_place_where_nothing_can_be_written(folder, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"cannot write .*; name another file with -o"):
        write_report(folder, tmp_path / "file" / "page.html")


def test_a_page_is_whole_or_not_there(folder, monkeypatch):
    before = (folder / "report.html").read_bytes()
    monkeypatch.setattr(
        "pathlib.Path.replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left"))
    )
    with pytest.raises(InputError, match="No space left"):
        write_report(folder)
    assert (folder / "report.html").read_bytes() == before
    assert not list(folder.glob(".report-*"))


def test_a_sweep(tmp_path):
    write_frontier(tmp_path)
    assert write_report(tmp_path) == tmp_path / "report.html"
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<h1>Frontier of rings and logP</h1>" in html
    assert write_report(tmp_path / "frontier.json", tmp_path / "page.html") == tmp_path / "page.html"
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == html
    assert write_report(tmp_path) == tmp_path / "report.html"  # a page of moldiff is replaced


def test_a_search(tmp_path):
    write_tuning(tmp_path)
    write_report(tmp_path)
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<h1>Tuning for rings&gt;=4</h1>" in html
    assert "# Tuned for rings&gt;=4" in html
    (tmp_path / "preset.toml").write_bytes(b"\xff\xfe")
    write_report(tmp_path)
    assert "preset.toml is no longer beside" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_a_folder_that_holds_all_of_them(folder):
    write_frontier(folder)
    write_tuning(folder)
    write_report(folder)
    html = (folder / "report.html").read_text(encoding="utf-8")
    parts = ["summary", "molecules", "repeat", "frontier", "repeat-sweep", "tuning", "repeat-search"]
    places = [html.index(f'<section id="{name}"') for name in parts]
    assert places == sorted(places)
    assert "hartree, Frontier of rings and logP, Tuning for rings&gt;=4</h1>" in html
    assert html.count("<script>") == 3
    for name in ("repeat", "repeat-sweep", "repeat-search"):
        assert html.count(f'id="{name}-command"') == 1
    write_report(folder / "tuning.json")  # of this one alone
    assert '<section id="molecules"' not in (folder / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("write", "name", "command"),
    [(write_frontier, "frontier.json", "moldiff pareto"), (write_tuning, "tuning.json", "moldiff tune")],
)
def test_records_of_sweeps_and_searches_that_cannot_be_used(tmp_path, write, name, command):
    write(tmp_path)
    whole = (tmp_path / name).read_text(encoding="utf-8")
    (tmp_path / name).write_text(whole[: len(whole) // 2], encoding="utf-8")
    with pytest.raises(InputError, match=rf"{name} cannot be read \(no JSON.*: take it .*`{command}` again"):
        write_report(tmp_path)
    (tmp_path / name).write_text(whole, encoding="utf-8")
    edit(tmp_path / name, format_version=7)
    with pytest.raises(
        InputError, match=rf"{name} was written by moldiff .* in format 7, .*: update moldiff"
    ):
        write_report(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(InputError, match=r"holds no run.json or frontier.json or tuning.json"):
        write_report(tmp_path)
    with pytest.raises(InputError, match=rf"there is no .*{name}"):
        write_report(tmp_path / name)
    assert not (tmp_path / "report.html").exists()


def test_a_page_of_someone_else_beside_a_sweep_is_kept(tmp_path):
    write_frontier(tmp_path)
    (tmp_path / "report.html").write_text("mine")
    with pytest.raises(InputError, match=r"report.html is there already, and moldiff did not write it"):
        write_report(tmp_path)
    assert (tmp_path / "report.html").read_text() == "mine"

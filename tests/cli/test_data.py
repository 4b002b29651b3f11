import hashlib
import tarfile
from dataclasses import replace

import pandas as pd
import pytest

from moldiff import cli
from moldiff.datasets import SOURCES, read_packed

TABLE = """mol,logS,active,note
OCC,0.5,yes,one
CCO,0.7,yes,one
C1,1.0,no,three
CC(=O)O.CC,,no,four
CC,inf,,five
"""


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text(TABLE, encoding="utf-8")
    return path


def run(capsys, *words):
    with pytest.raises(SystemExit) as stop:
        cli.main(["data", *map(str, words)])
    out, err = capsys.readouterr()
    return stop.value.code, out, err


def rows(text):
    """The rows of a printed table, by their first cell."""
    return {line.split()[0]: line.split()[1:] for line in text.splitlines() if line.strip()}


def test_list_names_every_data_set_with_labels_licence_and_citation(capsys):
    code, out, err = run(capsys, "list")
    assert (code, err) == (0, "")
    found = rows(out)
    assert found["qm9"][0] == "130,744"
    assert found["b3db"] == ["7,805", "logBB", "(numeric),", "BBB", "(BBB+", "or", "BBB-)", "CC0", "1.0"]
    assert "b3db: F. Meng" in out


def test_info_on_a_data_set(capsys):
    code, out, _ = run(capsys, "info", "b3db")
    found = rows(out)
    assert code == 0
    assert found["logBB"] == ["numeric", "1,058", "6,747", "-0.07787", "0.7513", "-2.69", "1.7"]
    assert found["BBB"] == ["class", "7,805", "0"]
    assert "BBB: BBB+ 4,956, BBB- 2,849" in out
    assert "licence: CC0 1.0" in out


def test_info_on_a_file(capsys, table):
    table.write_text(TABLE.replace("inf", "1.8"), encoding="utf-8")
    code, out, err = run(capsys, "info", table)
    assert (code, err) == (0, "")
    found = rows(out)
    assert found["logS"] == ["numeric", "4", "1", "1", "0.495", "0.5", "1.8"]
    assert found["active"] == ["class", "4", "1"]
    assert "active: no 2, yes 2" in out
    assert "molecules in column 'mol' (by its name)" in out
    assert "kept 3 molecules; dropped: 1 repeated, 1 not a molecule" in out
    assert "standardised: 1 fragments left out" in out


def test_info_says_which_columns_cannot_be_trained_on(capsys, table):
    code, out, _ = run(capsys, "info", table, "--no-standardise")
    assert code == 0
    assert "no --property: column 'logS' is infinite in row 5" in out
    assert "standardised" not in out


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_prepare_writes_the_table_and_the_rows_left_out(capsys, tmp_path, table, suffix):
    table.write_text(TABLE.replace("inf", "1.5"), encoding="utf-8")
    output = tmp_path / f"ready{suffix}"
    beside = tmp_path / "ready.dropped.csv"
    code, out, _ = run(capsys, "prepare", table, "-o", output)
    assert code == 0
    made = pd.read_csv(output) if suffix == ".csv" else pd.read_parquet(output)
    assert made["mol"].tolist() == ["CCO", "CC(=O)O", "CC"]
    assert made["logS"].tolist() == pytest.approx([0.6, float("nan"), 1.5], nan_ok=True)
    assert made["active"].tolist()[:2] == ["yes", "no"]
    assert made["active"].isna().tolist() == [False, False, True]
    assert made["note"].tolist() == ["one", "four", "five"]
    assert pd.read_csv(beside)["reason"].tolist() == ["repeated", "not a molecule"]
    assert f"written to {output}, the rows left out to {beside}" in out
    # What is prepared loses nothing when it is prepared again, and an old list goes.
    again = tmp_path / "again" / f"ready{suffix}"
    again.parent.mkdir()
    (again.parent / "ready.dropped.csv").write_text("old", encoding="utf-8")
    code, out, _ = run(capsys, "prepare", output, "-o", again)
    assert code == 0
    assert "kept 3 molecules; dropped: no row" in out
    assert not (again.parent / "ready.dropped.csv").exists()
    assert again.read_bytes() == output.read_bytes()


def test_options_of_standardising(capsys, tmp_path):
    path = tmp_path / "ions.smi"
    path.write_text("CC(=O)[O-].[Na+]\nOc1ccccn1\n", encoding="utf-8")
    output = tmp_path / "out.csv"
    code, _, _ = run(
        capsys, "prepare", path, "-o", output, "--neutralise", "--tautomer", "--smiles", "smiles"
    )
    assert code == 0
    assert pd.read_csv(output)["smiles"].tolist() == ["CC(=O)O", "O=c1cccc[nH]1"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["info", "qm8"], "'qm8' is neither a data set nor a file: did you mean 'qm9'"),
        (["info", "none.csv"], "there is no such file"),
        (["info", "b3db", "--tautomer"], "the molecules of b3db are taken as they are"),
        (["info", "{table}", "--smiles", "mole"], "no column 'mole': did you mean 'mol'"),
        (["prepare", "{table}", "-o", "{folder}/a.xlsx"], "expected a name in .parquet or .csv"),
        (["prepare", "{table}", "-o", "{table}"], "is the file to read"),
        (["prepare", "{table}", "-o", "{folder}/a.csv"], "'logS' is infinite in row 5"),
        (["prepare", "b3db", "-o", "{folder}/a.csv"], "'b3db' is neither a data set to download nor a file"),
        (["prepare", "mosses"], "did you mean 'moses'"),
        (["prepare", "moses", "--tautomer"], "the molecules of moses are taken as they are"),
        (["prepare", "moses", "--from", "none.csv"], "cannot read none.csv: there is no such file"),
        (["prepare", "{table}", "--from", "{table}"], "is neither a data set to download nor a file"),
        (["prepare", "{table}"], "say with -o where to write"),
        (
            ["prepare", "{table}", "-o", "{folder}/a.csv", "--property", "logS"],
            "leave --property and --orders out",
        ),
        (["prepare", "{table}", "-o", "{folder}/made", "--property", "logP2"], "did you mean 'logP'"),
        (["info", "moses"], "moses is not prepared on this machine: run `moldiff data prepare moses` first"),
        (["info", "{folder}/no.smi"], "no molecule is left of 1 rows"),
    ],
)
def test_wrong_input_is_one_message(capsys, tmp_path, table, words, message):
    (tmp_path / "no.smi").write_text("nothing\n", encoding="utf-8")
    before = sorted(tmp_path.iterdir())
    code, _, err = run(capsys, *(word.format(table=table, folder=tmp_path) for word in words))
    assert code == 2
    assert message in err
    assert err.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == before


def test_a_place_that_cannot_be_written(capsys, tmp_path, table):
    table.write_text(TABLE.replace("inf", "1"), encoding="utf-8")
    code, _, err = run(capsys, "prepare", table, "-o", table / "a.csv")
    assert code == 2
    assert "cannot write" in err


def test_prepare_makes_a_table_to_train_on(capsys, tmp_path, table):
    table.write_text(TABLE.replace("inf", "1"), encoding="utf-8")
    words = ["prepare", table, "-o", tmp_path / "made", "--property", "logS", "--property", "rings"]
    code, out, _ = run(capsys, *words)
    assert code == 0
    assert "kept 3 molecules; dropped: 1 repeated, 1 not a molecule" in out
    assert "conditions: logS, rings" in out
    code, again, _ = run(capsys, *words)
    assert (code, again) == (0, out)
    code, out, _ = run(capsys, "info", tmp_path / "made")
    assert code == 0
    assert rows(out)["logS"] == ["numeric", "2", "1", "0.8", "0.2", "0.6", "1"]


def test_prepare_takes_a_copy_of_a_data_set(capsys, tmp_path):
    copy = tmp_path / "copy.smi"
    copy.write_text("CCO\nOCC\nCC[NH+](C)C\n", encoding="utf-8")
    code, out, err = run(capsys, "prepare", "moses", "--from", copy, "--property", "logP")
    assert code == 0
    assert f"note: {copy} is not the original file of moses" in err
    assert "kept 2 molecules; dropped: 1 repeated" in out
    assert "train on it with: moldiff train moses" in out
    code, out, _ = run(capsys, "info", "moses")
    assert code == 0
    assert "moses: 2 molecules" in out
    assert "cite: D. Polykovskiy" in out
    code, out, _ = run(capsys, "list")
    assert rows(out)["moses"][:2] == ["2", "molecules"]
    assert rows(out)["zinc250k"][0] == "no"


def test_an_archive_is_unpacked_and_checked_by_its_hash(capsys, tmp_path, monkeypatch):
    (tmp_path / "zinc.txt").write_text("CCO\nCCN\n", encoding="utf-8")
    packed = tmp_path / "zinc.txt.gz"
    with tarfile.open(packed, "w:gz") as archive:
        archive.add(tmp_path / "zinc.txt", "zinc.txt")
    known = hashlib.sha256(packed.read_bytes()).hexdigest()
    monkeypatch.setitem(SOURCES, "zinc250k", replace(SOURCES["zinc250k"], sha256=known))
    code, out, err = run(capsys, "prepare", "zinc250k", "--from", packed, "-o", tmp_path / "made")
    assert (code, err) == (0, "")
    assert "(checked by its hash)" in out
    assert read_packed(tmp_path / "made").name == "zinc250k"
    packed.write_bytes(packed.read_bytes()[:60])
    known = hashlib.sha256(packed.read_bytes()).hexdigest()
    monkeypatch.setitem(SOURCES, "zinc250k", replace(SOURCES["zinc250k"], sha256=known))
    code, _, err = run(capsys, "prepare", "zinc250k", "--from", packed, "-o", tmp_path / "again")
    assert code == 2
    assert "cannot unpack" in err

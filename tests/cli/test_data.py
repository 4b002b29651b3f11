import pandas as pd
import pytest

from moldiff import cli

TABLE = """mol,logS,active,note
OCC,0.5,yes,one
CCO,0.7,yes,one
C1,1.0,no,three
CC(=O)O.CC,,no,four
CC,inf,,five
"""


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
        (["prepare", "b3db", "-o", "{folder}/a.csv"], "expected a file named"),
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

import zipfile

import pandas as pd
import pytest

from moldiff.datasets import build_b3db
from moldiff.errors import InputError

CLASSES = (
    "SMILES\tlogBB\tBBB+/BBB-\tInchi\nOCC\t0.5\tBBB+\tI1\nC\t\tBBB-\tI2\nC1\t\tBBB-\tI3\nN\t-2\tBBB-\tI4\n"
)
NUMBERS = "SMILES\tlogBB\tInchi\n[NH4+]\t-2\tI4\nCCO\t0.5\tI1\n"


@pytest.fixture
def wheel(tmp_path):
    def wheel(numbers=NUMBERS, classes=CLASSES):
        path = tmp_path / "qc_b3db-0-py3-none-any.whl"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(build_b3db.CLASSES, classes)
            archive.writestr(build_b3db.NUMBERS, numbers)
        return path

    return wheel


def test_classes_and_numbers_of_one_table(wheel):
    table = build_b3db.merge(build_b3db.read(wheel()))
    assert table["smiles"].tolist() == ["CCO", "C", "N"]
    assert table["BBB"].tolist() == ["BBB+", "BBB-", "BBB-"]
    assert table["logBB"].tolist() == pytest.approx([0.5, float("nan"), -2], nan_ok=True)


def test_tables_that_differ_are_refused(wheel):
    with pytest.raises(InputError, match="differ in logBB"):
        build_b3db.read(wheel(NUMBERS.replace("0.5", "0.6")))
    with pytest.raises(InputError, match="differ in logBB"):
        build_b3db.read(wheel(NUMBERS + "C\t1\tI9\n"))


def test_one_molecule_twice_is_refused(wheel):
    with pytest.raises(InputError, match="two rows are the same molecule"):
        build_b3db.merge(build_b3db.read(wheel(classes=CLASSES + "CCO\t\tBBB-\tI5\n")))


def test_the_script_checks_the_wheel_and_writes_the_table(wheel, tmp_path, monkeypatch, capsys):
    out = tmp_path / "out.parquet"
    monkeypatch.setattr("sys.argv", ["build_b3db", "--wheel", str(wheel()), "--out", str(out)])
    with pytest.raises(InputError, match="sha256"):
        build_b3db.main()
    assert not out.exists()
    monkeypatch.setattr(build_b3db.Wheel, "check", lambda self, path: None)
    build_b3db.main()
    assert pd.read_parquet(out)["smiles"].tolist() == ["CCO", "C", "N"]
    assert "4 molecules read, 3 rows written" in capsys.readouterr().out

import zipfile

import pandas as pd
import pytest

from moldiff.datasets import build_qm9
from moldiff.errors import InputError

HEADER = "Index,SMILES,Extra,Dipole_debye,Polarizability_bohr3,HOMO_au,LUMO_au,HOMO_LUMO_gap_au\n"


@pytest.fixture
def wheel(tmp_path):
    """A wheel of four molecules, one of them in two spellings, with its parts out of order."""
    path = tmp_path / "qm9pack-0-py3-none-any.whl"
    formamide = '2,"NC=O",x,1.,1.,1.,1.,1.\n3,"O=CN",x,2.,3.,4.,5.,6.\n'
    rows = ['4,"C",x,0.,1.,2.,3.,4.\n', formamide, '1,"O",x,9.,9.,9.,9.,9.\n']
    with zipfile.ZipFile(path, "w") as archive:
        for member, text in zip(build_qm9.MEMBERS, rows, strict=True):
            archive.writestr(member, HEADER + text)
    return path


def test_rows_come_in_the_order_of_the_index(wheel):
    assert build_qm9.read(wheel)["SMILES"].tolist() == ["O", "NC=O", "O=CN", "C"]


def test_spellings_of_one_molecule_become_their_median(wheel):
    table = build_qm9.merge(build_qm9.read(wheel))
    assert table["smiles"].tolist() == ["O", "NC=O", "C"]
    assert table.iloc[1, 1:].tolist() == [1.5, 2.0, 2.5, 3.0, 3.5]
    assert table.iloc[2, 1:].tolist() == [0, 1, 2, 3, 4]


def test_another_file_is_refused(wheel, tmp_path, monkeypatch):
    out = tmp_path / "out.parquet"
    monkeypatch.setattr("sys.argv", ["build_qm9", "--wheel", str(wheel), "--out", str(out)])
    with pytest.raises(InputError, match="sha256"):
        build_qm9.main()
    assert not out.exists()


def test_the_table_is_written(wheel, tmp_path, monkeypatch, capsys):
    out = tmp_path / "out.parquet"
    monkeypatch.setattr("sys.argv", ["build_qm9", "--wheel", str(wheel), "--out", str(out)])
    monkeypatch.setattr(build_qm9.Wheel, "check", lambda self, path: None)
    build_qm9.main()
    assert pd.read_parquet(out)["smiles"].tolist() == ["O", "NC=O", "C"]
    assert "4 molecules read, 3 rows written" in capsys.readouterr().out

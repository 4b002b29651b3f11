"""The benchmark of preparing tables: its molecules, and what it writes."""

import json

import pytest
from rdkit.Chem import CanonSmiles

from moldiff.benchmarks import preparing


def test_numbers_are_different_molecules():
    assert len({CanonSmiles(preparing.chain(number)) for number in range(2000)}) == 2000


@pytest.mark.slow
def test_tables_are_prepared_and_measured(tmp_path):
    path = tmp_path / "found.json"
    preparing.main(["--rows", "30", "300", "--again", "-o", str(path)])
    rows = json.loads(path.read_text())["results"]["tables"]
    assert [row["molecules"] for row in rows] == [30, 30, 300, 300]
    assert all(row["memory MB"] > 50 for row in rows)
    assert all(row["bytes/molecule"] > 4 for row in rows)

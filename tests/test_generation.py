import json
import sys
from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd
import pytest
from rdkit import Chem

from moldiff.chem.goals import Goal
from moldiff.chem.statistics import PropertyStatistics
from moldiff.generation import DRAWN, Generation, Kept
from moldiff.judging import GoalSummary
from moldiff.metrics.sets import SetCounts
from moldiff.records import PACKAGES

FILES = ["molecules.csv", "molecules.sdf", "report.html", "run.json"]
STATISTICS = PropertyStatistics.from_values("rings", [0, 1, 2, 3], "1", "by hand", True)
SUMMARY = GoalSummary("rings>=1", "rings", "measured", "1", None, None, 3, 0.5, 2, 0.0)


def generation(**changes):
    fields = {
        "table": pd.DataFrame({"smiles": ["C1CC1", "C1CC2CC12"], "rings": [1.0, 2.0]}),
        "goals": [Goal.parse("rings>=1").resolve(STATISTICS)],
        "counts": SetCounts(4, 3, 3, 2, 2, 2, 1),
        "settings": {"seed": 3, "knobs": {"eta": 0.05}},
        "cost": {"seconds": 1.5},
        "notes": ["α ± β <b>"],
        "summaries": [SUMMARY],
        "unmeasured": ["mu"],
    }
    return Generation(**{**fields, **changes})


def test_record_is_json_whatever_the_numbers():
    record = generation(
        cost={"seconds": float("nan")}, settings={"n": np.int64(3), "at": (1, 2)}
    ).run_record()
    assert record["cost"] == {"seconds": None}
    assert json.loads(json.dumps(record["settings"], allow_nan=False)) == {"n": 3, "at": [1, 2]}


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_record():
    kept = Kept(pd.DataFrame({"smiles": ["C"], "filters_failed": ["PAINS"]}), {"PAINS": 1}, 2, 3)
    record = generation(kept=kept).run_record()
    assert record["counts"] == {
        "proposed": 4,
        "valid": 3,
        "unique": 3,
        "novel": 2,
        "filtered": 1,
        "hits": 2,
        "unique_hits": 2,
        "novel_hits": 1,
        "capped": 2,
        "candidates": 3,
        "returned": 2,
    }
    assert record["filters"] == {"PAINS": 1}
    assert record["settings"]["seed"] == 3
    assert set(record["versions"]) == set(PACKAGES)
    assert record["versions"]["moldiff"] != ""
    assert record["machine"]


def test_files(tmp_path):
    made = generation()
    folder = tmp_path / "new" / "out"
    written = made.save(folder)
    assert sorted(path.name for path in folder.iterdir()) == FILES
    assert sorted(written) == sorted(folder.iterdir())
    pd.testing.assert_frame_equal(pd.read_csv(folder / "molecules.csv"), made.table)
    mols = list(Chem.SDMolSupplier(str(folder / "molecules.sdf")))
    assert [Chem.MolToSmiles(mol) for mol in mols] == made.smiles
    assert [float(mol.GetProp("rings")) for mol in mols] == [1.0, 2.0]
    text = (folder / "run.json").read_text(encoding="utf-8")
    record = json.loads(text)
    assert sorted(record.pop("files")) == FILES
    assert record == made.run_record()
    assert "α ± β" in text


def test_parquet_holds_the_same_table_and_types(tmp_path):
    table = pd.DataFrame(
        {
            "smiles": ["C", "CC"],
            "valid": [True, True],
            "mu": float("nan"),
            "rings": [0.0, 1.0],
            "logP": [0.1 + 0.2, 1.0],
            "filters_failed": ["", ""],
        }
    )
    made = generation(table=table)
    made.save(tmp_path / "out", format="parquet")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "molecules.parquet",
        "molecules.sdf",
        "report.html",
        "run.json",
    ]
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "out" / "molecules.parquet"), table)
    made.save(tmp_path / "mine.parquet", sdf=False)
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "mine.parquet"), table)
    assert not (tmp_path / "mine-molecules.sdf").exists()


def test_what_filters_took_out_is_a_table_of_its_own(tmp_path):
    filtered = pd.DataFrame({"smiles": ["C", "CC"], "filters_failed": ["PAINS", "PAINS; MW<=5"]})
    generation(kept=Kept(filtered, {"PAINS": 2, "MW<=5": 1})).save(tmp_path)
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "filtered.csv"), filtered)
    generation(kept=Kept(filtered.head(0), {"PAINS": 0})).save(tmp_path)
    assert (tmp_path / "filtered.csv").read_text() == "smiles,filters_failed\n"
    generation().save(tmp_path)
    assert not (tmp_path / "filtered.csv").exists()


def test_sdf_alone(tmp_path):
    generation().to_sdf(tmp_path / "new" / "some.sdf")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["some.sdf"]
    assert len(Chem.SDMolSupplier(str(tmp_path / "new" / "some.sdf"))) == 2


def test_a_record_that_cannot_be_written_leaves_the_folder_as_it_was(tmp_path):
    generation().save(tmp_path)
    before = contents(tmp_path)
    broken = generation(table=pd.DataFrame({"smiles": ["C"]}), cost={"seconds": object()})
    with pytest.raises(TypeError, match="JSON"):
        broken.save(tmp_path)
    assert contents(tmp_path) == before


def failing(*_, **__):
    raise OSError("disk full")


@pytest.mark.parametrize("writer", ["pandas.DataFrame.to_csv", "moldiff.output.sdf_records"])
def test_a_file_that_cannot_be_written_leaves_the_folder_as_it_was(tmp_path, monkeypatch, writer):
    generation().save(tmp_path)
    before = contents(tmp_path)
    monkeypatch.setattr(writer, failing)
    with pytest.raises(OSError, match="disk full"):
        generation(settings={"seed": 9}).save(tmp_path)
    assert contents(tmp_path) == before


def test_an_old_record_never_stands_beside_new_molecules(tmp_path, monkeypatch):
    generation().save(tmp_path)
    replaced = {}
    original = type(tmp_path).replace

    def spy(self, target):
        replaced[target.name] = (tmp_path / "run.json").exists()
        return original(self, target)

    monkeypatch.setattr(type(tmp_path), "replace", spy)
    generation().save(tmp_path)
    assert replaced == dict.fromkeys(FILES, False)
    assert (tmp_path / "run.json").exists()


def test_notebooks_show_a_grid():
    html = generation()._repr_html_()
    assert "IPython" not in sys.modules
    root = ET.fromstring(html)  # well-formed: notes and legends are escaped
    assert root.find("{http://www.w3.org/2000/svg}svg") is not None
    assert "2 molecules" in html
    assert "4 proposed, 3 valid, 3 unique, 2 novel, 2 hits" in html
    assert "α ± β &lt;b&gt;" in html


def test_notebooks_show_some_of_many_and_none_of_none():
    many = pd.DataFrame({"smiles": ["CCO"] * 40, "rings": 0.0})
    assert f"the first {DRAWN}" in generation(table=many)._repr_html_()
    nothing = generation(table=many.head(0))._repr_html_()
    assert "0 molecules" in nothing
    ET.fromstring(nothing)

import json

import numpy as np
import pytest
from rich.console import Console

from moldiff.benchmarks.common import Record, options, run, show
from moldiff.errors import InputError
from moldiff.metrics import Interval


@pytest.fixture
def given(tmp_path):
    return options("test", n=10).parse_args(["-o", str(tmp_path / "out.json"), "--seeds", "1", "2"])


def test_record_says_how_it_was_made(given):
    record = Record("quality", ["--model", "a b", "-n", "5"], given)
    record.write({"figure": Interval(0.5, 0.25, np.nan)}, models={"m": {"digits": 2}})
    found = json.loads(given.output.read_text())
    assert found["command"] == "python -m moldiff.benchmarks.quality --model 'a b' -n 5"
    assert found["seeds"] == [1, 2]
    assert found["settings"]["n"] == 10
    assert "output" not in found["settings"]
    assert found["models"] == {"m": {"digits": 2}}
    assert found["results"] == {"figure": {"value": 0.5, "low": 0.25, "high": None, "level": 0.95}}
    assert found["versions"]["rdkit"]
    assert "threads" in found["machine"]
    assert found["seconds"] >= 0


def test_record_leaves_the_old_file_if_it_cannot_be_written(given):
    given.output.write_text("old")
    with pytest.raises(TypeError):
        Record("quality", [], given).write({"figure": object()})
    assert given.output.read_text() == "old"
    assert [path.name for path in given.output.parent.iterdir()] == ["out.json"]


def test_tables_show_every_row():
    console = Console(width=80, record=True)
    show("title", [{"a": "x", "b": 0.123456, "c": Interval(1, 0, 2)}, {"a": "y", "b": None}], console)
    text = console.export_text()
    assert "0.1235" in text
    assert "1 [0, 2]" in text
    assert "y" in text


def test_what_a_user_can_mend_is_one_message(capsys):
    def main(words):
        raise InputError("no such model")

    with pytest.raises(SystemExit) as stop:
        run(main)
    assert stop.value.code == 2
    assert capsys.readouterr().err == "error: no such model\n"

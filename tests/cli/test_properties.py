import json

import pytest

from moldiff import cli
from moldiff.chem.filters import FILTERS, PropertyRange
from moldiff.chem.properties import PROPERTIES
from moldiff.chem.statistics import PropertyStatistics


@pytest.fixture(autouse=True)
def wide_screen(monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")


def listing(capsys, *words):
    with pytest.raises(SystemExit) as stop:
        cli.main(["properties", *words])
    out, err = capsys.readouterr()
    return stop.value.code, out, err


@pytest.fixture
def model(tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    columns = [
        PropertyStatistics.from_values("logS", [-1.5, 0.25, 2.0, 1.25], "log mol/L", "the table [mine]"),
        PropertyStatistics.from_values("rings", [0, 1, 3, 4], "1", "RDKit"),
    ]
    (folder / "properties.json").write_text(json.dumps({entry.name: entry.to_dict() for entry in columns}))
    return folder


def test_every_property_has_a_row(capsys):
    code, out, err = listing(capsys)
    assert (code, err) == (0, "")
    rows = {line.split()[0]: line for line in out.splitlines() if line.split()}
    for name, entry in PROPERTIES.items():
        assert entry.unit in rows[name]
        assert entry.reference in rows[name]
        assert ("integer" if entry.integer else "real") in rows[name]


def test_every_filter_has_a_row(capsys):
    code, out, err = listing(capsys)
    assert (code, err) == (0, "")
    rows = {line.split()[0]: line for line in out.splitlines() if line.split()}
    for kind in [*FILTERS.values(), PropertyRange]:
        assert kind.removes in rows[kind.usage]
        assert kind.source in rows[kind.usage]
    assert list(rows).index("charge") < list(rows).index("PAINS")


def test_filters_on_a_narrow_screen_lose_no_word_of_what_they_remove(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    _, out, _ = listing(capsys)
    assert all(len(line) <= 80 for line in out.splitlines())
    for kind in FILTERS.values():
        assert kind.usage in out
        assert all(word in out for word in kind.removes.split())


def test_filters_belong_to_no_model(capsys, model):
    _, out, _ = listing(capsys, "--model", str(model))
    assert "PAINS" not in out


def test_properties_of_a_model(capsys, model):
    code, out, err = listing(capsys, "--model", str(model))
    assert (code, err) == (0, "")
    [first, second] = [line.split() for line in out.splitlines() if line.split()[:1] in (["logS"], ["rings"])]
    # Mean 0.5; squared deviations 4, 1/16, 9/4, 9/16, so sd = sqrt(6.875 / 4).
    assert " ".join(first) == "logS log mol/L real 0.5 1.311 -1.5 2 the table [mine]"
    assert " ".join(second) == "rings 1 integer 2 1.581 0 4 RDKit"


def test_no_such_model(capsys):
    code, out, err = listing(capsys, "--model", "no/such/folder")
    assert (code, out) == (2, "")
    assert err == "error: no model at no/such/folder: there is no config.json\n"


def test_model_without_its_properties(capsys, model):
    (model / "properties.json").unlink()
    code, _, err = listing(capsys, "--model", str(model))
    assert code == 2
    assert "cannot read" in err


@pytest.mark.parametrize("text", ["{", "[]", '{"logP": 3}', '{"logP": {"mean": 1}}'])
def test_model_with_broken_properties(capsys, model, text):
    (model / "properties.json").write_text(text)
    code, _, err = listing(capsys, "--model", str(model))
    assert code == 2
    assert err.startswith("error: ")
    assert err.count("\n") == 1

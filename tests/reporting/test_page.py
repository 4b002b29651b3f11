"""What stands on a page, and that nothing that comes from files becomes markup."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from page_reader import Reader

from moldiff.chem.goals import Goal
from moldiff.chem.statistics import PropertyStatistics
from moldiff.datasets import load
from moldiff.errors import InputError
from moldiff.reporting import SECTIONS, Section, page, run_page
from moldiff.reporting.page import _templates


def read(generation, **more):
    record = {"files": ["molecules.csv"], **generation.run_record()}
    filtered = generation.kept.filtered if generation.kept.filters else None
    return Reader(run_page(generation.table, record, filtered=filtered, **more))


def test_every_count_stands_beside_its_denominator(generation):
    text = read(generation).text
    for words in (
        "80 molecules for rings ≥ 1, logP = 1 ± 0.5, gap = 0.3 ± 0.01 hartree",
        "proposed 80 all that were drawn",
        "valid 80 100.0% of proposed",
        "unique 80 100.0% of valid",
        "novel 27 33.8% of unique",
        "hits 4 5.0% of proposed, repeats counted",
        "unique hits 4 100.0% of hits",
        "novel hits 1 25.0% of unique hits",
        "filtered out 2 2.5% of unique",
        "by Br 1 1.2% of unique",
        "returned 80 of 80 asked for",
        "hits 4 5.0% of returned meet every goal",
        "novel 27 33.8% of returned are no training molecules",
        "12.5 seconds",
        "45.75 rows of the network (NFE) a proposal",
        "gap is predicted, not measured",
        "moldiff generate --goal 'rings>=1' --seed 3",
        "The same for every molecule, in training and returned: charge (0).",
        "2 distinct molecules failed a filter and were left out",
        "CC=O no-aldehydes",
    ):
        assert words in text
    assert "digits hidden again" not in text  # none were


def test_goals_say_how_they_were_served_and_met(generation):
    text = read(generation).text
    met = int((generation.table["logP_error"] == 0).sum())
    share = f"{met / 80:.1%}"
    error = generation.table["logP_error"].mean()
    row = f"logP = 1 ± 0.5 a condition of the model (cfg) {share} ({met} of 80 valid) {share} ({met} of 80"
    assert f"{row} returned) {error:.3f} {error:.3f}" in text
    assert "gap = 0.3 ± 0.01 hartree predicted" in text
    assert (
        "Distance is how far a value is from its goal, 0 where the goal is met: a mean over the valid" in text
    )


def test_what_nothing_measures_is_said(made):
    from moldiff.judging import Tally, judge

    goal = Goal.parse("mu=2±0.1")
    mu = PropertyStatistics.from_values("mu", [1.0, 2.0, 4.0], "D", "by hand")
    smiles = ["CCO", "CCN"]
    table = judge(smiles, [goal], {"mu": mu}).assign(smiles=smiles, valid=True, unique=True, novel=True)
    tally = Tally([goal], {"mu": mu})
    tally.add(table)
    empty = made(
        smiles, [], summaries=tally.summaries(table), table=table.assign(hit=np.nan), unmeasured=["mu"]
    )
    text = read(empty).text
    assert "mu = 2 ± 0.1 D – not measured: it guides the model" in text
    assert "not measured: mu (conditions of the model whose values nothing gives)" in text
    assert "hits only" not in text


def test_without_goals(made):
    reader = read(made(wishes=[]))
    assert "No goal was given" in reader.text
    assert "hits" not in reader.text
    assert [entry for entry in reader.tags("rect") if entry["class"] == "goal"] == []
    # Three properties stand under each drawing.
    assert len(reader.tags("dt")) == 3 * 80


def test_without_molecules(made):
    nothing = made(table=made().table.head(0))
    reader = read(nothing)
    assert "0 molecules for" in reader.text
    assert reader.tags("li") == [] or all("card" not in entry.get("class", "") for entry in reader.tags("li"))
    assert reader.data == ""


def test_max_goals_say_when_they_are_met(made):
    text = read(made(wishes=["max TPSA"])).text
    beyond = made().training["TPSA"]["quantiles"]["0.95"]
    assert f"max TPSA (met at ≥ {beyond:.4g} Å²)" in text
    assert "80 molecules for max TPSA moldiff" not in text


def test_long_goals_are_counted_in_the_title(made):
    names = ["logP=1±0.123456", "rings>=1", "TPSA=40.123±5.4321", "gap=0.3±0.01"]
    assert "80 molecules for 4 goals" in read(made(wishes=names)).text


def test_every_value_stands_in_the_data_as_the_csv_has_it(generation, tmp_path):
    generation.save(tmp_path)
    data = json.loads(read(generation).data)
    table = pd.read_csv(tmp_path / "molecules.csv", dtype=str, keep_default_na=False)
    assert [column["name"] for column in data["columns"]] == list(table.columns)
    assert data["rows"] == table.to_numpy().tolist()
    kinds = {column["name"]: column["kind"] for column in data["columns"]}
    assert [kinds[name] for name in ("smiles", "logP", "hit", "max_sim_train")] == [
        "text",
        "number",
        "flag",
        "empty",
    ]


def test_cards_show_values_with_uncertainty_unit_and_whether_the_goal_is_met(generation):
    text = read(generation).text
    first = generation.table.iloc[0]
    expected = f"gap {first['gap']:.3f} ± {first['gap_uncertainty']:.3f} hartree ✓"
    assert expected in text
    assert "✗" in text


def test_classes_are_shown_by_their_labels(made):
    from moldiff.chem.distribution import training_record

    stats = PropertyStatistics.from_values("BBB", [0, 1, 1], "as given", "by hand", classes=("BBB+", "BBB-"))
    table = made().table.assign(BBB=[1.0, 0.0] * 40).drop(columns=["rings", "logP", "gap"])
    reader = read(made(wishes=[], table=table, training=training_record({"BBB": stats}, {"BBB": [0, 1, 1]})))
    assert "BBB BBB-" in reader.text
    assert "BBB BBB+" in reader.text
    assert '"classes": ["BBB+", "BBB-"]' in reader.data


def test_the_page_needs_nothing_else(generation):
    reader = read(generation)
    assert reader.tags("link") == [{"rel": "icon", "href": "data:,"}]
    assert reader.tags("img") == []
    assert all(href.startswith("#") for href in (entry["href"] for entry in reader.tags("a")))
    assert not any("src" in attributes for _, attributes in reader.elements)
    record = {"files": [], **generation.run_record()}
    html = run_page(generation.table, record)
    assert re.findall(r"url\(|@import|https?://(?!www\.w3\.org)", html) == []


def test_size_of_drug_like_molecules(made):
    smiles = [text for text in load("b3db").smiles if 15 <= len(text) <= 60][:150]
    generation = made(smiles)
    html = run_page(generation.table, {"files": [], **generation.run_record()})
    # 12 MB for 1,000; what does not grow with the molecules is counted with them.
    assert len(html.encode()) / len(smiles) < 4000


def test_hostile_text_stays_text(hostile, evil):
    table, record, filtered = hostile
    html = run_page(table, record, filtered=filtered)
    reader = Reader(html)
    assert reader.tags("img") == []
    assert [entry.get("id") for entry in reader.tags("script")] == ["data", None, None]
    assert "49" not in [word.strip() for word in reader.words]
    assert reader.words.count(evil) >= 8  # it is shown as it is written
    assert not any(name.startswith("on") for _, attributes in reader.elements for name in attributes)
    assert json.loads(reader.data)["rows"][0][0] == evil
    assert "cannot be drawn" in reader.text


def test_only_the_script_of_the_page_may_run(generation):
    import base64
    import hashlib

    html = run_page(generation.table, {"files": [], **generation.run_record()})
    [policy] = re.findall(r'Content-Security-Policy" content="([^"]+)"', html)
    scripts = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    digests = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    assert len(scripts) == 2
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    assert f"script-src {allowed};" in policy
    assert "default-src 'none'" in policy


def test_a_table_of_another_run_is_refused(generation):
    with pytest.raises(InputError, match="they are not of one run"):
        run_page(generation.table.head(3), {"files": [], **generation.run_record()})


def test_a_part_is_a_function_a_template_and_a_line(monkeypatch):
    from jinja2 import ChoiceLoader, DictLoader

    class Spectra:
        title = "Spectra of molecules"
        points = 12

    environment = _templates()
    extra = DictLoader({"spectra.html": "<p>{{ part.points }} points</p>"})
    monkeypatch.setattr(environment, "loader", ChoiceLoader([extra, environment.loader]))
    part = Section("Spectra", "spectra", lambda spectra: {"points": spectra.points})
    monkeypatch.setitem(SECTIONS, "spectra", part)
    text = Reader(page({"spectra": Spectra()})).text
    assert "Spectra of molecules" in text
    assert "12 points" in text
    assert "Molecules" not in text

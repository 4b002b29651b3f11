"""What a page says of a sweep."""

import copy
import json
import random

import pytest
from page_reader import Reader
from report_contents import frontier

from moldiff.errors import InputError
from moldiff.reporting.checking import checked
from moldiff.reporting.frontier_record import FrontierRecord
from moldiff.reporting.page import page


@pytest.fixture(scope="module")
def stored():
    return frontier()


def html(stored):
    return page({"frontier": checked(FrontierRecord, stored, "frontier.json")})


def data(reader):
    return json.loads(reader.scripts["frontier-data"])


def test_what_was_asked_and_judged_and_how_often(stored):
    text = Reader(html(stored)).text
    for words in (
        "Frontier of rings and logP",
        "asked rings_top = top judged rings > 3",
        "asked and judged logP = 1.5",
        "mean rings of training 1.761 mean rings of training molecules that meet it 4.2",
        "6 arms of 1,024 proposals on seeds 0, 1, 2, 3, 4. The 6 that no other arm of their model, or of",
        "their side of a contrast, dominated there were measured again on fresh seeds 5, 6, 7, and are told",
        "Judge by novel hits and fidelity. Novel is what is not among the known molecules.",
        "a molecule outside is mostly one that the network should not have drawn",
        "arms with fewer than 50 novel molecules do not count",
        "moldiff pareto plan.toml -o sweep",
        "less upwards: less is better",
    ):
        assert words in text


def test_arms_with_fewer_seeds_are_counted():
    stored = frontier(tried=True)
    for place, arm in enumerate(stored["problems"][0]["tried"]):
        arm["seeds"] = [0] if place < 2 else stored["seeds"]
    text = Reader(html(stored)).text
    assert "6 arms of 1,024 proposals on seeds 0, 1, 2, 3, 4, 2 of them on some of these alone. The 6" in text


def test_without_fresh_seeds_it_is_said():
    text = Reader(html(frontier(fresh=()))).text
    assert "arms were chosen and are told on the same seeds, which flatters the best of many." in text
    assert "fresh seeds none" in text  # among the settings


def test_the_table_says_denominators_and_intervals(stored):
    text = Reader(html(stored)).text
    assert (
        "novel distinct, of 1,024 novel hits distinct, of 1,024 mean rings over the novel hit rate of 1,024"
        in text
    )
    assert "error over the novel, in training deviations" in text
    assert (
        "qm9 gamma=1 steps=32 747.5 [745, 750] 460.8 [458, 463] 3.4 [3.38, 3.42] 50.0% [50.0, 50.0]" in text
    )


def test_hypervolumes_and_published_results(stored):
    text = Reader(html(stored)).text
    [first, _] = stored["problems"][0]["models"]
    volume, ratio = first["hypervolume"]["value"], first["to_published"]["value"]
    assert f"qm9 {volume:.4g} [" in text
    assert f" {ratio:.4g} [" in text
    assert f"{first['to_others']['qm9-prime']['value']:.4g} × qm9-prime [" in text
    assert "UDLM D-CBG, gamma 8 arXiv 2412.10193 432 of 1,024 4.84 no arm" in text
    assert "CDD apart arXiv 2503.09790 251 of 1,024 9.9 no arm" in text


def test_contrasts(stored):
    text = Reader(html(stored)).text
    entry = stored["problems"][0]["contrasts"][0]
    novel, ratio = entry["differences"]["novel"], entry["ratio"]
    assert (entry["pairs"], entry["over"]) == (2, "seeds")
    assert "stronger gamma 3.0 against gamma 1.0 2 settings, over seeds" in text
    assert f"{novel['value']:.4g}".replace("-", "−") in text
    assert f"{ratio['value']:.4g} [" in text
    changed = copy.deepcopy(stored)
    changed["problems"][0]["contrasts"][0]["pairs"] = 0
    assert "no setting that both sides share" in Reader(html(changed)).text
    del changed["problems"][0]["contrasts"][0]["differences"]["novel"]
    with pytest.raises(InputError, match="contrast 'stronger' has no figure 'novel'"):
        html(changed)


def test_who_dominates_a_published_result_is_said(stored):
    changed = copy.deepcopy(stored)
    labels = ["qm9 gamma=3 steps=32", "qm9 gamma=2 steps=32"]
    changed["problems"][0]["published"][0]["dominated_by"] = labels
    reader = Reader(html(changed))
    assert "4.84 yes qm9 gamma=3 steps=32 and 1 more" in reader.text
    [mark] = [mark for mark in data(reader)[0]["marks"] if mark["note"] == "published"]
    assert ["dominated by", ", ".join(labels)] in mark["settings"]


def test_a_point_knows_its_settings_figures_and_molecules(stored):
    reader = Reader(html(stored))
    first = data(reader)[0]
    mark = first["marks"][0]
    assert mark["settings"] == [["gamma", "1.0"], ["steps", "32"]]
    figures = dict(zip(first["labels"], mark["figures"], strict=True))
    assert figures["distinct novel molecules"] == "747.5 [745, 750]"
    assert figures["hits of all proposals"] == "50.0% [50.0, 50.0]"
    assert figures["mean of rings over the novel molecules"] == "3.4 [3.38, 3.42]"
    assert "predictor rows a proposal" not in figures  # no arm has any
    assert not any(name.startswith("Wasserstein") for name in figures)  # nor this
    assert [smiles for smiles, _ in mark["examples"]] == [
        "C1CC2CC12",
        "C1=C2C3CC2(CC1)O3",
        "CC12C(O)C3C4C1C3C42",
    ]
    drawn = reader.drawings("drawings")
    assert len(drawn) == 5  # each once, for both problems
    assert {place for mark in first["marks"] for _, place in mark.get("examples", [])} == set(range(5))


def test_published_points_lie_on_the_first_axis_only(stored):
    views = data(Reader(html(stored)))[0]["views"]
    assert set(views) == {"novel", "hit_rate", "diversity", "nfe", "seconds"}
    assert all(place is not None for place in views["novel"]["at"])
    for name in views.keys() - {"novel"}:
        assert [place is None for place in views[name]["at"]] == [False] * 6 + [True] * 2
    assert views["novel"]["text"] == "distinct novel molecules, of 1,024 proposals"


def test_all_tried_arms_are_shown_where_the_record_has_them(stored):
    reader = Reader(html(frontier(tried=True)))
    assert "all arms tried, on the first seeds" in reader.text
    notes = [mark["note"] for mark in data(reader)[0]["marks"]]
    assert notes[:6] == ["one of all arms tried; 1,024 proposals, seeds 0, 1"] * 6
    assert "all arms tried" not in Reader(html(stored)).text


def test_a_sweep_without_a_frontier(stored):
    changed = copy.deepcopy(stored)
    for problem in changed["problems"]:
        for entry in problem["arms"]:
            entry["frontier"] = False
            entry["figures"]["novel_hits"]["value"] = 0.0
        for entry in problem["models"]:
            entry["frontier"] = []
    text = Reader(html(changed)).text
    assert "No arm has enough novel molecules for a frontier." in text
    assert "Hypervolume" not in text
    assert "distinct novel molecules that meet every goal" in data(Reader(html(changed)))[0]["labels"]
    assert "not on a frontier" in text
    assert "not on a frontier" not in Reader(html(stored)).text


def test_a_sweep_without_novel_molecules(stored):
    changed = copy.deepcopy(stored)
    for problem in changed["problems"]:
        problem |= {"arms": [], "published": [], "models": []}
    assert "No arm has a novel molecule." in Reader(html(changed)).text


def test_a_page_of_500_arms_is_small(stored):
    """Molecules differ from arm to arm, as they do in a sweep; the best of ten arms are on a frontier."""
    changed, draw = copy.deepcopy(stored), random.Random(0)
    parts = ["C1CC1", "C(O)", "C(=O)", "N", "C2CC2", "C(C)(C)", "O", "C3CCC3", "C#C"]
    changed["problems"] = changed["problems"][:1]
    [problem] = changed["problems"]
    for entry in problem["models"]:
        entry["frontier"] = []
    arm = problem["arms"][0]
    problem["arms"] = [
        {
            **copy.deepcopy(arm),
            "label": f"qm9 method=cfg gamma={number} sampler=confidence-loop:eta=3/T,at=0.5 temperature=0.7",
            "settings": {"method": "cfg", "gamma": number, "sampler": "confidence-loop:eta=3/T,at=0.5"},
            "frontier": number % 10 == 0,
            "examples": ["C" + "".join(draw.sample(parts, 4)) + "C" for _ in range(3)],
        }
        for number in range(500)
    ]
    written = html(changed)
    assert written.count("<use href") >= 500
    assert len(written.encode()) < 1_000_000


def test_hostile_text_stays_text(stored, evil):
    changed = copy.deepcopy(stored)
    changed |= {"command": evil, "machine": evil, "precision": evil}
    changed["versions"][evil] = evil
    problem = changed["problems"][0]
    problem |= {"name": evil, "ask": [evil], "aim": [evil], "property": evil, "unit": evil}
    for entry in problem["arms"]:
        entry |= {"label": evil, "model": evil, "examples": [evil], "settings": {evil: evil}}
    problem["models"] = [{**problem["models"][0], "model": evil, "frontier": [evil], "to_others": {}}]
    problem["published"][0] |= {"name": evil, "source": evil, "dominated_by": [evil]}
    problem["contrasts"][0] |= {"name": evil, "arms": {evil: evil}, "against": {evil: [evil]}}
    reader = Reader(html(changed))
    assert reader.tags("img") == []
    assert [entry.get("id") for entry in reader.tags("script")] == ["frontier-data", None, None]
    assert "49" not in [word.strip() for word in reader.words]
    assert sum(evil in word for word in reader.words) >= 8
    assert data(reader)[0]["marks"][0]["title"] == evil

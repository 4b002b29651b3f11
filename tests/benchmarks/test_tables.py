"""Tables in Markdown: what the record of a sweep holds, and nothing else."""

import json

import pytest
from report_contents import write_frontier

from moldiff.benchmarks import tables
from moldiff.errors import InputError


@pytest.fixture
def printed(tmp_path, capsys):
    """Return what is printed of a sweep, and its record."""

    def run(*words, **given):
        place = write_frontier(tmp_path, **given) / "frontier.json"
        tables.main([str(place), *words])
        return capsys.readouterr().out, json.loads(place.read_text())

    return run


def rows(text):
    """Return the cells of every row of every table."""
    return [
        [cell.strip() for cell in line.strip("|").split(" | ")] for line in text.splitlines() if "| " in line
    ]


def test_frontiers_with_what_novelty_does_not_tell(printed):
    text, stored = printed()
    first = stored["problems"][0]
    front = [arm for arm in first["arms"] if arm["frontier"]]
    assert "**rings**, asked rings_top=top, judged rings>3" in text
    named = [row for row in rows(text) if row[0] == "qm9" and row[1].startswith("gamma")]
    own = sorted(
        (arm for arm in front if arm["model"] == "qm9"), key=lambda arm: -arm["figures"]["novel"]["value"]
    )
    shown = named[: len(own)]
    for row, arm in zip(shown, own, strict=True):
        assert arm["label"] == f"qm9 {row[1]}"
        assert row[2].startswith(f"{arm['figures']['novel']['value']:.4g} [")
    # No predictor was asked, so there is no column for it.
    assert "predictor" not in text


def test_published_results_that_stand_apart_are_counted_apart(printed):
    text, stored = printed()
    published = stored["problems"][0]["published"]
    assert [bool(entry["dominated_by"]) for entry in published] == [False, False]
    assert "Dominated: 0 of 1 published results. Not dominated: UDLM D-CBG, gamma 8 (432 at 4.84)." in text
    assert "Dominated: 0 of 1 results that were made in another way. Not dominated: CDD (251 at 9.9)." in text


def test_contrasts_have_their_pairs_and_intervals(printed):
    text, stored = printed()
    entry = stored["problems"][0]["contrasts"][0]
    (row, *_) = [row for row in rows(text) if row[0] == "stronger"]
    assert row[1] == "2, over seeds"
    assert row[-1].startswith(f"{entry['ratio']['value']:.4g} [")


def test_all_that_was_tried(printed):
    few, stored = printed()
    all_arms, _ = printed("--tried", tried=True)
    assert len(rows(all_arms)) - len(rows(few)) == sum(
        problem["arms_tried"] - sum(arm["frontier"] for arm in problem["arms"])
        for problem in stored["problems"]
    )


def test_another_file(tmp_path):
    (tmp_path / "x.json").write_text("{}")
    with pytest.raises(InputError, match="written by another program"):
        tables.main([str(tmp_path / "x.json")])

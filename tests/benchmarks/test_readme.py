"""The README of the benchmarks says of every result which command made it, with which seeds, in what time."""

import json
import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"

if not FOLDER.is_dir():
    pytest.skip("away from the checkout there are no results", allow_module_level=True)

TEXT = (FOLDER / "README.md").read_text(encoding="utf-8")
RESULTS = sorted(
    place for place in (FOLDER / "results").glob("*.json") if "benchmark" in json.loads(place.read_text())
)
ROWS = {
    found[1]: (found[2], int(found[3]))
    for found in re.finditer(r"^\| `([\w.-]+)\.json` \|.*\| ([\d, ]+) \| (\d+) \|$", TEXT, re.MULTILINE)
}


@pytest.mark.parametrize("place", RESULTS, ids=lambda place: place.stem)
def test_every_result_has_its_command_seeds_and_time(place):
    record = json.loads(place.read_text())
    seeds = ", ".join(map(str, record["seeds"]))
    assert ROWS[place.stem] == (seeds, round(record["seconds"] / 60))
    command = re.sub(r" -o \S+", "", record["command"]).removeprefix("python -m moldiff.benchmarks.")
    assert f"\n{command}\n" in TEXT


def test_no_row_is_without_its_result():
    assert {*ROWS} == {place.stem for place in RESULTS}


def test_every_plan_is_listed():
    for place in (FOLDER / "plans").glob("*.toml"):
        assert f"| `plans/{place.name}` |" in TEXT

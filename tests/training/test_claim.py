"""A training folder belongs to one run; what a killed one left half written goes."""

import json

import pytest

from moldiff.errors import InputError
from moldiff.training.claim import claim


@pytest.fixture
def work(tmp_path):
    folder = tmp_path / "model" / "training"
    folder.mkdir(parents=True)
    return folder


def test_a_run_goes_on_with_what_it_was_started_with(work):
    claim(work, {"width": 32}, {})
    claim(work, {"width": 32, "shown": None}, {"shown": None})
    with pytest.raises(InputError, match="was started with width 32, not 64"):
        claim(work, {"width": 64}, {})
    assert json.loads((work / "recipe.json").read_text())["width"] == 32


def test_what_a_killed_run_left_half_written_is_removed(work):
    half = [
        work / ".loss-tuorj9nu.csv",
        work / ".curve-abcdefgh.csv",
        work.parent / ".model-12345678.safetensors",
    ]
    whole = [work / "loss.csv", work / "last.ckpt", work / ".loss-of-mine.csv", work.parent / ".notes"]
    for path in (*half, *whole):
        path.write_text("x")
    claim(work, {}, {})
    assert not any(path.exists() for path in half)
    assert all(path.exists() for path in whole)

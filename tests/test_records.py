import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from moldiff.records import PACKAGES, plain, versions


@dataclass
class Inner:
    figure: float
    place: Path


def test_everything_becomes_what_json_takes():
    value = {
        "inner": Inner(math.inf, Path("a") / "b"),
        1: (np.float64(0.5), np.int64(2), np.bool_(True), None),
        "array": np.array([[1.0, math.nan]]),
        "text": "é",
    }
    found = plain(value)
    assert found == {
        "inner": {"figure": None, "place": "a/b"},
        "1": [0.5, 2, True, None],
        "array": [[1.0, None]],
        "text": "é",
    }
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_versions_are_those_installed():
    found = versions()
    assert list(found) == list(PACKAGES)
    assert found["numpy"] == np.__version__


def test_a_package_that_is_not_there_is_said(monkeypatch):
    monkeypatch.setattr("moldiff.records.PACKAGES", ("no-such-package",))
    assert versions() == {"no-such-package": "not installed"}

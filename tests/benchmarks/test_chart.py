import json

import numpy as np
import pytest

from moldiff.benchmarks import chart
from moldiff.errors import InputError

SWEEP = {
    "property": "TPSA",
    "unit": "angstrom^2",
    "std": 1.0,
    "asked": [1.0, 2.0],
    "attained": [[1, 2, 9], [2, 3]],
}


def entry(sampler, steps, value, seed=0):
    interval = {"value": value, "low": value + 0.01, "high": value + 0.02, "level": 0.95}
    return {
        "sampler": sampler,
        "steps": steps,
        "seed": seed,
        "wasserstein": interval,
        "aim": {"hit_rate": interval, "novelty_table": value},
    }


ENTRIES = [
    entry("ancestral", 8, 0.3),
    entry("loop", 8, 0.2),
    entry("ancestral", 16, 0.25),
    entry("loop", 16, 0.1),
]


def test_medians_are_drawn_over_what_was_asked():
    (axes,) = chart.attained(SWEEP).axes
    lines = {line.get_label(): line.get_xydata().tolist() for line in axes.lines}
    assert lines["median"] == [[1.0, 2.0], [2.0, 2.5]]
    assert lines["as asked"] == [[1.0, 1.0], [2.0, 2.0]]
    (points, _) = axes.collections
    assert sorted(np.asarray(points.get_offsets())[:, 1].tolist()) == [1, 2, 2, 3, 9]
    assert axes.get_xlabel() == "TPSA asked for (angstrom^2)"


def test_every_sampler_has_its_curve_in_all_panels():
    panels = chart.steps([*ENTRIES, entry("loop", 16, 0.9, seed=1)]).axes
    assert len(panels) == 3
    for axes in panels:
        curves = {bars.get_label(): bars.lines[0].get_xydata().tolist() for bars in axes.containers}
        assert curves == {"ancestral": [[8, 0.3], [16, 0.25]], "loop": [[8, 0.2], [16, 0.1]]}


def test_pictures_are_written(tmp_path):
    control, steps = tmp_path / "control.json", tmp_path / "steps.json"
    control.write_text(json.dumps({"results": {"m": {"sweep": SWEEP}}}))
    steps.write_text(json.dumps({"results": {"samplers": ENTRIES}}))
    folder = tmp_path / "pictures"
    chart.main(["--controllability", str(control), "--steps", str(steps), "-o", str(folder)])
    assert sorted(path.name for path in folder.iterdir()) == ["attained.png", "steps.png"]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in folder.iterdir())
    with pytest.raises(InputError, match="no sweep"):
        chart.main(["--controllability", str(control), "--model", "other", "-o", str(folder)])
    with pytest.raises(InputError, match="result file"):
        chart.main(["-o", str(folder)])

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


def test_a_training_run_is_drawn_against_its_minutes():
    points = [{"tokens": 2e6, "training hours": 1.0, "FCD/Test": 0.4}]
    points.append({"tokens": 1e6, "training hours": 0.5, "FCD/Test": 2.0})
    (axes,) = chart.training({"curve": points, "targets": {"FCD/Test": 0.1}}).axes
    curve, target = axes.lines
    assert curve.get_xydata().tolist() == [[30.0, 2.0], [60.0, 0.4]]
    assert target.get_ydata()[0] == 0.1
    with pytest.raises(InputError, match="--curve"):
        chart.training({"curve": []})


def test_each_axis_of_throughput_has_a_panel():
    def row(axis, **changes):
        speeds = {"per_second": 10.0, "least": 8.0, "most": 11.0}
        return {"axis": axis, "length": 8, "rows": 4, "steps": 2, **speeds, **changes}

    rows = [row("length"), row("length", length=4), row("rows"), row("steps"), row("steps", steps=4)]
    panels = chart.throughput({"sweep": rows}).axes
    assert [axes.get_xlabel() for axes in panels] == ["canvas length", "rows of a chunk", "steps T"]
    found = [bars.lines[0].get_xydata().tolist() for axes in panels for bars in axes.containers]
    assert found == [[[4, 10], [8, 10]], [[4, 10]], [[2, 10], [4, 10]]]


def test_published_models_stand_beside_those_asked_for_nothing_alone():
    arms = [
        {"kind": kind, "sampler": sampler, "temperature": 1.0, "diversity": 0.8, "quality": 0.5, **strength}
        for kind, strength, samplers in (
            ("free", {}, ("ancestral", "loop")),
            ("goals", {"gamma": 2.0}, ("loop",)),
        )
        for sampler in samplers
    ]
    published = [{"model": "GenMol", "diversity": d, "quality": q} for d, q in ((0.9, 0.4), (0.8, 0.8))]
    free, goals = chart.denovo({"arms": arms, "published": published}).axes
    assert [line.get_label() for line in free.lines] == ["ancestral", "loop", "GenMol"]
    assert free.lines[2].get_xydata().tolist() == [[0.8, 0.8], [0.9, 0.4]]
    assert [line.get_label() for line in goals.lines] == ["loop"]
    assert goals.lines[0].get_color() == free.lines[1].get_color()
    assert [text.get_text() for text in goals.texts] == ["T 1, γ 2"]

import pytest

from moldiff.benchmarks import steps
from moldiff.benchmarks.steps import idle_share
from moldiff.goal_defaults import GOAL_DEFAULTS


@pytest.mark.parametrize("digits", [1, 2, 3])
@pytest.mark.parametrize("count", [1, 4, 16])
def test_idle_steps_are_as_many_as_theory_says(digits, count):
    found = idle_share(digits, count, rows=2000, seed=0, length=6)
    assert found["expected"] == (1 - 1 / count) ** (6 * digits)
    assert found["filled"] == 0
    if count == 1:
        assert found["share"] == found["expected"] == found["z"] == 0.0
    else:
        assert abs(found["z"]) < 4
        # The formula for whole tokens would be far off: the measurement can tell.
        if digits > 1:
            assert abs(found["share"] - (1 - 1 / count) ** 6) > 8 * found["standard_error"]


def test_samplers_stand_beside_ancestral(run_benchmark, prime):
    words = ["--model", prime, "-n", "16", "--chunk", "16", "--grid", "2", "4", "--aim-n", "16"]
    words += ["--samplers", "cap:eta=1/T,at=1.0", "--resamples", "20", "--idle-rows", "50", "--seeds", "1"]
    found = run_benchmark(steps, *words)["results"]
    assert [(entry["steps"], entry["sampler"]) for entry in found["samplers"]] == [
        (2, "ancestral"),
        (2, "cap:eta=1/T,at=1.0"),
        (4, "ancestral"),
        (4, "cap:eta=1/T,at=1.0"),
    ]
    ancestral, cap = found["samplers"][2:]
    assert ancestral["less_ancestral"] is None
    gap = cap["wasserstein"]["value"] - ancestral["wasserstein"]["value"]
    assert cap["less_ancestral"]["value"] == pytest.approx(gap)
    assert ancestral["costs"]["remasked_digits_per_proposal"] == 0
    assert cap["costs"]["remasked_digits_per_proposal"] > 0
    assert cap["settings"]["knobs"]["eta"] == 0.25
    assert cap["settings"]["gamma"] == 1.0
    assert cap["aim"]["settings"]["gamma"] == GOAL_DEFAULTS["bound"].gamma
    assert cap["aim"]["proposed"] == 16
    assert len(found["idle"]) == 6

import json

import pytest

from moldiff.benchmarks import training_cost


@pytest.mark.slow
def test_families_take_turns_on_the_same_batches(tmp_path, monkeypatch):
    turns = []
    turn = training_cost.Runner.turn

    def noted(self, steps):
        turns.append((self.objective.process.codec.digits, self.step, steps))
        return turn(self, steps)

    monkeypatch.setattr(training_cost.Runner, "turn", noted)
    output = tmp_path / "cost.json"
    words = [
        "--data",
        "b3db",
        "--rounds",
        "2",
        "--steps",
        "1",
        "--warm-up",
        "3",
        "--width",
        "48",
        "--no-compile",
    ]
    training_cost.main(["-o", str(output), *words])
    assert turns == [(2, 0, 3), (1, 0, 3), (2, 3, 1), (1, 3, 1), (2, 4, 1), (1, 4, 1)]
    results = json.loads(output.read_text())["results"]
    assert set(results) == {"prime", "mdlm"}
    assert results["mdlm"]["against_last"]["value"] == 1.0
    assert results["prime"]["microseconds_a_token"]["low"] > 0
    assert results["prime"]["digits"] == 2

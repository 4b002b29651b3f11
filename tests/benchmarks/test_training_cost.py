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
    training_cost.main(["-o", str(output), "--rounds", "2", "--steps", "1", "--width", "48", "--no-compile"])
    assert turns == [(2, 0, 60), (1, 0, 60), (2, 60, 1), (1, 60, 1), (2, 61, 1), (1, 61, 1)]
    results = json.loads(output.read_text())["results"]
    assert set(results) == {"prime", "mdlm"}
    assert results["mdlm"]["against_last"]["value"] == 1.0
    assert results["prime"]["microseconds_a_token"]["low"] > 0
    assert results["prime"]["digits"] == 2

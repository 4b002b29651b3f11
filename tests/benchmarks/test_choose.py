import shutil

import pandas as pd
import pytest

from moldiff.benchmarks import choose
from moldiff.benchmarks.choose import choice, extrapolated_uniqueness, summary
from moldiff.errors import InputError

WORDS = ["--gammas", "1", "2", "--temperatures", "0.5", "--properties", "QED", "--percentiles", "25"]
WORDS += ["--ranges", "rings>=1", "-n", "8", "--reported-n", "16", "--chunk", "8", "--steps", "4"]


def test_the_grid_is_filled_and_resumed(run_benchmark, prime, tmp_path, monkeypatch):
    drawn = []
    sample = choose.Model.sample

    def stop_after_four(self, n, goals, **changes):
        if len(drawn) == 4:
            raise KeyboardInterrupt
        drawn.append((n, [str(goal) for goal in goals]))
        return sample(self, n, goals, **changes)

    monkeypatch.setattr(choose.Model, "sample", stop_after_four)
    with pytest.raises(KeyboardInterrupt):
        run_benchmark(choose, "--model", prime, *WORDS)
    first = pd.read_csv(tmp_path / "out.csv")
    assert len(first) == 4
    assert not (tmp_path / "out.json").exists()

    monkeypatch.setattr(choose.Model, "sample", sample)
    found = run_benchmark(choose, "--model", prime, *WORDS)["results"]
    # One value, one pair, one range and the reported goal, at two strengths.
    assert found["cells"] == 8
    cells = pd.read_csv(tmp_path / "out.csv")
    pd.testing.assert_frame_equal(cells[:4], first)
    assert [entry["gamma"] for entry in found["grid"]] == [1.0, 2.0]
    own = cells[(cells["gamma"] == 2) & (cells["purpose"] == "choice")]
    assert found["grid"][1]["error"] == pytest.approx(own["error"].mean())
    assert set(cells["proposed"]) == {8, 16}

    monkeypatch.setattr(choose.Model, "sample", None)  # nothing is left to draw
    assert run_benchmark(choose, "--model", prime, *WORDS)["results"] == found


def test_cells_of_other_settings_are_refused(run_benchmark, prime, mdlm):
    words = [*WORDS[:1], "1", *WORDS[3:]]
    run_benchmark(choose, "--model", prime, *words)
    with pytest.raises(InputError, match="other settings"):
        run_benchmark(choose, "--model", prime, *words, "--steps", "5")
    with pytest.raises(InputError, match="another model"):
        run_benchmark(choose, "--model", mdlm, *words)


def test_samplers_are_an_axis_of_the_grid(run_benchmark, prime, tmp_path):
    words = ["--gammas", "1", *WORDS[3:], "--samplers", "ancestral", "cap:eta=0.2,at=1"]
    found = run_benchmark(choose, "--model", prime, *words)["results"]
    assert [entry["sampler"] for entry in found["grid"]] == ["ancestral", "cap:eta=0.2,at=1"]
    assert found["cells"] == 8
    cells = pd.read_csv(tmp_path / "out.csv").groupby("sampler", sort=False)["error"]
    assert cells.nunique().tolist() == [4, 4]
    assert found["grid"][0]["error"] != found["grid"][1]["error"]


def row(gamma, aim, purpose="choice", **figures):
    cell = {"sampler": "cap", "gamma": gamma, "temperature": 1.0, "aim": aim, "purpose": purpose}
    cell |= {
        "proposed": 100,
        "valid": 100,
        "unique": 100,
        "hits": 50,
        "novel_hits_training": 9,
        "novel_hits_table": 8,
    }
    cell["nfe_per_proposal"] = 20.0
    return {**cell, **figures}


def test_unless_given_the_sampler_is_the_models_own(run_benchmark, prime, tmp_path):
    own = tmp_path / "own"
    shutil.copytree(prime, own)
    (own / "preset.toml").write_text('sampler = "entropy"\n\n[knobs]\nrounds = 1\n')
    words = ["--gammas", "1", *WORDS[3:]]
    entry = run_benchmark(choose, "--model", str(own), *words)["results"]["grid"][0]
    assert entry["sampler"] == "entropy:bound=0.0,rounds=1,share=0.15,unit=digit"


def test_the_least_error_with_enough_molecules_is_chosen():
    rows = [
        row(1.0, "a", error=0.3),
        row(1.0, "b", error=0.5),
        row(2.0, "a", error=0.1, unique=90),
        row(2.0, "b", error=0.1),
        row(3.0, "a", error=0.2, hits=10),
        row(3.0, "b", error=0.4),
        # The reported goal must not decide.
        row(1.0, "rings>=4", "reported", error=0.0, hits=100),
    ]
    table = summary(rows)
    assert table["error"].tolist() == pytest.approx([0.4, 0.1, 0.3])
    assert table["hit_rate"].tolist() == pytest.approx([0.5, 0.5, 0.3])
    assert table["uniqueness"].tolist() == pytest.approx([1.0, 0.95, 1.0])
    assert table["rings>=4 hit_rate"].tolist()[0] == 1.0
    assert choice(table) == {"sampler": "cap", "gamma": 3.0, "temperature": 1.0, "enough": True}


def test_without_enough_molecules_anywhere_it_says_so():
    table = summary([row(1.0, "a", error=0.3, unique=50), row(2.0, "a", error=0.2, unique=50)])
    assert choice(table) == {"sampler": "cap", "gamma": 2.0, "temperature": 1.0, "enough": False}


def test_uniqueness_falls_with_the_size():
    assert extrapolated_uniqueness(1.0, 128, 1000) == 1.0
    assert extrapolated_uniqueness(0.99, 101, 1001) == pytest.approx(0.9)
    assert extrapolated_uniqueness(0.5, 128, 1000) == 0.0
    assert extrapolated_uniqueness(0.9, 2000, 1000) == 0.9

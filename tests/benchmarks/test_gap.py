import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from moldiff.benchmarks import gap, xtb
from moldiff.chem.goals import Goal
from moldiff.datasets import load, split
from moldiff.errors import InputError
from moldiff.sweep.sample import Sample

TRUE = dict(zip(load("qm9").smiles, load("qm9").labels["gap"], strict=True))


class Known:
    """A model that answers with training molecules of about the gap it was asked for."""

    name = "known"

    def __init__(self, name, given):
        table = load("qm9")
        self.table = table.take(split(table.smiles) == "train")
        self.generator = SimpleNamespace(targets=self.targets)

    def targets(self, goals):
        wanted = [float(text.removeprefix("gap=")) for text in goals]
        return SimpleNamespace(goals=[Goal("gap", target=each, tolerance=0.01) for each in wanted])

    def sample(self, n, goals, *, seed, label):
        wanted = float(goals[0].removeprefix("gap="))
        near = np.argsort(np.abs(self.table.labels["gap"].to_numpy() - wanted))[seed : seed + n]
        smiles = [self.table.smiles[row] for row in near]
        smiles[0] = ""
        return Sample(smiles, np.ones(n, dtype=bool), {}, {}, n, 0.0)

    def known(self):
        return {}

    def describe(self):
        return {}


@pytest.fixture
def no_xtb(monkeypatch):
    """GFN2 gaps are the true ones, halved; some molecules have none."""

    def gaps(smiles):
        return [
            xtb.Gap(0.5 * TRUE[text], "", True, 0) if text else xtb.Gap(failure=xtb.NOTHING)
            for text in smiles
        ]

    monkeypatch.setattr(gap.xtb, "gaps", gaps)
    monkeypatch.setattr(gap.xtb, "check_installed", lambda: None)
    monkeypatch.setattr(gap.xtb, "description", lambda: {"method": "half of the truth"})


def run(tmp_path, *words):
    gap.main([*words, "-n", "6", "--held-out", "5", "--resamples", "50", "-o", str(tmp_path / "gap.json")])
    return json.loads((tmp_path / "gap.json").read_text()), pd.read_csv(tmp_path / "gap.csv")


def test_goals_are_held_against_the_gaps_of_another_method(tmp_path, monkeypatch, no_xtb, tiny_predictor):
    monkeypatch.setattr(gap, "Model", Known)
    written, rows = run(tmp_path, "--predictor", str(tiny_predictor), "--seeds", "0", "1")
    results = written["results"]
    assert results["band"] == pytest.approx(0.01)
    assert [entry["seed"] for entry in results["generated"]] == [0, 1]
    known = results["held_out"]
    assert known["calculations"] == {
        "molecules": 15,
        "computed": 15,
        "failures": {},
        "not_relaxed": 0,
        "open_shell": 0,
    }
    assert known["correlations"]["true"]["value"] == pytest.approx(1.0)
    first = results["generated"][0]
    # Three goals, and molecules in the order of the goals: one but for the ties.
    own = rows[(rows["sample"] == "seed_0") & rows["gfn2"].notna()]
    expected = stats.spearmanr(own["goal"], own["gfn2"]).statistic
    assert first["correlations"]["goal"]["value"] == pytest.approx(expected, abs=1e-3)
    assert first["ratio"]["value"] == pytest.approx(expected, abs=1e-3)
    assert first["ratio"]["low"] <= first["ratio"]["value"] <= first["ratio"]["high"] + 1e-9
    assert first["calculations"]["failures"] == {xtb.NOTHING: 3}
    assert [each["goal"] for each in first["goals"]] == [0.2, 0.25, 0.3]
    middle = first["goals"][1]
    assert middle["gfn2"]["value"] == pytest.approx(0.125, abs=0.001)
    assert 0.1 < middle["predicted"]["value"] < 0.4
    assert middle["stated_error"]["value"] > 0
    assert "gap=0.25" in first["counts"]


def test_held_out_molecules_lie_in_the_bands_of_the_test_part(tmp_path, monkeypatch, no_xtb):
    monkeypatch.setattr(gap, "Model", Known)
    _, rows = run(tmp_path, "--band", "0.005")
    known = rows[rows["sample"] == "held_out"]
    assert known.groupby("goal").size().to_dict() == {0.2: 5, 0.25: 5, 0.3: 5}
    assert (known["true"] - known["goal"]).abs().max() <= 0.005
    assert set(split(list(known["smiles"]))) == {"test"}
    assert not known["smiles"].duplicated().any()
    assert [TRUE[text] for text in known["smiles"]] == pytest.approx(list(known["true"]), rel=1e-4)
    assert "predicted" not in rows


def test_a_band_without_molecules_is_refused(tmp_path, monkeypatch, no_xtb):
    monkeypatch.setattr(gap, "Model", Known)
    with pytest.raises(InputError, match=r"0 molecules with a gap of 0\.9 .* widen --band"):
        run(tmp_path, "--asked", "0.9")


def test_resamples_keep_the_number_of_every_goal():
    given = SimpleNamespace(seeds=[0], resamples=40)
    bench = object.__new__(gap.Bench)
    bench.given = given
    frame = pd.DataFrame({"goal": [0.2, 0.2, 0.3, 0.3, 0.3], "gfn2": [1.0, 2.0, 3.0, 4.0, 5.0]})
    found = bench._resampled(frame, "goal")
    # A resample of goals by themselves would sometimes have one of them only, and no correlation.
    assert len(found) == 40
    assert np.isfinite(found).all()
    assert np.ptp(found) > 0
    expected = stats.spearmanr(frame["goal"], frame["gfn2"]).statistic
    assert gap.rank_correlation(frame, "goal") == pytest.approx(expected)


def test_without_tblite_nothing_is_drawn(tmp_path, monkeypatch):
    monkeypatch.setattr(xtb, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="tblite"):
        run(tmp_path)


@pytest.mark.slow
def test_the_bundled_model_by_xtb(tmp_path, tiny_predictor):
    pytest.importorskip("tblite", reason="GFN2-xTB is computed by tblite, an extra")
    written, rows = run(tmp_path, "--steps", "8", "--predictor", str(tiny_predictor))
    (entry,) = written["results"]["generated"]
    assert entry["calculations"]["molecules"] == 18
    assert entry["calculations"]["computed"] > 9
    assert written["results"]["held_out"]["correlations"]["true"]["value"] > 0.3
    assert written["xtb"]["tblite"]
    assert len(rows) == 33

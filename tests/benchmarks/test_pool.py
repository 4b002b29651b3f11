"""Seeds that were drawn apart are pooled as if they had been drawn together."""

import numpy as np
import pandas as pd
import pytest

from moldiff.benchmarks import pool
from moldiff.errors import InputError
from moldiff.sweep.figures import FIGURES

ARMS = ({"model": "a", "gamma": 1.0}, {"model": "a", "gamma": 2.0}, {"model": "b", "gamma": np.nan})


def part(values, seeds, arms=ARMS):
    """Return the table of a sweep whose arms have some values, (arms, seeds) for each figure."""
    rows = []
    for arm, drawn in zip(arms, values, strict=False):
        row = {**arm, "seeds": " ".join(str(seed) for seed in seeds), "frontier": True}
        for name in FIGURES:
            row[name] = np.mean(drawn)
            if len(seeds) > 1:
                row[f"{name}_sd"] = np.std(drawn, ddof=1)
        rows.append(row)
    return pd.DataFrame(rows)


@pytest.fixture
def values():
    """Return figures of three arms on five seeds."""
    return np.random.default_rng(0).normal(100.0, 10.0, size=(3, 5))


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_parts_give_what_all_seeds_give(values, cut):
    seeds = list(range(5))
    found = pool.pool([part(values[:, :cut], seeds[:cut]), part(values[:, cut:], seeds[cut:])])
    whole = part(values, seeds)
    assert list(found["seeds"]) == ["0 1 2 3 4"] * 3
    assert list(found["model"]) == list(whole["model"])
    for name in FIGURES:
        np.testing.assert_allclose(found[name], whole[name], rtol=1e-12)
        np.testing.assert_allclose(found[f"{name}_sd"], whole[f"{name}_sd"], rtol=1e-12)


def test_an_arm_of_one_part_stays_as_it_is(values):
    found = pool.pool([part(values[:, :3], [0, 1, 2]), part(values[:1, 3:], [3, 4])])
    assert list(found["seeds"]) == ["0 1 2 3 4", "0 1 2", "0 1 2"]
    assert found["novel"][1] == pytest.approx(values[1, :3].mean())
    assert found["novel_sd"][1] == pytest.approx(values[1, :3].std(ddof=1))


def test_a_single_seed_has_no_deviation(values):
    found = pool.pool([part(values[:, :1], [7])])
    assert found["novel_sd"].isna().all()


def test_a_seed_counts_once(values):
    with pytest.raises(InputError, match="seed 2 of an arm stands in two parts"):
        pool.pool([part(values[:, :3], [0, 1, 2]), part(values[:, 2:], [2, 3, 4])])


def test_other_tables_are_refused():
    with pytest.raises(InputError, match="without column 'valid'"):
        pool.pool([pd.DataFrame({"seeds": ["0"]})])


def test_command(values, tmp_path, capsys):
    places = [tmp_path / "one.csv", tmp_path / "two.csv"]
    part(values[:, :3], [0, 1, 2]).to_csv(places[0], index=False)
    part(values[:, 3:], [3, 4]).to_csv(places[1], index=False)
    pool.main([*map(str, places), "-o", str(tmp_path / "all.csv")])
    assert "3 arms written" in capsys.readouterr().out
    found = pd.read_csv(tmp_path / "all.csv")
    assert found["novel"].to_numpy() == pytest.approx(values.mean(1), rel=1e-5)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.csv cannot be read"):
        pool.main([str(tmp_path / "none.csv"), "-o", str(tmp_path / "all.csv")])

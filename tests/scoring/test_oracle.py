"""Each distinct molecule is scored once, within the budget, and kept on disk."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moldiff.errors import InputError
from moldiff.scoring.oracle import USED_UP, Oracle
from moldiff.scoring.scorers import Similarity


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "cache" / "moldiff" / "scores"


class Recorder:
    """A scorer that remembers what it was asked."""

    def __init__(self, factor=1.0):
        self.factor, self.batches = factor, []

    def __call__(self, smiles):
        self.batches.append(list(smiles))
        return [self.factor * len(text) for text in smiles]

    @property
    def asked(self):
        return [text for batch in self.batches for text in batch]


def lengths(smiles):
    return [len(text) for text in smiles]


def here(scorer, **keywords):
    return Oracle(scorer, **{"workers": 0, "cache": False, **keywords})


# Once each


def test_the_same_molecule_is_asked_about_once_however_it_is_written():
    scorer = Recorder()
    oracle = here(scorer)
    assert oracle(["OCC", "CCO", "C(O)C", "C1=CC=CC=C1"]).tolist() == [3.0, 3.0, 3.0, 8.0]
    assert oracle(["CCO", "c1ccccc1", "C"]).tolist() == [3.0, 8.0, 1.0]
    assert scorer.asked == ["CCO", "c1ccccc1", "C"]
    assert list(oracle.scores) == scorer.asked
    assert oracle.calls == oracle.asked == 3


def test_what_is_no_molecule_costs_nothing():
    scorer = Recorder()
    oracle = here(scorer, oracle_calls=1)
    assert np.isnan(oracle(["", "C1CC", "no"])).all()
    assert scorer.asked == []
    assert oracle.left == 1
    assert oracle.reason("C1CC") == "no molecule"


def test_batches_are_no_larger_than_asked():
    scorer = Recorder()
    here(scorer, batch=3)(["C" * n for n in range(1, 9)])
    assert [len(batch) for batch in scorer.batches] == [3, 3, 2]


def test_nothing_asked_is_nothing_answered():
    assert here(Recorder())([]).shape == (0,)


# The budget

chains = st.integers(1, 30).map(lambda n: "C" * n)


@given(calls=st.integers(1, 20), asks=st.lists(st.lists(chains, max_size=12), max_size=6))
def test_the_budget_is_never_exceeded_and_the_first_come_first(calls, asks):
    scorer = Recorder()
    oracle = here(scorer, oracle_calls=calls, batch=4)
    answers = [oracle(smiles) for smiles in asks]
    in_order = list(dict.fromkeys(text for smiles in asks for text in smiles))
    assert scorer.asked == in_order[:calls], "each once, in order, no more than the budget"
    assert oracle.left == calls - len(scorer.asked)
    known = set(scorer.asked)
    for smiles, found in zip(asks, answers, strict=True):
        expected = [float(len(text)) if text in known else math.nan for text in smiles]
        assert np.array_equal(found, expected, equal_nan=True)


def test_a_molecule_that_comes_too_late_is_told_and_not_remembered():
    oracle = here(Recorder(), oracle_calls=1)
    oracle(["C", "N"])
    assert oracle.reason("N") == USED_UP
    assert oracle.reason("C") == ""
    assert list(oracle.scores) == ["C"]
    assert oracle.summary() == {
        "scorer": "Recorder",
        "oracle_calls": 1,
        "budget": 1,
        "asked": 1,
        "failed": 0,
        "reasons": {},
    }


def test_failures_count_towards_the_budget_and_are_not_asked_about_again():
    asked = []

    def fails(smiles):
        asked.extend(smiles)
        return [math.nan for _ in smiles]

    oracle = here(fails, oracle_calls=3)
    for _ in range(2):
        assert np.isnan(oracle(["C", "N", "O", "F"])).all()
    assert asked == ["C", "N", "O"]
    assert oracle.left == 0
    assert oracle.summary()["failed"] == 3


# The disk

SCORES = """
log = []
def lengths(smiles):
    with open("log.txt", "a") as log:
        log.write("".join(text + "\\n" for text in smiles))
    return [{} * len(text) for text in smiles]
"""


def logged(folder):
    path = folder / "log.txt"
    return path.read_text().split() if path.exists() else []


def test_scores_are_kept_for_later_runs(tmp_path, cache):
    (tmp_path / "mine.py").write_text(SCORES.format(1.0))
    with Oracle("mine:lengths") as oracle:
        assert oracle(["CCO", "C"]).tolist() == [3.0, 1.0]
    with Oracle("mine:lengths", workers=2) as oracle:
        assert oracle(["C", "CC", "CCO"]).tolist() == [1.0, 2.0, 3.0]
        assert oracle.asked == 1
        assert list(oracle.scores) == ["C", "CC", "CCO"]
    assert logged(tmp_path) == ["CCO", "C", "CC"]
    assert len(list(cache.glob("*/*.json"))) == 2


def test_scores_from_disk_count_towards_the_budget():
    """So that a run draws the same molecules, whether or not their scores are known."""
    here(lengths, cache=True)(["C", "CC"])
    again = here(lengths, cache=True, oracle_calls=2)
    assert np.array_equal(again(["C", "N", "CC"]), [1.0, 1.0, math.nan], equal_nan=True)
    assert (again.calls, again.asked) == (2, 1)


def test_a_scorer_that_was_edited_is_asked_anew(tmp_path):
    for factor in (1.0, 2.0):
        (tmp_path / "mine.py").write_text(SCORES.format(factor))
        with Oracle("mine:lengths") as oracle:
            assert oracle(["CCO"]).tolist() == [3.0 * factor]
    assert logged(tmp_path) == ["CCO", "CCO"]


def test_functions_are_told_apart_by_what_they_captured(cache):
    def scaled(factor):
        return lambda smiles: [factor * len(text) for text in smiles]

    for factor in (1.0, 2.0, 1.0):
        assert here(scaled(factor), cache=True)(["CC"]).tolist() == [2.0 * factor]
    assert len(list(cache.iterdir())) == 2
    assert here(Recorder(3.0), cache=True)(["CC"]).tolist() == [6.0]
    assert here(Recorder(4.0), cache=True)(["CC"]).tolist() == [8.0]


def test_failures_are_not_kept_on_disk():
    def sometimes(smiles, working=False):
        return [1.0 if working else math.nan for _ in smiles]

    here(sometimes, cache=True)(["C"])
    oracle = here(sometimes, cache=True)
    oracle(["C"])
    assert oracle.asked == 1


def test_a_folder_of_ones_own_and_none_at_all(tmp_path, cache):
    here(Recorder(), cache=tmp_path / "kept")(["C"])
    here(Recorder(), cache=False)(["C"])
    assert not cache.exists()
    assert len(list((tmp_path / "kept").glob("*/*.json"))) == 1


def test_built_in_scorers_leave_nothing_on_disk(cache):
    oracle = Oracle(Similarity("CCO"))
    assert oracle(["OCC"]).tolist() == [1.0]
    assert not cache.exists()


def test_damaged_files_are_passed_over(tmp_path):
    here(lengths, cache=tmp_path)(["C"])
    [path] = tmp_path.glob("*/*.json")
    for name, text in (("a", '{"C": 9'), ("b", '[["C", 9]]'), ("c", '{"N": "text"}'), ("d", "\x00")):
        path.with_name(f"{name}.json").write_text(text)
    path.with_name(".part.json").write_text('{"CC": 9.0}')
    oracle = here(lengths, cache=tmp_path)
    assert oracle(["C", "N", "CC"]).tolist() == [1.0, 1.0, 2.0]
    assert oracle.asked == 2


def test_a_cache_that_cannot_be_written_costs_a_warning_only(tmp_path):
    (tmp_path / "file").write_text("")
    oracle = here(Recorder(), cache=tmp_path / "file")
    with pytest.warns(UserWarning, match="scores are not cached"):
        assert oracle(["C"]).tolist() == [1.0]


def test_numbers_survive_the_disk_to_the_last_digit(tmp_path):
    values = [0.1, 1 / 3, 1e-300, -1.7976931348623157e308]

    def scorer(smiles):
        return [values[len(text) - 1] for text in smiles]

    smiles = ["C" * n for n in range(1, 5)]
    here(scorer, cache=tmp_path)(smiles)
    [path] = tmp_path.glob("*/*.json")
    assert list(json.loads(path.read_text()).values()) == values
    assert here(scorer, cache=tmp_path)(smiles).tolist() == values


# Processes


def test_functions_of_the_session_run_in_processes():
    factor = 2.0
    with Oracle(lambda smiles: [factor * len(text) for text in smiles], workers=2, batch=2) as oracle:
        smiles = ["C" * n for n in range(1, 12)]
        assert oracle(smiles).tolist() == [2.0 * n for n in range(1, 12)]
        assert list(oracle.scores) == smiles


def test_small_calls_are_shared_by_all_workers(tmp_path):
    (tmp_path / "who.py").write_text("import os\ndef pid(smiles):\n    return [os.getpid()] * len(smiles)\n")
    with Oracle("who:pid", workers=2, batch=64, cache=False) as oracle:
        pids = [set(oracle(["C" * n for n in range(k, k + 6)])) for k in range(1, 60, 6)]
    assert max(map(len, pids)) == 2


def test_closing_ends_the_processes_and_asking_starts_them_again():
    oracle = Oracle(lambda smiles: [1.0 for _ in smiles], cache=False)
    oracle(["C"])
    first = oracle._pool.staff[0]._process
    oracle.close()
    assert first.poll() is not None
    assert oracle(["CC"]).tolist() == [1.0]
    oracle.close()


# Misuse


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"oracle_calls": 0}, "oracle_calls must be a whole number from 1 to 1,000,000,000, got 0"),
        ({"oracle_calls": 1.5}, "oracle_calls must be a whole number"),
        ({"workers": -1}, "workers must be a whole number from 0 to 256, got -1"),
        ({"batch": 0}, "batch must be a whole number from 1"),
        ({"retries": True}, "retries must be a whole number"),
        ({"timeout": 0.0}, "timeout must be a number of seconds above 0, got 0"),
        ({"timeout": float("nan")}, "timeout must be a number of seconds above 0, got nan"),
    ],
)
def test_settings_out_of_range_are_refused(setting, message):
    with pytest.raises(InputError, match=message):
        Oracle("no_such_module:score", **setting)

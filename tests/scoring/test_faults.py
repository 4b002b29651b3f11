"""Whatever a scorer does, every other molecule is scored, and the fault is told by molecule."""

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from moldiff.errors import InputError
from moldiff.scoring import process as scorer_process
from moldiff.scoring.oracle import Oracle
from moldiff.scoring.pool import PATIENCE

BAD = "N#N"
GOOD = ["C", "CC", "CCC", "CCCC"]
MOLECULES = [*GOOD[:2], BAD, *GOOD[2:]]

SCORES = f"""
import contextlib, os, signal, subprocess, sys, time
import numpy as np

def lengths(smiles):
    return [float(len(text)) for text in smiles]

def with_bad(answer):
    return lambda smiles: [answer if text == {BAD!r} else float(len(text)) for text in smiles]

gives_nan, gives_infinity, gives_none = with_bad(float("nan")), with_bad(float("inf")), with_bad(None)
gives_text, gives_complex, gives_list = with_bad("1.5"), with_bad(1j), with_bad([1.0, 2.0])

def on_bad(action):
    def scorer(smiles):
        if {BAD!r} in smiles:
            action()
        return lengths(smiles)
    return scorer

def fail():
    raise ValueError("nothing\\nknown of nitrogen")

def interrupt():
    raise KeyboardInterrupt

def leave():
    sys.exit(3)

def fork():
    os.fork()

def fork_and_stay():
    if os.fork() == 0:
        time.sleep(1000)

def fork_and_leave():
    if os.fork():
        os._exit(5)

def last_words():
    print("out of licences", flush=True)
    os._exit(7)

class Unshown(Exception):
    def __str__(self):
        raise RuntimeError

def fail_unshown():
    raise Unshown

raises, raises_unshown, interrupts, exits = map(on_bad, (fail, fail_unshown, interrupt, leave))
ends, hangs = on_bad(lambda: os._exit(9)), on_bad(lambda: time.sleep(1000))
is_killed = on_bad(lambda: os.kill(os.getpid(), signal.SIGKILL))
says_why = on_bad(last_words)
busy = on_bad(lambda: [None for _ in iter(int, 1)])
forks, leaves_a_child, swaps_places = map(on_bad, (fork, fork_and_stay, fork_and_leave))
too_few = lambda smiles: lengths(smiles)[: None if {BAD!r} not in smiles else -1]
too_many = lambda smiles: lengths(smiles) + [0.0] * ({BAD!r} in smiles)
endless = lambda smiles: iter(float, 1.0) if {BAD!r} in smiles else lengths(smiles)
whole_text = lambda smiles: "x" * len(smiles) if {BAD!r} in smiles else lengths(smiles)
no_list = lambda smiles: 1.0 if {BAD!r} in smiles else lengths(smiles)
nothing = lambda smiles: None if {BAD!r} in smiles else lengths(smiles)

def prints(smiles):
    print("scoring", len(smiles))
    print("warning", file=sys.stderr)
    os.write(1, b"from below\\n")
    subprocess.run(["echo", "from a child"])
    return lengths(smiles)

def reads(smiles):
    return [len(text) + len(sys.stdin.read()) for text in smiles]

def closes(smiles):
    sys.stdout = None
    for number in (0, 1, 2):
        with contextlib.suppress(OSError):
            os.close(number)
    return lengths(smiles)

def always_hangs(smiles):
    time.sleep(1000)

def array(smiles):
    return np.array(lengths(smiles), dtype=np.float32)

def bools(smiles):
    return (len(text) > 2 for text in smiles)

def column(smiles):
    return np.array(lengths(smiles))[:, None]

class Scores:
    attribute = 3.0
    @staticmethod
    def method(smiles):
        return lengths(smiles)

seen = []
def flaky(smiles):
    seen.append(smiles)
    if len(seen) < 3:
        raise OSError("busy")
    return lengths(smiles)
"""

EXPECTED = {
    "gives_nan": "the scorer gave nan",
    "gives_infinity": "the scorer gave inf",
    "gives_none": "the scorer gave None",
    "gives_text": "the scorer gave the text '1.5'",
    "gives_complex": "the scorer gave an object of type complex",
    "gives_list": "the scorer gave an object of type list",
    "raises": "the scorer raised ValueError: nothing known of nitrogen",
    "raises_unshown": "the scorer raised Unshown: (Unshown that cannot be shown)",
    "exits": "the scorer raised SystemExit: 3",
    "interrupts": "the process of the scorer ended (",
    "ends": "the process of the scorer ended (exit status 9)",
    "is_killed": "the process of the scorer ended (signal SIGKILL)",
    "says_why": "the process of the scorer ended (exit status 7); it last printed 'out of licences'",
    "hangs": "the scorer took more than 1 s",
    "busy": "the scorer took more than 1 s",
    "too_few": "the scorer gave 0 values for 1 molecules",
    "too_many": "the scorer gave more than 1 values for 1 molecules",
    "endless": "the scorer gave more than 1 values for 1 molecules",
    "whole_text": "the scorer gave the text 'x' for 1 molecules: expected a list of numbers",
    "no_list": "the scorer gave an object of type float for 1 molecules: expected a list of numbers",
    "nothing": "the scorer gave None for 1 molecules: expected a list of numbers",
    "swaps_places": "the process of the scorer ended (exit status 5)",
}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    (tmp_path / "my_scores.py").write_text(SCORES)
    (tmp_path / "broken.py").write_text("import nowhere_to_be_found\n")
    (tmp_path / "failing.py").write_text("raise RuntimeError('no key')\n")
    (tmp_path / "ending.py").write_text("import os\nos._exit(4)\n")
    (tmp_path / "hanging.py").write_text("import time\ntime.sleep(1000)\n")
    (tmp_path / "forking.py").write_text(
        "import os\nos.fork()\ndef score(smiles):\n    return [1] * len(smiles)\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


def oracle(name, **keywords):
    return Oracle(f"my_scores:{name}", **{"timeout": 1.0, "retries": 0, "cache": False, **keywords})


@pytest.mark.parametrize("fault", EXPECTED)
def test_one_bad_molecule_does_not_take_the_others_along(fault, capfd):
    with oracle(fault) as scorer:
        found = scorer(MOLECULES)
        again = scorer(MOLECULES)
    assert np.array_equal(found, [1.0, 2.0, np.nan, 3.0, 4.0], equal_nan=True)
    assert np.array_equal(found, again, equal_nan=True)
    assert scorer.reasons.keys() == {BAD}
    assert scorer.reason(BAD).startswith(EXPECTED[fault])
    assert scorer.calls == 5, "a molecule that failed was scored, too"
    assert capfd.readouterr() == ("", ""), "nothing of it reaches the screen"


@pytest.mark.parametrize("harmless", ["forks", "leaves_a_child", "prints", "reads", "closes"])
def test_what_is_odd_but_harmless_is_survived_without_a_fault(harmless, capfd):
    with oracle(harmless, timeout=20.0) as scorer:
        assert scorer(MOLECULES).tolist() == [1.0, 2.0, 3.0, 3.0, 4.0]
        assert scorer(["CCCCC"]).tolist() == [5.0]
    assert not scorer.reasons
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("kind", ["array", "column", "bools", "Scores.method"])
def test_numbers_come_in_many_forms(kind):
    expected = [0.0, 0.0, 1.0, 1.0, 1.0] if kind == "bools" else [1.0, 2.0, 3.0, 3.0, 4.0]
    with oracle(kind) as scorer:
        assert scorer(MOLECULES).tolist() == expected


def test_children_of_the_scorer_end_with_it(folder):
    with oracle("leaves_a_child") as scorer:
        scorer(MOLECULES)
        group = scorer._pool.staff[0]._process.pid
        os.killpg(group, 0)
    wait_until_gone(group)


def wait_until_gone(group):
    for _ in range(100):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    raise AssertionError("a process of the scorer is still there")


def test_a_scorer_that_always_hangs_is_given_up_after_a_few_molecules(monkeypatch):
    started = time.perf_counter()
    with oracle("always_hangs", timeout=0.3) as scorer:
        found = scorer(["C" * n for n in range(1, 40)])
    assert np.isnan(found).all()
    assert len(scorer.reasons) == 39
    assert time.perf_counter() - started < (1 + PATIENCE) * 0.3 + 15
    assert scorer.asked == 39


def test_a_failure_is_tried_again_as_often_as_asked():
    with oracle("flaky", retries=1) as scorer:
        assert np.isnan(scorer(["C"])).all()
    with oracle("flaky", retries=2) as scorer:
        assert scorer(["C"]).tolist() == [1.0]


def test_workers_share_the_batches_and_survive_alone():
    with oracle("ends", workers=2, batch=2) as scorer:
        found = scorer([*MOLECULES, *("C" * n for n in range(5, 12))])
        assert np.isnan(found[2])
        assert np.array_equal(np.delete(found, 2), [*range(1, 12)])
        assert list(scorer.scores)[:3] == ["C", "CC", BAD], "in the order of asking"
        assert sum(each._process is not None for each in scorer._pool.staff) >= 1


def test_a_scorer_in_this_process_is_survived_as_far_as_it_can_be(folder, capsys, monkeypatch):
    monkeypatch.delitem(sys.modules, "my_scores", raising=False)
    monkeypatch.setattr(sys, "path", list(sys.path))
    for fault in ("raises", "exits", "gives_text", "too_few"):
        with oracle(fault, workers=0) as scorer:
            assert np.array_equal(scorer(MOLECULES), [1.0, 2.0, np.nan, 3.0, 4.0], equal_nan=True)
            assert scorer.reason(BAD).startswith(EXPECTED[fault])
    with pytest.raises(KeyboardInterrupt):
        oracle("interrupts", workers=0)(MOLECULES)
    with pytest.raises(InputError, match="has no function 'length': did you mean 'lengths'"):
        oracle("length", workers=0)
    print("still here")
    assert capsys.readouterr().out == "still here\n"


# Scorers that cannot be loaded


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("my_score:lengths", r"no module 'my_score' is in the working folder .* did you mean 'my_scores'\?"),
        ("zzz.qq:f", "no module 'zzz.qq' is in the working folder .* or installed; known: broken"),
        ("my_scores:length", r"module 'my_scores' has no function 'length': did you mean 'lengths'\?"),
        ("my_scores:Scores.metod", r"has no function 'Scores.metod': did you mean 'method'\?"),
        ("my_scores:seen", "seen is no function but an object of type list"),
        ("my_scores:Scores.attribute", "Scores.attribute is no function but an object of type float"),
        ("broken:f", "module 'broken' cannot be imported .ModuleNotFoundError: No module named 'nowhere"),
        ("failing:f", "module 'failing' cannot be imported .RuntimeError: no key"),
        ("ending:f", r"cannot be loaded: the process of the scorer ended \(exit status 4\)"),
        ("hanging:f", "cannot be loaded: the scorer took more than 0.5 s"),
    ],
)
def test_a_scorer_that_cannot_be_loaded_is_told_before_anything_runs(name, message, monkeypatch, capfd):
    if name == "hanging:f":
        monkeypatch.setattr(scorer_process, "LOADING", 0.5)
    with pytest.raises(InputError, match=f"scorer '{name}'.*{message}"):
        Oracle(name)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "text", ["", "lengths", "my_scores.lengths", "my_scores:", ":f", "my scores:f", "a:b:c"]
)
def test_a_name_of_another_form_is_refused(text):
    with pytest.raises(InputError, match=r"expected package\.module:function, such as my_scores:potency"):
        Oracle(text)


def test_a_module_that_forks_while_it_is_imported_is_loaded_once():
    with Oracle("forking:score", cache=False) as scorer:
        assert scorer(GOOD).tolist() == [1.0] * 4


def test_what_is_no_function_or_cannot_be_sent_is_refused():
    with pytest.raises(InputError, match=r"a scorer is a function .* got an object of type int"):
        Oracle(3)
    lock = threading.Lock()
    with pytest.raises(InputError, match="cannot be sent to a process"):
        Oracle(lambda smiles: [lock.locked() for _ in smiles])
    assert Oracle(lambda smiles: [lock.locked() for _ in smiles], workers=0)(["C"]).tolist() == [0.0]


def test_a_scorer_that_was_changed_for_the_worse_is_survived(folder):
    with oracle("ends", retries=0) as scorer:
        (folder / "my_scores.py").write_text("nothing = 1\n")
        found = scorer([BAD, "C"])
        assert np.isnan(found).all()
        assert "has no function 'ends'" in scorer.reason("C")


# Ends of the tool itself

MASTER = """
import signal, sys
from moldiff.scoring.oracle import Oracle
# A shell that starts things in the background has them ignore Ctrl-C, and children inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
oracle = Oracle("slow_scores:slow", batch=5, cache=sys.argv[1], timeout=600)
print(oracle._pool.staff[0]._process.pid, flush=True)
oracle(["C" * n for n in range(1, 61)])
"""
SLOW = """
import time
def slow(smiles):
    with open("log.txt", "a") as log:
        log.write("".join(text + "\\n" for text in smiles))
    time.sleep(0.2)
    return [len(text) for text in smiles]
"""


@pytest.mark.slow
@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGINT], ids=["kill", "Ctrl-C"])
def test_a_killed_run_leaves_whole_scores_and_no_process(sign, folder):
    """What was scored in whole batches is not scored again; at most the batch under way is."""
    (folder / "slow_scores.py").write_text(SLOW)
    cache = folder / "kept"
    master = subprocess.Popen(
        [sys.executable, "-c", MASTER, str(cache)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    worker = int(master.stdout.readline())
    while len(list(cache.glob("*/[!.]*.json"))) < 3:
        time.sleep(0.02)
    master.send_signal(sign)
    master.wait()
    master.stdout.close()
    wait_until_gone(worker)
    before = (folder / "log.txt").read_text().split()
    assert len(before) < 60
    kept = sum(len(path.read_text().split(",")) for path in cache.glob("*/[!.]*.json"))
    with Oracle("slow_scores:slow", batch=60, cache=cache) as scorer:
        assert scorer(["C" * n for n in range(1, 61)]).tolist() == list(range(1, 61))
        assert scorer.asked == 60 - kept
    after = (folder / "log.txt").read_text().split()
    assert len(after) - len(before) == 60 - kept
    assert len(after) <= 60 + 5, "more than the batch under way was scored twice"


def test_an_interrupted_call_does_not_mix_up_answers(folder, monkeypatch):
    with oracle("lengths", timeout=30.0) as scorer:
        process = scorer._pool.staff[0]
        real = process._lines.get

        class Interrupted:
            def get(self, timeout):
                process._lines = plain
                real(timeout=timeout)
                raise KeyboardInterrupt

        plain, process._lines = process._lines, Interrupted()
        with pytest.raises(KeyboardInterrupt):
            scorer(["C", "CC"])
        assert scorer(["CCC", "CCCC"]).tolist() == [3.0, 4.0]

"""What every test relies on."""

import os
import sys
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent

# `python -m pytest` in the checkout puts its root first on the path, where `datasets` and `guidance` would
# hide the packages that own these names, and the checkout would hide an installed moldiff. Placed last, the
# checkout serves only when nothing is installed. Before it comes tests/, for `toy` and `toy_checks`.
_elsewhere = [place for place in sys.path if Path(place or os.curdir).resolve() != ROOT]
sys.path[:] = [*_elsewhere, str(ROOT / "tests"), str(ROOT)]

# The networks of the tests are so small that a second thread waits more than it works; read when torch is
# imported, and by the processes that tests start.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# The same examples in every run, and no limit on the time of one: a red suite is to mean a fault in the code,
# not a busy machine.
settings.register_profile("moldiff", deadline=None, derandomize=True)
settings.load_profile("moldiff")


QUIET = {"compiled": False, "progress": False, "accelerator": "cpu", "precision": "fp32"}


def some_of_qm9():
    """Return 3,269 molecules of QM9."""
    from moldiff.datasets import load

    table = load("qm9")
    return table.take(range(0, len(table), 40))


@pytest.fixture
def fake_activations(monkeypatch):
    """Molecules as ChemNet might see them, in the protocols: noise that the length of a SMILES determines."""
    import numpy as np

    def fake(smiles, *, device="cpu"):
        rows = [np.random.default_rng(len(name)).normal(size=512) for name in smiles]
        return np.array(rows, dtype=np.float32).reshape(-1, 512)

    monkeypatch.setattr("moldiff.protocols.reference_set.activations", fake)
    return fake


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory):
    """The folder of a model trained for seconds on 3,269 molecules of QM9: logP, rings, mu (not measured)."""
    from moldiff.training.recipe import Recipe

    folder = tmp_path_factory.mktemp("models") / "tiny"
    recipe = Recipe(width=32, depth=1, heads=1, condition_width=32, tokens=1.5e5, batch_tokens=1024)
    recipe.train(some_of_qm9(), ["logP", "rings", "mu"], folder, **QUIET)
    return folder


@pytest.fixture(scope="session")
def tiny_predictor(tiny_model, tmp_path_factory):
    """The folder of a predictor for that model, of the same molecules: logP, rings, mu, and gap besides."""
    from moldiff.training.predicting import PredictorRecipe
    from moldiff.training.prepare import prepare

    table, folder = some_of_qm9(), tmp_path_factory.mktemp("predictors") / "tiny"
    sizes = {"width": 32, "depth": 1, "heads": 1, "condition_width": 16, "tokens": 2e5}
    recipe = PredictorRecipe(model=str(tiny_model), lr=0.02, **sizes)
    names = ["logP", "rings", "mu", "gap"]
    prepared = prepare(table, names, like=recipe.notation, batch_tokens=1024)
    recipe.train(prepared, table, folder, command="moldiff train", **QUIET)
    return folder


@pytest.fixture
def processes(monkeypatch):
    """The processes that a test starts, such as those of scorers."""
    import subprocess

    started = []

    class Listed(subprocess.Popen):
        def __init__(self, *words, **keywords):
            super().__init__(*words, **keywords)
            started.append(self)

    monkeypatch.setattr(subprocess, "Popen", Listed)
    return started


MY_SCORES = '''
import os, time

def lengths(smiles):
    """Score by the length of the text, and write down who was asked."""
    with open("asked.txt", "a") as file:
        file.writelines(text + "\\n" for text in smiles)
    return [float(len(text)) for text in smiles]

def nothing(smiles):
    return [None for _ in smiles]

def hangs(smiles):
    time.sleep(1000)

def texts(smiles):
    return ["high" for _ in smiles]

def prints(smiles):
    print("scoring", len(smiles))
    os.system("echo from a child; echo warning >&2")
    return [float(len(text)) for text in smiles]

def forks(smiles):
    if os.fork() == 0:
        time.sleep(0.1)
    return [float(len(text)) for text in smiles]

def picky(smiles):
    """Score chains; rings make it fail in many ways, which depend on the molecule."""
    found = []
    for text in smiles:
        rings = text.count("1") + text.count("2")
        if "N" in text and "O" in text:
            raise ValueError("nothing known of both")
        found.append(("high" if "O" in text else float("nan")) if rings else float(len(text)))
    return found[1:] if smiles[0].startswith("CN") else found

not_a_function = 3
'''


@pytest.fixture
def my_scores(tmp_path, monkeypatch):
    """A working folder of its own with scorers in my_scores.py; returns what ``lengths`` was asked."""
    from moldiff.scoring import oracle

    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_scores.py").write_text(MY_SCORES)
    monkeypatch.setattr(oracle, "cache_folder", lambda: tmp_path / "cache")

    def asked():
        book = tmp_path / "asked.txt"
        return book.read_text().splitlines() if book.exists() else []

    return asked


@pytest.fixture(scope="session")
def moses_data():
    """The data of MOSES as its wheel holds it, where somebody unpacked it: MOLDIFF_MOSES names the folder."""
    place = os.environ.get("MOLDIFF_MOSES")
    if not place:
        pytest.skip("MOLDIFF_MOSES does not name the folder of the MOSES data (test.csv.gz, test_stats.npz)")
    return Path(place)

import numpy as np
import pytest

from moldiff.chem.properties import measure
from moldiff.chem.statistics import PropertyStatistics
from moldiff.datasets import load, split
from moldiff.errors import InputError
from moldiff.sweep import problem as module
from moldiff.sweep.problem import NEAR, Problem, Reference


@pytest.mark.parametrize(
    ("goals", "axis"),
    [
        (["rings>3"], ("mean_novel", 1)),
        (["max QED"], ("mean_novel", 1)),
        (["min SA"], ("mean_novel", -1)),
        (["rings<=2"], ("mean_novel", -1)),
        (["logP=1.5"], ("error_novel", -1)),
        (["1<=logP<=2"], ("error_novel", -1)),
        (["rings>3", "max QED"], ("error_novel", -1)),
    ],
)
def test_the_axis_follows_from_the_goals(goals, axis):
    assert Problem("p", tuple(goals)).axis == axis


def test_what_is_judged_may_differ_from_what_is_asked():
    found = Problem("rings", ("rings_top=top",), ("rings>3",), "qm9")
    assert (found.quantity, found.measured) == ("rings", ["rings", "heavy_atoms", "logP", "QED", "TPSA"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("p", ()), "asks for nothing"),
        (("p", ("rings",)), "goal 'rings'"),
        (("p", ("gap=0.2",)), "judged by what RDKit measures, and 'gap' is not among it"),
        (("p", ("ring>=3",)), "did you mean 'rings'"),
        (("p", ("rings>=3",), (), "qm8"), "unknown table 'qm8': did you mean 'qm9'"),
    ],
)
def test_problems_that_cannot_be_judged_are_refused(words, message):
    with pytest.raises(InputError, match=message):
        Problem(*words)


@pytest.fixture
def small(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    table = load("qm9").take(range(0, 130_000, 200))
    monkeypatch.setattr(module, "load", lambda name: table)
    return table


def test_the_reference_is_the_training_part_of_the_table(small):
    found = Reference.of_table(Problem("rings", ("rings>3",)), "qm9")
    train = [text for text, part in zip(small.smiles, split(small.smiles), strict=True) if part == "train"]
    rings = measure(train, ["rings"])["rings"]
    assert found.average == pytest.approx(rings.mean())
    assert found.class_average == pytest.approx(rings[rings > 3].mean())
    members = measure([text for text, number in zip(train, rings, strict=True) if number > 3], NEAR)
    assert np.array_equal(found.members.to_numpy(), members.to_numpy())
    # Molecules that were held out are known, too.
    assert found.known.contains(small.smiles).all()


def test_the_average_of_a_value_is_its_error(small):
    found = Reference.of_table(Problem("logP", ("logP=1",)), "qm9")
    train = [text for text, part in zip(small.smiles, split(small.smiles), strict=True) if part == "train"]
    values = measure(train, ["logP"])["logP"]
    assert found.average == pytest.approx((values - 1).abs().mean() / values.std(ddof=0))
    assert found.class_average < 0.25 < found.average


def test_large_classes_are_held_against_some_of_their_members(small, monkeypatch):
    monkeypatch.setattr(module, "MEMBERS", 20)
    found = Reference.of_table(Problem("rings", ("rings>=1",)), "qm9")
    assert 15 <= len(found.members) <= 20


def test_a_model_tells_what_it_remembers():
    rings = PropertyStatistics.from_values("rings", [1, 2, 3], "1", "by hand")
    found = Reference.of_model(Problem("p", ("rings>=2",)), set(), {"rings": rings})
    assert (found.average, found.members) == (2.0, None)
    assert np.isnan(Reference.of_model(Problem("p", ("rings=2",)), set(), {"rings": rings}).average)
    with pytest.raises(InputError, match="knows nothing of 'logP' in training: name the table"):
        Reference.of_model(Problem("p", ("logP=2",)), set(), {"rings": rings})

import pytest

from moldiff.errors import InputError
from moldiff.sweep.contrast import Contrast
from moldiff.sweep.plan import Grid, Plan
from moldiff.sweep.plan_file import read_plan
from moldiff.sweep.problem import Problem

WHOLE = """
n = 64
seeds = [0, 1]
fresh_seeds = [5]
least_novel = 7
precision = "fp32"

[[problem]]
name = "rings"
ask = ["rings_top=top"]
aim = "rings>3"
table = "qm9"

[[problem]]
name = "QED"
ask = "max QED"

[[published]]
problem = "rings"
name = "theirs"
novel = 432
mean = 4.84
source = "a paper"

[[contrast]]
name = "strength"
arms = { gamma = 2, model = ["a", "b"] }
against = { gamma = 1 }

[[grid]]
model = ["a", "b"]
gamma = [1, 2]
steps = 8

[[grid]]
model = "a"
problem = "QED"
gamma = [2, 3]
steps = 8
n = 16
seeds = 4
"""


@pytest.fixture
def write(tmp_path):
    def plan(text):
        (tmp_path / "plan.toml").write_text(text)
        return tmp_path / "plan.toml"

    return plan


def test_a_whole_file(write):
    plan = read_plan(write(WHOLE))
    assert (plan.least_novel, plan.precision, plan.fresh_seeds) == (7, "fp32", [5])
    assert plan.problems["rings"] == Problem("rings", ("rings_top=top",), ("rings>3",), "qm9")
    assert plan.published[0].mean == 4.84
    assert plan.contrasts[0] == Contrast("strength", {"gamma": 2, "model": ["a", "b"]}, {"gamma": 1})
    cells = list(plan.cells())
    # Two models, problems, strengths and seeds; and one arm more, for the other is in the first grid as well.
    assert len(plan.arms) == 9
    assert len(cells) == 2 * 8 + 1
    assert {(cell.n, cell.seed) for cell in cells} == {(64, 0), (64, 1), (16, 4)}
    assert {cell.precision for cell in cells} == {"fp32"}
    last = list(plan.arms.values())[-1][0]
    assert (last.label, last.problem) == ("a gamma=3 steps=8", "QED")


def test_the_first_seed_of_all_arms_comes_first(write):
    seeds = [cell.seed for cell in read_plan(write(WHOLE)).cells() if cell.n == 64]
    assert seeds == [0] * 8 + [1] * 8


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("least_novel", "least_nowel", "unknown key of a plan 'least_nowel': did you mean 'least_novel'"),
        ("gamma = [1, 2]", "gama = [1, 2]", "unknown key of a grid 'gama': did you mean 'gamma'"),
        ("gamma = [1, 2]", "gamma = []", "the grid is empty: gamma has no value"),
        ("gamma = [1, 2]", "gamma = [1, -2]", "gamma must be a number from 0"),
        ("aim =", "aimed =", "unknown key of a \\[\\[problem\\]\\] 'aimed'"),
        ('ask = "max QED"', "", "a \\[\\[problem\\]\\] lacks .*'ask'"),
        ('name = "QED"', 'name = "rings"', "two problems are called 'rings'"),
        ('problem = "QED"', 'problem = "QEDs"', "unknown problem 'QEDs': did you mean 'QED'"),
        ('problem = "rings"\nname = "theirs"', 'problem = "ring"\nname = "theirs"', "unknown problem 'ring'"),
        ("fresh_seeds = [5]", "fresh_seeds = [1]", "1 is among both"),
        ("seeds = [0, 1]", "seeds = [0, 0]", "seeds are to differ"),
        ("seeds = [0, 1]", "seeds = [0.5]", "seeds are whole numbers"),
        ("n = 64", "n = 0", "n must be a whole number of at least 1"),
        ("[[grid]]", "[[gird]]", "unknown key of a plan 'gird': did you mean 'grid'"),
        ("[[published]]", "[published]", "'published' must be tables"),
        ("against = { gamma = 1 }", "against = { gama = 1 }", "key of contrast 'strength' 'gama': did you"),
        ("against = { gamma = 1 }", "against = { gamma = 9 }", "contrast 'strength': no arm has"),
        ("against = { gamma = 1 }", "", "a \\[\\[contrast\\]\\] lacks .*'against'"),
        ("least_novel = 7", 'compiled = "no"', "compiled must be true or false, got 'no'"),
        ("n = 64", "n = ", "expected a TOML file"),
    ],
)
def test_files_that_say_something_else_are_refused(write, old, new, message):
    assert old in WHOLE
    with pytest.raises(InputError, match=message) as refused:
        read_plan(write(WHOLE.replace(old, new)))
    assert "plan.toml" in str(refused.value)


def test_results_of_others_in_a_file_of_their_own(write, tmp_path):
    theirs = '[[published]]\nproblem = "{}"\nname = "more"\nnovel = 9\nmean = 5\nsource = "a paper"\n'
    (tmp_path / "theirs.toml").write_text(theirs.format("rings") + theirs.format("a problem of another plan"))
    plan = read_plan(write('published_file = "theirs.toml"\n' + WHOLE))
    assert [entry.name for entry in plan.published] == ["theirs", "more"]
    (tmp_path / "theirs.toml").write_text("n = 3\n")
    with pytest.raises(InputError, match=r"unknown key of theirs\.toml 'n'"):
        read_plan(write('published_file = "theirs.toml"\n' + WHOLE))
    with pytest.raises(InputError, match=r"plan\.toml: .*none\.toml"):
        read_plan(write('published_file = "none.toml"\n' + WHOLE))


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match=r"cannot read .*none.toml: No such file"):
        read_plan(tmp_path / "none.toml")


def test_a_plan_without_arms_or_with_an_idle_problem():
    rings, qed = Problem("rings", ("rings>=2",)), Problem("QED", ("max QED",))
    with pytest.raises(InputError, match="nothing to measure"):
        Plan({"rings": rings}, [])
    with pytest.raises(InputError, match="no grid is for the problem 'QED'"):
        Plan({"rings": rings, "QED": qed}, [Grid({}, ["rings"])])

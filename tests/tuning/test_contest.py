import numpy as np
import pytest
from tuning_checks import RINGS, made_up, make_task

from moldiff.errors import InputError
from moldiff.metrics import paired_difference_interval
from moldiff.sweep import running
from moldiff.sweep.problem import Problem
from moldiff.tuning.contest import Comparison, Contest

WINNER = {"gamma": 4.0, "temperature": 0.6, "sampler": "cap:eta=0.1"}
LOGP = Problem("logP=1", ("logP=1",))


@pytest.fixture
def drawn(monkeypatch):
    cells = []

    def measure(cell):
        cells.append(cell)
        return made_up(cell)

    monkeypatch.setattr(running, "measure_cell", measure)
    return cells


def test_both_are_drawn_with_the_same_fresh_seeds(drawn, tmp_path):
    first, second = Contest(make_task(), {}, (LOGP,), (7, 8, 9)).compare(WINNER, tmp_path)
    assert {cell.seed for cell in drawn} == {7, 8, 9}
    assert len(drawn) == 12
    assert (first.problem, first.tuned, second.problem, second.tuned) == (RINGS, True, LOGP, False)
    found = first.difference("novel_hits")
    assert found == paired_difference_interval(first.winner["novel_hits"], first.base["novel_hits"])
    assert found.low > 20
    assert first.winner["novel_hits"].tolist() == [
        made_up(cell)["novel_hits"] for cell in drawn if cell.problem == RINGS and cell.arm.settings
    ]


def test_it_goes_on_after_what_is_drawn(drawn, tmp_path):
    contest = Contest(make_task(), {}, (), (7, 8))
    before = contest.compare(WINNER, tmp_path)
    count = len(drawn)
    after = contest.compare(WINNER, tmp_path)
    assert len(drawn) == count
    assert after[0].winner["novel_hits"] == pytest.approx(before[0].winner["novel_hits"], rel=1e-5)
    with pytest.raises(InputError, match="another model"):
        Contest(make_task(digest="other"), {}, (), (7, 8)).compare(WINNER, tmp_path)


def test_an_area_is_compared_over_the_strengths(drawn, tmp_path):
    task = make_task(sweeps=True, objectives=("hypervolume",), average=2.0)
    found = Contest(task, {"gamma": 2.0}, (LOGP,), (7, 8)).compare({"temperature": 0.6}, tmp_path)
    assert [cell.arm.settings["gamma"] for cell in drawn[:3]] == [1.0, 2.0, 3.0]
    assert found[0].difference("hypervolume").value == pytest.approx(0)
    assert "hypervolume" not in found[1].winner


@pytest.mark.parametrize(
    ("seeds", "message"), [((0, 7), "0 is among both"), ((7,), "two fresh seeds"), ((7, 7), "to differ")]
)
def test_seeds_that_tell_nothing_are_refused(seeds, message):
    with pytest.raises(InputError, match=message):
        Contest(make_task(), {}, (), seeds)


def test_a_figure_that_is_not_there_has_no_interval():
    values = {"diversity": np.array([0.5, np.nan])}
    found = Comparison(RINGS, True, values, {"diversity": np.array([0.5, 0.4])}).difference("diversity")
    assert np.isnan([found.value, found.low, found.high]).all()

import pytest
from sweep_checks import made_up

from moldiff.sweep.cells import Cells
from moldiff.sweep.halving import affordable, promising, run_within
from moldiff.sweep.plan import Grid, Plan
from moldiff.sweep.running import run


@pytest.fixture
def store(tmp_path):
    found = Cells(tmp_path, {})
    found.prepare()
    return found


def test_finished_cells_are_not_drawn_again(plan, store, drawn):
    cells, seen = list(plan().cells()), []
    store.add(cells[1], made_up(cells[1]))
    run(cells, store, watch=seen.append)
    assert drawn == [cells[0], *cells[2:]]
    assert len(seen) == len(cells)
    assert Cells(store.folder, {}).get(cells[-1])["novel"] == made_up(cells[-1])["novel"]


def test_nothing_is_begun_after_the_time(plan, store, drawn):
    run(plan().cells(), store, until=0.0)
    assert drawn == []


def test_an_error_keeps_what_is_finished(plan, store, monkeypatch):
    from moldiff.sweep import running

    cells = list(plan().cells())

    def measure(cell):
        if cell == cells[2]:
            raise MemoryError("no more")
        return made_up(cell)

    monkeypatch.setattr(running, "measure_cell", measure)
    with pytest.raises(MemoryError):
        run(cells, store)
    again = Cells(store.folder, {})
    assert [again.get(cell) is not None for cell in cells[:3]] == [True, True, False]


def test_a_budget_goes_to_the_promising_arms(plan, store, drawn):
    wanted = plan(gammas=(1.0, 2.0, 3.0, 4.0), seeds=(0, 1), n=512)
    run_within(wanted, store, seconds=1e6)
    looks = [(cell.arm.settings["gamma"], cell.n, cell.seed) for cell in drawn]
    # A few proposals of all, then two of four in full, then one of two on the second seed.
    assert looks[:4] == [(gamma, 256, 0) for gamma in (1.0, 2.0, 3.0, 4.0)]
    assert looks[4:6] == [(1.0, 512, 0), (2.0, 512, 0)]
    assert looks[6:] == [(1.0, 512, 1)]


def test_a_small_budget_goes_to_fewer(plan, store, drawn, monkeypatch):
    from moldiff.sweep import halving

    clock = iter(range(1000))
    monkeypatch.setattr(halving.time, "monotonic", lambda: float(next(clock)))
    wanted = plan(gammas=(1.0, 2.0, 3.0, 4.0), n=512)
    # A full sample takes 5.12 s: half of the 8 s left are not enough for two.
    run_within(wanted, store, seconds=10.0)
    assert next((cell.arm.settings["gamma"], cell.n, cell.seed) for cell in drawn[4:]) == (1.0, 512, 0)
    assert sum(cell.n == 512 and cell.seed == 0 for cell in drawn) == 1


def test_what_a_share_covers():
    assert affordable({"a": 5.0, "b": 1.0}, 1.0) == ["a"]
    assert affordable({}, 1.0) == []


def test_better_arms_come_first_and_those_without_a_figure_last(plan, store):
    cells = list(plan(gammas=(1.0, 2.0, 3.0, 4.0), seeds=(0,)).cells())
    # The third is dominated by the second, the fourth has no novel molecule to take a mean of.
    for cell, novel, mean in zip(cells, (400, 300, 200, 0), (4.0, 5.0, 4.5, float("nan")), strict=True):
        store.add(cell, {**made_up(cell), "novel": novel, "mean_novel": mean})
    looks = {cell.arm.key: cell for cell in reversed(cells)}
    found = [looks[key].arm.settings["gamma"] for key in promising(looks, store)]
    assert sorted(found[:2]) == [1.0, 2.0]
    assert found[2:] == [3.0, 4.0]


def test_every_model_has_its_better_half(plan, store):
    """A model that another beats everywhere has a frontier as well."""
    grid = Grid({"model": ["qm9", "qm9-prime"], "gamma": [1.0, 2.0]}, ["rings"], 512, [0])
    cells = list(Plan(plan().problems, [grid]).cells())
    figures = {("qm9", 1.0): (400, 5.0), ("qm9", 2.0): (300, 4.0)}
    figures |= {("qm9-prime", 1.0): (200, 3.0), ("qm9-prime", 2.0): (100, 2.0)}
    for cell in cells:
        novel, mean = figures[cell.arm.model, cell.arm.settings["gamma"]]
        store.add(cell, {**made_up(cell), "novel": novel, "mean_novel": mean})
    found = promising({cell.arm.key: cell for cell in cells}, store)
    better = {cell.arm.model for cell in cells if cell.arm.key in found[:2]}
    assert better == {"qm9", "qm9-prime"}
    assert all('"gamma": 1.0' in key for key in found[:2])

"""Batches that are functions of (seed, step), and the conditions that training shows."""

import numpy as np
import pytest
import torch
import toy_checks as checks

from moldiff.training.data import ResidentTokens
from moldiff.training.dropping import drop_conditions


def molecules(lengths, seed=0):
    rng = np.random.default_rng(seed)
    ids = [rng.integers(1, 20, size=n).astype(np.uint8) for n in lengths]
    return ids, np.arange(len(ids), dtype=np.float64)[:, None]  # y is the row number: it tells who is who


def resident(lengths, **keywords):
    ids, y = molecules(lengths)
    return ResidentTokens(ids, y, **{"step": 4, "batch_tokens": 64, **keywords})


MIXED = [1, 3, 4, 7, 8, 11] * 11 + [0]


def test_batches_are_functions_of_seed_and_step():
    first, again, other = resident(MIXED), resident(MIXED), resident(MIXED, seed=1)
    steps = range(3 * first.batches_per_epoch)
    batches = [first.batch(step) for step in steps]
    for step in [*reversed(steps), 5, 0, 40]:
        x0, y = again.batch(step)
        assert torch.equal(x0, batches[step % len(steps)][0] if step < len(steps) else first.batch(step)[0])
        assert torch.equal(y, first.batch(step)[1])
    assert any(not torch.equal(other.batch(step)[1], batches[step][1]) for step in steps)
    epoch = first.batches_per_epoch
    assert any(not torch.equal(batches[i][1], batches[i + epoch][1]) for i in range(epoch))


def test_batches_hold_the_molecules():
    data, (ids, _) = resident(MIXED), molecules(MIXED)
    for step in range(data.batches_per_epoch):
        x0, y = data.batch(step)
        assert x0.dtype == torch.int64
        assert y.dtype == torch.float32
        assert len(x0) == data.rows_per_batch(x0.shape[1])
        for row, number in zip(x0, y[:, 0].long().tolist(), strict=True):
            n = len(ids[number])
            assert row.shape[0] == (n // 4 + 1) * 4
            assert row[:n].tolist() == ids[number].tolist()
            assert not row[n:].any()


def test_full_groups_show_every_molecule_once_an_epoch():
    data = resident([2] * 64 + [5] * 24)  # batches of 16 and of 8 rows
    assert data.batches_per_epoch == 4 + 3
    for epoch in range(2):
        steps = range(epoch * 7, epoch * 7 + 7)
        seen = torch.cat([data.batch(step)[1][:, 0] for step in steps]).long()
        assert sorted(seen.tolist()) == list(range(88))


def test_other_groups_are_filled_up():
    data = resident([2] * 37 + [5] * 3)
    seen = torch.cat([data.batch(step)[1][:, 0] for step in range(data.batches_per_epoch)]).long()
    counts = torch.bincount(seen, minlength=40)
    assert counts[:37].sum() == 48
    assert set(counts[:37].tolist()) == {1, 2}
    assert counts[37:].tolist() == [3, 3, 2] or sorted(counts[37:].tolist()) == [2, 3, 3]


def test_nothing_to_train_on_is_refused():
    with pytest.raises(ValueError, match="at least one"):
        ResidentTokens([], np.empty((0, 1)), step=4)
    with pytest.raises(ValueError, match="as many rows of y"):
        ResidentTokens(molecules([3, 3])[0], np.empty((1, 1)), step=4)


@pytest.mark.parametrize("count", [1, 2, 4])
def test_conditions_are_dropped_by_their_law(count):
    """Subsets by brute force: none .1, one .4, two .2, three .1, else a number uniform on 0..P."""
    rows = 40000
    shown = ~drop_conditions(torch.zeros(rows, count), torch.Generator().manual_seed(0)).isnan()
    sizes = np.zeros(count + 1)
    for size, chance in [
        (0, 0.1),
        (1, 0.4),
        (2, 0.2),
        (3, 0.1),
        *((s, 0.2 / (count + 1)) for s in range(count + 1)),
    ]:
        sizes[min(size, count)] += chance
    subsets = np.array(list(np.ndindex((2,) * count)))
    number = subsets.sum(1)
    law = sizes[number] / np.bincount(number)[number]
    drawn = shown.long().numpy() @ 2 ** np.arange(count)[::-1]
    checks.assert_drawn_from(drawn, law, "subsets of conditions")


def test_how_many_conditions_are_shown_can_be_said():
    y = torch.zeros(40000, 2)
    shown = ~drop_conditions(y, torch.Generator().manual_seed(0), (0.15, 0.7, 0.15)).isnan()
    drawn = (shown[:, 0] * 2 + shown[:, 1]).numpy()
    checks.assert_drawn_from(drawn, np.array([0.15, 0.35, 0.35, 0.15]), "subsets of two conditions")


def test_emphasis_orders_what_is_shown():
    """The law of two of three drawn one after another without replacement, in proportion to 1, 1 and 2."""
    y, emphasis = torch.zeros(40000, 3), (1.0, 1.0, 2.0)
    shown = ~drop_conditions(y, torch.Generator().manual_seed(0), (0.0, 0.5, 0.5), emphasis).isnan()
    drawn = shown.long().numpy() @ np.array([4, 2, 1])
    one = {4: 1 / 4, 2: 1 / 4, 1: 1 / 2}
    two = {6: 2 * (1 / 4) * (1 / 3), 5: (1 / 4) * (2 / 3) + (1 / 2) * (1 / 2)}
    law = np.zeros(8)
    for subset, chance in (one | two | {3: two[5]}).items():
        law[subset] = chance / 2
    checks.assert_drawn_from(drawn, law, "subsets by emphasis")


def test_equal_emphasis_changes_nothing():
    y = torch.zeros(500, 4)
    plain = drop_conditions(y, torch.Generator().manual_seed(0))
    assert torch.equal(
        plain.isnan(), drop_conditions(y, torch.Generator().manual_seed(0), emphasis=[3.0] * 4).isnan()
    )


def test_missing_labels_stay_missing_and_given_ones_keep_their_value():
    y = torch.randn(2000, 4, generator=torch.Generator().manual_seed(1))
    y[::2, 1] = torch.nan
    kept = drop_conditions(y, torch.Generator().manual_seed(0))
    assert bool(kept[::2, 1].isnan().all())
    given = ~kept.isnan()
    assert torch.equal(kept[given], y[given])
    assert torch.equal(kept.isnan(), drop_conditions(y, torch.Generator().manual_seed(0)).isnan())


def test_models_without_properties_have_nothing_to_drop():
    assert drop_conditions(torch.empty(3, 0), torch.Generator()).shape == (3, 0)

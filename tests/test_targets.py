import math

import numpy as np
import pytest
import torch

from moldiff.chem.goals import Goal
from moldiff.chem.statistics import PropertyStatistics
from moldiff.diffusion.canvas import CanvasLaw
from moldiff.errors import InputError
from moldiff.targets import NEAREST, plan_targets

NAMES = ["logP", "rings", "QED", "mu"]


def rows(n=400):
    draw = np.random.default_rng(0)
    rings = draw.integers(0, 6, n)
    # logP is bound to rings, so that values from two rows can be told from the values of one.
    logp = rings + draw.integers(0, 2, n) / 2
    mu = np.where(np.arange(n) % 2 == 0, np.nan, 4.0)
    return np.stack([logp, rings, draw.integers(1, 64, n) / 64, mu], 1)


VALUES = rows()
STATISTICS = {
    name: PropertyStatistics.from_values(name, VALUES[:, i], "1", "by hand", name == "rings")
    for i, name in enumerate(NAMES)
}


def law(values=VALUES):
    count = len(values)
    return CanvasLaw(
        torch.tensor([8]), torch.tensor([count]), torch.from_numpy(values), torch.full((count,), 8)
    )


def plan(*texts, values=VALUES, reach=None):
    return plan_targets([Goal.parse(text) for text in texts], STATISTICS, law(values), reach=reach)


def drawn(*texts, **options):
    return plan(*texts, **options).draw(500, torch.Generator().manual_seed(0)).double().numpy()


def test_no_goal_asks_for_nothing():
    assert np.isnan(drawn()).all()


def test_a_value_is_asked_for_as_it_is_and_nothing_else():
    y = drawn("logP=1.3")
    np.testing.assert_allclose(y[:, 0], 1.3, rtol=1e-6)
    assert np.isnan(y[:, 1:]).all()


def test_a_range_takes_values_that_occur_in_it():
    y = drawn("rings>=4")
    assert set(y[:, 1]) == {4.0, 5.0}
    assert np.isnan(y[:, [0, 2, 3]]).all()


def test_ranges_come_together_from_one_row():
    y = drawn("rings>=2", "logP<=4")
    assert len(np.unique(y[:, 1])) > 1
    assert set(map(tuple, y[:, :2])) <= set(map(tuple, VALUES[:, :2]))
    # Columns drawn apart would give pairs such as (5 rings, logP 2) that no row has.
    assert (np.abs(y[:, 0] - y[:, 1]) <= 0.5).all()


def test_rows_meet_value_goals_too():
    y = drawn("logP=3.0±0.1", "rings>=1")
    assert (y[:, 0] == 3.0).all()
    assert set(y[:, 1]) == {3.0}


@pytest.mark.parametrize(("text", "sign"), [("max QED", 1), ("min QED", -1)])
def test_max_and_min_ask_beyond_the_percentile(text, sign):
    y, far = drawn(text), drawn(text, reach=0.99)
    threshold = STATISTICS["QED"].quantiles["0.95" if sign > 0 else "0.05"]
    assert (sign * (y[:, 2] - threshold) >= -1e-6).all()
    limit = np.quantile(VALUES[:, 2], 0.99 if sign > 0 else 0.01)
    assert (sign * (far[:, 2] - limit) >= -1e-6).all()
    assert sign * far[:, 2].mean() > sign * y[:, 2].mean()


def test_reach_changes_what_is_asked_and_not_what_counts_as_hit():
    near, far = plan("max QED"), plan("max QED", reach=0.99)
    assert near.goals == far.goals


@pytest.mark.parametrize("reach", [0.4, 1.0, math.nan])
def test_reach_out_of_range(reach):
    with pytest.raises(InputError, match="reach must be a quantile"):
        plan("max QED", reach=reach)


def test_reach_without_effect_is_said():
    assert plan("rings>=2", reach=0.9).notes == [
        "reach changes max and min goals that are conditions only, and there is none"
    ]


def test_goals_that_no_row_meets_take_the_nearest_clipped_and_say_so():
    targets = plan("rings>=5", "logP<=2")
    assert len(targets.rows) == NEAREST
    assert any("none of the 400" in note and "nearest" in note for note in targets.notes)
    y = targets.draw(200, torch.Generator().manual_seed(0))
    assert (y[:, 1] >= 5).all()
    assert (y[:, 0] <= 2).all()


def test_rows_without_a_value_stand_for_nothing():
    assert not np.isnan(drawn("mu>=3", "rings>=0")[:, 3]).any()
    sparse = VALUES.copy()
    sparse[3:, 3] = np.nan
    targets = plan("mu>=9", values=sparse)
    assert len(targets.rows) == 1  # row 1 alone has a mu
    assert targets.rows[0, 3] == 9.0


def test_goals_on_properties_that_no_row_has_together():
    apart = VALUES.copy()
    apart[np.isnan(apart[:, 3]), 0] = 1.0
    apart[~np.isnan(apart[:, 3]), 0] = np.nan
    with pytest.raises(InputError, match="no training molecule has values of 'mu' and 'logP' together"):
        plan("mu>=3", "logP>=0", values=apart)


def test_a_property_without_any_kept_value():
    empty = VALUES.copy()
    empty[:, 3] = np.nan
    with pytest.raises(InputError, match="keeps no training value of 'mu'"):
        plan("max mu", values=empty, reach=0.9)
    assert plan("mu=3", values=empty).fixed[3] == 3.0


def test_a_goal_outside_training_is_said():
    assert plan("logP=50").notes == ["logP=50±" + str(plan("logP=50").goals[0]).split("±")[1] + NOTE]


def test_a_class_is_asked_for_by_its_place():
    statistics = dict(STATISTICS)
    statistics["rings"] = PropertyStatistics.from_values(
        "rings", VALUES[:, 1], "class", "by hand", classes=list("abcdef")
    )
    goals = [Goal.parse("rings=c"), Goal.parse("logP>=0")]
    targets = plan_targets(goals, statistics, law())
    y = targets.draw(50, torch.Generator().manual_seed(0))
    assert (y[:, 1] == 2.0).all()
    # The other values come from rows of that class alone.
    assert set(y[:, 0].tolist()) == {2.0, 2.5}
    with pytest.raises(InputError, match="rings is a class: expected rings=a or rings=b"):
        plan_targets([Goal.parse("rings>=2")], statistics, law())


NOTE = f" lies outside the training values of logP, {VALUES[:, 0].min():.4g} to {VALUES[:, 0].max():.4g}"


def test_untrained_property_names_the_way_out():
    with pytest.raises(
        InputError, match=r"not trained on 'TPSA'.*moldiff train --property TPSA.*knows logP, rings"
    ):
        plan("TPSA<=20")


def test_unknown_property_names_the_nearest():
    with pytest.raises(InputError, match="unknown property 'qqed': did you mean 'QED'"):
        plan("max qqed")


def test_two_goals_on_one_property():
    with pytest.raises(InputError, match="two goals on 'logP': write one interval"):
        plan("logP>=1", "logP<=2")

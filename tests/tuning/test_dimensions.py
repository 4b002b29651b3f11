import optuna
import pytest

from moldiff.errors import InputError
from moldiff.tuning.dimensions import Choices, Numbers


@pytest.mark.parametrize(
    ("dimension", "value"),
    [
        (Numbers(0, 6), [4, 1]),
        (Numbers(0, 6), [1, 2, 3]),
        (Numbers(0, 6), "much"),
        (Numbers(0, 6), [1, True]),
        (Numbers(0, 6), [0, float("inf")]),
        (Numbers(0.1, 6, log=True), [0, 1]),
        (Choices((16, 32)), []),
        (Choices((16, 32)), [32, 32]),
        (Choices((16, 32)), [32, 64.0]),
        (Choices((16, 32)), [True]),
        (Choices(("cap", "loop")), [3]),
    ],
)
def test_what_is_no_range_or_list_is_refused(dimension, value):
    with pytest.raises(InputError, match="expected a"):
        dimension.narrowed(value)


def test_steps_stay_where_they_fit():
    assert Numbers(0, 6, step=0.25).narrowed([1, 4]).step == 0.25
    assert Numbers(0, 6, step=0.25).narrowed([1, 4.1]).step is None


def test_a_value_that_is_kept_is_not_searched():
    trial = optuna.trial.FixedTrial({})
    assert Numbers(0, 6).narrowed(2).asked(trial, "gamma") == 2.0
    assert Choices((16, 32)).narrowed(32).asked(trial, "steps") == 32


def test_numbers_get_four_digits():
    assert Numbers(0, 1).asked(optuna.trial.FixedTrial({"at": 0.123456}), "at") == 0.1235

"""When a trial is given up: as soon as its first seeds are too far behind to be chance."""

from __future__ import annotations

import numpy as np
from optuna import Study
from optuna.pruners import BasePruner
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

LEAST = 8
"""Finished trials before any is given up: from fewer, nobody knows how much seeds differ."""

MARGIN = 2.0
"""Standard errors that a trial may be behind."""


class SpreadPruner(BasePruner):
    """Give a trial up whose mean so far is further behind the best than seeds explain.

    How much the figure of one arm differs between seeds is pooled over all finished trials, which makes it
    known well after a few of them although each has two or three seeds. A trial is given up if its mean
    over k seeds is more than ``MARGIN`` standard errors, s * sqrt(1/k + 1/K), behind the best trial with K
    seeds that keeps all limits. A rank test cannot do this: Wilcoxon's least p is 1/4 among two pairs and
    1/8 among three.

    Example:
        >>> import optuna
        >>> def finished(*values):
        ...     return optuna.create_trial(value=sum(values) / 3, intermediate_values=dict(enumerate(values)))
        >>> optuna.logging.set_verbosity(optuna.logging.WARNING)
        >>> study = optuna.create_study(direction="maximize", pruner=SpreadPruner())
        >>> study.add_trials([finished(9, 10, 11)] * 8)
        >>> trial = study.ask()
        >>> trial.report(8.5, 0); trial.should_prune()
        False
        >>> trial.report(6.5, 1); trial.should_prune()
        True
    """

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        """Tell whether to give a trial up."""
        sign = 1 if study.direction == StudyDirection.MAXIMIZE else -1
        finished = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        allowed = [entry for entry in finished if all(value <= 0 for value in entry.constraints.values())]
        if len(finished) < LEAST or not allowed or not trial.intermediate_values:
            return False
        mean, count = max((sign * _values(entry).mean(), len(_values(entry))) for entry in allowed)
        mine = _values(trial)
        error = _spread(finished) * np.sqrt(1 / len(mine) + 1 / count)
        return bool(mean - sign * mine.mean() > MARGIN * error)


def _values(trial: FrozenTrial) -> np.ndarray:
    return np.array(list(trial.intermediate_values.values()), dtype=np.float64)


def _spread(trials: list[FrozenTrial]) -> float:
    """Return the pooled standard deviation over seeds."""
    found = [_values(trial) for trial in trials if len(trial.intermediate_values) > 1]
    freedom = sum(len(values) - 1 for values in found)
    squares = sum(float(((values - values.mean()) ** 2).sum()) for values in found)
    return float(np.sqrt(squares / freedom)) if freedom else float("inf")

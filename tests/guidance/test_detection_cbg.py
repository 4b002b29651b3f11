"""The checks of classifier guidance find what they are there to find: each formula against its wrong twin."""

import guidance_checks as checks
import pytest
import torch
import wrong_twins
from guidance_checks import ONE, PAIR
from toy import PRIME

from moldiff.diffusion import Transition
from moldiff.guidance import ClassifierBased, FirstOrder, PredictedGoal, Substitution, evidence

RISE = Transition(0.6, 0.3, 0.4, 0.7, remask=False)


# Checks


def law():
    checks.check_masked(PRIME, 2.0)


def law_over_cfg():
    checks.check_masked(PRIME, 2.0, base_gamma=2.5)


def seen_digits():
    checks.check_seen(PRIME)


def temperature():
    checks.check_temperature(PRIME)


def top_k():
    checks.check_top_k(PRIME, 2)


def first_order():
    checks.check_first_order(PRIME)


def slopes():
    checks.check_slopes(PRIME)


def uniform():
    checks.check_uniform(PAIR, 2.0, RISE)


def uniform_chain():
    checks.check_uniform_chain(ONE, 3)


def left_to_right():
    checks.check_left_to_right(PRIME)


def site_by_site():
    checks.check_site_by_site(PRIME)


def impossible():
    checks.check_impossible(PRIME)


def impossible_slope():
    checks.check_impossible(PRIME, FirstOrder)


def counts():
    checks.check_counts(PRIME)


# Twins


def tilted(patch, change):
    """Replace the tilt of the revealed laws (M, C): change(laws, evidence, gamma, step)."""

    def call(self, step):
        found = self.base(step).clone()
        at = step.plan.reveals
        found[at] = change(found[at], self.evidence(step, found[at]), self.gamma, step)
        return found.nan_to_num(-1e9, neginf=-1e9)

    patch.setattr(ClassifierBased, "__call__", call)


def gamma_on_the_base_too(patch):
    tilted(patch, lambda laws, found, gamma, step: (gamma * (laws + found)).log_softmax(-1))


def not_normalised(patch):
    tilted(patch, lambda laws, found, gamma, step: laws + gamma * found)


def temperature_of_the_predictor(patch):
    def change(laws, found, gamma, step):
        return (laws + gamma / step.temperature * found).log_softmax(-1)

    tilted(patch, change)


def all_tokens_where_there_is_no_hope(patch):
    def change(laws, found, gamma, step):
        return (laws + gamma * found).clamp_min(-1e9).log_softmax(-1)

    tilted(patch, change)


def one_step_of_softmax_in_the_digits(patch):
    """Evidence of the first digit alone, as where digits are guided one by one."""

    def change(laws, found, gamma, step):
        first = step.process.codec.codes[:, 0]
        same = first[:, None] == first
        shared = found[:, None].masked_fill(~same, -torch.inf).logsumexp(-1) - same.sum(-1).log()
        return (laws + gamma * shared).log_softmax(-1)

    tilted(patch, change)


def base_left_out(patch):
    right = ClassifierBased.__init__
    patch.setattr(
        ClassifierBased, "__init__", lambda self, found, gamma, base=None: right(self, found, gamma)
    )


def answer(patch, change):
    right = PredictedGoal.log_prob
    patch.setattr(PredictedGoal, "log_prob", lambda self, w, visible, t: right(self, *change(w, visible), t))


def what_is_seen_is_not_said(patch):
    answer(patch, lambda w, visible: (w, torch.zeros_like(visible)))


def positions_turned_round(patch):
    answer(patch, lambda w, visible: (w.flip(1), visible.flip(1)))


def probability_for_its_logarithm(patch):
    right = PredictedGoal.log_prob
    patch.setattr(PredictedGoal, "log_prob", lambda self, *given: right(self, *given).exp())


def time_before_the_step(patch):
    patch.setattr(evidence, "reached", lambda step, w: w.new_full((len(w),), step.transition.t))


def evidenced(patch, kind, change):
    right = kind.__call__
    patch.setattr(
        kind, "__call__", lambda self, step, laws: change(self, laws, right(self, step, laws), step)
    )


def evidence_of_another_position(patch):
    evidenced(patch, Substitution, lambda self, laws, found, step: found.flip(0))


def the_rest_keeps_its_base_law(patch):
    evidenced(patch, Substitution, lambda self, laws, found, step: found.masked_fill(found.isinf(), 0.0))


def slope_of_the_other_sign(patch):
    evidenced(patch, FirstOrder, lambda self, laws, found, step: -found)


def slope_from_nought(patch):
    """g_v alone: the same law, but no longer an estimate of log p."""
    evidenced(patch, FirstOrder, lambda self, laws, found, step: found - found.mean(-1, keepdim=True))


def hope_without_end(patch):
    evidenced(patch, FirstOrder, lambda self, laws, found, step: found.nan_to_num(neginf=0.0))


def likeliest_under_the_tilted_law(patch):
    right = Substitution.__call__

    def call(self, step, laws):
        found = right(Substitution(self.goal), step, laws)
        kept = (laws + 2.0 * found).topk(self.k, -1).indices
        return torch.full_like(found, -torch.inf).scatter(-1, kept, found.gather(-1, kept))

    patch.setattr(Substitution, "__call__", call)


def rows_shared_out(patch):
    def change(self, laws, found, step):
        step.predictor_passes = torch.full_like(step.predictor_passes, int(step.predictor_passes.max()))
        return found

    evidenced(patch, Substitution, change)


def a_pass_for_all_candidates(patch):
    def change(self, laws, found, step):
        step.predictor_passes = (step.predictor_passes > 0).long()
        return found

    evidenced(patch, Substitution, change)


TWINS = [
    (wrong_twins.no_filter, [law, first_order]),
    (wrong_twins.a_filter_on_the_first_digit_alone, [law, site_by_site]),
    (gamma_on_the_base_too, [law, uniform]),
    (not_normalised, [law, uniform, left_to_right]),
    (temperature_of_the_predictor, [temperature]),
    (all_tokens_where_there_is_no_hope, [law, impossible]),
    (one_step_of_softmax_in_the_digits, [law, site_by_site, left_to_right]),
    (base_left_out, [law_over_cfg]),
    (what_is_seen_is_not_said, [seen_digits]),
    (positions_turned_round, [law, site_by_site, left_to_right, uniform]),
    (probability_for_its_logarithm, [law, first_order, slopes, site_by_site]),
    (time_before_the_step, [uniform, uniform_chain]),
    (evidence_of_another_position, [law, uniform]),
    (the_rest_keeps_its_base_law, [top_k]),
    (likeliest_under_the_tilted_law, [top_k]),
    (slope_of_the_other_sign, [first_order, slopes]),
    (slope_from_nought, [slopes]),
    (hope_without_end, [impossible_slope]),
    (rows_shared_out, [counts]),
    (a_pass_for_all_candidates, [counts, uniform]),
]
CASES = [(twin, check) for twin, failing in TWINS for check in failing]


@pytest.mark.parametrize(("twin", "check"), CASES, ids=lambda part: part.__name__)
def test_wrong_twin_is_found(twin, check, monkeypatch):
    check()
    twin(monkeypatch)
    with pytest.raises(AssertionError):
        check()

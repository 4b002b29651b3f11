"""The exactness checks find what they are there to find: each formula is swapped for its wrong twin."""

import ordering_checks as orders
import pytest
import sampler_checks as runs
import torch
import toy_checks as checks
import wrong_twins as twins
from toy import PLAIN, PRIME

from moldiff.diffusion import Cap, Cosine, DiscreteFlowMatching, Loop, Transition

HOLD = Transition(0.4, 0.4, 0.6, 0.6)


def coins_of_a_cap():
    checks.check_coins(PRIME, Cap(0.2))


def marginals():
    checks.check_marginals(PRIME, Cap(0.2))


def marginals_at_the_bound():
    checks.check_marginals(PRIME, Cap(1.0))


def coins_of_a_corrector():
    checks.check_coins(PRIME, DiscreteFlowMatching())


def finished():
    checks.check_finished(PRIME, Cap(0.2), Loop(0.6, 0.4, 0.8))


def carry_over():
    checks.check_filter(PRIME)


def bounds():
    checks.check_bounds(PRIME)


def bound_over_time():
    checks.check_bound_over_time(PRIME, Cosine())


def corruption_of_digits():
    checks.check_corruption(PRIME, "digit")


def corruption_of_tokens():
    checks.check_corruption(PRIME, "token")


def moves():
    checks.check_move(PRIME)


def sampler():
    runs.check_sampler(PRIME, Cap(0.3))


def psi():
    checks.check_psi(PRIME)


def guided_law():
    runs.check_cfg(PRIME, 2.0)


def guided_law_in_float32():
    runs.check_cfg(PRIME, 2.0, torch.float32)


def guided_runs():
    runs.check_guided_sampler(2.0, Cap(0.3))


def network_rows():
    runs.check_nfe(PRIME, 2.0)


def noise_in_float64():
    runs.check_float64(PRIME)


def frozen():
    runs.check_frozen(PRIME)


def left_overs():
    runs.check_filled(PRIME)


def idle_steps():
    runs.check_idle(PRIME, 4)


def plans_of_tokens():
    checks.check_plan(PRIME, "token", "token")


def confidence_in_a_loop():
    checks.check_confidence(PRIME, "visible", "balanced", HOLD)


def any_order():
    orders.check_chain_rule(PRIME)


def ordered_runs():
    orders.check_ordered_runs(PRIME)


def ordered_rounds():
    orders.check_ordered_runs(PRIME, rounds=2)


def rounds():
    orders.check_rounds(PRIME)


def bounded_errors():
    orders.check_bound(orders.COPIES)


def coins_of_guided_runs():
    runs.check_guidance_leaves_coins(PRIME)


TWINS = [
    (twins.a_bound_on_each_site_for_itself, [bounded_errors]),
    (twins.two_sites_where_one_is_due, [any_order, ordered_runs]),
    (twins.a_fall_of_alpha_that_hides_nothing, [rounds, ordered_rounds]),
    (twins.rounds_that_hide_what_has_one_value, [rounds]),
    (twins.reveal_rate_without_sigma, [coins_of_a_cap, marginals]),
    (twins.reveal_rate_not_divided_by_the_masked_share, [coins_of_a_cap, marginals, idle_steps]),
    (twins.sigma_above_its_bound, [marginals_at_the_bound, coins_of_a_corrector]),
    (twins.corrector_without_clipping, [coins_of_a_corrector]),
    (twins.a_coin_for_each_digit_of_a_token, [plans_of_tokens]),
    (twins.coins_on_frozen_positions, [frozen]),
    (twins.confidence_without_the_number_of_visible_digits, [confidence_in_a_loop]),
    (twins.confidence_that_makes_up_for_nothing, [confidence_in_a_loop]),
    (twins.coins_that_look_at_values, [finished]),
    (twins.no_filter, [carry_over, guided_law]),
    (twins.a_filter_on_the_first_digit_alone, [carry_over, guided_law]),
    (twins.minus_infinity_outside_the_filter, [carry_over, guided_law, guided_law_in_float32]),
    (twins.a_fresh_proposal_for_each_digit, [moves, sampler]),
    (twins.whole_tokens_revealed_by_one_digit, [moves, sampler]),
    (twins.psi_kept_at_hidden_digits, [moves, psi]),
    (twins.psi_and_bound_of_the_whole_token, [psi, bounds]),
    (twins.draws_in_float32, [noise_in_float64]),
    (twins.the_likeliest_token_instead_of_a_draw, [sampler]),
    (twins.left_over_masks_decoded_as_they_are, [left_overs]),
    (twins.weight_off_by_one, [corruption_of_digits, corruption_of_tokens]),
    (twins.flat_weight, [corruption_of_digits, corruption_of_tokens]),
    (twins.weight_of_another_schedule, [bound_over_time]),
    (twins.masked_number_not_uniform, [corruption_of_digits, corruption_of_tokens]),
    (twins.digit_noise_for_token_noise, [corruption_of_tokens]),
    (twins.joint_loss_as_a_bound, [bounds]),
    (twins.marginals_as_the_loss, [bounds]),
    (twins.conditional_pass_as_unconditional, [guided_law, guided_runs]),
    (twins.passes_swapped, [guided_law, guided_runs]),
    (twins.passes_not_counted, [guided_law, network_rows]),
    (twins.tilt_of_digits, [guided_law, guided_runs]),
    (twins.tilt_not_normalised, [guided_law]),
    (twins.reveals_that_depend_on_the_guided_law, [coins_of_guided_runs]),
    (twins.every_row_evaluated_in_every_step, [network_rows]),
]
CASES = [(twin, check) for twin, failing in TWINS for check in failing]


@pytest.mark.parametrize(("twin", "check"), CASES, ids=lambda part: part.__name__)
def test_wrong_twin_is_found(twin, check, monkeypatch):
    check()
    twin(monkeypatch)
    with pytest.raises(AssertionError):
        check()


def test_checks_pass_for_plain_masked_diffusion_too():
    """Twins of digits are right for K = 1: there is nothing to find, so nothing must be found."""
    checks.check_bounds(PLAIN)
    with pytest.MonkeyPatch.context() as patch:
        twins.joint_loss_as_a_bound(patch)
        checks.check_bounds(PLAIN)
        twins.psi_and_bound_of_the_whole_token(patch)
        checks.check_bounds(PLAIN)
    with pytest.MonkeyPatch.context() as patch:
        twins.tilt_of_digits(patch)
        runs.check_cfg(PLAIN, 2.0)
    with pytest.MonkeyPatch.context() as patch:
        twins.digit_noise_for_token_noise(patch)
        checks.check_corruption(PLAIN, "token")

"""Wrong twins of the formulas of moldiff.diffusion: each function breaks one, by a monkeypatch.

They are mistakes that papers and programs made, or that lie near; nearly all still run and yield molecules.
"""

import math
from dataclasses import replace

import torch

from moldiff.diffusion import (
    MASK,
    Cap,
    Confidence,
    DiscreteFlowMatching,
    LeastEntropy,
    MaskedProcess,
    Sampler,
    State,
    Step,
    SubtokenCodec,
    Transition,
)
from moldiff.diffusion import codec as codec_module
from moldiff.diffusion import sampler as sampler_module
from moldiff.guidance.classifier_free import ClassifierFree


def reveal_rate_without_sigma(patch):
    right = MaskedProcess.coins

    def coins(self, state, transition, remasking):
        return right(self, state, transition, None)[0], right(self, state, transition, remasking)[1]

    patch.setattr(MaskedProcess, "coins", coins)


def reveal_rate_not_divided_by_the_masked_share(patch):
    right = MaskedProcess.coins

    def coins(self, state, transition, remasking):
        reveal, sigma = right(self, state, transition, remasking)
        return reveal * (1 - transition.alpha_t), sigma

    patch.setattr(MaskedProcess, "coins", coins)


def sigma_above_its_bound(patch):
    patch.setattr(Transition, "sigma_max", 1.0)


def corrector_without_clipping(patch):
    def sigma(self, state, transition):
        rate = 10.0 * (transition.t * (1 - transition.t)) ** 0.25 * (transition.alpha_s - transition.alpha_t)
        return torch.full(state.z.shape, min(1.0, rate / max(transition.alpha_t, 1e-9)), dtype=torch.float64)

    patch.setattr(DiscreteFlowMatching, "sigma", sigma)


def a_coin_for_each_digit_of_a_token(patch):
    right = MaskedProcess.plan

    def plan(self, state, transition, remasking, generator):
        by_digit = MaskedProcess(self.codec, self.schedule)
        return right(by_digit, state, transition, Cap(remasking.eta), generator)

    patch.setattr(MaskedProcess, "plan", plan)


def coins_on_frozen_positions(patch):
    patch.setattr(State, "changeable", property(lambda state: torch.ones_like(state.frozen)[..., None]))


def confidence_without_the_number_of_visible_digits(patch):
    right = Confidence.sigma
    patch.setattr(
        Confidence, "sigma", lambda self, *given: right(Confidence(self.base, normalise="paper"), *given)
    )


def confidence_that_makes_up_for_nothing(patch):
    right = Confidence.sigma
    patch.setattr(
        Confidence, "sigma", lambda self, *given: right(Confidence(self.base, reveal="paper"), *given)
    )


def coins_that_look_at_values(patch):
    right = MaskedProcess.coins

    def coins(self, state, transition, remasking):
        reveal, sigma = right(self, state, transition, remasking)
        return reveal, sigma * (state.z != 0)

    patch.setattr(MaskedProcess, "coins", coins)


def no_filter(patch):
    patch.setattr(SubtokenCodec, "restrict", lambda self, logits, z: logits)


def a_filter_on_the_first_digit_alone(patch):
    patch.setattr(SubtokenCodec, "compatible", lambda self, z: self.agrees(0)[z[..., 0] + 1])


def minus_infinity_outside_the_filter(patch):
    patch.setattr(codec_module, "FORBIDDEN", -math.inf)


def a_fresh_proposal_for_each_digit(patch):
    right = MaskedProcess.move

    def move(self, state, tokens, log_probs, plan):
        fresh = tokens.flip(0)
        if log_probs is not None:
            law = log_probs.double().exp().flatten(0, 1) + 1e-300
            generator = torch.Generator().manual_seed(int(tokens.sum()))
            fresh = torch.multinomial(law, 1, generator=generator).view_as(tokens)
        first, others = (
            right(self, state, tokens, log_probs, plan),
            right(self, state, fresh, log_probs, plan),
        )
        return replace(first, z=torch.cat([first.z[..., :1], others.z[..., 1:]], -1))

    patch.setattr(MaskedProcess, "move", move)


def whole_tokens_revealed_by_one_digit(patch):
    right = MaskedProcess.move

    def move(self, state, tokens, log_probs, plan):
        whole = plan.reveals[..., None] & state.masked
        return right(self, state, tokens, log_probs, replace(plan, reveal=whole))

    patch.setattr(MaskedProcess, "move", move)


def psi_kept_at_hidden_digits(patch):
    right = MaskedProcess.move

    def move(self, state, tokens, log_probs, plan):
        after = right(self, state, tokens, log_probs, plan)
        return replace(after, psi=torch.where(plan.remask, 1.0, after.psi))

    patch.setattr(MaskedProcess, "move", move)


def psi_and_bound_of_the_whole_token(patch):
    def token_log_prob(self, log_probs, x):
        return log_probs.gather(-1, x[..., None]).expand(*x.shape, self.digits)

    patch.setattr(SubtokenCodec, "digit_log_marginals", token_log_prob)


def draws_in_float32(patch):
    def draw(log_probs, generator):
        race = torch.empty(log_probs.shape).exponential_(generator=generator)
        return (log_probs.float() - race.log()).argmax(-1)

    patch.setattr(sampler_module, "draw", draw)


def the_likeliest_token_instead_of_a_draw(patch):
    patch.setattr(sampler_module, "draw", lambda log_probs, generator: log_probs.argmax(-1))


def left_over_masks_decoded_as_they_are(patch):
    right, decode = MaskedProcess.move, SubtokenCodec.decode

    def move(self, state, tokens, log_probs, plan):
        fills = bool(plan.reveal.any()) and torch.equal(plan.reveal, state.masked)
        return state if fills else right(self, state, tokens, log_probs, plan)

    patch.setattr(MaskedProcess, "move", move)
    patch.setattr(SubtokenCodec, "decode", lambda self, digits: decode(self, digits.clamp_min(0)))


def wrong_weight(patch, change):
    right = MaskedProcess.corrupt

    def corrupt(self, x0, pattern, generator, t=None):
        z, time, weight = right(self, x0, pattern, generator, t)
        return z, time, change(self, z, pattern, weight)

    patch.setattr(MaskedProcess, "corrupt", corrupt)


def weight_off_by_one(patch):
    def change(process, z, pattern, weight):
        block = process.codec.digits if pattern == "token" else 1
        sites = z.shape[1] * z.shape[2] // block
        return sites / (sites / weight + 1)

    wrong_weight(patch, change)


def flat_weight(patch):
    wrong_weight(patch, lambda process, z, pattern, weight: torch.ones_like(weight))


def weight_of_another_schedule(patch):
    right = MaskedProcess.corrupt

    def corrupt(self, x0, pattern, generator, t=None):
        return right(MaskedProcess(self.codec), x0, pattern, generator, t)

    patch.setattr(MaskedProcess, "corrupt", corrupt)


def masked_number_not_uniform(patch):
    right = MaskedProcess.corrupt

    def corrupt(self, x0, pattern, generator, t=None):
        z, _, _ = right(self, x0, pattern, generator, 0.7)
        z[(z != MASK).all(-1).all(-1)] = MASK
        block = self.codec.digits if pattern == "token" else 1
        m = (z == MASK).sum((1, 2)) / block
        sites = z.shape[1] * z.shape[2] / block
        return z, m / sites, sites / m

    patch.setattr(MaskedProcess, "corrupt", corrupt)


def digit_noise_for_token_noise(patch):
    right = MaskedProcess.corrupt
    patch.setattr(
        MaskedProcess, "corrupt", lambda self, x0, pattern, *given: right(self, x0, "digit", *given)
    )


def joint_loss_as_a_bound(patch):
    patch.setattr(MaskedProcess, "bound", lambda self, *given: self.loss(*given[:-1]))


def marginals_as_the_loss(patch):
    patch.setattr(MaskedProcess, "loss", lambda self, *given: self.bound(*given, "digit"))


def conditional_pass_as_unconditional(patch):
    right = Step.log_kernels
    patch.setattr(Step, "log_kernels", lambda step, *y: right(step, *[step.y for _ in y]))


def passes_swapped(patch):
    right = Step.log_kernels
    patch.setattr(Step, "log_kernels", lambda step, *y: right(step, *y)[::-1])


def passes_not_counted(patch):
    right = Step.log_kernels

    def log_kernels(step, *y):
        kernels = right(step, *y)
        step.passes = 1
        return kernels

    patch.setattr(Step, "log_kernels", log_kernels)


def tilt_of_digits(patch):
    def call(self, step):
        given, none = step.log_kernels(step.y, torch.full_like(step.y, torch.nan))
        codec, every = step.process.codec, torch.arange(step.process.codec.vocab_size)

        def digits(law):
            return codec.digit_log_marginals(law[..., None, :], every.expand(*law.shape[:-1], -1))

        tilted = (digits(none) + self.gamma * (digits(given) - digits(none))).sum(-1)
        return codec.restrict(tilted, step.state.z).log_softmax(-1)

    patch.setattr(ClassifierFree, "__call__", call)


def tilt_not_normalised(patch):
    def call(self, step):
        given, none = step.log_kernels(step.y, torch.full_like(step.y, torch.nan))
        return none + self.gamma * (given - none)

    patch.setattr(ClassifierFree, "__call__", call)


def reveals_that_depend_on_the_guided_law(patch):
    """As where the mask is a category of the tilt: the surer the guided law, the more is revealed."""
    right = MaskedProcess.move

    def move(self, state, tokens, log_probs, plan):
        after = right(self, state, tokens, log_probs, plan)
        unsure = plan.reveal & (after.psi < 0.5) & bool(state.masked.all())
        return replace(after, z=after.z.masked_fill(unsure, MASK))

    patch.setattr(MaskedProcess, "move", move)


def every_row_evaluated_in_every_step(patch):
    patch.setattr(Sampler, "rows_to_evaluate", lambda self, plan: torch.arange(len(plan.reveal)))


def a_bound_on_each_site_for_itself(patch):
    """As where everything that the network is fairly sure of is revealed at once."""

    def call(self, law, plan, codec):
        entropy = codec.digit_entropies(law).masked_fill(~plan.reveal, math.inf)
        least = entropy == entropy.amin((1, 2), keepdim=True)
        return plan.reveal & (least | (entropy <= self.bound))

    patch.setattr(LeastEntropy, "__call__", call)


def two_sites_where_one_is_due(patch):
    right = LeastEntropy.__call__
    patch.setattr(
        LeastEntropy,
        "__call__",
        lambda self, law, plan, codec: right(self, law, replace(plan, due=plan.due + 1), codec),
    )


def a_fall_of_alpha_that_hides_nothing(patch):
    patch.setattr(Transition, "sigma_min", 0.0)


def rounds_that_hide_what_has_one_value(patch):
    right = MaskedProcess.coins

    def coins(self, state, transition, remasking):
        reveal, sigma = right(self, state, transition, remasking)
        return reveal, sigma * ((state.z == 0) if transition.sigma_min else 1.0)

    patch.setattr(MaskedProcess, "coins", coins)

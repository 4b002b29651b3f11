"""The predictor's input and network: soft tokens, goals, gradients, calibration by noise level."""

import math

import pytest
import torch

from moldiff.diffusion import SubtokenCodec
from moldiff.models.precision import cast_parameters
from moldiff.models.predictor import KNOTS, NoisyPredictor, soft_tokens
from moldiff.models.predictor_heads import Classes, Gaussian, Values

CODES = [[[0], [1], [2], [3]], [[0, 0], [0, 1], [1, 0], [2, 1]]]
LAWS = {"logP": Gaussian(1.0, 2.0), "rings": Values((0, 1, 2, 4)), "toxic": Classes((0, 1))}
TINY = {"max_length": 6, "digits": 2, "width": 12, "depth": 2, "heads": 2, "condition_width": 4}
NAN = math.nan
CODEC = SubtokenCodec(torch.tensor(CODES[1]))


def predictor(**keywords):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        made = NoisyPredictor(4, LAWS, **{**TINY, **keywords}).double().eval()
        for weight in made.parameters():
            torch.nn.init.normal_(weight, std=0.3)
    return made


def state(rows=3, length=4, seed=0):
    generator = torch.Generator().manual_seed(seed)
    z = CODEC.encode(torch.randint(4, (rows, length), generator=generator))
    hidden = torch.rand(z.shape, generator=generator) < 0.5
    return soft_tokens(CODEC, z.masked_fill(hidden, -1), torch.float64)


def limits(*pairs):
    return torch.tensor([low for low, _ in pairs]), torch.tensor([high for _, high in pairs])


@pytest.mark.parametrize("codes", CODES)
def test_soft_tokens_are_uniform_on_the_tokens_that_agree_with_the_visible_digits(codes):
    codec = SubtokenCodec(torch.tensor(codes))
    tokens = torch.arange(len(codes))
    digits = codec.encode(tokens)
    for hidden in torch.cartesian_prod(*[torch.tensor([False, True])] * codec.digits).view(-1, codec.digits):
        z = digits.masked_fill(hidden, -1)[None]
        w, visible = soft_tokens(codec, z, torch.float64)
        for place, shown in enumerate(z[0].tolist()):
            agree = [all(d in (-1, c) for d, c in zip(shown, code, strict=True)) for code in codes]
            expected = torch.tensor(agree).double() / sum(agree)
            assert torch.equal(w[0, place], expected)
            assert visible[0, place] == sum(d >= 0 for d in shown) / len(shown)


def test_soft_tokens_keep_the_type_that_is_asked_for():
    codec = SubtokenCodec(torch.arange(3)[:, None])
    z = torch.tensor([[[-1], [2]]])
    assert all(part.dtype == torch.float32 for part in soft_tokens(codec, z))
    assert all(part.dtype == torch.float64 for part in soft_tokens(codec, z, torch.float64))


def test_a_position_is_the_mean_of_its_tokens_embeddings_and_how_much_is_seen():
    network, (w, visible) = predictor(), state()
    seen = []
    network.trunk.register_forward_pre_hook(lambda module, given: seen.append(given[0]))
    network(w, visible)
    for row in range(3):
        for place in range(4):
            tokens = w[row, place].nonzero()[:, 0]
            mean = network.tokens.weight[tokens].mean(0)
            share = network.seen.weight[int(2 * visible[row, place])]
            assert torch.allclose(seen[0][row, place], mean + share)


def test_goals_that_are_not_asked_for_change_nothing():
    network, given = predictor(), state()
    rings = network.log_prob(*given, *limits((NAN, NAN), (1.0, math.inf), (NAN, NAN)))
    parameters = network(*given)[:, 2:6]
    assert torch.allclose(rings, LAWS["rings"].log_prob(parameters, 1.0, math.inf))
    nothing = network.log_prob(*given, *limits(*[(NAN, NAN)] * 3))
    assert nothing.tolist() == [0.0] * 3


def test_several_goals_multiply():
    network, given = predictor(), state()
    asked = [(0.5, 1.5), (2.0, 2.0), (1.0, 1.0)]
    alone = [
        network.log_prob(*given, *limits(*[pair if i == j else (NAN, NAN) for j, pair in enumerate(asked)]))
        for i in range(3)
    ]
    assert torch.allclose(network.log_prob(*given, *limits(*asked)), sum(alone))


@pytest.mark.parametrize(
    "asked", [[(0.5, 1.5), (2.0, math.inf), (1.0, 1.0)], [(1.0, 1.0), *[(NAN, NAN)] * 2]]
)
def test_log_prob_is_differentiable_between_tokens(asked):
    """At interior points of the simplices, where first-order guidance takes its gradient."""
    network, (w, visible) = predictor(), state()
    w = (0.7 * w + 0.3 / 4).requires_grad_()
    low, high = limits(*asked)
    assert torch.autograd.gradcheck(lambda soft: network.log_prob(soft, visible, low, high), w)


@pytest.mark.parametrize(
    "asked",
    [
        [(NAN, NAN)] * 3,
        [(1e9, math.inf), (NAN, NAN), (NAN, NAN)],
        [(-1e30, -1e30), (3.0, 3.0), (0.0, 0.0)],
        [(1.0, 1.0 + 1e-9), (-math.inf, math.inf), (NAN, NAN)],
    ],
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_gradients_are_finite_whatever_is_asked_for(asked, dtype):
    network = cast_parameters(predictor().float(), dtype)
    w, visible = (part.float() for part in state())
    w.requires_grad_()
    found = network.log_prob(w, visible, *limits(*asked))
    found.sum().backward()
    assert found.dtype == torch.float32
    assert bool(found.isfinite().all())
    assert bool(w.grad.isfinite().all())


def test_the_answer_depends_on_every_position_and_on_its_place():
    network, (w, visible) = predictor(), state()
    here = network(w, visible)
    assert not torch.allclose(here, network(w.flip(1), visible.flip(1)))
    for place in range(4):
        other = w.clone()
        other[:, place] = 0.25
        assert not torch.allclose(here, network(other, visible))
    assert not torch.allclose(here, network(w, torch.ones_like(visible)))


def test_an_empty_canvas_tells_its_size():
    network = predictor()
    empty = [network(torch.full((1, size, 4), 0.25).double(), torch.zeros(1, size)) for size in (4, 6)]
    assert not torch.allclose(*empty)


def test_rows_do_not_disturb_each_other():
    network, (w, visible) = predictor(), state()
    alone = torch.cat([network(w[i : i + 1], visible[i : i + 1]) for i in range(3)])
    assert torch.allclose(alone, network(w, visible))


def test_the_time_counts_where_noise_is_uniform_only():
    given, t = state(), torch.tensor([0.1, 0.5, 0.9]).double()
    masked = predictor()
    assert torch.equal(masked(*given), masked(*given, t))
    uniform = predictor(timed=True)
    assert not torch.allclose(uniform(*given, t), uniform(*given, 1 - t))
    with pytest.raises(ValueError, match="give t"):
        uniform(*given)


def test_statements_are_in_the_properties_units():
    network, given = predictor(), state()
    values, errors = network.predict(*given)
    mean, log_std = network(*given)[:, :2].unbind(1)
    assert torch.allclose(values[:, 0], 1.0 + 2.0 * mean)
    assert torch.allclose(errors[:, 0], 2.0 * log_std.exp())
    assert values.shape == errors.shape == (3, 3)


def test_likelihood_of_labels_leaves_missing_ones_out():
    network, given = predictor(), state()
    y = torch.tensor([[1.5, NAN, 1.0], [NAN, NAN, NAN], [0.0, 4.0, 0.0]]).double()
    nats = network.log_likelihood(network(*given), y)
    assert not nats[y.isnan()].any()
    asked = limits((0.0, 0.0), (4.0, 4.0), (0.0, 0.0))
    assert torch.allclose(nats[2].sum(), network.log_prob(*given, *asked)[2])


def test_widening_follows_the_noise_level():
    """Between two calibrated levels its logarithm is interpolated; a level is the share of hidden digits."""
    network = predictor()
    w = torch.full((1, 4, 4), 0.25).double()
    slope = torch.arange(KNOTS).double() / (KNOTS - 1)
    for hidden in (0.0, 0.25, 0.4, 1.0):
        visible = torch.full((1, 4), 1 - hidden).double()
        network.log_spread.zero_()
        before = network(w, visible)
        network.log_spread[:, 0] = slope
        after = network(w, visible)
        assert (after - before)[0, 1].item() == pytest.approx(hidden)
        assert torch.equal(after[0, [0, *range(2, 8)]], before[0, [0, *range(2, 8)]])
    timed = predictor(timed=True)
    timed.log_spread[:, 1] = slope
    raw, tempered = (timed(w, torch.ones(1, 4).double(), torch.tensor([t]).double()) for t in (0.0, 0.5))
    timed.log_spread.zero_()
    expected = timed(w, torch.ones(1, 4).double(), torch.tensor([0.5]).double())[0, 2:6] / math.exp(0.5)
    assert torch.allclose(tempered[0, 2:6], expected)
    assert not torch.allclose(raw, tempered)


def test_the_default_network_is_small():
    laws = {str(i): Gaussian(0.0, 1.0) for i in range(15)} | {f"n{i}": Values(range(10)) for i in range(7)}
    for keywords in ({"max_length": 28, "digits": 2}, {"max_length": 104}):
        network = NoisyPredictor(40, laws, **keywords)
        assert sum(weight.numel() for weight in network.parameters()) <= 1.2e6


@pytest.mark.parametrize(
    ("low", "high", "message"),
    [
        ([1.0, NAN], [2.0, NAN], "3 entries"),
        ([1.0, NAN, NAN], [NAN, NAN, NAN], "NaN together"),
        ([2.0, NAN, NAN], [1.0, NAN, NAN], "no value lies"),
        ([math.inf, NAN, NAN], [math.inf, NAN, NAN], "no value lies"),
    ],
)
def test_limits_that_do_not_fit_are_refused(low, high, message):
    with pytest.raises(ValueError, match=message):
        predictor().log_prob(*state(), torch.tensor(low), torch.tensor(high))


def test_canvases_that_are_too_long_and_predictors_of_nothing_are_refused():
    with pytest.raises(ValueError, match="canvas of 8 positions"):
        predictor()(torch.zeros(1, 8, 4).double(), torch.zeros(1, 8))
    with pytest.raises(ValueError, match="at least one property"):
        NoisyPredictor(4, {}, **TINY)

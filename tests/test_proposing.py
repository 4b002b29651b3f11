import numpy as np
import pytest
import torch

from moldiff.diffusion import MaskedProcess, SubtokenCodec
from moldiff.diffusion.canvas import CanvasLaw
from moldiff.diffusion.sampler import Sampler, conditional
from moldiff.errors import RunError
from moldiff.guidance.classifier_free import ClassifierFree
from moldiff.proposing import COSTS, Proposer, cost_summary

C = 5


def network(z, y, t=None):
    """A network whose tokens follow the condition, and whose rows know their canvas."""
    assert z.shape[0] == y.shape[0]
    likes = torch.nn.functional.one_hot(y[:, 0].nan_to_num(0).long(), C).float() * 9
    return likes[:, None, :].expand(-1, z.shape[1], -1)


def law(properties=None):
    rows = torch.tensor([[1.0], [2.0], [3.0], [4.0]]) if properties is None else properties
    return CanvasLaw(torch.tensor([4, 8, 12]), torch.tensor([2, 5, 1]), rows, torch.tensor([4, 8, 8, 12]))


def conditions(n, generator):
    return torch.randint(1, C, (n, 1), generator=generator).float()


def proposer(**changes):
    process = MaskedProcess(SubtokenCodec(torch.tensor([[0, 0], [0, 1], [1, 0], [1, 1], [2, 0]])))
    settings = {"guidance": conditional, "gamma": 1.0, "steps": 6, "chunk": 40, "seed": 7, **changes}
    return Proposer(
        Sampler(network, process), settings.pop("canvas", law()), settings.pop("draw", conditions), **settings
    )


def test_shapes_and_canvases():
    out = proposer()(0)
    assert out.ids.dtype == np.uint8
    assert out.ids.shape == (40, out.canvas.max())
    assert set(out.canvas) <= {4, 8, 12}
    assert len(set(out.canvas)) > 1
    for row, size in zip(out.ids, out.canvas, strict=True):
        assert not row[size:].any()
    assert out.y.shape == (40, 1)
    assert set(out.counts) == set(COSTS)
    assert out.seconds > 0


def test_every_row_gets_its_own_condition():
    out = proposer()(0)
    agreement = [
        (row[:size] == int(y)).mean() for row, size, y in zip(out.ids, out.canvas, out.y[:, 0], strict=True)
    ]
    assert np.mean(agreement) > 0.99


def test_a_chunk_is_a_function_of_seed_and_index():
    first, second = proposer(), proposer()
    first(0)
    first(1)
    np.testing.assert_array_equal(first(5).ids, second(5).ids)
    assert not np.array_equal(first(5).ids, first(4).ids)
    assert not np.array_equal(first(5).ids, proposer(seed=8)(5).ids)


def test_counts_are_those_of_the_rows():
    plain, guided = proposer()(0), proposer(guidance=ClassifierFree(2.0), gamma=2.0)(0)
    assert plain.counts["revealed"] == 2 * plain.canvas.sum()
    assert plain.counts["nfe"] + plain.counts["idle"] == 6 * 40
    assert guided.counts["nfe"] + 2 * guided.counts["idle"] == 2 * 6 * 40
    assert plain.counts["remasked"] == plain.counts["nfe_predictor"] == 0


def test_canvases_follow_the_conditions():
    def ask(value):
        return lambda n, generator: torch.full((n, 1), value)

    # 300 rows near 1 sit on canvas 4, 300 rows near 9 on canvas 12.
    values = torch.cat([torch.ones(300, 1), torch.full((300, 1), 4.0)])
    canvas = CanvasLaw(
        torch.tensor([4, 12]), torch.tensor([300, 300]), values, torch.tensor([4] * 300 + [12] * 300)
    )
    small, large = (proposer(canvas=canvas, draw=ask(value), chunk=200)(0).canvas for value in (1.0, 4.0))
    assert (small == 4).mean() > 0.9
    assert (large == 12).mean() > 0.9
    nothing = proposer(canvas=canvas, draw=ask(float("nan")), chunk=200)(0).canvas
    assert 0.35 < (nothing == 4).mean() < 0.65


def test_shared_conditions_and_missing_ones_have_the_law_of_their_row():
    made = proposer()
    y = torch.tensor([[1.0], [float("nan")], [1.0], [4.0], [float("nan")]])
    seen = {}

    def spy(law, generator):
        seen["law"] = law
        return torch.full((len(law),), 4)

    made.canvas.draw = spy
    made._canvases(y, torch.Generator())
    torch.testing.assert_close(seen["law"], law().tilt(y, 1.0))


def test_the_size_may_be_chosen_with_another_strength():
    def ask(n, generator):
        return torch.full((n, 1), 4.0)

    as_gamma, as_asked, free = (
        proposer(draw=ask, chunk=4000, **changes)(0).canvas
        for changes in (
            {"gamma": 3.0},
            {"gamma": 0.0, "canvas_gamma": 3.0},
            {"gamma": 3.0, "canvas_gamma": 0.0},
        )
    )
    assert (as_gamma == as_asked).all()
    assert np.abs(np.bincount(free, minlength=13)[[4, 8, 12]] / 4000 - law().prior().numpy()).max() < 0.03
    assert (as_gamma == 12).mean() > (free == 12).mean() + 0.04


def test_models_without_properties():
    canvas = law(torch.empty(4, 0))
    out = Proposer(
        Sampler(lambda z, y, t=None: torch.zeros(*z.shape[:2], C), proposer().sampler.process),
        canvas,
        lambda n, generator: torch.empty(n, 0),
        ClassifierFree(2.0),
        2.0,
        steps=2,
        chunk=9,
    )(0)
    assert out.y.shape == (9, 0)


def test_threads_are_as_asked_and_as_before_afterwards():
    seen = []

    def spy(z, y, t=None):
        seen.append(torch.get_num_threads())
        return network(z, y)

    before = torch.get_num_threads()
    made = proposer(threads=before + 1)
    made.sampler.network = spy
    made(0)
    assert set(seen) == {before + 1}
    assert torch.get_num_threads() == before


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")]
)
def test_too_little_memory_is_said(error):
    def fail(z, y, t=None):
        raise error

    made = proposer()
    made.sampler.network = fail
    with pytest.raises(RunError, match="memory does not suffice for a chunk of 40 rows: give a smaller one"):
        made(0)


def test_other_errors_stay_what_they_are():
    def fail(z, y, t=None):
        raise RuntimeError("shapes differ")

    made = proposer()
    made.sampler.network = fail
    with pytest.raises(RuntimeError, match="shapes differ"):
        made(0)


def test_settings_say_what_is_in_use():
    assert proposer(names={"sampler": "loop"}).settings == {
        "gamma": 1.0,
        "temperature": 1.0,
        "steps": 6,
        "seed": 7,
        "chunk": 40,
        "threads": 1,
        "canvas_gamma": 1.0,
        "sampler": "loop",
    }


def test_cost_summary():
    costs = dict(zip(COSTS, (800, 0, 400, 40, 4, 8, 16), strict=True))
    assert cost_summary(costs, 8, 4, 2.0) == {
        "seconds": 2.0,
        "proposals_per_second": 4.0,
        "molecules_per_second": 2.0,
        "nfe_per_proposal": 100.0,
        "nfe_predictor_per_proposal": 0.0,
        "revealed_digits_per_proposal": 50.0,
        "remasked_digits_per_proposal": 5.0,
        "filled_digits_per_proposal": 0.5,
        "idle_steps_per_proposal": 1.0,
        "unguided_tokens_per_proposal": 2.0,
    }
    assert cost_summary(costs, 0, 0, 0.0)["proposals_per_second"] == 0.0


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_gpu_draws_the_same_conditions():
    made, there = proposer(), proposer(device=torch.device("cuda"))
    there.sampler.process.codec.to("cuda")
    np.testing.assert_array_equal(made(0).y, there(0).y)
    np.testing.assert_array_equal(made(0).canvas, there(0).canvas)

"""Training runs: stopped and resumed, prolonged, in both number formats; bounds of what was learned."""

import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import toy_checks as checks
from lightning.pytorch import Callback
from toy import PRIME

from moldiff.diffusion import CanvasLaw, MaskedProcess, SubtokenCodec
from moldiff.models.denoiser import Denoiser
from moldiff.training.bounds import both_bounds, likelihood_bound
from moldiff.training.data import ResidentTokens
from moldiff.training.fit import Fit

pytestmark = pytest.mark.filterwarnings("ignore")  # Lightning's advice on loaders and workers
STEPS = 20


class Stop(Exception):
    """What ends a run in the middle."""


class StopAfter(Callback):
    def __init__(self, step):
        self.step = step

    def on_train_batch_end(self, trainer, *args):
        if trainer.global_step == self.step:
            raise Stop


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    ids = [rng.integers(1, 5, size=n).astype(np.uint8) for n in rng.integers(1, 7, size=60)]
    y = np.array([[len(row), row.mean()] for row in ids])
    return ResidentTokens(ids, y, step=4, batch_tokens=64)


def process():
    return MaskedProcess(SubtokenCodec(torch.tensor(PRIME.codes)))


def network():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        codec = process().codec
        keywords = {"max_length": 8, "width": 16, "depth": 1, "heads": 2, "condition_width": 8}
        return Denoiser(codec.bases, 5, [3.0, 2.0], [2.0, 1.0], **keywords)


def train(data, folder, precision="fp32", stop=None, steps=STEPS, **keywords):
    made = network()
    tokens = steps * data.tokens_per_step
    fit = Fit(
        folder,
        tokens,
        precision=precision,
        accelerator="cpu",
        compiled=False,
        checkpoint_every=10,
        progress=False,
        **keywords,
    )
    callbacks = None if stop is None else lambda average: [StopAfter(stop)]
    return made, fit(made, process(), data, callbacks)


def weights(made):
    return torch.cat([weight.detach().float().flatten() for weight in made.parameters()])


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_resumed_run_ends_in_the_same_weights(data, tmp_path, precision):
    whole, report = train(data, tmp_path / "whole", precision)
    assert report.steps == STEPS
    with pytest.raises(Stop):
        train(data, tmp_path / "parts", precision, stop=13)
    resumed, again = train(data, tmp_path / "parts", precision)
    assert torch.equal(weights(whole), weights(resumed))
    assert (again.steps, again.tokens) == (report.steps, report.tokens)
    assert {weight.dtype for weight in resumed.parameters()} == {torch.float32}
    assert float((weights(whole) - weights(network())).abs().max()) > 1e-4


def test_a_finished_run_is_prolonged_from_its_constant_part(data, tmp_path):
    train(data, tmp_path / "short")
    shutil.copy(tmp_path / "short" / "constant.ckpt", tmp_path / "short" / "last.ckpt")
    prolonged, report = train(data, tmp_path / "short", steps=30)
    whole, expected = train(data, tmp_path / "long", steps=30)
    assert torch.equal(weights(prolonged), weights(whole))
    assert (report.steps, report.tokens) == (30, expected.tokens)


def test_seeds_of_noise_change_the_run(data, tmp_path):
    first, _ = train(data, tmp_path / "0", steps=5)
    again, _ = train(data, tmp_path / "1", steps=5)
    other, _ = train(data, tmp_path / "2", steps=5, seed=1)
    assert torch.equal(weights(first), weights(again))
    assert not torch.equal(weights(first), weights(other))


def test_training_lowers_the_bound(data, tmp_path):
    law = CanvasLaw.fit(data.canvases, torch.zeros(len(data), 2), torch.Generator().manual_seed(0))
    made, _ = train(data, tmp_path, steps=150, lr=0.05)
    before, after = (both_bounds(n.eval(), process(), data, law, draws=4) for n in (network(), made))
    for name in ("token_bound", "marginal_bound"):
        assert after[name].nats < before[name].nats - 3 * before[name].standard_error


def test_a_bound_of_a_part_is_over_molecules_of_all_canvases(data):
    law = CanvasLaw.fit(data.canvases, torch.zeros(len(data), 2), torch.Generator().manual_seed(0))
    made = network().eval()
    whole, part, all_of_it = (
        likelihood_bound(made, process(), data, law, pattern="token", most=most)
        for most in (None, len(data) // 3, 10 * len(data))
    )
    assert len(data.groups) > 1
    assert part.molecules == pytest.approx(len(data) / 3, abs=len(data.groups))
    assert abs(part.nats - whole.nats) < 4 * part.standard_error
    assert part.canvas_nats == pytest.approx(whole.canvas_nats, rel=0.2)
    assert all_of_it == whole


@pytest.mark.parametrize("pattern", ["token", "digit"])
def test_bound_of_the_true_law_is_its_negative_log_likelihood(pattern):
    """With the exact posterior every ordering telescopes to -log p(x0); the canvas adds its own."""
    rows = np.random.default_rng(0).choice(len(PRIME.p), size=3000, p=PRIME.p)
    tokens = torch.tensor(PRIME.sequences[rows], dtype=torch.uint8)
    group = SimpleNamespace(tokens=tokens, y=torch.zeros(len(rows), 0))
    data = SimpleNamespace(groups={2: group}, device=torch.device("cpu"))
    law = CanvasLaw(torch.tensor([2, 4]), torch.tensor([5, 1]), torch.empty(0, 0), torch.empty(0))
    logits = checks.bayes(PRIME)

    class Bayes:
        conditions = SimpleNamespace(mean=torch.zeros(0))

        def __call__(self, z, y, t):
            return logits(z)

    found = likelihood_bound(Bayes(), process(), data, law, pattern=pattern)
    expected = -np.log(PRIME.p[rows]).mean() - np.log(6 / 8)
    assert found.canvas_nats == pytest.approx(-np.log(6 / 8), abs=1e-6)
    assert abs(found.nats - expected) < 4 * found.standard_error
    assert found.standard_error < 0.05
    assert (found.molecules, found.draws) == (3000, 1)

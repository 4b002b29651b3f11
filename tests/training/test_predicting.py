"""Training of predictors: what they learn, how runs go on, and what folder comes out."""

import json
import math
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from lightning.pytorch import Callback

from moldiff.chem.statistics import PropertyStatistics
from moldiff.datasets import MoleculeTable
from moldiff.errors import InputError
from moldiff.models.predictor import soft_tokens
from moldiff.models.predictor_folder import SavedPredictor, load_predictor
from moldiff.models.predictor_heads import Classes, Gaussian, Values
from moldiff.models.predictor_noise import NOISES
from moldiff.training.fit import Fit
from moldiff.training.predicting import LabelNats, LabelNoise, PredictorRecipe, laws_of
from moldiff.training.prepare import prepare

pytestmark = pytest.mark.filterwarnings("ignore")  # Lightning's advice on loaders and workers
QUIET = {
    "compiled": False,
    "progress": False,
    "accelerator": "cpu",
    "precision": "fp32",
    "command": "train it",
}
TINY = {"width": 16, "depth": 1, "heads": 1, "condition_width": 8}
ATOMS = {"C": 0.5, "N": -1.0, "O": 2.0}


def make_table(rows=400):
    """Chains of three kinds of atoms: a sum over them, their number, and whether there is an oxygen."""
    rng = np.random.default_rng(0)
    texts = sorted({"".join(rng.choice(list(ATOMS), size=rng.integers(2, 7))) for _ in range(rows)})
    total = np.array([sum(ATOMS[atom] for atom in text) for text in texts]) + rng.normal(0, 0.1, len(texts))
    total[::7] = np.nan
    labels = {
        "sum": total,
        "atoms": [len(text) for text in texts],
        "oxygen": [float("O" in t) for t in texts],
    }
    units = dict.fromkeys(labels, "1")
    return MoleculeTable("chains", texts, pd.DataFrame(labels), units, classes={"oxygen": ("no", "yes")})


@pytest.fixture(scope="module")
def table():
    return make_table()


def prepared_for(table, digits=2):
    return prepare(table, ["sum", "atoms", "oxygen"], digits=digits, batch_tokens=512)


@pytest.fixture(scope="module")
def prepared(table):
    return prepared_for(table)


@pytest.fixture(scope="module")
def trained(table, prepared, tmp_path_factory):
    folder = tmp_path_factory.mktemp("predictor") / "chains"
    recipe = PredictorRecipe(tokens=1.5e5, lr=0.02, **TINY)
    return folder, recipe.train(prepared, table, folder, **QUIET)


def prior_nats(values):
    """Of labels under the best law that knows nothing of the molecule."""
    known = values[~values.isnan()]
    counts = torch.unique(known, return_counts=True)[1] / len(known)
    if len(counts) < 20:
        return float((counts * counts.log()).sum())
    return -0.5 * math.log(2 * math.pi * math.e * float(known.var()))


def test_training_beats_the_prior_and_noise_takes_that_away(trained, prepared):
    network, generator = trained[1].network, torch.Generator().manual_seed(0)
    groups = prepared.validation.groups.values()
    y = torch.cat([group.y for group in groups])
    prior = torch.tensor([prior_nats(column) for column in y.unbind(1)])

    def nats(level):
        parts = []
        with torch.no_grad():
            for group in groups:
                z, t = NOISES["masked"].states(prepared.codec, group.tokens.long(), generator, level)
                parameters = network(*soft_tokens(prepared.codec, z), t)
                parts.append(network.log_likelihood(parameters, group.y))
        return torch.cat(parts).sum(0) / (~y.isnan()).sum(0)

    assert bool((nats(0.0) > prior + 0.3).all())
    assert bool((nats(1.0) < nats(0.0) - 0.3).all())
    assert bool((nats(0.5)[[0, 2]] < nats(0.0)[[0, 2]]).all())


def test_the_trained_predictor_answers_goals(trained, prepared):
    network = trained[1].network
    ids = prepared.tokenizer.encode(["CCO", "CCC", "NNC"])
    x0 = torch.zeros(3, 4, dtype=torch.int64)
    for row, tokens in enumerate(ids):
        x0[row, : len(tokens)] = torch.from_numpy(tokens.astype(np.int64))
    state = soft_tokens(prepared.codec, prepared.codec.encode(x0))
    nan = math.nan
    oxygen = network.log_prob(*state, *torch.tensor([[nan, nan, 1.0], [nan, nan, 1.0]])).exp()
    assert float(oxygen[0].detach()) > 0.8 > 0.3 > float(oxygen[1:].max().detach())
    total = network.log_prob(*state, *torch.tensor([[2.0, nan, nan], [math.inf, nan, nan]])).exp()
    assert total.argmax() == 0


def test_the_folder_has_what_people_get(trained):
    folder, saved = trained
    names = {path.name for path in folder.iterdir()}
    assert names == {
        "README.md",
        "calibration.csv",
        "config.json",
        "model.safetensors",
        "properties.json",
        "training",
        "vocab.json",
    }
    card = (folder / "README.md").read_text()
    assert "    train it" in card
    assert "| oxygen | 1 |" in card
    assert "masked noise" in card
    figures = pd.read_csv(folder / "calibration.csv")
    assert len(figures) == 3 * 8
    loss = pd.read_csv(folder / "training" / "loss.csv")["loss"]
    assert loss.iloc[-1] < loss.iloc[0] - 0.3
    assert saved.config["training"]["report"]["tokens"] == pytest.approx(1.5e5, rel=0.05)


def test_what_was_trained_is_what_is_loaded(trained, prepared):
    folder, saved = trained
    again = load_predictor(folder)
    again.check("mdlm", list(prepared.tokenizer.tokens), prepared.codec, 8)
    state = soft_tokens(prepared.codec, torch.full((2, 8, 2), -1))
    torch.testing.assert_close(again.network(*state), saved.network(*state), atol=0.05, rtol=0.05)
    assert again.network.laws == saved.network.laws == laws_of(prepared)


def test_laws_follow_the_labels(prepared):
    laws = laws_of(prepared)
    assert isinstance(laws["sum"], Gaussian)
    assert laws["atoms"] == Values((2, 3, 4, 5, 6))
    assert laws["oxygen"] == Classes((0, 1))


def test_many_whole_numbers_have_a_continuous_law():
    y = torch.arange(65.0)[:, None]
    entry = PropertyStatistics.from_values("dose", y, "mg", "by hand")
    few = SimpleNamespace(train=SimpleNamespace(groups={4: SimpleNamespace(y=y)}), statistics=[entry])
    assert isinstance(laws_of(few)["dose"], Gaussian)
    few.train.groups[4].y = y[:64]
    assert isinstance(laws_of(few)["dose"], Values)


def test_missing_labels_cost_nothing_and_have_no_gradient(prepared):
    network = PredictorRecipe(**TINY).network(prepared)
    task = LabelNats(network, prepared.codec)
    x0, y = prepared.train.batch(0)
    noise = LabelNoise(NOISES["masked"], prepared.codec)
    z, t, weight = noise.corrupt(x0, "mixed", torch.Generator().manual_seed(0))
    assert bool(y.isnan().any())
    nats = task(z, y, t)
    noise.loss(nats, x0, z, t, weight).sum().backward()
    assert all(bool(p.grad.isfinite().all()) for p in network.parameters() if p.grad is not None)
    without = torch.where(torch.arange(3) == 0, torch.nan, y)
    gone = y[:, 0].isnan()
    assert torch.equal(task(z, without, t)[gone], nats[gone])
    assert not torch.equal(task(z, without, t)[~gone], nats[~gone])


class Stop(Exception):
    """What ends a run in the middle."""


class StopAt(Callback):
    def on_train_batch_end(self, trainer, *args):
        if trainer.global_step == 13:
            raise Stop


def test_a_resumed_run_ends_in_the_same_predictor(table, prepared, tmp_path, monkeypatch):
    recipe = PredictorRecipe(tokens=20 * prepared.train.tokens_per_step, **TINY)
    whole = recipe.train(prepared, table, tmp_path / "whole", checkpoint_every=10, **QUIET)
    with monkeypatch.context() as patch:
        made = Fit._trainer
        patch.setattr(Fit, "_trainer", lambda fit, total, few: made(fit, total, [*few, StopAt()]))
        with pytest.raises(Stop):
            recipe.train(prepared, table, tmp_path / "parts", checkpoint_every=10, **QUIET)
    assert not (tmp_path / "parts" / "config.json").exists()
    parts = recipe.train(prepared, table, tmp_path / "parts", checkpoint_every=10, **QUIET)
    assert parts.config["training"]["report"]["steps"] == 20
    pairs = zip(whole.network.state_dict().values(), parts.network.state_dict().values(), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)


def test_a_run_is_not_continued_otherwise(table, trained):
    folder, _ = trained
    with pytest.raises(InputError, match=r"width 16, not 32.*another folder"):
        PredictorRecipe(**{**TINY, "width": 32}).train(prepared_for(table), table, folder, **QUIET)
    with pytest.raises(InputError, match="digits 2, not 1"):
        PredictorRecipe(lr=0.02, **TINY).train(prepared_for(table, 1), table, folder, **QUIET)


def test_families_of_one_noise_share_a_predictor_and_uniform_noise_has_its_own(table, tmp_path):
    assert {PredictorRecipe(family=name).noise for name in ("prime", "mdlm", "ar")} == {"masked"}
    prepared = prepared_for(table, 1)
    recipe = PredictorRecipe(family="udlm", tokens=2e4, **TINY)
    saved = recipe.train(prepared, table, tmp_path / "udlm", **QUIET)
    assert saved.network.timed
    assert load_predictor(tmp_path / "udlm").config["noise"] == "uniform"
    with pytest.raises(InputError, match=r"uniform noise.*--predictor --for MODEL"):
        saved.check("mdlm", saved.tokens, saved.codec, 8)


@pytest.mark.parametrize("model", ["qm9", "qm9-prime"])
def test_a_predictor_for_a_model_fits_it(table, tmp_path, model):
    recipe = PredictorRecipe(model=model, tokens=2e3, **TINY)
    notation, names = recipe.notation, ["sum", "atoms", "oxygen"]
    assert recipe.family == notation.family
    prepared = prepare(table, names, like=notation, batch_tokens=512)
    saved = recipe.train(prepared, table, tmp_path, **QUIET)
    again = load_predictor(tmp_path)
    again.check(notation.family, notation.tokenizer.tokens, notation.codec, notation.longest)
    assert again.network.max_length == notation.longest > max(prepared.train.groups)
    assert again.config["training"]["recipe"]["model"] == model
    assert again.canvas_step == saved.canvas_step == 4
    # A predictor of the table's own symbols does not fit.
    other = PredictorRecipe(family=notation.family, **TINY).network(prepared_for(table))
    with pytest.raises(InputError, match=r"another vocabulary.*moldiff train TABLE --predictor --for MODEL"):
        SavedPredictor(other, saved.codec, ["[nop]", "[C]", "[N]", "[O]"], saved.config).check(
            notation.family, notation.tokenizer.tokens, notation.codec, notation.longest
        )
    with pytest.raises(InputError, match="model qm9"):
        PredictorRecipe(family=notation.family, tokens=2e3, **TINY).train(prepared, table, tmp_path, **QUIET)


def test_a_table_that_was_not_prepared_like_the_model_is_refused(table, prepared, tmp_path):
    with pytest.raises(ValueError, match=r"like=recipe\.notation"):
        PredictorRecipe(model="qm9-prime", **TINY).train(prepared, table, tmp_path, **QUIET)
    assert not any(tmp_path.iterdir())


def test_a_run_of_a_release_without_models_goes_on(table, prepared, tmp_path):
    recipe = PredictorRecipe(tokens=2e3, **TINY)
    recipe.train(prepared, table, tmp_path, **QUIET)
    place = tmp_path / "training" / "recipe.json"
    before = json.loads(place.read_text())
    del before["model"]
    place.write_text(json.dumps(before))
    recipe.train(prepared, table, tmp_path, **QUIET)


def test_the_canvas_step_is_kept(table, tmp_path):
    wide = prepare(table, ["sum"], digits=2, canvas_step=8, batch_tokens=512)
    PredictorRecipe(tokens=2e3, **TINY).train(wide, table, tmp_path, **QUIET)
    assert load_predictor(tmp_path).canvas_step == 8


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"model": "qm8"}, "unknown model 'qm8'"),
        ({"family": "mdml"}, "did you mean 'mdlm'"),
        ({"tokens": 0}, "above 0"),
        ({"tokens": math.nan}, "above 0"),
    ],
)
def test_recipes_that_cannot_be_are_refused(keywords, message):
    with pytest.raises(InputError, match=message):
        PredictorRecipe(**keywords)

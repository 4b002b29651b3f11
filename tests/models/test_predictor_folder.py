"""Predictor folders: what is written is read; what is damaged, hostile or of another model is refused."""

import json
import shutil

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from soak import examples

from moldiff.diffusion import SubtokenCodec
from moldiff.errors import InputError
from moldiff.models.checkpoint import write_json
from moldiff.models.predictor import NoisyPredictor, soft_tokens
from moldiff.models.predictor_folder import SavedPredictor, load_predictor, save_predictor
from moldiff.models.predictor_heads import Classes, Gaussian, Values

TOKENS = ["[nop]", "[C]", "[O]"]
CODES = torch.tensor([[0, 0], [1, 0], [0, 1]])
LAWS = {"logP": Gaussian(1.0, 2.0), "rings": Values((0, 1, 3)), "toxic": Classes((0, 1))}
STATISTICS = {"logP": {"mean": 1.0}, "rings": {"mean": 1.0}, "toxic": {"classes": ["no", "yes"]}}
KEYWORDS = {"max_length": 8, "digits": 2, "width": 16, "depth": 1, "heads": 2, "condition_width": 8}
FILES = ["config.json", "vocab.json", "properties.json", "model.safetensors"]


def made(noise="masked", codes=CODES, **keywords):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        sizes = {**KEYWORDS, "digits": codes.shape[1]}
        network = NoisyPredictor(3, LAWS, **sizes, **keywords)
        for value in [*network.parameters(), network.log_spread]:
            torch.nn.init.normal_(value, std=0.5)
    config = {"noise": noise, "network": sizes}
    return SavedPredictor(network.eval(), SubtokenCodec(codes), TOKENS, config)


def written(folder, predictor):
    write_json(folder / "properties.json", STATISTICS)
    save_predictor(folder, predictor)
    return folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return written(tmp_path_factory.mktemp("predictor"), made())


@pytest.fixture
def folder(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / "copy")


def change(folder, name, **entries):
    content = json.loads((folder / name).read_text())
    (folder / name).write_text(json.dumps({**content, **entries}))


def refusal(folder):
    with pytest.raises(InputError) as caught:
        load_predictor(folder)
    return str(caught.value)


def test_round_trip(folder):
    before, again = made(), load_predictor(folder)
    rounded = {name: value.bfloat16().float() for name, value in before.network.state_dict().items()}
    before.network.load_state_dict(rounded)
    state = soft_tokens(before.codec, torch.tensor([[[-1, -1], [1, 0], [0, -1], [0, 0]]]))
    torch.testing.assert_close(again.network(*state), before.network(*state))
    assert {weight.dtype for weight in again.network.parameters()} == {torch.float32}
    assert torch.equal(again.network.log_spread, rounded["log_spread"])
    assert not again.network.training
    assert again.network.laws == LAWS
    assert again.properties == ["logP", "rings", "toxic"]
    assert torch.equal(again.codec.codes, CODES)
    assert again.tokens == TOKENS
    assert again.config["network"] == KEYWORDS


def test_what_was_loaded_can_be_saved(folder, tmp_path):
    again = load_predictor(folder)
    other = written(tmp_path / "other", again)
    assert (other / "config.json").read_text() == (folder / "config.json").read_text()
    assert (other / "model.safetensors").read_bytes() == (folder / "model.safetensors").read_bytes()


def test_a_predictor_for_uniform_noise_is_told_the_time(tmp_path):
    codes = torch.arange(3)[:, None]
    again = load_predictor(written(tmp_path, made("uniform", codes, timed=True)))
    assert again.network.timed
    again.check("udlm", TOKENS, again.codec, 8)


def test_a_masked_predictor_serves_all_models_of_its_noise():
    saved = made()
    saved.check("prime", TOKENS, SubtokenCodec(CODES), 8)
    for family in ("mdlm", "ar"):
        saved.check(family, TOKENS, SubtokenCodec(torch.arange(3)[:, None]), 4)


@pytest.mark.parametrize(
    ("family", "tokens", "codes", "longest", "message"),
    [
        ("udlm", TOKENS, torch.arange(3)[:, None], 8, "masked noise.*family udlm"),
        ("prime", ["[nop]", "[C]", "[N]"], CODES, 8, "another vocabulary"),
        ("prime", [*TOKENS, "[N]"], torch.tensor([[0, 0], [1, 0], [0, 1], [1, 1]]), 8, "3 tokens.*has 4"),
        ("prime", TOKENS, CODES.flip(0), 8, "other codes"),
        ("prime", TOKENS, CODES, 12, "8 positions.*12"),
    ],
)
def test_models_of_another_kind_are_refused(family, tokens, codes, longest, message):
    with pytest.raises(InputError, match=rf"{message}.*: train one with: moldiff train TABLE.*--for MODEL"):
        made().check(family, tokens, SubtokenCodec(codes), longest)


def test_a_predictor_of_whole_tokens_does_not_read_digits():
    with pytest.raises(InputError, match="other codes, of 1 digits"):
        made(codes=torch.arange(3)[:, None]).check("prime", TOKENS, SubtokenCodec(CODES), 8)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", ["missing", "cut"])
def test_damaged_folders_are_refused(folder, name, damage):
    if damage == "missing":
        (folder / name).unlink()
    else:
        (folder / name).write_bytes((folder / name).read_bytes()[:10])
    assert "cannot" in refusal(folder)


def test_a_newer_format_and_a_model_are_refused(folder):
    change(folder, "config.json", format_version=2)
    assert "upgrade moldiff" in refusal(folder)
    write_json(folder / "config.json", {"format_version": 1, "family": "prime"})
    assert "holds no predictor" in refusal(folder)


def test_a_canvas_step_that_is_not_told_is_four(folder):
    assert load_predictor(folder).canvas_step == 4
    change(folder, "config.json", canvas_step=2)
    assert load_predictor(folder).canvas_step == 2


@pytest.mark.parametrize("step", [0, 9, 10**30, True, None, 4.0, "4", [4]])
def test_a_canvas_step_that_cannot_be_is_refused(folder, step):
    change(folder, "config.json", canvas_step=step)
    assert "cannot be read (canvas_step" in refusal(folder)


GAUSSIAN = {"law": "gaussian", "mean": 0.0, "std": 1.0}
RINGS = {"law": "values", "values": [0.0, 1.0, 3.0]}
TOXIC = {"law": "classes", "values": [0.0, 1.0]}


@pytest.mark.parametrize(
    "laws",
    [
        {"logP": GAUSSIAN, "rings": RINGS},
        {"logP": GAUSSIAN, "toxic": TOXIC, "rings": RINGS},
        {"logP": {**GAUSSIAN, "std": -1.0}, "rings": RINGS, "toxic": TOXIC},
        {"logP": {**GAUSSIAN, "law": "cauchy"}, "rings": RINGS, "toxic": TOXIC},
        {"logP": GAUSSIAN, "rings": {**RINGS, "values": [0.0, 1.0]}, "toxic": TOXIC},
        {"logP": GAUSSIAN, "rings": RINGS, "toxic": {**TOXIC, "law": "values"}},
        {"logP": GAUSSIAN, "rings": {**RINGS, "more": 1}, "toxic": TOXIC},
        [GAUSSIAN],
        None,
    ],
)
def test_laws_that_do_not_fit_are_refused(folder, laws):
    change(folder, "config.json", properties=laws)
    assert "cannot be read" in refusal(folder)


@pytest.mark.parametrize("noise", ["gaussian", 3, None, ["masked"], "uniform"])
def test_noise_that_does_not_fit_is_refused(folder, noise):
    change(folder, "config.json", noise=noise)
    assert "cannot be read" in refusal(folder)


@pytest.mark.parametrize("keyword", KEYWORDS)
@pytest.mark.parametrize("value", [10**9, 2**40, 0, -4, 1.5, True, None, "64"])
def test_sizes_that_no_weights_fill_take_neither_memory_nor_time(folder, keyword, value):
    change(folder, "config.json", network={**KEYWORDS, keyword: value})
    assert "cannot be read" in refusal(folder)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("head.weight", torch.full((7, 32), torch.nan)),
        ("head.weight", torch.zeros(3, 3)),
        ("log_spread", torch.zeros(5, 3)),
        ("log_spread", torch.full((8, 3), torch.inf)),
        ("another", torch.zeros(1)),
    ],
)
def test_damaged_tensors(folder, name, value):
    weights = load_file(folder / "model.safetensors")
    save_file({**weights, name: value}, folder / "model.safetensors")
    assert "cannot be read" in refusal(folder)


def test_codes_that_are_not_the_networks(folder):
    change(folder, "vocab.json", codes=[[0], [1], [2]])
    assert "digits a token" in refusal(folder)
    change(folder, "vocab.json", codes=[[0, 0], [1, 0]])
    assert "3 tokens and 2 codes" in refusal(folder)


def places(content, path=()):
    """Return the path of every value in a JSON document."""
    lists = enumerate(content) if isinstance(content, list) else ()
    inside = content.items() if isinstance(content, dict) else lists
    return [path, *(place for key, value in inside for place in places(value, (*path, key)))]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**400), 10**400) | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=4,
)


@examples(150)
@given(data=st.data(), name=st.sampled_from(FILES[:3]), value=JSON)
def test_any_value_anywhere_in_the_json_files(folder, whole, data, name, value):
    """Whatever stands there, reading ends in a predictor that answers or in an error of ours."""
    content = json.loads((whole / name).read_text())
    *path, last = data.draw(st.sampled_from(places(content)[1:]))
    where = content
    for key in path:
        where = where[key]
    where[last] = value
    (folder / name).write_text(json.dumps(content))
    try:
        loaded = load_predictor(folder)
    except InputError:
        pass
    else:
        z = torch.full((1, 4, loaded.codec.digits), -1)
        loaded.network.predict(*soft_tokens(loaded.codec, z))
    shutil.copy(whole / name, folder / name)

"""The states that predictors are shown."""

import pytest
import torch

from moldiff.diffusion import SubtokenCodec
from moldiff.models.families import FAMILIES
from moldiff.models.predictor_noise import CLEAN, NOISES, noise_of

CODEC = {
    "masked": SubtokenCodec(torch.tensor([[0, 0], [0, 1], [1, 0], [1, 1], [2, 0]])),
    "uniform": SubtokenCodec(torch.arange(5)[:, None]),
}
ROWS, LENGTH = 4000, 6


def shown(name, level=None, seed=0):
    x0 = torch.randint(5, (ROWS, LENGTH), generator=torch.Generator().manual_seed(9))
    z, t = NOISES[name].states(CODEC[name], x0, torch.Generator().manual_seed(seed), level)
    return CODEC[name].encode(x0), z, t


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_has_one_kind_of_noise(family):
    assert [name for name, kind in NOISES.items() if family in kind.families] == [noise_of(family)]


def test_a_family_without_a_predictor_is_refused():
    with pytest.raises(ValueError, match="'gan'"):
        noise_of("gan")


def test_masked_states_show_nothing_wrong():
    clean, z, _ = shown("masked")
    assert torch.equal(z[z >= 0], clean[z >= 0])


def test_masked_training_sees_finished_molecules_prefixes_whole_tokens_and_digits():
    _, z, _ = shown("masked")
    masked = z < 0
    finished = (~masked).all((1, 2)).float().mean()
    # Prefixes of full length are finished molecules too.
    expected = CLEAN + NOISES["masked"].prefixes / (LENGTH + 1)
    assert float(finished) == pytest.approx(expected, abs=0.02)
    whole = (masked.all(2) == masked.any(2)).all(1)
    hidden = masked.all(2)
    prefix = whole & (hidden.long().diff(dim=1) >= 0).all(1)
    for written in range(LENGTH + 1):
        assert bool((prefix & ((~hidden).sum(1) == written)).any())
    neither = 1 - CLEAN - NOISES["masked"].prefixes
    assert 0.4 * neither < float((~whole).float().mean()) < 0.7 * neither  # digits: half of them
    assert float((whole & ~prefix).float().mean()) > 0.03


def test_training_sees_all_noise_levels():
    _, z, _ = shown("masked")
    share = (z < 0).float().mean((1, 2))
    counts = torch.histc(share, 6, 0.0, 1.0)
    assert bool((counts > 0.08 * ROWS).all())
    _, _, t = shown("uniform")
    assert bool((torch.histc(t, 6, 0.0, 1.0) > 0.08 * ROWS).all())


@pytest.mark.parametrize("level", [0.25, 0.5, 0.75])
def test_a_given_level_hides_or_replaces_that_share(level):
    _, z, _ = shown("masked", level)
    assert float((z < 0).float().mean()) == pytest.approx(level, abs=0.03)
    clean, z, t = shown("uniform", level)
    assert float((z != clean).float().mean()) == pytest.approx(level * 4 / 5, abs=0.02)
    assert torch.allclose(t, torch.full((ROWS,), level))


@pytest.mark.parametrize("name", NOISES)
def test_no_noise_leaves_everything_and_full_noise_nothing(name):
    clean, z, t = shown(name, 0.0)
    assert torch.equal(z, clean)
    assert not t.any()
    clean, z, t = shown(name, 1.0)
    assert bool((z < 0).all()) if name == "masked" else float((z == clean).float().mean()) < 0.25


def test_finished_molecules_of_uniform_noise_have_time_0():
    clean, z, t = shown("uniform")
    assert float((t == 0).float().mean()) == pytest.approx(CLEAN, abs=0.02)
    assert torch.equal(z[t == 0], clean[t == 0])


@pytest.mark.parametrize("name", NOISES)
def test_states_are_a_function_of_the_generator(name):
    first, again, other = (shown(name, seed=seed)[1] for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)

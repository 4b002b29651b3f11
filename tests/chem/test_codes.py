from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from moldiff.chem import CODES, NOP
from moldiff.chem.codes import NOP_DIGIT, chemistry, extended, frequency, shuffled

ATOMS = ["C", "N", "O", "S", "P", "F", "Cl", "NH1", "N+1", "NH1+1", "O-1", "C@", "C@@H1", "13C"]
RINGS = ["Ring1", "Ring2", "Branch1", "Branch2"]
TOKENS = st.lists(
    st.one_of(
        st.builds("[{}{}]".format, st.sampled_from(["", "=", "#", "/", "\\"]), st.sampled_from(ATOMS)),
        st.builds("[{}{}]".format, st.sampled_from(["", "=", "#"]), st.sampled_from(RINGS)),
        st.builds("[{}{}]".format, st.sampled_from(["-/", "/-", "\\\\", "-\\"]), st.sampled_from(RINGS[:2])),
        st.just("."),
    ),
    unique=True,
    min_size=2,
    max_size=60,
).map(lambda tokens: [NOP, *tokens])


def check(codes: NDArray[np.int64], tokens: list[str] | tuple[str, ...], k: int) -> None:
    """Assert what every code promises."""
    assert codes.shape == (len(tokens), k)
    assert codes.dtype == np.int64
    assert codes.min() == 0
    assert len(np.unique(codes, axis=0)) == len(tokens)
    if k > 1:
        assert (codes[0] == 0).all()
        assert (codes[1:, NOP_DIGIT] > 0).all()


@pytest.mark.parametrize("k", [1, 2, 3])
@pytest.mark.parametrize("name", CODES)
def test_codes_of_the_data_sets(vocabulary: tuple[str, ...], name: str, k: int) -> None:
    check(CODES[name](vocabulary, k, counts=list(range(len(vocabulary))), seed=1), vocabulary, k)


@given(tokens=TOKENS, name=st.sampled_from(list(CODES)), k=st.integers(1, 7), seed=st.integers(0, 5))
def test_codes_of_any_vocabulary(tokens: list[str], name: str, k: int, seed: int) -> None:
    counts = [len(token) for token in tokens]
    # A digit that never differs is refused; in the chemical code that depends on how many members there are.
    too_many = k > 1 and 2 ** (k - 1) >= len(tokens) - 1
    try:
        codes = CODES[name](tokens, k, counts=counts, seed=seed)
    except ValueError:
        if not too_many and (name != "chemistry" or k <= 3):
            raise
        return
    check(codes, tokens, k)


@pytest.mark.parametrize("name", CODES)
def test_one_digit_is_the_identity(vocabulary: tuple[str, ...], name: str) -> None:
    codes = CODES[name](vocabulary, 1, counts=[1] * len(vocabulary))
    assert codes[:, 0].tolist() == list(range(len(vocabulary)))


def test_chemistry_digits_by_hand() -> None:
    tokens = [NOP, "[#C]", "[=C]", "[=NH1+1]", "[=Ring2]", "[C]", "[NH1+1]", "[N]", "[Ring2]"]
    # Bases in sorted order: C, N, NH1+1, Ring2 are 1 to 4.
    assert chemistry(tokens, 2).tolist() == [
        [0, 0],
        [2, 1],
        [1, 1],
        [1, 3],
        [1, 4],
        [0, 1],
        [0, 3],
        [0, 2],
        [0, 4],
    ]
    # Kinds C, N, Ring are 1 to 3; members "", "2", "H1+1" are 0 to 2.
    assert chemistry(tokens, 3).tolist() == [
        [0, 0, 0],
        [2, 1, 0],
        [1, 1, 0],
        [1, 2, 2],
        [1, 3, 1],
        [0, 1, 0],
        [0, 2, 2],
        [0, 2, 0],
        [0, 3, 1],
    ]


def test_chemistry_keeps_stereo_prefixes_apart() -> None:
    tokens = [NOP, "[C]", "[/C]", "[\\C]", "[=C]", "[Ring1]", "[-/Ring1]", "[-\\Ring1]"]
    # Used prefix digits are none, =, then two per base symbol; # does not occur and takes no value.
    assert chemistry(tokens, 2)[1:, 0].tolist() == [0, 2, 3, 1, 0, 2, 3]


@pytest.mark.parametrize(
    ("size", "k", "bases"),
    [(30, 2, [5, 6]), (28, 2, [5, 6]), (64, 2, [8, 8]), (27, 3, [3, 3, 3]), (30, 5, [2] * 5)],
)
def test_radix_is_mixed_and_tight(size: int, k: int, bases: list[int]) -> None:
    tokens = [NOP, *(f"[{mass}C]" for mass in range(1, size + 1))]
    codes = shuffled(tokens, k)
    codes[:, NOP_DIGIT] -= 1
    assert (codes.max(0) + 1).tolist() == bases


def test_shuffles_differ_by_seed_only(vocabulary: tuple[str, ...]) -> None:
    assert (shuffled(vocabulary, 2, seed=3) == shuffled(vocabulary, 2, seed=3)).all()
    assert (shuffled(vocabulary, 2, seed=3) != shuffled(vocabulary, 2, seed=4)).any()


def test_frequency_puts_common_tokens_together() -> None:
    tokens = [NOP, *(f"[{mass}C]" for mass in range(1, 10))]
    counts = [0, 5, 100, 1, 3, 90, 2, 80, 4, 0]
    groups = frequency(tokens, 2, counts=counts)[1:, 0]
    by_group = [{counts[1:][i] for i in np.flatnonzero(groups == group)} for group in range(3)]
    assert by_group == [{100, 90, 80}, {5, 4, 3}, {2, 1, 0}]


def test_misuse_is_refused() -> None:
    tokens = [NOP, "[C]", "[N]"]
    with pytest.raises(ValueError, match="at least one digit"):
        chemistry(tokens, 0)
    with pytest.raises(ValueError, match="counts of all 3 tokens, got none"):
        frequency(tokens, 2)
    with pytest.raises(ValueError, match="got 2"):
        frequency(tokens, 2, counts=[1, 2])
    with pytest.raises(ValueError, match="no use for k=2"):
        shuffled([NOP, "[C]"], 2)
    for bad in ([], ["[C]", "[N]", "[O]"], [NOP, "[C]", "[C]"]):
        with pytest.raises(ValueError, match="expected distinct tokens"):
            chemistry(bad, 2)


@pytest.mark.parametrize("name", CODES)
@pytest.mark.parametrize("k", [1, 2, 3])
def test_further_tokens_keep_the_codes_of_those_before(name, k):
    known = ["[nop]", "[#C]", "[=C]", "[=N]", "[=O]", "[Branch1]", "[C]", "[N]", "[O]", "[Ring1]", "[NH1+1]"]
    new = ["[#N]", "[Br]", "[=S]", "[S]", "[/C]", "[Ring2]", "[=Branch1]", "[C@H1]"]
    codes = CODES[name](known, k, counts=list(range(len(known))))
    found = extended(known, codes, new)
    assert np.array_equal(found[: len(known)], codes)
    assert len(np.unique(found, axis=0)) == len(known) + len(new)
    if k > 1:
        assert (found[1:, NOP_DIGIT] > 0).all()
    assert np.array_equal(extended(known, codes, []), codes)


def test_further_tokens_share_what_chemistry_tells():
    known = ["[nop]", "[=C]", "[C]", "[=N]", "[N]", "[O]", "[#C]"]
    codes = chemistry(known, 2)
    found = dict(
        zip(
            [*known, "[=O]", "[#N]", "[S]", "[=S]"],
            extended(known, codes, ["[=O]", "[#N]", "[S]", "[=S]"]).tolist(),
            strict=True,
        )
    )
    assert found["[=O]"] == [found["[=C]"][0], found["[O]"][1]]
    assert found["[#N]"] == [found["[#C]"][0], found["[N]"][1]]
    assert found["[S]"][0] == found["[C]"][0]
    assert found["[=S]"] == [found["[=C]"][0], found["[S]"][1]]
    assert found["[S]"][1] == codes[:, 1].max() + 1

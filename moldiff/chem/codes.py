"""Codes: the K digits in which each token of a vocabulary is written.

A partially masked model (MDM-Prime, arXiv 2505.18495, section 3) hides and reveals the digits of a token
one by one. Which tokens share a digit is free; only distinct rows are needed. Bases are mixed: digit j of a
code runs over ``codes[:, j].max() + 1`` values.

With K >= 2 every code here puts ``[nop]`` in a class of its own on digit 1 (counted from 0), with all its
other digits 0: one visible digit then settles whether a position is empty, whatever else the code does.
With K = 1 every code is the identity, hence the plain masked model.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from moldiff.chem.tokenizer import NOP

NOP_DIGIT = 1
"""The digit on which ``[nop]`` stands alone, in every code with K >= 2."""

_PREFIX_AND_BASE = re.compile(r"\[?([=#]|[-/\\]{2}(?=Ring)|[/\\])?([^\]]*)\]?")
_KIND_AND_MEMBER = re.compile(r"(Branch|Ring|\d*[A-Z][a-z]?|\.)(.*)")
_PREFIXES = {"": 0, "=": 1, "#": 2}


class Code(Protocol):
    """A rule that writes tokens as digits."""

    def __call__(
        self, tokens: Sequence[str], k: int, *, counts: Sequence[int] | None = None, seed: int = 0
    ) -> NDArray[np.int64]:
        """Return the digits of each token.

        Args:
            tokens: C distinct tokens, the first ``[nop]``.
            k: Digits per token, K >= 1.
            counts: How often each of the C tokens occurs in training; only the frequency code needs it.
            seed: Of the shuffled code's permutation.

        Returns:
            (C, K) int64, rows distinct.

        Raises:
            ValueError: K digits are more than the vocabulary can use, or counts are missing or of another
                length.
        """


def chemistry(
    tokens: Sequence[str],
    k: int,
    *,
    counts: Sequence[int] | None = None,  # noqa: ARG001 (all codes are called alike)
    seed: int = 0,  # noqa: ARG001 (all codes are called alike)
) -> NDArray[np.int64]:
    r"""Write tokens by what they mean, so that to change one digit is to change one chemical fact.

    K = 2: bond prefix x base symbol: ``[=C]`` differs from ``[C]`` in digit 0 and from ``[=N]`` in digit 1.
    Prefixes are none, ``=``, ``#``, then whatever else stands before the same symbol (``/``, ``\``, pairs
    of them on rings).
    K = 3: prefix x kind (element, Branch, Ring) x member (charge, hydrogens, chirality; a ring's or
    branch's size).
    K > 3: the member in K - 2 digits of a mixed radix.

    Example:
        >>> chemistry(["[nop]", "[C]", "[=C]", "[O]", "[=O]"], 2).tolist()
        [[0, 0], [0, 1], [1, 1], [0, 2], [1, 2]]
    """
    _check(tokens, k)
    if k == 1:
        return _identity(tokens)
    parts = [_split(token) for token in tokens[1:]]
    prefixes = _prefix_digits(parts)
    if k == 2:
        return _with_nop([prefixes, _ranks([base for _, base in parts])])
    kinds, members = zip(*(_kind_and_member(base) for _, base in parts), strict=True)
    rank = np.array(_ranks(members))
    return _with_nop([prefixes, _ranks(kinds), *_mixed_radix(rank, int(rank.max()) + 1, k - 2).T])


def shuffled(
    tokens: Sequence[str],
    k: int,
    *,
    counts: Sequence[int] | None = None,  # noqa: ARG001 (all codes are called alike)
    seed: int = 0,
) -> NDArray[np.int64]:
    """Write a random permutation of the tokens in K digits: a code without meaning, to compare with.

    Example:
        >>> shuffled(["[nop]", "[C]", "[=C]", "[O]", "[=O]"], 2, seed=0).max(0).tolist()
        [1, 2]
    """
    _check(tokens, k)
    if k == 1:
        return _identity(tokens)
    ranks = np.random.default_rng(seed).permutation(len(tokens) - 1)
    return _with_nop(_mixed_radix(ranks, len(ranks), k).T)


def frequency(
    tokens: Sequence[str],
    k: int,
    *,
    counts: Sequence[int] | None = None,
    seed: int = 0,  # noqa: ARG001 (all codes are called alike)
) -> NDArray[np.int64]:
    """Write the rank of each token by falling frequency: tokens of like frequency share their first digits.

    Example:
        >>> frequency(["[nop]", "[C]", "[=C]", "[O]", "[=O]"], 2, counts=[0, 9, 1, 7, 3]).tolist()
        [[0, 0], [0, 1], [1, 2], [0, 2], [1, 1]]
    """
    _check(tokens, k)
    if counts is None or len(counts) != len(tokens):
        got = "none" if counts is None else len(counts)
        raise ValueError(f"the frequency code needs the counts of all {len(tokens)} tokens, got {got}")
    if k == 1:
        return _identity(tokens)
    falling = np.argsort(-np.asarray(counts[1:]), kind="stable")
    return _with_nop(_mixed_radix(np.argsort(falling), len(falling), k).T)


CODES: dict[str, Code] = {"chemistry": chemistry, "shuffled": shuffled, "frequency": frequency}
"""Codes by name."""


def extended(tokens: Sequence[str], codes: NDArray[np.int64], new: Sequence[str]) -> NDArray[np.int64]:
    """Write further tokens in the digits of a vocabulary, whose own tokens keep theirs.

    With K = 1 they are the next numbers. With more digits a new token takes the digits that the chemistry
    code would give it as far as the known tokens tell them: prefix and base symbol as they have them. Where
    they do not tell, or another token has that code, digit 1 takes a value of its own.

    Args:
        tokens: The C known tokens.
        codes: (C, K) their digits.
        new: Distinct further tokens.

    Returns:
        (C + len(new), K) int64, rows distinct, the first C those of ``codes``.

    Example:
        >>> known = ["[nop]", "[C]", "[=C]", "[O]"]
        >>> extended(known, chemistry(known, 2), ["[=O]", "[Br]"]).tolist()[4:]
        [[1, 2], [0, 3]]
    """
    rows = [tuple(row) for row in codes.tolist()]
    if codes.shape[1] == 1:
        rows += [(len(tokens) + place,) for place in range(len(new))]
        return np.array(rows, dtype=np.int64)
    parts = {token: _split(token) for token in [*tokens, *new]}
    prefixes = {parts[token][0]: row[0] for token, row in zip(tokens[1:], rows[1:], strict=True)}
    bases = {parts[token][1]: row[NOP_DIGIT:] for token, row in zip(tokens[1:], rows[1:], strict=True)}
    for token in new:
        prefix, base = parts[token]
        found = (prefixes.get(prefix, 0), *bases.get(base, ()))
        if len(found) < codes.shape[1] or found in rows:
            own = max(row[NOP_DIGIT] for row in rows) + 1
            found = (found[0], own, *(0 for _ in range(codes.shape[1] - 2)))
        bases.setdefault(base, found[NOP_DIGIT:])
        rows.append(found)
    return np.array(rows, dtype=np.int64)


def _check(tokens: Sequence[str], k: int) -> None:
    if not tokens or tokens[0] != NOP or len(set(tokens)) != len(tokens):
        raise ValueError(f"expected distinct tokens, the first {NOP!r}")
    if k < 1:
        raise ValueError(f"expected at least one digit per token, got k={k}")
    if k > 1 and len(tokens) < 3:
        raise ValueError(f"a vocabulary of {len(tokens)} tokens has no use for k={k} digits")


def _identity(tokens: Sequence[str]) -> NDArray[np.int64]:
    return np.arange(len(tokens), dtype=np.int64)[:, None]


def _split(token: str) -> tuple[str, str]:
    """Return bond prefix and base symbol: ``[=NH1+1]`` gives ``("=", "NH1+1")``."""
    matched = _PREFIX_AND_BASE.fullmatch(token)
    return (matched[1] or "", matched[2]) if matched else ("", token)


def _kind_and_member(base: str) -> tuple[str, str]:
    """Return element (or Branch, Ring) and what decorates it: ``NH1+1`` gives ``("N", "H1+1")``."""
    matched = _KIND_AND_MEMBER.fullmatch(base)
    return (matched[1], matched[2]) if matched else (base, "")


def _ranks(names: Sequence[str]) -> list[int]:
    """Return the place of each name among the distinct names, sorted; "" comes first."""
    place = {name: number for number, name in enumerate(sorted(set(names)))}
    return [place[name] for name in names]


def _prefix_digits(parts: Sequence[tuple[str, str]]) -> list[int]:
    """Number the prefixes: none, =, # as 0, 1, 2; the others of one base symbol from 3 in sorted order.

    Numbering per base symbol keeps rows distinct with few values: ring prefixes such as ``-/`` and atom
    prefixes such as ``/`` never meet on one symbol, so they may share a number.
    """
    others: dict[str, list[str]] = {}
    for prefix, base in sorted(parts):
        if prefix not in _PREFIXES:
            others.setdefault(base, []).append(prefix)
    digits = [_PREFIXES[p] if p in _PREFIXES else 3 + others[base].index(p) for p, base in parts]
    used = sorted(set(digits))
    return [used.index(digit) for digit in digits]


def _mixed_radix(ranks: NDArray[np.int64], size: int, k: int) -> NDArray[np.int64]:
    """Write numbers below ``size`` in k digits of nearly equal bases, most significant first: (C, k)."""
    bases: list[int] = []
    left = size
    for remaining in range(k, 0, -1):
        # The root of what is left, downwards, so that later digits are at least as wide as earlier ones.
        base = left if remaining == 1 else max(2, int(left ** (1 / remaining) + 1e-9))
        if left == 1 and k > 1:
            raise ValueError(f"{size} tokens or members have no use for {k} digits: choose fewer")
        bases.append(base)
        left = -(-left // base)
    digits = np.empty((len(ranks), k), dtype=np.int64)
    for column in range(k - 1, -1, -1):
        ranks, digits[:, column] = np.divmod(ranks, bases[column])
    return digits


def _with_nop(columns: Sequence[Sequence[int]] | NDArray[np.int64]) -> NDArray[np.int64]:
    """Put the row of ``[nop]``, all 0, on top and keep value 0 of its digit for it alone: (C, K)."""
    digits = np.array(columns, dtype=np.int64).T
    digits[:, NOP_DIGIT] += 1
    return np.concatenate([np.zeros((1, digits.shape[1]), dtype=np.int64), digits])

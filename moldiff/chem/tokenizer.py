"""Molecules as sequences of token ids, by way of SELFIES.

SELFIES ("Self-referencing embedded strings", Krenn et al. 2020, doi 10.1088/2632-2153/aba947) is a grammar
in which every sequence of symbols is a molecule. Everything here uses the constraints that the ``selfies``
package starts with (``selfies.get_preset_constraints("default")``: C 4 bonds, N 3, O 2, S 6, P 5, and so
on); a program that changes them with ``selfies.set_semantic_constraints`` changes what token ids mean.

Two things follow from the grammar and surprise people. Symbols that do not fit (a ring to nowhere, a bond
too many) are skipped or weakened without a word; :meth:`SelfiesTokenizer.faithful` tells where that
happened. And an atom written with its hydrogens, such as ``[NH1]``, receives no further ones, so that at
the end of a chain it is a radical.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TypeAlias

import numpy as np
import selfies
from numpy.typing import NDArray

from moldiff.chem.standardise import canonical
from moldiff.errors import InputError

NOP = "[nop]"
"""The symbol without meaning: id 0, fills a canvas, dropped in decoding."""

MAX_TOKENS = 256
"""Ids are uint8."""

Ids: TypeAlias = NDArray[np.uint8]
IdRows: TypeAlias = NDArray[np.integer] | Sequence[NDArray[np.integer]] | Sequence[Sequence[int]]

# Text that is no SMILES makes selfies.encoder stumble in more ways than the one it announces.
_ENCODER_FAILURES = (selfies.EncoderError, IndexError, KeyError, ValueError, AssertionError, RecursionError)


class SelfiesTokenizer:
    """Turn SMILES into token ids and any ids into molecules.

    ``decode(encode(smiles))`` is the canonical SMILES of the molecule. ``encode`` keeps the atom order it
    is given, so that randomised SMILES give randomised sequences; give canonical SMILES for one sequence
    per molecule.

    Args:
        tokens: The vocabulary; the first is ``"[nop]"``, the rest SELFIES symbols (or ``"."`` between
            fragments).

    Raises:
        ValueError: The first token is not ``"[nop]"``, or one occurs twice.
        InputError: A token that SELFIES does not know, or more than 256 of them.

    Example:
        >>> tokenizer = SelfiesTokenizer.fit(["CCO", "C=O"])
        >>> tokenizer.tokens
        ('[nop]', '[=O]', '[C]', '[O]')
        >>> [ids.tolist() for ids in tokenizer.encode(["OCC", "C=O"])]
        [[3, 2, 2], [2, 1]]
        >>> tokenizer.decode([[2, 2, 0, 3, 0], [0, 0, 0, 0, 0]])
        ['CCO', '']
    """

    def __init__(self, tokens: Sequence[str]) -> None:
        self.tokens: tuple[str, ...] = tuple(tokens)
        _check_vocabulary(self.tokens)
        self._index = {token: number for number, token in enumerate(self.tokens)}
        self._text = ["", *self.tokens[1:]]

    @classmethod
    def fit(cls, smiles: Iterable[str], *, min_count: int = 1) -> SelfiesTokenizer:
        """Return the tokenizer whose vocabulary is ``"[nop]"`` and the sorted symbols of these molecules.

        Molecules that SELFIES cannot encode are left out; :meth:`try_encode` says which and why.

        Args:
            smiles: The training molecules.
            min_count: Keep a symbol only if at least this many molecules contain it.

        Raises:
            InputError: No molecule could be encoded, or more than 255 symbols remain.
        """
        counts: Counter[str] = Counter()
        for text in smiles:
            try:
                counts.update(set(_symbols(text)))
            except InputError:
                continue
        if not counts:
            raise InputError(
                "expected molecules to build a vocabulary from, got none that SELFIES can encode"
            )
        kept = sorted(symbol for symbol, count in counts.items() if count >= min_count)
        if len(kept) >= MAX_TOKENS:
            raise InputError(
                f"{len(kept)} different SELFIES symbols, and a vocabulary holds {MAX_TOKENS - 1}: "
                f"raise min_count (now {min_count}) so that molecules with rare symbols are dropped"
            )
        return cls([NOP, *kept])

    def symbols(self, smiles: str) -> list[str]:
        """Return the SELFIES symbols of one molecule, known to the vocabulary or not.

        Raises:
            InputError: SELFIES cannot encode the molecule.
        """
        return _symbols(smiles)

    def encode(self, smiles: Sequence[str]) -> list[Ids]:
        """Return the ids of each molecule, without padding.

        Args:
            smiles: B molecules; their atom order is kept.

        Returns:
            B arrays (n,) uint8, n >= 1.

        Raises:
            InputError: Naming the row (from 0), the molecule and the symbol.
        """
        return [self._encode_row(row, text) for row, text in enumerate(smiles)]

    def try_encode(self, smiles: Sequence[str]) -> list[Ids | InputError]:
        """Like :meth:`encode`, but put the error of a molecule in its place instead of raising it."""
        rows: list[Ids | InputError] = []
        for row, text in enumerate(smiles):
            try:
                rows.append(self._encode_row(row, text))
            except InputError as error:
                rows.append(error)
        return rows

    def decode(self, ids: IdRows) -> list[str]:
        """Return the canonical SMILES of each row.

        Args:
            ids: B arrays of ids, or one array (B, L); ``[nop]`` may stand anywhere.

        Returns:
            B strings; "" for the empty molecule and for what RDKit cannot parse and sanitise.

        Raises:
            ValueError: An id outside the vocabulary (MASK included).
        """
        return canonical(self.spell(ids))

    def spell(self, ids: IdRows) -> list[str]:
        """Return each row as the SMILES that the selfies package writes: neither canonical nor checked.

        Raises:
            ValueError: An id outside the vocabulary.
        """
        strings = self.to_selfies(ids)
        decoded = {text: selfies.decoder(text) for text in dict.fromkeys(strings)}
        return [decoded[text] for text in strings]

    def to_selfies(self, ids: IdRows) -> list[str]:
        """Return each row as a SELFIES string, ``[nop]`` removed.

        Raises:
            ValueError: An id outside the vocabulary.
        """
        rows = self._rows(ids)
        text = self._text.__getitem__
        return ["".join(map(text, row)) for row in rows]

    def faithful(self, ids: IdRows) -> NDArray[np.bool_]:
        """Tell for each row whether every one of its symbols has its full effect.

        A row is faithful when its symbols, ``[nop]`` removed, equal
        ``selfies.encoder(selfies.decoder(row))``. That is so for everything :meth:`encode` makes, in any
        atom order, since the decoder keeps the order of the atoms and the encoder again follows it. What
        differs was cut off, weakened or written in another way than SELFIES would. The empty molecule is
        not faithful. Fidelity is the mean over all proposals.

        Args:
            ids: B arrays of ids, or one array (B, L).

        Returns:
            (B,) bool.

        Example:
            >>> tokenizer = SelfiesTokenizer(["[nop]", "[C]", "[F]"])
            >>> tokenizer.faithful([[1, 0, 2], [1, 2, 1]]).tolist()    # fluorine binds once
            [True, False]
        """
        strings = self.to_selfies(ids)
        same = {text: _re_encoded(text) == text and text != "" for text in dict.fromkeys(strings)}
        return np.array([same[text] for text in strings], dtype=np.bool_)

    def _encode_row(self, row: int, smiles: str) -> Ids:
        try:
            symbols = _symbols(smiles)
        except InputError as error:
            raise InputError(f"row {row}: {error}") from None
        try:
            return np.array([self._index[symbol] for symbol in symbols], dtype=np.uint8)
        except KeyError as error:
            raise InputError(
                f"row {row}: molecule {smiles!r} needs the symbol {error.args[0]!r}, which is not among the "
                f"{len(self.tokens)} tokens of this vocabulary"
            ) from None

    def _rows(self, ids: IdRows) -> list[list[int]]:
        """Check ids and return them as lists, which index faster than arrays do."""
        if isinstance(ids, np.ndarray):
            if ids.ndim != 2:
                raise ValueError(f"expected ids of shape (B, L), got {ids.shape}")
            self._check_ids(ids)
            table: list[list[int]] = ids.tolist()
            return table
        arrays = [np.asarray(row) for row in ids]
        # An empty list is an array of floats, and would make floats of all the others.
        filled = [row for row in arrays if row.size]
        if filled:
            self._check_ids(np.concatenate(filled))
        return [row.tolist() for row in arrays]

    def _check_ids(self, ids: NDArray[np.integer]) -> None:
        if not np.issubdtype(ids.dtype, np.integer):
            raise ValueError(f"expected integer ids, got {ids.dtype}")
        if ids.size and (ids.min() < 0 or ids.max() >= len(self.tokens)):
            raise ValueError(f"expected ids in 0..{len(self.tokens) - 1}, got {ids.min()}..{ids.max()}")

    def __len__(self) -> int:
        """Return C, the number of tokens, ``[nop]`` included."""
        return len(self.tokens)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SelfiesTokenizer) and self.tokens == other.tokens

    def __hash__(self) -> int:
        return hash(self.tokens)

    def __repr__(self) -> str:
        return f"SelfiesTokenizer({len(self.tokens)} tokens)"


def _symbols(smiles: str) -> list[str]:
    """Return the SELFIES symbols of a SMILES string, with an InputError where there are none."""
    if not isinstance(smiles, str) or not smiles:
        raise InputError(f"expected a SMILES string, got {smiles!r}")
    try:
        encoded = selfies.encoder(smiles)
    except _ENCODER_FAILURES as error:
        # The first line of an EncoderError is the reason, the others repeat the molecule.
        announced = isinstance(error, selfies.EncoderError)
        reason = str(error).partition("\n")[0].strip() if announced else "not SMILES"
        raise InputError(f"SELFIES cannot encode the molecule {smiles!r} ({reason})") from None
    return list(selfies.split_selfies(encoded))


def _re_encoded(text: str) -> str | None:
    """Return the SELFIES of the molecule that a SELFIES string stands for, None for the empty molecule."""
    try:
        encoded: str = selfies.encoder(selfies.decoder(text))
    except _ENCODER_FAILURES:
        return None
    return encoded


def _check_vocabulary(tokens: tuple[str, ...]) -> None:
    if not tokens or tokens[0] != NOP:
        raise ValueError(f"expected the first token to be {NOP!r}, got {tokens[:1]}")
    if len(set(tokens)) != len(tokens):
        raise ValueError(f"tokens occur twice: {sorted(t for t, n in Counter(tokens).items() if n > 1)}")
    if len(tokens) > MAX_TOKENS:
        raise InputError(f"expected at most {MAX_TOKENS} tokens (ids are uint8), got {len(tokens)}")
    for token in tokens[1:]:
        # After [C] the decoder reaches the token and so looks at it.
        text = f"[C]{token}[C]"
        try:
            known = bool(selfies.decoder(text)) and list(selfies.split_selfies(text)) == ["[C]", token, "[C]"]
        except (selfies.DecoderError, ValueError):
            known = False
        if not known:
            raise InputError(f"the vocabulary holds {token!r}, which is not a SELFIES symbol")

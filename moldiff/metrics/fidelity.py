"""Which SELFIES say all that they seem to say."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import selfies

from moldiff.chem.tokenizer import NOP

__all__ = ["faithful_selfies"]

# The decoder and the encoder announce one error each and stumble over foreign text in further ways.
_FAILURES = (
    selfies.DecoderError,
    selfies.EncoderError,
    AssertionError,
    IndexError,
    KeyError,
    RecursionError,
    ValueError,
)


def faithful_selfies(texts: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Tell for each SELFIES string whether every one of its symbols has its full effect, (N,) bool.

    The definition is that of ``SelfiesTokenizer.faithful``, for strings of any vocabulary: ``[nop]`` removed,
    the string equals ``selfies.encoder(selfies.decoder(string))``. Empty cells and text that is not SELFIES
    are not faithful.

    Args:
        texts: (N,) SELFIES strings.

    Example:
        >>> faithful_selfies(["[C][nop][F]", "[C][F][C]", "CC", ""]).tolist()    # fluorine binds once
        [True, False, False, False]
    """
    same = {text: _faithful(text) for text in dict.fromkeys(texts)}
    return np.array([same[text] for text in texts], dtype=np.bool_)


def _faithful(text: str) -> bool:
    if not isinstance(text, str):
        return False
    bare = text.strip().replace(NOP, "")
    try:
        return bare != "" and bool(selfies.encoder(selfies.decoder(bare)) == bare)
    except _FAILURES:
        return False

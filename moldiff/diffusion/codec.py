"""Tokens as short strings of digits, the sub-tokens of partial masking."""

from __future__ import annotations

import torch
from torch import Tensor, nn

MASK = -1
"""The digit value of a masked site in ``z`` (it is row 0 of every digit's embedding table)."""

FORBIDDEN = -1e9
"""Logit of a token that cannot be: finite, so that guided combinations of two such logits are not NaN."""

MAX_CODES = 2**24
"""Codes that digits can form, at most: a table of them is kept."""


class SubtokenCodec(nn.Module):
    """C tokens as distinct K-digit codes in mixed radix (MDM-Prime, arXiv 2505.18495, section 3.1).

    Digit j of a token takes one of ``bases[j]`` values; ``b_1 * ... * b_K >= C``, and codes that no token has
    are never produced, because a token is always drawn among the *compatible* ones. With K = 1 this is plain
    masked diffusion, on the same code path.

    Args:
        codes: (C, K) int64, the digits of every token; rows are distinct and digits start at 0.

    Raises:
        ValueError: If ``codes`` is not such a table.

    Example:
        >>> codec = SubtokenCodec(torch.tensor([[0, 0], [0, 1], [1, 0]]))
        >>> codec.bases
        (2, 2)
        >>> codec.decode(codec.encode(torch.tensor([[2, 1]])))
        tensor([[2, 1]])
        >>> codec.compatible(torch.tensor([[[MASK, 0]]])).tolist()
        [[[True, False, True]]]
    """

    codes: Tensor
    places: Tensor
    tokens_by_code: Tensor

    def __init__(self, codes: Tensor) -> None:
        super().__init__()
        if codes.ndim != 2 or codes.dtype != torch.int64 or codes.numel() == 0 or int(codes.min()) < 0:
            raise ValueError(
                f"codes must be a (C, K) int64 table of digits >= 0, got {tuple(codes.shape)} {codes.dtype}"
            )
        if len(torch.unique(codes, dim=0)) != len(codes):
            raise ValueError("two tokens have the same code: the rows of codes must be distinct")
        self.bases: tuple[int, ...] = tuple(int(top) + 1 for top in codes.amax(0))
        self.vocab_size, self.digits = codes.shape
        places = [1]
        for base in reversed(self.bases[1:]):
            places.insert(0, places[0] * base)
        if places[0] * self.bases[0] > MAX_CODES:
            raise ValueError(
                f"digits of bases {self.bases} make more than {MAX_CODES:,} codes: use smaller ones"
            )
        tokens_by_code = torch.full((places[0] * self.bases[0],), -1, dtype=torch.int64)
        tokens_by_code[(codes * torch.tensor(places)).sum(1)] = torch.arange(len(codes))
        # Buffers follow the module to its device; the vocabulary file keeps them, not the weights.
        self.register_buffer("codes", codes, persistent=False)
        self.register_buffer("places", torch.tensor(places), persistent=False)
        self.register_buffer("tokens_by_code", tokens_by_code, persistent=False)
        for j, base in enumerate(self.bases):
            agrees = torch.ones(base + 1, len(codes), dtype=torch.bool)
            agrees[1:] = codes[:, j] == torch.arange(base)[:, None]
            self.register_buffer(f"agrees_{j}", agrees, persistent=False)

    def agrees(self, j: int) -> Tensor:
        """Return (b_j + 1, C) bool: which tokens agree with each value of digit j; row 0 is the mask."""
        return self.get_buffer(f"agrees_{j}")

    def encode(self, x: Tensor) -> Tensor:
        """Return the digits of tokens: (B, L) int64 in [0, C) to (B, L, K) int64."""
        return self.codes[x]

    def decode(self, digits: Tensor) -> Tensor:
        """Return the tokens of fully visible digits: (B, L, K) int64 to (B, L) int64.

        Raises:
            ValueError: If a digit is masked or no token has the code.
        """
        if bool((digits < 0).any()):
            raise ValueError("cannot decode masked digits: fill them first")
        tokens = self.tokens_by_code[(digits * self.places).sum(-1)]
        if bool((tokens < 0).any()):
            raise ValueError("cannot decode: some digits form a code that no token has")
        return tokens

    def compatible(self, z: Tensor) -> Tensor:
        """Return V(z), the tokens that agree with every visible digit (Prime, section 3.3, carry-over).

        Args:
            z: (B, L, K) int64 digits, ``MASK`` where masked.

        Returns:
            (B, L, C) bool. For z that comes from masking real tokens, at least one token is True everywhere.
        """
        allowed = self.agrees(0)[z[..., 0] + 1]
        for j in range(1, self.digits):
            allowed = allowed & self.agrees(j)[z[..., j] + 1]
        return allowed

    def restrict(self, logits: Tensor, z: Tensor) -> Tensor:
        """Return float32 or float64 logits with every token outside V(z) at ``FORBIDDEN``: (B, L, C)."""
        wide = logits if logits.dtype == torch.float64 else logits.float()
        return wide.masked_fill(~self.compatible(z), FORBIDDEN)

    def digit_log_marginals(self, log_probs: Tensor, x: Tensor) -> Tensor:
        """Return log sum over tokens v that share digit j with x of p(v), for every digit j.

        Args:
            log_probs: (..., C) log-probabilities over tokens.
            x: (...,) int64 tokens whose digits are scored.

        Returns:
            (..., K), the log-probability of each digit of x under its own marginal.
        """
        shared = [self.agrees(j)[self.codes[x][..., j] + 1] for j in range(self.digits)]
        return torch.stack([log_probs.masked_fill(~same, FORBIDDEN).logsumexp(-1) for same in shared], -1)

    def digit_entropies(self, log_probs: Tensor) -> Tensor:
        """Return the entropy of each digit's marginal, in nats: (..., C) log-probabilities to (..., K)."""
        probs = log_probs.exp()
        marginals = (probs @ self.agrees(j)[1:].to(probs.dtype).T for j in range(self.digits))
        return torch.stack([torch.special.entr(law).sum(-1) for law in marginals], -1)

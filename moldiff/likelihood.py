"""How likely a model finds given molecules: upper bounds on -log p, molecule by molecule.

Both bounds of ``moldiff.diffusion`` are estimated from several noise draws of each molecule, without
conditions. The noise of a molecule depends on the seed and the molecule alone, not on what stands beside it
in a file; and the numbers of sites that its D draws hide lie on an even grid, which makes their mean less
noisy than that of D independent draws.
"""

from __future__ import annotations

import copy
import hashlib
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from moldiff.chem.tokenizer import SelfiesTokenizer
from moldiff.datasets.cleaning import NO_MOLECULE, NO_SELFIES
from moldiff.diffusion.canvas import canvas_size
from moldiff.diffusion.process import Pattern
from moldiff.errors import InputError
from moldiff.metrics.intervals import Interval, mean_of_any
from moldiff.models.checkpoint import SavedModel
from moldiff.training.notation import UNKNOWN_SYMBOL

BOUNDS: dict[str, Pattern] = {"token_bound": "token", "marginal_bound": "digit"}
"""The bounds by name, each with the noise that it is a bound under."""

NO_CANVAS = "the model has no canvas of its size"

COLUMNS = ("row", "smiles", "tokens", "canvas", *(f"{b}{e}" for b in BOUNDS for e in ("", "_se")), "excluded")
"""Of the table of molecules."""

MAX_DRAWS = 10_000

Say = Callable[[str], None]
"""Called with what is being done."""


@dataclass(frozen=True)
class Likelihood:
    """Upper bounds on the mean of -log p over molecules, unconditional, in nats per molecule.

    Attributes:
        token_bound: Bound under token noise, canvas included; the interval is over molecules, the noise of
            the masks included. NaN where nothing was scored.
        marginal_bound: The same under digit noise.
        canvas_nats: The part -log p(canvas) of both.
        scored: Rows scored, repeats counted.
        rows: All rows.
        draws: Noise draws of a molecule under each noise.
        seed: Of the noise.
        excluded: Rows that the model cannot express, by reason. They have probability 0 under the model, and
            count in no mean.
        table: One line a row: row (from 0), smiles, tokens, canvas, each bound with its standard error over
            the draws, excluded (the reason, "" where scored).

    Example:
        >>> nothing = Interval(math.nan, math.nan, math.nan)
        >>> Likelihood(nothing, nothing, math.nan, 0, 2, 4, 0, {NO_MOLECULE: 2}, pd.DataFrame()).scored
        0
    """

    token_bound: Interval
    marginal_bound: Interval
    canvas_nats: float
    scored: int
    rows: int
    draws: int
    seed: int
    excluded: dict[str, int]
    table: pd.DataFrame


def likelihood(
    model: SavedModel,
    tokenizer: SelfiesTokenizer,
    smiles: Sequence[str],
    *,
    draws: int = 4,
    seed: int = 0,
    rows: int = 512,
    say: Say | None = None,
) -> Likelihood:
    """Bound how likely a model finds molecules.

    A molecule is scored as the one token string that training would show of it, that of its canonical SMILES;
    since other strings stand for the same molecule too, the bound holds for the molecule all the more.

    Args:
        model: Network, codec, canvas law; the network may live on any device, in any precision.
        tokenizer: The model's vocabulary.
        smiles: (N,) canonical SMILES, "" where a row is no molecule. Repeats count, and are scored once.
        draws: Noise draws of each molecule under each noise.
        seed: Seed of the noise, 0 or more.
        rows: Canvases in one network call.
        say: Called from time to time with the progress.

    Raises:
        InputError: If draws or the seed are out of range, or the model's configuration is damaged.
    """
    if not 1 <= draws <= MAX_DRAWS or seed < 0:
        raise InputError(
            f"expected draws from 1 to {MAX_DRAWS} and a seed of at least 0, got {draws} and {seed}"
        )
    step = model.config.get("canvas_step")
    if type(step) is not int or step < 1:
        raise InputError(f"the model's config.json has the canvas_step {step!r}: copy or train it again")
    expressed, refused = _expressible(model, tokenizer, dict.fromkeys(smiles))
    scorer = _Scorer(model, draws, seed)
    found: dict[str, dict[str, float]] = {}
    for canvas, names in _by_canvas(model, expressed).items():
        for batch in _batches(names, max(1, rows // draws)):
            scored = scorer.score(batch, [expressed[name] for name in batch], canvas)
            found |= dict(zip(batch, scored, strict=True))
            if say is not None:
                say(f"likelihood: {len(found):,} of {len(expressed):,} molecules")
    lines = [
        {"row": row, "smiles": name, **found.get(name, {}), "excluded": refused.get(name, "")}
        for row, name in enumerate(smiles)
    ]
    # Named kinds, because columns of nothing would otherwise be of objects.
    kinds = {"tokens": "Int64", "canvas": "Int64", **dict.fromkeys(COLUMNS[4:-1], "float64")}
    table = pd.DataFrame(lines, columns=COLUMNS).astype(kinds)
    return _summary(table, draws, seed, model)


def _expressible(
    model: SavedModel, tokenizer: SelfiesTokenizer, names: Iterable[str]
) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Return the token ids of every molecule that the model can express, and why it cannot the others."""
    index = {token: number for number, token in enumerate(tokenizer.tokens)}
    sizes = set(model.canvas.sizes.tolist())
    expressed: dict[str, np.ndarray] = {}
    refused = {"": NO_MOLECULE}
    for name in filter(None, names):
        try:
            symbols = tokenizer.symbols(name)
        except InputError:
            refused[name] = NO_SELFIES
            continue
        unknown = [symbol for symbol in symbols if symbol not in index]
        if unknown:
            refused[name] = f"{UNKNOWN_SYMBOL}: {unknown[0]}"
        elif _canvas(model, len(symbols)) not in sizes:
            refused[name] = f"{NO_CANVAS}: {_canvas(model, len(symbols))} positions"
        else:
            expressed[name] = np.array([index[symbol] for symbol in symbols], dtype=np.int64)
    return expressed, refused


def _canvas(model: SavedModel, n: int) -> int:
    return int(canvas_size(torch.tensor(n), model.config["canvas_step"]))


def _by_canvas(model: SavedModel, expressed: Mapping[str, np.ndarray]) -> dict[int, list[str]]:
    groups: dict[int, list[str]] = {}
    for name, ids in expressed.items():
        groups.setdefault(_canvas(model, len(ids)), []).append(name)
    return groups


def _batches(names: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    return (names[start : start + size] for start in range(0, len(names), size))


class _Scorer:
    """Draws noise and asks the network, for molecules that share a canvas size."""

    def __init__(self, model: SavedModel, draws: int, seed: int) -> None:
        self.model, self.draws, self.seed = model, draws, seed
        self.device = model.codec.codes.device
        self.process = model.process
        # Noise is drawn on the processor, so that it is the same wherever the network lives.
        self.noise = model.family.process(copy.deepcopy(model.codec).cpu())

    def score(self, names: Sequence[str], ids: Sequence[np.ndarray], canvas: int) -> list[dict[str, float]]:
        """Return the columns of the table, one dict a molecule.

        Args:
            names: B canonical SMILES, which with the seed decide the noise.
            ids: Their token ids.
            canvas: Their canvas size.
        """
        x0 = torch.zeros(len(names), canvas, dtype=torch.int64)
        for row, tokens in enumerate(ids):
            x0[row, : len(tokens)] = torch.from_numpy(tokens)
        columns = {"tokens": [len(tokens) for tokens in ids], "canvas": [canvas] * len(ids)}
        for name, pattern in BOUNDS.items():
            nats = self._nats(names, x0, pattern) - self.model.canvas.log_prior(canvas)
            # One draw has no spread: NaN, without torch's warning.
            spread = nats.std(1) if self.draws > 1 else torch.full_like(nats[:, 0], math.nan)
            columns[name] = nats.mean(1).tolist()
            columns[f"{name}_se"] = (spread / math.sqrt(self.draws)).tolist()
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]

    @torch.no_grad()
    def _nats(self, names: Sequence[str], x0: Tensor, pattern: Pattern) -> Tensor:
        """Return draws of the bound given the canvas, (B, draws) float64, for x0 (B, L)."""
        noisy = [self._corrupt(name, row, pattern) for name, row in zip(names, x0, strict=True)]
        z, t, weight = (torch.cat(parts).to(self.device) for parts in zip(*noisy, strict=True))
        clean = x0.repeat_interleave(self.draws, 0).to(self.device)
        y = torch.full((len(z), len(self.model.network.conditions.mean)), torch.nan, device=self.device)
        nats = self.process.bound(self.model.network(z, y, t), clean, z, t, weight, pattern)
        return nats.double().cpu().view(len(names), self.draws)

    def _corrupt(self, name: str, x0: Tensor, pattern: Pattern) -> tuple[Tensor, Tensor, Tensor]:
        """Return the noisy digits, times and weights of all draws of one molecule x0 (L,)."""
        digest = hashlib.blake2b(f"{self.seed} {name}".encode(), digest_size=8).digest()
        generator = torch.Generator().manual_seed(int.from_bytes(digest, "big"))
        return self.noise.corrupt(x0.expand(self.draws, -1), pattern, generator)


def _summary(table: pd.DataFrame, draws: int, seed: int, model: SavedModel) -> Likelihood:
    """Return means and intervals of the scored rows, and the others counted by reason."""
    scored = table[table["excluded"] == ""]
    token, marginal = (
        mean_of_any(scored[name].to_numpy(dtype=np.float64), generator=np.random.default_rng(seed))
        for name in BOUNDS
    )
    canvas = [-model.canvas.log_prior(int(size)) for size in scored["canvas"]]
    reasons = Counter(reason.partition(":")[0] for reason in table["excluded"] if reason)
    return Likelihood(
        token_bound=token,
        marginal_bound=marginal,
        canvas_nats=float(np.mean(canvas)) if canvas else math.nan,
        scored=len(scored),
        rows=len(table),
        draws=draws,
        seed=seed,
        excluded=dict(reasons.most_common()),
        table=table,
    )

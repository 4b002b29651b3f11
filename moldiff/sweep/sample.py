"""The first proposals of a run: no filter, no ranking, no second try."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from moldiff.chem.standardise import canonical
from moldiff.chem.tokenizer import SelfiesTokenizer
from moldiff.metrics import KnownMolecules, count_set, share_interval
from moldiff.proposing import COSTS, Proposer, cost_summary


@dataclass(frozen=True)
class Sample:
    """The first proposals of a run, none left out.

    Attributes:
        smiles: N canonical SMILES, "" where not valid.
        faithful: (N,) bool, whether all symbols of the proposal had an effect.
        settings: All sampling settings.
        costs: Of a proposal: network rows, re-masked digits and the like; proposals a second.
        drawn: Proposals of all chunks, the surplus of the last one included.
        decode_seconds: What it took to turn their token ids into SMILES.
        spelled: N SMILES as the tokens spell them, not canonical.
    """

    smiles: list[str]
    faithful: NDArray[np.bool_]
    settings: dict[str, Any]
    costs: dict[str, float]
    drawn: int
    decode_seconds: float
    spelled: Sequence[str] = ()

    def counts(self, known: Mapping[str, KnownMolecules], hit: ArrayLike | None = None) -> dict[str, Any]:
        """Return validity, uniqueness, fidelity, novelty against each set of known molecules, hits.

        Args:
            known: Sets of molecules that are not novel, by name.
            hit: (N,) bool, whether the proposal meets every goal.
        """
        total = count_set(self.smiles, hit=hit, canonical=True)
        found: dict[str, Any] = {
            "proposed": total.proposed,
            "valid": total.valid,
            "unique": total.unique,
            "validity": total.validity,
            "uniqueness": total.uniqueness,
            "fidelity": share_interval(int(self.faithful.sum()), total.proposed),
        }
        if total.hits is not None:
            found |= {"hits": total.hits, "hit_rate": share_interval(total.hits, total.proposed)}
        for name, molecules in known.items():
            fresh = count_set(self.smiles, molecules, hit=hit, canonical=True)
            found |= {f"novel_{name}": fresh.novel, f"novelty_{name}": fresh.novelty}
            if hit is not None:
                found[f"novel_hits_{name}"] = fresh.novel_hits
        return found


def draw(
    proposer: Proposer,
    tokenizer: SelfiesTokenizer,
    n: int,
    *,
    watch: Callable[[Iterable[int]], Iterable[int]] = iter,
) -> Sample:
    """Return the first n proposals of a proposer.

    Args:
        proposer: Draws them, chunk by chunk.
        tokenizer: Of its model.
        n: How many; the rest of the last chunk is dropped.
        watch: Goes through the numbers of the chunks, and may show how far it is.
    """
    smiles: list[str] = []
    spelled: list[str] = []
    faithful, seconds, decoding = [], 0.0, 0.0
    counts = dict.fromkeys(COSTS, 0)
    for index in watch(range(-(-n // proposer.chunk))):
        chunk = proposer(index)
        started = time.perf_counter()
        spelled += tokenizer.spell(chunk.ids)
        smiles += canonical(spelled[len(smiles) :])
        decoding += time.perf_counter() - started
        faithful.append(tokenizer.faithful(chunk.ids))
        counts = {name: counts[name] + chunk.counts[name] for name in COSTS}
        seconds += chunk.seconds
    # What a proposal costs is a mean over all that were drawn, the surplus of the last chunk included.
    drawn = len(smiles)
    costs = cost_summary(counts, drawn, drawn, seconds)
    del costs["molecules_per_second"]
    kept = np.concatenate(faithful)[:n]
    return Sample(smiles[:n], kept, proposer.settings, costs, drawn, decoding, spelled[:n])

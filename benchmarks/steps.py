"""What more steps and re-masking buy, and how many steps reveal nothing.

For every number of steps T and every sampler: the Wasserstein figure of unguided proposals, the hit rate of
"rings>=4", re-masked digits and network rows of a proposal, and the difference to ancestral sampling at the
same T. Beside it, without a trained network, the share of steps in which a row reveals nothing: under
straight log-linear sampling with sigma 0 it is (1 - 1/T)^(L K), since each of L K digits is revealed in a
step that is uniform among the T.

    python -m moldiff.benchmarks.steps --model qm9 -o benchmarks/results/steps.json
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from moldiff.benchmarks.common import Record, options, run, show
from moldiff.benchmarks.quality import PROPERTIES, floor
from moldiff.benchmarks.samples import Model, held_out
from moldiff.chem.aims import Aim
from moldiff.chem.properties import measure
from moldiff.diffusion.codec import SubtokenCodec
from moldiff.diffusion.masked import MaskedProcess
from moldiff.diffusion.sampler import Sampler
from moldiff.metrics import Interval, compare_distances, distance_report
from moldiff.sweep.sample import Sample

ANCESTRAL = "ancestral"
SAMPLERS = (
    "confidence-loop",
    "confidence-loop:eta=0.1",
    "loop",
    "cap:eta=3/T,at=0.5",
    "rescale:eta=0.1",
    "forward-backward",
)
STEPS = (8, 16, 32, 64, 128, 256, 512)
AIM = "rings>=4"

Values = NDArray[np.float64]


def parser() -> argparse.ArgumentParser:
    """Return the options."""
    found = options("What more steps and re-masking buy.", n=4096)
    found.add_argument("--aim-n", type=int, default=1024, help=f"proposals for {AIM}")
    found.add_argument("--grid", type=int, nargs="+", default=list(STEPS), help="numbers of steps")
    found.add_argument(
        "--samplers", nargs="*", default=list(SAMPLERS), help=f"to hold against {ANCESTRAL}, with their knobs"
    )
    found.add_argument("--resamples", type=int, default=1000, help="bootstrap resamples")
    found.add_argument("--idle-rows", type=int, default=4096, help="rows of the idle-step measurement")
    return found


def main(words: Sequence[str]) -> None:
    """Run the benchmark."""
    given = parser().parse_args(words)
    record = Record("steps", words, given)
    idle = [
        idle_share(digits, steps, rows=given.idle_rows, seed=given.seeds[0])
        for digits, steps in itertools.product((1, 2, 3), given.grid)
    ]
    report_idle(idle)
    model = Model(given.model[0], given)
    bench = _Bench(model, given)
    entries = [
        entry for seed, steps in itertools.product(given.seeds, given.grid) for entry in bench.at(steps, seed)
    ]
    results = {"idle": idle, "floor": floor(bench.reference, given.n), "samplers": entries}
    report(results)
    record.write(results, models={model.name: model.describe()})


class _Bench:
    """The protocol for one model."""

    def __init__(self, model: Model, given: argparse.Namespace) -> None:
        self.model, self.given = model, given
        self.reference = held_out(PROPERTIES)[list(PROPERTIES)].to_numpy()
        self.known = model.known()

    def at(self, steps: int, seed: int) -> list[dict[str, Any]]:
        """Return the figures of every sampler at one number of steps."""
        ancestral: Values | None = None
        found = []
        for sampler in [ANCESTRAL, *self.given.samplers]:
            changes: dict[str, Any] = {"steps": steps, "seed": seed, "sampler": sampler}
            label = f"{sampler}, T {steps}, seed {seed}"
            free = self.model.sample(self.given.n, gamma=1.0, temperature=1.0, label=label, **changes)
            values = measure(free.smiles, PROPERTIES).to_numpy()
            goals = Aim.parse(AIM).goals
            aimed = self.model.sample(self.given.aim_n, goals, label=f"{label}, {AIM}", **changes)
            entry = {"sampler": sampler, "steps": steps, "seed": seed}
            entry |= self._free(free, values, ancestral) | self._aimed(aimed)
            found.append(entry)
            ancestral = values if sampler == ANCESTRAL else ancestral
        return found

    def _free(self, sample: Sample, values: Values, ancestral: Values | None) -> dict[str, Any]:
        """Return the Wasserstein figure, its difference to ancestral sampling, and what it took."""
        seed, resamples = sample.settings["seed"], self.given.resamples
        found = distance_report(
            values,
            self.reference,
            PROPERTIES,
            generator=np.random.default_rng(seed),
            resamples=resamples,
        )
        less: Interval | None = None
        if ancestral is not None:
            less = compare_distances(
                values,
                ancestral,
                self.reference,
                generator=np.random.default_rng(seed),
                resamples=resamples,
            )
        return {
            "wasserstein": found.mean,
            "less_ancestral": less,
            "distances": found.distances,
            "uniqueness": sample.counts({})["uniqueness"],
            "fidelity": sample.counts({})["fidelity"],
            "costs": sample.costs,
            "settings": sample.settings,
        }

    def _aimed(self, sample: Sample) -> dict[str, Any]:
        """Return hits of the ring goal, and what they took."""
        aim = Aim.parse(AIM)
        hit = aim.hits(measure(sample.smiles, aim.names), self.model.generator.statistics_)
        return {"aim": {**sample.counts(self.known, hit), "costs": sample.costs, "settings": sample.settings}}


def idle_share(digits: int, steps: int, *, rows: int, seed: int, length: int = 16) -> dict[str, Any]:
    """Measure the share of steps in which a row reveals nothing, without re-masking.

    Args:
        digits: K.
        steps: T; the grid is uniform in time from exactly 1 to 0, and the schedule log-linear.
        rows: Sampled rows.
        seed: Of the coins.
        length: L positions, all of them counted.

    Returns:
        The share over all rows and steps, its standard error over rows, (1 - 1/T)^(L K), and how many
        standard errors lie between them.
    """
    tokens = 3**digits
    codes = torch.cartesian_prod(*[torch.arange(3)] * digits).view(tokens, digits)

    def uniform(z: Tensor, *_: object, **__: object) -> Tensor:
        return torch.zeros(*z.shape[:2], tokens)

    sampler = Sampler(uniform, MaskedProcess(SubtokenCodec(codes)))
    # Coins of their own for every K and T: the measurements are to be independent.
    word = int(np.random.SeedSequence([seed, digits, steps]).generate_state(1)[0])
    output = sampler(rows, length, steps=steps, generator=torch.Generator().manual_seed(word))
    shares = output.idle.double() / steps
    expected = (1 - 1 / steps) ** (length * digits)
    share, error = float(shares.mean()), float(shares.std() / rows**0.5)
    return {
        "K": digits,
        "T": steps,
        "L": length,
        "rows": rows,
        "share": share,
        "standard_error": error,
        "expected": expected,
        "z": (share - expected) / error if error > 0 else 0.0 if share == expected else None,
        "filled": int(output.filled.sum()),
    }


def report_idle(entries: Sequence[dict[str, Any]]) -> None:
    """Print the idle shares."""
    show("Steps in which a row reveals nothing: measured, and (1 - 1/T)^(L K)", entries)


def report(results: dict[str, Any]) -> None:
    """Print the results."""
    rows = [
        {
            **{name: entry[name] for name in ("steps", "sampler", "seed", "wasserstein", "less_ancestral")},
            "re-masked": entry["costs"]["remasked_digits_per_proposal"],
            "NFE": entry["costs"]["nfe_per_proposal"],
            f"{AIM} hit rate": entry["aim"]["hit_rate"],
            "novel hits": entry["aim"]["novel_hits_table"],
            "its re-masked": entry["aim"]["costs"]["remasked_digits_per_proposal"],
            "its NFE": entry["aim"]["costs"]["nfe_per_proposal"],
        }
        for entry in results["samplers"]
    ]
    show(
        f"Unguided against held-out molecules (floor {results['floor']['these_sizes']:.3f}), and {AIM}", rows
    )


if __name__ == "__main__":
    run(main)

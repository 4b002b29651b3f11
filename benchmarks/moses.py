"""MOSES: how like drug-like molecules those of a model are, beside the published models.

Temperature, sampler and steps are chosen by the Frechet ChemNet distance (FCD) of a smaller sample to the
validation part of the training file, which training never saw; the test sets are looked at once, with what
was chosen. ``--curve`` adds the FCD of models along a training run (``moldiff train --snapshots``), with the
same settings, against the time they took. FCD falls with the number of molecules: compare like with like.
``--only-faithful`` judges what is left of the same proposals without those that have symbols without effect.
``--samples`` keeps what is drawn, so that a machine with a GPU may draw what another judges.

    moldiff data prepare moses
    python -m moldiff.benchmarks.moses --model druglike --compiled -o benchmarks/results/moses.json
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from moldiff.benchmarks.common import Record, crossed, options, run, show
from moldiff.benchmarks.kept import KeptSamples
from moldiff.benchmarks.samples import Model
from moldiff.chem.standardise import parse
from moldiff.datasets import read_packed
from moldiff.datasets.sources import prepared_folder
from moldiff.errors import InputError
from moldiff.metrics import share_interval
from moldiff.protocols import Moses
from moldiff.protocols.chemnet import Moments, activations, frechet_distance
from moldiff.protocols.figures import in_parallel
from moldiff.sweep.sample import Sample

ELEMENTS = {"C", "N", "S", "O", "F", "Cl", "Br", "H"}
"""Those that MOSES kept; symbols of SELFIES that count atoms of a branch or ring may still spell others."""

TARGETS = {"FCD/Test": 0.1, "Novelty": 0.84, "Filters": 0.99, "IntDiv": 0.855}

TEXT = """
figure       CharRNN AAE    VAE   JTN-VAE LatentGAN
valid        .975    .937   .977  1.0     .897
unique@10000 .999    .997   .998  .9996   .997
FCD/Test     .0732   .5555  .0990 .3954   .2968
FCD/TestSF   .5204   1.0572 .567  .9382   .8281
SNN/Test     .6015   .6081  .6257 .5477   .5371
Frag/Test    .9998   .991   .9994 .9965   .9986
Scaf/Test    .9242   .9022  .9386 .8964   .8867
Scaf/TestSF  .1101   .0789  .0588 .1009   .1072
IntDiv       .8562   .8557  .8558 .8551   .8565
IntDiv2      .8503   .8499  .8498 .8493   .8505
Filters      .9943   .996   .997  .976    .9735
Novelty      .8419   .7931  .6949 .9143   .9498
"""

_FIGURES, *_MODELS = zip(*(line.split() for line in TEXT.strip().splitlines()), strict=True)

PUBLISHED = {name: dict(zip(_FIGURES[1:], map(float, values), strict=True)) for name, *values in _MODELS}
"""What Polykovskiy et al. 2020 print in the README of MOSES, of 30,000 molecules."""


def parser() -> argparse.ArgumentParser:
    """Return the options."""
    found = options("MOSES, with settings chosen on a part of the training file.", n=30_000)
    found.add_argument("--temperatures", type=float, nargs="+", default=[1.0], help="to choose from")
    found.add_argument("--samplers", nargs="+", default=["ancestral"], help="to choose from")
    found.add_argument("--step-counts", type=int, nargs="+", default=[128], help="steps to choose from")
    found.add_argument("--choice-n", type=int, default=10_000, help="proposals of every choice")
    found.add_argument("--only-faithful", action="store_true", help="judge no proposals that were truncated")
    found.add_argument("--curve", type=Path, nargs="+", default=[], help="model folders along a run")
    found.add_argument("--train", type=Path, help="prepared training table; the one prepared by name")
    found.add_argument("--test", type=Path, help="copy of the test set; downloaded unless given")
    found.add_argument("--test-scaffolds", type=Path, help="copy of the scaffold test set")
    found.add_argument("--samples", type=Path, help="folder of samples, to keep or to take what is there")
    found.add_argument("--jobs", type=int, default=1, help="processes that judge")
    return found


def main(words: Sequence[str]) -> None:
    """Run the benchmark."""
    given = parser().parse_args(words)
    record = Record("moses", words, given)
    model, *along = [Model(str(name), given) for name in (given.model[0], *given.curve)]  # before long work
    files = {name: getattr(given, name) for name in ("train", "test", "test_scaffolds")}
    say = partial(Console().print, highlight=False)
    protocol = Moses.open({name: file for name, file in files.items() if file}, say=say, n_jobs=given.jobs)
    held_out = moments(validation(given.train, given.choice_n), given.jobs)
    ways = crossed(temperature=given.temperatures, sampler=given.samplers, steps=given.step_counts)
    tried = [{**way, **distance(model, way, given, held_out)} for way in ways] if len(ways) > 1 else []
    best = min(range(len(tried)), key=lambda place: float(tried[place]["FCD"]), default=0)
    results: dict[str, Any] = {"tried": tried, "chosen": ways[best]}
    if tried:
        show(f"FCD of {given.choice_n:,} proposals to the validation part", tried)
    seed = given.seeds[0]
    sample = KeptSamples(given.samples)(model, given.n, seed=seed, label="the sample", **ways[best])
    names = judged(sample, given)
    report = protocol(names, say=say)
    results |= {
        "judged": len(names),
        "figures": report.to_dict()["figures"],
        "notes": report.notes,
        **oddities(sample),
    }
    test = protocol.references["Test"].moments
    results["curve"] = [point(each, ways[best], given, test) for each in along]
    ours = {"model": model.name, **{figure.name: figure.value for figure in report.figures}}
    rows = [ours, *({"model": name, **row} for name, row in PUBLISHED.items())]
    show(f"MOSES, {len(names):,} of {given.n:,} proposals", transposed(rows))
    if given.curve:
        show(f"FCD/Test of {given.choice_n:,} proposals along the run", results["curve"])
    record.write({**results, "targets": TARGETS, "published": PUBLISHED}, models={"model": model.describe()})


def validation(place: Path | None, most: int) -> list[str]:
    """Return molecules of the prepared training table that training leaves out, evenly spaced.

    Args:
        place: The table; the one prepared by name for None.
        most: About as many, where there are more.

    Raises:
        InputError: If MOSES was not prepared.
    """
    folder = place or prepared_folder("moses")
    if not folder.exists():
        raise InputError("MOSES is not prepared on this machine: run `moldiff data prepare moses` first")
    table = read_packed(folder)
    rows = table.rows("validation")
    return table.smiles(rows[:: max(1, len(rows) // most)])


def judged(sample: Sample, given: argparse.Namespace) -> list[str]:
    """Return the molecules of a sample that count, "" where one is not valid."""
    pairs = zip(sample.smiles, sample.faithful, strict=True)
    return [name or "" for name, faithful in pairs if faithful or not given.only_faithful]


def moments(smiles: Sequence[str], jobs: int) -> Moments:
    """Return the moments of what ChemNet makes of the valid molecules."""
    return Moments.of(np.concatenate(in_parallel(activations, [name for name in smiles if name], jobs)))


def distance(
    model: Model, way: Mapping[str, Any], given: argparse.Namespace, target: Moments
) -> dict[str, float]:
    """Return how far a smaller sample, drawn that way, is from a set, and what it cost."""
    label = ", ".join(f"{name} {value}" for name, value in way.items())
    sample = KeptSamples(given.samples)(model, given.choice_n, seed=given.seeds[0] + 1, label=label, **way)
    return {
        "FCD": frechet_distance(moments(judged(sample, given), given.jobs), target),
        "nfe": sample.costs["nfe_per_proposal"],
        "seconds": sample.costs["seconds"],
    }


def point(model: Model, way: Mapping[str, Any], given: argparse.Namespace, target: Moments) -> dict[str, Any]:
    """Return the distance of a model along a run, and what it took to train."""
    report = model.saved.config["training"]["report"]
    found = distance(model, way, given, target)
    return {"tokens": report["tokens"], "training hours": report["seconds"] / 3600, "FCD/Test": found["FCD"]}


def oddities(sample: Sample) -> dict[str, Any]:
    """Return the share of proposals all of whose symbols had an effect, and elements that MOSES has not."""
    found = Counter[str]()
    for molecule in parse([name for name in sample.smiles if name]):
        if molecule is not None:
            found.update({atom.GetSymbol() for atom in molecule.GetAtoms()} - ELEMENTS)
    return {
        "fidelity": share_interval(int(sample.faithful.sum()), len(sample.smiles)),
        "other_elements": dict(found),
    }


def transposed(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return a line a figure and a column a model."""
    return [
        {"figure": name, **{row["model"]: row.get(name) for row in rows}}
        for name in rows[0]
        if name != "model"
    ]


if __name__ == "__main__":
    run(main)

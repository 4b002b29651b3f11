"""The options of ``moldiff generate``, each with its help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Goals = Annotated[
    list[str] | None,
    typer.Option(
        "--goal",
        "-g",
        help='What to ask for, in quotes; repeat it: "rings>=4", "logP=1.5", "logP=1.5±0.2" (or +-), '
        '"1<=logP<=2", "max QED", "min SA"; a weight goes in front: "2*rings>=4". On a scorer of your own, a '
        'function from a list of SMILES to numbers: "max my_scores:potency".',
    ),
]
SimilarTo = Annotated[
    list[str] | None,
    typer.Option(help="SMILES of a molecule to be similar to (Tanimoto, Morgan); repeat it."),
]
Contains = Annotated[
    list[str] | None, typer.Option(help="SMARTS of a substructure to be contained; repeat it.")
]
Preset = Annotated[
    Path | None,
    typer.Option(
        help="TOML file of settings, such as `moldiff tune` writes; options that are given go before it."
    ),
]
Method = Annotated[
    str | None,
    typer.Option(
        help="auto (conditions, else a predictor, else steering), cfg, cbg, cbg-topk, cbg-first-order, "
        "particles, metropolis or best-of."
    ),
]
MethodKnobs = Annotated[
    list[str] | None,
    typer.Option(
        "--method-knob", help="A knob of the method, such as gamma_classifier=3 or strength=5; repeat it."
    ),
]
OracleCalls = Annotated[
    int | None,
    typer.Option(
        help="Distinct molecules that a scorer is asked about, at most. Default: 10 n, at least 1,000."
    ),
]
OracleSettings = Annotated[
    list[str] | None,
    typer.Option(
        "--oracle",
        help="How a scorer of your own is asked, such as timeout=60; repeat it: workers (processes, 1), "
        "batch (molecules at a time, 64), timeout (seconds for them, 120), retries (1), cache (true; false "
        "keeps no scores on disk).",
    ),
]
Count = Annotated[int, typer.Option("-n", "--number", help="Molecules to return: valid and all different.")]
Output = Annotated[
    Path,
    typer.Option(
        "--output",
        "-o",
        help="Folder for molecules.csv, molecules.sdf, report.html and run.json, made if missing; or the "
        "name of the table, such as mine.parquet. A run that was stopped goes on there with the same "
        "command.",
    ),
]
TableFormat = Annotated[
    str | None,
    typer.Option("--format", help="Of the table: csv or parquet. Default: csv, or as -o is named."),
]
Structures = Annotated[
    bool, typer.Option("--sdf/--no-sdf", help="Write molecules.sdf, with 2-D coordinates.")
]
Report = Annotated[
    bool, typer.Option("--report/--no-report", help="Write report.html, which shows goals and molecules.")
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Begin anew where -o holds an unfinished run or files of others.")
]
Model = Annotated[str | None, typer.Option(help="Bundled model by name, or a model folder. Default: qm9.")]
Gamma = Annotated[
    float | None,
    typer.Option(
        help="Strength of conditions (classifier-free guidance): 0 ignores, 1 asks for them, more insists."
    ),
]
CanvasGamma = Annotated[
    float | None,
    typer.Option(
        help="Strength with which conditions choose the size, 3 at most; as --gamma if that is given."
    ),
]
Canvas = Annotated[
    int | None,
    typer.Option(help="Positions of every canvas, one of the model's sizes. Default: drawn as in training."),
]
Temperature = Annotated[float | None, typer.Option(help="Divides the logits; lower is more typical.")]
Steps = Annotated[int | None, typer.Option(help="Reverse steps; more cost more.")]
SamplerName = Annotated[
    str | None,
    typer.Option(
        "--sampler",
        help="ancestral, entropy, cap, rescale, confidence, loop, confidence-loop, forward-backward or dfm.",
    ),
]
Knobs = Annotated[
    list[str] | None, typer.Option("--knob", help="A knob of the sampler, such as eta=0.05; repeat it.")
]
Seed = Annotated[int | None, typer.Option(help="The same seed and settings give the same molecules.")]
OnlyHits = Annotated[bool, typer.Option("--only-hits", help="Return only molecules that meet every goal.")]
OnlyFaithful = Annotated[
    bool, typer.Option("--only-faithful", help="Return only molecules all of whose symbols took full effect.")
]
Limit = Annotated[
    int | None, typer.Option("--max-proposals", help="Begin no chunk after so many. Default: 1,000 + 50 n.")
]
Reach = Annotated[
    float | None,
    typer.Option(help="Quantile of training (0.5 to below 1) beyond which max and min goals ask."),
]
Filters = Annotated[
    list[str] | None,
    typer.Option(
        "--filter",
        "-f",
        help='Leave out molecules that fail it; repeat it: PAINS, BRENK, "MW<=500", "avoids=C#N", '
        '"elements=C,N,O,F", "similarity<=0.7" ... `moldiff properties` lists them.',
    ),
]
ScaffoldCap = Annotated[
    int | None, typer.Option(help="At most so many molecules of one scaffold: the first that are proposed.")
]
Diverse = Annotated[
    bool,
    typer.Option("--diverse", help="Draw four times as many, and return the -n that differ most (MaxMin)."),
]
Similarity = Annotated[
    bool,
    typer.Option(
        "--similarity/--no-similarity",
        help="Fill the column max_sim_train, for which the training molecules have to be at hand.",
    ),
]
TrainingTable = Annotated[
    Path | None,
    typer.Option(help="Table that the model was trained on. Default: looked for among moldiff's data sets."),
]
Chunk = Annotated[
    int | None, typer.Option(help="Proposals drawn at a time, and kept when they are finished.")
]
Workers = Annotated[
    int, typer.Option(help="Processes that draw, for several chunks: one a core. The molecules are the same.")
]
Threads = Annotated[
    int | None, typer.Option(help="Threads of a network call. Default: 1. It may change the molecules.")
]
Devices = Annotated[
    str | None,
    typer.Option(
        help="Draw in bulk, on so many devices (a number, or auto): shards in Parquet instead of one table, "
        "no limit by memory, and a run that goes on after any interruption."
    ),
]

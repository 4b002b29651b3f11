"""``moldiff train``: a model of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from moldiff.cli.data import (
    Jobs,
    Neutralise,
    Smiles,
    Source,
    Standardise,
    Tautomer,
    chosen_standardiser,
    described,
    open_source,
)
from moldiff.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from moldiff.chem.standardise import Standardiser
    from moldiff.frames import Intake
    from moldiff.training.recipe import Recipe

Output = Annotated[Path, typer.Option("--output", "-o", help="Model folder to write.")]
Properties = Annotated[
    list[str] | None,
    typer.Option(
        "--property",
        help="A condition of the model, a column of numbers or classes or what RDKit measures; repeat it. "
        "Default for a data set: all that are known.",
    ),
]
Predictor = Annotated[
    bool,
    typer.Option(
        "--predictor",
        help="Train a predictor of the properties from noisy molecules instead of a model that generates.",
    ),
]
Family = Annotated[
    str | None,
    typer.Option(
        help="prime (masks digits of tokens, the default), mdlm (masks tokens), udlm (replaces tokens) or ar "
        "(left to right)."
    ),
]
Digits = Annotated[int | None, typer.Option(help="K, digits of a token. Default: 2 for prime.")]
Code = Annotated[str | None, typer.Option(help="Code of the tokens: chemistry, shuffled or frequency.")]
CanvasStep = Annotated[
    int | None, typer.Option(help="Canvas sizes are multiples of this. Default: by the molecules' lengths.")
]
Tokens = Annotated[float | None, typer.Option(help="Canvas tokens to train on in all, such as 2e8.")]
Width = Annotated[int | None, typer.Option(help="Width of the transformer.")]
Depth = Annotated[int | None, typer.Option(help="Blocks of the transformer.")]
Heads = Annotated[int | None, typer.Option(help="Attention heads.")]
ConditionWidth = Annotated[int | None, typer.Option(help="Width of the condition vector.")]
BatchTokens = Annotated[int | None, typer.Option(help="Canvas tokens in a batch.")]
Rate = Annotated[float | None, typer.Option(help="Learning rate of AdamW.")]
MuonRate = Annotated[float | None, typer.Option(help="Learning rate of Muon; 0 turns it off.")]
Shown = Annotated[
    list[float] | None,
    typer.Option(
        help="Probability that a molecule shows no property in training; repeat it for one, two ..."
    ),
]
Seed = Annotated[int | None, typer.Option(help="Seed of weights, order and noise.")]
Init = Annotated[Path | None, typer.Option(help="Model folder whose weights to start from.")]
Accelerator = Annotated[str | None, typer.Option(help="Lightning's accelerator: auto, cpu, gpu ...")]
Devices = Annotated[str | None, typer.Option(help="Lightning's devices: a number or auto.")]
Precision = Annotated[str | None, typer.Option(help="auto, bf16 or fp32.")]
Compile = Annotated[bool, typer.Option("--compile/--no-compile", help="Compile the network.")]
ShowProgress = Annotated[bool, typer.Option("--progress/--no-progress", help="Show a progress bar.")]


def train(
    *,
    table: Source,
    output: Output,
    properties: Properties = None,
    smiles: Smiles = None,
    neutralise: Neutralise = False,
    tautomer: Tautomer = False,
    standardise: Standardise = True,
    jobs: Jobs = 1,
    predictor: Predictor = False,
    family: Family = None,
    digits: Digits = None,
    code: Code = None,
    canvas_step: CanvasStep = None,
    tokens: Tokens = None,
    width: Width = None,
    depth: Depth = None,
    heads: Heads = None,
    condition_width: ConditionWidth = None,
    batch_tokens: BatchTokens = None,
    lr: Rate = None,
    muon_lr: MuonRate = None,
    seed: Seed = None,
    shown: Shown = None,
    init: Init = None,
    accelerator: Accelerator = None,
    devices: Devices = None,
    precision: Precision = None,
    compile_network: Compile = True,
    progress: ShowProgress = True,
) -> None:
    """Train a model; the same command goes on with a run that was stopped."""
    _run(dict(locals()))


RECIPE = (
    "family",
    "digits",
    "code",
    "canvas_step",
    "tokens",
    "width",
    "depth",
    "heads",
    "condition_width",
    "batch_tokens",
    "lr",
    "muon_lr",
    "seed",
    "shown",
)
"""Options that are keywords of ``Recipe``, where their defaults stand."""


def _run(given: dict[str, Any]) -> None:
    """Train what the options ask for: a model, or a predictor."""
    recipe = {name: given[name] for name in RECIPE if given[name] not in (None, [])}
    running = {name: given[name] for name in ("accelerator", "precision", "init") if given[name] is not None}
    if given["devices"] is not None:
        running["devices"] = _devices(given["devices"])
    running |= {"compiled": given["compile_network"], "progress": given["progress"], "n_jobs": given["jobs"]}
    if given["predictor"]:
        _check_predictor(recipe, running)
    plan = _checked(recipe, running)
    standardiser = chosen_standardiser(given["neutralise"], given["tautomer"], given["standardise"])
    taken = _taken(given["table"], given["properties"], given["smiles"], standardiser, given["jobs"])
    _say(taken, given["output"])
    if given["predictor"]:
        _train_predictor(plan, recipe, taken, given["output"], running)
    else:
        _train(plan, taken, given["output"], running)


def _checked(recipe: dict[str, Any], running: dict[str, Any]) -> Recipe:
    """Return the recipe, before any table is read."""
    from moldiff.training.recipe import Recipe

    formats = ["auto", "bf16", "fp32"]
    precision = running.get("precision", formats[0])
    if precision not in formats:
        raise InputError(f"unknown precision '{precision}'{did_you_mean(precision, formats)}")
    return Recipe(**recipe)


def _taken(
    table: str, properties: list[str] | None, smiles: str | None, standardiser: Standardiser, jobs: int
) -> Intake:
    """Read the table, and say what came of it."""
    from moldiff.chem.properties import PROPERTIES
    from moldiff.datasets import MoleculeTable, find_smiles, read_column
    from moldiff.frames import intake

    source = open_source(table, smiles, standardiser)
    if isinstance(source, MoleculeTable):
        properties = properties or [*PROPERTIES, *source.labels.columns]
    elif not properties:
        column, _ = find_smiles(source, smiles)
        others = [described(read_column(source[name])) for name in source.columns if name != column]
        raise InputError(
            f"name what to train on with --property: the columns of {table} are "
            f"{', '.join(others) or 'none'} beside the molecules, and RDKit measures {', '.join(PROPERTIES)}"
        )
    taken = intake(
        source, properties, smiles=smiles, standardiser=standardiser, name=Path(table).name, n_jobs=jobs
    )
    for line in taken.summary():
        typer.echo(line)
    return taken


def _say(taken: Intake, output: Path) -> None:
    """List the rows left out, and say what one should know of the rest."""
    listed = taken.save_dropped(output)
    if listed is not None:
        typer.echo(f"dropped rows are listed in {listed}")
    for note in taken.notes:
        typer.echo(f"note: {note}", err=True)


def _check_predictor(recipe: dict[str, Any], running: dict[str, Any]) -> None:
    """Refuse options that mean nothing to a predictor."""
    for name in ("shown", "init"):
        if name in recipe or name in running:
            raise InputError(f"--{name} is for models that generate: leave it out with --predictor")


def _train_predictor(
    plan: Recipe, recipe: dict[str, Any], taken: Intake, output: Path, running: dict[str, Any]
) -> None:
    """Train a predictor on what the recipe prepares, and say how good it is where nothing is hidden."""
    from dataclasses import fields

    from moldiff.training.predicting import PredictorRecipe

    own = {entry.name: recipe[entry.name] for entry in fields(PredictorRecipe) if entry.name in recipe}
    wanted = PredictorRecipe(**own)
    prepared = plan.prepare(taken.table, taken.properties, n_jobs=running.pop("n_jobs"))
    command = f"{plan.command(taken.table, taken.properties)} --predictor"
    wanted.train(prepared, taken.table, output, command=command, **running)
    typer.echo(f"predictor written to {output}; errors by noise level: {output / 'calibration.csv'}")


def _train(plan: Recipe, taken: Intake, output: Path, running: dict[str, Any]) -> None:
    """Train, and say how good the model is."""
    model = plan.train(taken.table, taken.properties, output, **running)
    for name, bound in model.config["training"]["validation"].items():
        typer.echo(f"{name}: {bound['nats']:.2f} ± {bound['standard_error']:.2f} nats per molecule")
    typer.echo(f"model written to {output}")


def _devices(text: str) -> int | str:
    """Return a number of devices, or "auto"."""
    if text == "auto":
        return text
    if not text.isdecimal() or int(text) < 1:
        raise InputError(f"--devices must be a number of at least 1 or auto, got '{text}'")
    return int(text)

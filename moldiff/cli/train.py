"""``moldiff train``: a model of one's own."""

from __future__ import annotations

import shlex
from collections.abc import Container, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from moldiff.cli import common_options as common
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
from moldiff.machine import is_first_process

if TYPE_CHECKING:
    from moldiff.chem.standardise import Standardiser
    from moldiff.frames import Intake
    from moldiff.packed_intake import PackedIntake
    from moldiff.training.predicting import PredictorRecipe
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
Model = Annotated[
    str | None,
    typer.Option(
        "--for",
        help="With --predictor: the model that it is for, a bundled name or a folder. Symbols, codes and "
        "canvases are then the model's; molecules that it cannot write are left out.",
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
Tokens = Annotated[float | None, typer.Option(help="Canvas tokens in all: 2e8, with --init 64 passes.")]
Width = Annotated[int | None, typer.Option(help="Width of the transformer.")]
Depth = Annotated[int | None, typer.Option(help="Blocks of the transformer.")]
Heads = Annotated[int | None, typer.Option(help="Attention heads.")]
ConditionWidth = Annotated[int | None, typer.Option(help="Width of the condition vector.")]
BatchTokens = Annotated[int | None, typer.Option(help="Canvas tokens in a batch: 4096, with --init 1024.")]
Rate = Annotated[float | None, typer.Option(help="Learning rate of AdamW.")]
MuonRate = Annotated[float | None, typer.Option(help="Learning rate of Muon; 0 turns it off.")]
Shown = Annotated[
    list[float] | None,
    typer.Option(
        help="Probability that a molecule shows no property in training; repeat it for one, two ..."
    ),
]
Seed = Annotated[int | None, typer.Option(help="Seed of weights, order and noise.")]
Init = Annotated[
    str | None,
    typer.Option(help="Model to go on from, by name or folder; the table may add symbols and properties."),
]
Snapshots = Annotated[
    int | None,
    typer.Option(min=0, max=1000, help="Models to keep along the way, in MODEL/training, evenly spaced."),
]
Accelerator = Annotated[str | None, typer.Option(help="Lightning's accelerator: auto, cpu, gpu ...")]
Devices = Annotated[str | None, typer.Option(help="Lightning's devices: a number or auto.")]
Compile = Annotated[bool, typer.Option("--compile/--no-compile", help="Compile the network.")]


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
    model: Model = None,
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
    snapshots: Snapshots = None,
    accelerator: Accelerator = None,
    devices: Devices = None,
    precision: common.Precision = None,
    compile_network: Compile = True,
    progress: common.ShowProgress = True,
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
    "init",
)
"""Options that are keywords of ``Recipe``, where their defaults stand."""

RUNNING = ("accelerator", "precision", "snapshots")
"""Options that are keywords of ``Recipe.train``."""

OF_THE_MODEL = ("family", "digits", "code", "canvas_step")
"""Those that ``--for`` settles."""

OF_GENERATORS = ("shown", "init", "snapshots")
"""Options that mean nothing to a predictor."""

FOR_MODELS = "--OPTION is for models that generate: leave it out with --predictor"
FROM_MODEL = "{given} takes the OPTION from the model: leave --OPTION out"


def _run(given: dict[str, Any]) -> None:
    """Train what the options ask for."""
    from moldiff.training.recipe import OF_INIT

    recipe = {name: given[name] for name in RECIPE if given[name] not in (None, [])}
    running = {name: given[name] for name in RUNNING if given[name] is not None}
    if given["devices"] is not None:
        running["devices"] = common.parse_devices(given["devices"])
    running |= {"compiled": given["compile_network"], "progress": given["progress"], "n_jobs": given["jobs"]}
    _check_predictor(given["predictor"], given["model"], {*recipe, *running})
    _refuse(OF_INIT if "init" in recipe else (), recipe, FROM_MODEL.format(given="--init"))
    plan = _checked(recipe, running)
    learner = _learner(recipe, given["model"]) if given["predictor"] else None
    standardiser = chosen_standardiser(given["neutralise"], given["tautomer"], given["standardise"])
    taken = _taken(given["table"], given["properties"], given["smiles"], standardiser, given["jobs"])
    if learner is not None and learner.notation is not None:
        taken = taken.writable(learner.notation)
    _say(taken, given["output"])
    running["command"] = _command(given, recipe)
    if learner is None:
        _train(plan, taken, given["output"], running)
    else:
        _train_predictor(learner, plan, taken, given["output"], running)


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
) -> Intake | PackedIntake:
    """Read the table."""
    from moldiff.chem.properties import PROPERTIES
    from moldiff.datasets import MoleculeTable, PackedTable, find_smiles, read_column
    from moldiff.packed_intake import take_in

    source = open_source(table, smiles, standardiser)
    if isinstance(source, MoleculeTable | PackedTable):
        properties = properties or source.offered
    elif not properties:
        column, _ = find_smiles(source, smiles)
        others = [described(read_column(source[name])) for name in source.columns if name != column]
        raise InputError(
            f"name what to train on with --property: the columns of {table} are "
            f"{', '.join(others) or 'none'} beside the molecules, and RDKit measures {', '.join(PROPERTIES)}"
        )
    return take_in(
        source, properties, smiles=smiles, standardiser=standardiser, name=Path(table).name, n_jobs=jobs
    )


def _say(taken: Intake | PackedIntake, output: Path) -> None:
    """Say what came of the table, list the rows left out, and say what one should know of the rest."""
    if not is_first_process():
        return
    for line in taken.summary():
        typer.echo(line)
    if (listed := taken.save_dropped(output)) is not None:
        typer.echo(f"dropped rows are listed in {listed}")
    for note in taken.notes:
        typer.echo(f"note: {note}", err=True)


def _check_predictor(predictor: bool, model: str | None, given: set[str]) -> None:
    """Refuse options that do not go together."""
    if model is not None and not predictor:
        raise InputError("--for names the model that a predictor is for: add --predictor, or leave it out")
    _refuse(OF_GENERATORS if predictor else (), given, FOR_MODELS)
    _refuse(OF_THE_MODEL if model is not None else (), given, FROM_MODEL.format(given="--for"))


def _refuse(names: Iterable[str], given: Container[str], why: str) -> None:
    """Refuse options that do not go with others, by a message that takes their names."""
    for name in names:
        if name in given:
            raise InputError(why.replace("OPTION", name.replace("_", "-")))


def _learner(recipe: dict[str, Any], model: str | None) -> PredictorRecipe:
    """Return how the predictor is trained."""
    from dataclasses import fields

    from moldiff.training.predicting import PredictorRecipe

    own = {entry.name: recipe[entry.name] for entry in fields(PredictorRecipe) if entry.name in recipe}
    return PredictorRecipe(model=model, **own)


def _command(given: dict[str, Any], recipe: dict[str, Any]) -> str:
    """Return the command as it was given, for the card."""
    words = ["moldiff", "train", Path(given["table"]).name, *(["--predictor"] if given["predictor"] else [])]
    words += [] if given["model"] is None else ["--for", given["model"]]
    for name, value in {"property": given["properties"] or [], **recipe}.items():
        for each in value if isinstance(value, list) else [value]:
            text = f"{each:g}" if isinstance(each, float) else str(each)
            words += [f"--{name.replace('_', '-')}", text]
    return shlex.join([*words, "-o", "PREDICTOR" if given["predictor"] else "MODEL"])


def _train_predictor(
    learner: PredictorRecipe,
    plan: Recipe,
    taken: Intake | PackedIntake,
    output: Path,
    running: dict[str, Any],
) -> None:
    """Train a predictor on the table, and say where it is written how good it is."""
    from moldiff.training.prepare import prepare

    table, properties, jobs = taken.table, taken.properties, running.pop("n_jobs")
    if learner.notation is None:
        prepared = plan.prepare(table, properties, n_jobs=jobs)
    else:
        settings = {"batch_tokens": plan.batch, "seed": plan.seed, "n_jobs": jobs}
        prepared = prepare(table, properties, like=learner.notation, **settings)
    learner.train(prepared, table, output, **running)
    typer.echo(f"predictor written to {output}; errors by noise level: {output / 'calibration.csv'}")


def _train(plan: Recipe, taken: Intake | PackedIntake, output: Path, running: dict[str, Any]) -> None:
    """Train, and say how good the model is."""
    model = plan.train(taken.table, taken.properties, output, **running)
    for name, bound in model.config["training"]["validation"].items():
        typer.echo(f"{name}: {bound['nats']:.2f} ± {bound['standard_error']:.2f} nats per molecule")
    typer.echo(f"model written to {output}")

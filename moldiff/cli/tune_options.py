"""The options of ``moldiff tune``, each with its help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Goals = Annotated[
    list[str] | None,
    typer.Option("--goal", "-g", help='What to tune for: "rings>=4"; repeat it to ask for several together.'),
]
Output = Annotated[
    Path,
    typer.Option(
        "--output",
        "-o",
        help="Folder to write. A search that was stopped goes on there with the same command.",
    ),
]
Model = Annotated[str, typer.Option(help="Bundled model by name, or a model folder.")]
Objectives = Annotated[
    list[str] | None,
    typer.Option(
        "--objective",
        help="What counts: novel_hits (the default), hit_rate, mean_novel, error_novel, hypervolume, "
        "seconds, nfe and other figures; docs/tuning.md says what each is. Repeat it for a front of several.",
    ),
]
Limits = Annotated[
    list[str] | None,
    typer.Option("--subject-to", help='What settings have to keep: "novelty>=0.5", "nfe<=40"; repeat it.'),
]
Trials = Annotated[int, typer.Option(min=1, help="Finished trials that the study is to have.")]
Count = Annotated[int | None, typer.Option("-n", "--number", help="Proposals of a sample. Default: 256.")]
Seeds = Annotated[
    list[int] | None,
    typer.Option("--seed", help="Seed of a trial's sample; repeat it. Default: 0, 1 and 2."),
]
Methods = Annotated[
    list[str] | None,
    typer.Option(
        "--method", help="cfg, cbg, cbg-topk or cbg-first-order; repeat it. Default: all that serve."
    ),
]
SpaceFile = Annotated[
    Path | None,
    typer.Option("--space", help="TOML file whose table [space] narrows what is varied: gamma = [1, 4]."),
]
Storage = Annotated[
    str | None,
    typer.Option(
        help="Where the study is kept, for several machines: sqlite:///FILE, postgresql://USER@HOST/DATABASE "
        "or journal:FILE. Default: study.db in the folder."
    ),
]
StudyName = Annotated[str | None, typer.Option("--study", help="Name in the storage. Default: the goals.")]
SearchSeed = Annotated[int, typer.Option(min=0, help="Seed of the search itself.")]
Against = Annotated[
    Path | None,
    typer.Option(help="Preset that the winner is held against. Default: what `generate` does by default."),
]
Also = Annotated[
    list[str] | None,
    typer.Option(help="Goal that is not tuned for, and for which the winner is measured too; repeat it."),
]
Fresh = Annotated[
    list[int] | None,
    typer.Option("--fresh-seed", help="Seed for measuring the winner; repeat it. Default: 100 to 104."),
]

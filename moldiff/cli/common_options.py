"""Options that several verbs have, each with its help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from moldiff.errors import InputError

PredictorFolder = Annotated[
    Path | None,
    typer.Option("--predictor", help="Folder of `moldiff train --predictor`. Default: the model's own."),
]
Workers = Annotated[int, typer.Option(min=1, help="Processes that draw: one a core.")]
Precision = Annotated[str | None, typer.Option(help="auto, bf16 or fp32.")]
Device = Annotated[str | None, typer.Option(help="cpu or cuda. Default: the best there is.")]
CompiledNetwork = Annotated[
    bool | None, typer.Option("--compiled", help="Compile the network: pays from several thousand proposals.")
]
ShowProgress = Annotated[bool, typer.Option("--progress/--no-progress", help="Show a progress bar.")]


def parse_devices(text: str) -> int | str:
    """Return a number of devices, or "auto".

    Raises:
        InputError: If it is neither.
    """
    if text == "auto":
        return text
    if not text.isdecimal() or int(text) < 1:
        raise InputError(f"--devices must be a number of at least 1 or auto, got '{text}'")
    return int(text)

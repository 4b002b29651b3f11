"""Where models are found: a folder of one's own, or the name of one that comes with the package."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from moldiff.errors import InputError, did_you_mean

ALIASES: dict[str, str] = {"qm9": "qm9-mdlm"}
"""Further names of bundled models."""

PREDICTORS: dict[str, str] = {"qm9-mdlm": "qm9", "qm9-prime": "qm9"}
"""Which bundled predictor a bundled model goes with: one serves all models of its tokens and noise."""

WEIGHTS = Path(str(files("moldiff"))) / "weights"


def bundled_models() -> dict[str, Path]:
    """Return the folder of each bundled model by its name, aliases included."""
    folders = {path.parent.name: path.parent for path in sorted(WEIGHTS.glob("*/config.json"))}
    aliases = {alias: folders[name] for alias, name in ALIASES.items() if name in folders}
    return {**aliases, **folders}


def model_folder(name: str | Path) -> Path:
    """Return the folder of a model.

    Args:
        name: A folder that holds a model, or the name of a bundled one. A folder of that very name has to be
            written as a path (``./qm9``), so that a bundled name means the same everywhere.

    Raises:
        InputError: If there is no such model; the message names the nearest bundled one.

    Example:
        >>> model_folder("no/such/folder")
        Traceback (most recent call last):
        moldiff.errors.InputError: no model at no/such/folder: there is no config.json
    """
    models = bundled_models()
    if str(name) in models:
        return models[str(name)]
    folder = Path(name)
    if (folder / "config.json").is_file():
        return folder
    if folder.is_dir() or folder.parent != Path():
        raise InputError(f"no model at {folder}: there is no config.json")
    raise InputError(f"unknown model '{name}', and no folder of that name{did_you_mean(str(name), models)}")


def predictor_folder(model: Path) -> Path | None:
    """Return the folder of the predictor that comes with a bundled model, None where none does.

    Args:
        model: The model's folder.
    """
    if model.parent != WEIGHTS or model.name not in PREDICTORS:
        return None
    folder = WEIGHTS / "predictors" / PREDICTORS[model.name]
    return folder if (folder / "config.json").is_file() else None

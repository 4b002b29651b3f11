"""How a model is drawn where nobody says otherwise: the ``preset.toml`` of its folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from moldiff.errors import InputError
from moldiff.models.checkpoint import PRESET
from moldiff.presets import DRAWING, check_preset, over_preset, read_toml
from moldiff.sampling import Sampling

GUIDED = "guided"
"""Table of the settings that take the place of the others where something is asked for."""


@dataclass(frozen=True)
class ModelPreset:
    """Settings that come with a model.

    Attributes:
        usual: Keywords of :class:`moldiff.sampling.Sampling`.
        guided: Those that take their place where a condition or a predictor is asked for something: what
            suits a model that is drawn as it is need not suit one that is guided.
        text: The file that says so.

    Example:
        >>> preset = ModelPreset({"steps": 128, "temperature": 0.9}, {"temperature": 0.7})
        >>> preset.settings(guided=False), preset.settings(guided=True)
        ({'steps': 128, 'temperature': 0.9}, {'steps': 128, 'temperature': 0.7})
    """

    usual: Mapping[str, Any] = field(default_factory=dict)
    guided: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Return the preset of a model folder; an empty one where there is none.

        Raises:
            InputError: If it cannot be used, or holds more than how molecules are drawn.
        """
        path = folder / PRESET
        if not path.is_file():
            return cls()
        usual = read_toml(path)
        guided = usual.pop(GUIDED, {})
        try:
            if not isinstance(guided, Mapping):
                raise InputError(f"{GUIDED} must be a table [{GUIDED}], got {guided!r}")
            for settings in (usual, guided, over_preset(usual, guided)):
                _check(settings)
        except InputError as error:
            raise InputError(f"preset {path}: {error}") from None
        return cls(usual, guided, path.read_text(encoding="utf-8"))

    def settings(self, *, guided: bool) -> dict[str, Any]:
        """Return what holds for a run that asks for something, or for nothing."""
        return over_preset(self.usual, self.guided if guided else {})

    def under(self, sampling: Sampling, *, guided: bool) -> Sampling:
        """Return how a run is drawn: as the preset says where its own settings say nothing.

        Example:
            >>> preset = ModelPreset({"steps": 128, "temperature": 0.9})
            >>> found = preset.under(Sampling(steps=32), guided=False)
            >>> found.steps, found.temperature
            (32, 0.9)
        """
        given = {name: getattr(sampling, name) for name in DRAWING if getattr(sampling, name) is not None}
        return replace(sampling, **over_preset(self.settings(guided=guided), given))


def _check(settings: Mapping[str, Any]) -> None:
    check_preset(settings)
    for name in settings:
        if name not in DRAWING:
            raise InputError(f"{name} depends on the goals of a run: give it with the run")

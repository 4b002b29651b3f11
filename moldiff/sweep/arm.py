"""One way to draw: a model with all that is varied about it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from moldiff.chem.aims import Aim
from moldiff.errors import InputError
from moldiff.guidance.methods import GUIDANCE, guidance_knobs
from moldiff.presets import DRAWING, SERVING, TABLES, check_preset
from moldiff.settings import check_keywords

KNOBS = tuple(
    dict.fromkeys(knob for method in GUIDANCE for knob in guidance_knobs(method) if knob != "gamma")
)
"""Knobs of the guidances, which an arm may name beside its settings."""

ASK = "ask"

KEYS = (ASK, *(name for name in (*DRAWING, *SERVING) if name not in TABLES), *KNOBS)
"""What may be varied, a value each.

Knobs of the sampler stand behind its name, "cap:eta=3/T,at=0.5"; goals that are asked for in the place of
the problem's are one text, "rings=5; fsp3>=0.8".
"""


def read_sampler(text: str, steps: int | None) -> tuple[str, dict[str, Any]]:
    """Return name and knobs of a sampler written as "name" or "name:knob=value,knob=value".

    Args:
        text: Values are numbers, numbers over T ("3/T") or words.
        steps: T; None where nobody said.

    Raises:
        InputError: If a knob has no value, or one over T without T.

    Example:
        >>> read_sampler("cap:eta=3/T,unit=token", 64)
        ('cap', {'eta': 0.046875, 'unit': 'token'})
    """
    name, _, rest = text.partition(":")
    knobs: dict[str, Any] = {}
    for entry in filter(None, rest.split(",")):
        knob, sign, value = (part.strip() for part in entry.partition("="))
        if not (knob and sign and value):
            raise InputError(f"expected a knob such as eta=0.05 in sampler '{text}', got '{entry}'")
        number = value.removesuffix("/T")
        if number != value and steps is None:
            raise InputError(f"sampler '{text}' has a knob over T: give the number of steps")
        try:
            knobs[knob] = float(number) / (1 if number == value else steps or 1)
        except ValueError:
            knobs[knob] = value
    return name.strip(), knobs


def write_sampler(name: str, knobs: Mapping[str, Any]) -> str:
    """Return name and knobs as ``read_sampler`` reads them.

    Example:
        >>> write_sampler("cap", {"eta": 0.1, "unit": "digit"}), write_sampler("ancestral", {})
        ('cap:eta=0.1,unit=digit', 'ancestral')
    """
    rest = ",".join(f"{knob}={value}" for knob, value in knobs.items())
    return f"{name}:{rest}" if rest else name


@dataclass(frozen=True)
class Arm:
    """A problem, a model, and every setting that differs from the defaults.

    Args:
        problem: Name of a ``Problem``.
        model: Bundled name or model folder.
        settings: A value for any of ``KEYS``.

    Raises:
        InputError: If a setting is unknown or out of range.

    Example:
        >>> arm = Arm("rings", "qm9", {"gamma": 3, "sampler": "cap:eta=3/T", "steps": 32})
        >>> arm.label
        'qm9 gamma=3 sampler=cap:eta=3/T steps=32'
        >>> arm.keywords
        {'gamma': 3, 'steps': 32, 'sampler': 'cap', 'knobs': {'eta': 0.09375}}
    """

    problem: str
    model: str
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_keywords(self.settings, KEYS, "setting of an arm")
        Aim.parse(*self.asked(()))
        check_preset(self.keywords)

    @property
    def group(self) -> str:
        """What the model is called: arms of one model make one frontier."""
        return Path(self.model).name

    @property
    def label(self) -> str:
        """Model and settings in a line."""
        shown = {
            name: f"{value:.4g}" if isinstance(value, float) else value
            for name, value in self.settings.items()
        }
        if "predictor" in shown:
            shown["predictor"] = Path(shown["predictor"]).name
        return " ".join([self.group, *(f"{name}={value}" for name, value in shown.items())])

    @property
    def key(self) -> str:
        """The same text for the same arm, and for no other."""
        return json.dumps([self.problem, self.model, dict(sorted(self.settings.items()))])

    def asked(self, usual: Sequence[str]) -> tuple[str, ...]:
        """Return the goals that the model is asked for: the arm's own, else the usual ones of its problem.

        Example:
            >>> Arm("rings", "qm9", {"ask": "rings=5; fsp3>=0.8"}).asked(["rings>3"])
            ('rings=5', 'fsp3>=0.8')
        """
        if ASK not in self.settings:
            return tuple(usual)
        return tuple(goal.strip() for goal in str(self.settings[ASK]).split(";"))

    @property
    def keywords(self) -> dict[str, Any]:
        """The settings as keywords of ``MoleculeGenerator.plan``."""
        given = {name: value for name, value in self.settings.items() if name not in (*KNOBS, ASK, "sampler")}
        if "sampler" in self.settings:
            sampler, knobs = read_sampler(str(self.settings["sampler"]), self.settings.get("steps"))
            given |= {"sampler": sampler, "knobs": knobs}
        method_knobs = {name: self.settings[name] for name in KNOBS if name in self.settings}
        return given | ({"method_knobs": method_knobs} if method_knobs else {})

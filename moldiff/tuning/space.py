"""What is varied: guidance and its strength, temperature, steps, and how what is visible is hidden again."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import optuna

from moldiff.diffusion.samplers import SAMPLERS, WORDS, sampler_knobs
from moldiff.errors import InputError
from moldiff.guidance.methods import GUIDANCE, needs_predictor
from moldiff.presets import check_preset, read_toml
from moldiff.settings import check_keywords
from moldiff.sweep.arm import Arm
from moldiff.tuning.dimensions import Choices, Dimension, Numbers
from moldiff.tuning.serving import Serving

DIMENSIONS: dict[str, Dimension] = {
    # Exact `cbg` asks the predictor about every token: too dear for a search, unless somebody names it.
    "method": Choices(tuple(name for name in GUIDANCE if name != "cbg")),
    # In steps, so that 0 and 1 are met, where a step takes one network row and not two.
    "gamma": Numbers(0.0, 6.0, step=0.25),
    "canvas_gamma": Numbers(0.0, 3.0, step=0.25),
    "gamma_classifier": Numbers(0.5, 8.0, step=0.25),
    "temperature": Numbers(0.5, 1.1),
    "steps": Choices((16, 32, 64, 128)),
    "sampler": Choices(tuple(SAMPLERS)),
    "hidings": Numbers(0.3, 10.0, log=True),
    "eta": Numbers(0.01, 1.0, log=True),
    "at": Numbers(0.2, 1.0),
    "tau": Numbers(0.25, 4.0, log=True),
    "alpha_on": Numbers(0.6, 0.98),
    "start": Numbers(0.2, 0.6),
    "stop": Numbers(0.7, 0.95),
    "strength": Numbers(1.0, 30.0, log=True),
    "bound": Numbers(0.0, 0.3),
    "rounds": Numbers(0, 8, step=1),
    "share": Numbers(0.05, 0.5),
    **{knob: Choices(words) for knob, words in WORDS.items()},
}
"""All that may be varied, and between which ends.

``hidings`` is eta times T: how often a visible digit would be hidden in a run with re-masking in all steps.
The same eta is much in many steps and little in few.
"""

OVER_STEPS = "hidings"
SCALED = frozenset({"cap", "confidence", "loop", "confidence-loop"})
"""Samplers whose eta is a probability of a single step; the eta of others is a share of what is allowed."""


@dataclass(frozen=True)
class Space:
    """The settings that a study searches.

    Args:
        serving: What can serve the goals, and what the model's family leaves to be chosen.
        dimensions: By name, what is varied; those of ``DIMENSIONS`` that apply.
        fixed: Settings of every arm, such as a predictor.
        sweeps: Whether the strength of the guidance is swept in every trial, and so not searched.

    Example:
        >>> space = Space.of(Serving(("cfg",), "cfg", conditions=True), {"sampler": "cap", "steps": [32, 64]})
        >>> values = {"gamma": 2, "canvas_gamma": 1, "temperature": 0.9, "steps": 64, "hidings": 3, "at": 1}
        >>> trial = optuna.trial.FixedTrial(values)
        >>> space.settings(trial)
        {'gamma': 2.0, 'canvas_gamma': 1.0, 'temperature': 0.9, 'steps': 64, 'sampler': 'cap:eta=3/T,at=1'}
    """

    serving: Serving
    dimensions: Mapping[str, Dimension]
    fixed: Mapping[str, Any] = field(default_factory=dict)
    sweeps: bool = False

    @classmethod
    def of(
        cls,
        serving: Serving,
        table: Mapping[str, Any] | None = None,
        *,
        fixed: Mapping[str, Any] | None = None,
        sweeps: bool = False,
    ) -> Space:
        """Return the space for what can serve the goals.

        Args:
            serving: What can.
            table: Narrower ends, a value that is kept, or other choices, by name.
            fixed: Settings of every arm.
            sweeps: Whether the strength of the guidance is swept in every trial.

        Raises:
            InputError: If a name is unknown or does not apply, or no setting has such a value.
        """
        given = table or {}
        check_keywords(given, DIMENSIONS, "key of [space]")
        cheap = [name for name in serving.methods if DIMENSIONS["method"].has(name)]
        found: dict[str, Dimension] = {**DIMENSIONS, "method": Choices(tuple(cheap or serving.methods))}
        for name, value in given.items():
            try:
                found[name] = found[name].narrowed(value)
            except InputError as error:
                raise InputError(f"[space] {name}: {error}") from None
        for method in found["method"].ends:
            serving.check(str(method))
        check_keywords(map(str, found["sampler"].ends), SAMPLERS, "sampler")
        whole = cls(serving, found, fixed or {}, sweeps)
        used = whole._used()
        for name in given:
            if name not in used:
                raise InputError(
                    f"[space] {name} is nothing that these goals, this model and the other entries leave to "
                    f"be chosen; what is: {', '.join(used)}"
                )
        return cls(serving, {name: found[name] for name in used}, fixed or {}, sweeps)

    def settings(self, trial: optuna.trial.BaseTrial) -> dict[str, Any]:
        """Return the settings of a trial's arm, which asks for what the ones before make necessary."""
        return self._settings(lambda name: self.dimensions[name].asked(trial, name))

    def usual(self) -> dict[str, Any]:
        """Return the values of ``generate`` by default that lie in the space: where a study begins."""
        usual, steps = self.serving.usual, self.serving.usual.steps or 64
        sampler = usual.sampler or self.serving.sampler
        knobs = sampler_knobs(sampler, usual.knobs)
        values = {
            "method": self.serving.auto,
            "gamma": usual.gamma,
            "canvas_gamma": usual.gamma if usual.canvas_gamma is None else usual.canvas_gamma,
            "temperature": usual.temperature,
            "steps": steps,
        } | {
            "gamma_classifier": 1.0,
            "sampler": sampler,
            **{name: knobs[name] for name in knobs if name != "eta" or sampler not in SCALED},
        }
        if usual.knobs and sampler in SCALED:
            values[OVER_STEPS] = knobs["eta"] * steps
        inside = self.dimensions.items()
        return {name: values[name] for name, each in inside if name in values and each.has(values[name])}

    def describe(self) -> dict[str, Any]:
        """Return all that decides which settings a trial may have, as JSON has it."""
        serving = {name: value for name, value in asdict(self.serving).items() if name != "usual"}
        return {
            **{name: asdict(entry) for name, entry in self.dimensions.items()},
            "fixed": dict(self.fixed),
            "sweeps": self.sweeps,
            "serving": serving,
        }

    def _used(self) -> list[str]:
        """Return what is asked for on any path, after checking both ends of every path.

        Raises:
            InputError: If a value is out of the range of its setting.
        """
        asked: dict[str, None] = {}
        paths = itertools.product(self.dimensions["method"].ends, self.dimensions["sampler"].ends, (0, -1))
        for method, sampler, end in paths:
            values = {name: entry.ends[end] for name, entry in self.dimensions.items()}
            values |= {"method": method, "sampler": sampler}

            def pick(name: str, values: Mapping[str, Any] = values) -> Any:
                asked[name] = None
                return values[name]

            _check(self._settings(pick), self.dimensions)
        return [name for name in DIMENSIONS if name in asked]

    def _settings(self, pick: Callable[[str], Any]) -> dict[str, Any]:
        """Return the settings of an arm, from a function that gives the value of a dimension."""
        serving, found = self.serving, dict(self.fixed)
        method = pick("method")
        if serving.methods != (serving.auto,) or method != serving.auto:
            found["method"] = method
        if needs_predictor(method):
            if not self.sweeps:
                found["gamma_classifier"] = pick("gamma_classifier")
            if serving.conditions:
                found["gamma"] = pick("gamma")
        elif not self.sweeps:
            found["gamma"] = pick("gamma")
        if serving.conditions:
            found["canvas_gamma"] = pick("canvas_gamma")
        found["temperature"] = pick("temperature")
        if serving.steps:
            found["steps"] = pick("steps")
        if serving.hides:
            found["sampler"] = self._sampler(pick)
        return found

    def _sampler(self, pick: Callable[[str], Any]) -> str:
        """Return the name of a sampler with its knobs, as arms have it."""
        name = pick("sampler")
        words = []
        for knob in sampler_knobs(name):
            if knob == "unit" and self.serving.digits == 1:
                continue
            if knob == "eta" and name in SCALED:
                words.append(f"eta={_text(pick(OVER_STEPS))}/T")
            else:
                words.append(f"{knob}={_text(pick(knob))}")
        return f"{name}:{','.join(words)}" if words else str(name)


def _text(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:g}"


def _check(settings: Mapping[str, Any], dimensions: Mapping[str, Dimension]) -> None:
    """Refuse settings that no arm may have.

    Raises:
        InputError: Naming the first of them.
    """
    steps, most = dimensions["steps"].ends, dimensions[OVER_STEPS].ends[-1]
    if "/T" in str(settings.get("sampler")) and "steps" in settings and float(most) > min(map(int, steps)):
        raise InputError(
            f"[space] {OVER_STEPS} is eta times the steps, and eta a probability: expected at most "
            f"{min(map(int, steps))}, the least number of steps, got {most:g}"
        )
    try:
        check_preset(Arm("", "", settings).keywords)
    except InputError as error:
        raise InputError(f"[space] {error}") from None


def read_space(path: str | Path, methods: Sequence[str] = ()) -> dict[str, Any]:
    """Return the table [space] of a TOML file.

    Args:
        path: The file.
        methods: Guidances that were named besides, which win.

    Raises:
        InputError: If it cannot be read, or has no such table or any other.
    """
    content = read_toml(path)
    check_keywords(content, ["space"], f"table of {path}")
    table = content.get("space", {})
    if not isinstance(table, dict) or not table:
        raise InputError(f"{path} holds no table [space], such as one with the line: gamma = [1, 4]")
    return {**table, **({"method": list(methods)} if methods else {})}

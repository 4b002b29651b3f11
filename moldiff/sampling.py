"""How proposals are drawn: the settings of a run, with their defaults, and the proposer that they make."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch

from moldiff.diffusion.canvas import CanvasLaw
from moldiff.diffusion.process import Network
from moldiff.diffusion.sampler import Guidance, Sampler
from moldiff.diffusion.samplers import make_sampler, sampler_knobs
from moldiff.errors import InputError
from moldiff.goal_defaults import run_defaults
from moldiff.guidance.canvas_tilt import canvas_tilt
from moldiff.guidance.classifier_based import PredictedGoal
from moldiff.guidance.evidence import check_candidates
from moldiff.guidance.guesses import Score
from moldiff.guidance.methods import guidance_knobs, make_guidance, needs_predictor
from moldiff.guidance.selections import RunDefaults, Steered, make_selection, selection_knobs
from moldiff.models.checkpoint import SavedModel
from moldiff.proposing import Proposer
from moldiff.settings import check_keywords, check_numbers
from moldiff.steering import Shown, SteeredProposer
from moldiff.targets import Targets


@dataclass(frozen=True)
class Ways:
    """What steers a run, besides its conditions.

    Attributes:
        guidance: A key of ``GUIDANCE``.
        goal: What a predictor is asked, for the guidance that needs one.
        selection: A key of ``SELECTIONS``; None for none.
        score: What the selection goes by; None for a first sample, which is not steered.
        used_up: Tells when the score has no more answers.
        asked: Tells which rows of tokens (B, L) the score was asked about, (B,) bool.
    """

    guidance: str = "cfg"
    goal: PredictedGoal | None = None
    selection: str | None = None
    score: Score | None = None
    used_up: Callable[[], bool] = lambda: False
    asked: Callable[[torch.Tensor], torch.Tensor] = lambda tokens: torch.ones(len(tokens), dtype=torch.bool)


@dataclass(frozen=True)
class Sampling:
    """How proposals are drawn.

    Args:
        gamma: Strength of classifier-free guidance: 0 unconditional, 1 conditional, above 1 beyond. Unless
            given that of ``run_defaults``, or 0 where a predictor guides and no condition is given.
        canvas_gamma: Strength with which conditions choose the size of the canvas, 3 at most; as gamma unless
            given, or that of ``run_defaults`` where gamma is not given either.
        canvas: Positions of every canvas, one of the model's sizes, in the place of sizes drawn as in
            training. Molecules of rare sizes can be larger than those of training, and are less like them.
        temperature: Divides the network's logits; 1 is the model's own law. Unless given that of
            ``run_defaults``.
        steps: T; 64, or one for each position left to right, unless given.
        sampler: A key of ``SAMPLERS``; the one of ``run_defaults`` or of the model's family unless given.
        knobs: Keywords of that sampler.
        method_knobs: Keywords of the guidance and the selection in use, such as gamma_classifier or strength.
        seed: Seed of the run, 0 or more.
        chunk: Rows of a chunk; 256, or what suits the method, unless given.
        threads: Of a network call on the CPU. They are part of what decides the result: in float32 another
            number changes the last bits.
        compiled: Whether to compile the network: for thousands of molecules.

    Raises:
        InputError: If a value is out of range or a name unknown.

    Example:
        >>> Sampling(steps=32).steps
        32
        >>> Sampling(sampler="lop")
        Traceback (most recent call last):
        moldiff.errors.InputError: unknown sampler 'lop': did you mean 'loop'?
    """

    gamma: float | None = None
    canvas_gamma: float | None = None
    canvas: int | None = None
    temperature: float | None = None
    steps: int | None = None
    sampler: str | None = None
    knobs: dict[str, Any] | None = None
    method_knobs: dict[str, Any] | None = None
    seed: int = 0
    chunk: int | None = None
    threads: int = 1
    compiled: bool = False

    def __post_init__(self) -> None:
        check_numbers(
            temperature=self.temperature,
            gamma=self.gamma,
            canvas_gamma=self.canvas_gamma,
            canvas=self.canvas,
            steps=self.steps,
            chunk=self.chunk,
            seed=self.seed,
            threads=self.threads,
        )
        if self.sampler is not None:
            make_sampler(self.sampler, self.knobs)
        for knob, value in (self.knobs or {}).items():
            if isinstance(value, float) and math.isinf(value):
                raise InputError(f"knob {knob} must be a finite number, got {value}")

    def proposer(
        self,
        model: SavedModel,
        targets: Targets,
        *,
        ways: Ways = Ways(),
        network: Network | None = None,
        device: torch.device,
    ) -> Proposer:
        """Return what draws the proposals of a run.

        Args:
            model: The model, on the device.
            targets: Conditions of the molecules.
            ways: What else steers them.
            network: The model's network in another form; as it is unless given.
            device: Where the network computes.

        Raises:
            InputError: If the model's family has no such sampler or number of steps, the model no such
                canvas, or a knob does not fit.
        """
        usual = self._usual(model, targets, ways)
        guided, steered = self._method_knobs(ways, model.codec.vocab_size)
        guidance = _guidance(ways, guided, usual.gamma)
        sampler, names, steps, chunk = self._sampler(model, network, usual)
        names |= {"guidance": ways.guidance, "guidance_knobs": guided, "compiled": self.compiled}
        make: Callable[..., Proposer] = Proposer
        if ways.selection is not None:
            # For a first sample too: what does not fit is refused before anything is scored.
            shown = Shown(ways.score or _unscored, ways.asked)
            run = Steered(shown, sampler, guidance, usual.temperature, ways.used_up)
            selection = make_selection(ways.selection, run, steered)
            names |= {"selection": ways.selection, "selection_knobs": steered}
            if ways.score is not None:
                make = partial(SteeredProposer, shown=shown, selection=selection, group=selection.n)
                chunk = max(1, chunk // selection.n) * selection.n
        return make(
            sampler,
            self._law(model.canvas),
            targets.draw,
            guidance,
            usual.gamma,
            usual.temperature,
            steps,
            self.seed,
            chunk,
            device,
            self.threads,
            names,
            self._tilt(model, ways, guided, device),
            usual.canvas_gamma,
        )

    def _law(self, canvas: CanvasLaw) -> CanvasLaw:
        """Return the law of sizes: the model's, or that of the one size that was asked for.

        Raises:
            InputError: If the model was trained on none of that size.
        """
        try:
            return canvas if self.canvas is None else canvas.only(self.canvas)
        except ValueError:
            sizes = ", ".join(map(str, canvas.sizes.tolist()))
            raise InputError(
                f"canvas must be a size that the model knows, {sizes}, got {self.canvas}"
            ) from None

    def _usual(self, model: SavedModel, targets: Targets, ways: Ways) -> RunDefaults:
        """Return how such a run is drawn, with the strengths and the temperature that were given instead."""
        usual = run_defaults(
            targets.goals, selection=ways.selection, guidance=ways.guidance, masks=model.process.masks
        )
        found: dict[str, Any] = {"canvas_gamma": self.canvas_gamma}
        if self.gamma is not None:
            found["gamma"] = self.gamma
        elif needs_predictor(ways.guidance) and not targets.asks:
            found["gamma"] = 0.0
        elif self.canvas_gamma is None:
            del found["canvas_gamma"]
        if self.temperature is not None:
            found["temperature"] = self.temperature
        return replace(usual, **found)

    def _method_knobs(self, ways: Ways, tokens: int) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the knobs of the guidance, but for gamma, and of the selection, with the values in use.

        Args:
            ways: What they are knobs of.
            tokens: Size of the vocabulary.

        Raises:
            InputError: If there is no such knob, or a value will not do.
        """
        given = self.method_knobs or {}
        if "gamma" in given:
            raise InputError("gamma is a setting of its own, no method knob: give it as gamma, or --gamma")
        guided = guidance_knobs(ways.guidance)
        steered = {} if ways.selection is None else selection_knobs(ways.selection)
        guided.pop("gamma", None)
        check_keywords(given, [*guided, *steered], "method knob")
        if ways.selection is not None:
            steered = selection_knobs(ways.selection, _among(given, steered))
        guided = guidance_knobs(ways.guidance, _among(given, guided))
        check_candidates(guided.get("k"), tokens)
        return {name: value for name, value in guided.items() if name != "gamma"}, steered

    def _sampler(
        self, model: SavedModel, network: Network | None, usual: RunDefaults
    ) -> tuple[Sampler, dict[str, Any], int | None, int]:
        """Return the sampler, what the record says of it, and the numbers of steps and of rows in a chunk.

        Raises:
            InputError: If the model's family has no such sampler or number of steps.
        """
        family, process, called = model.family, model.process, model.config["family"]
        suited = usual.sampler if self.sampler is None and process.masks else None
        name = self.sampler or suited or family.sampler
        # Knobs that are given without a sampler are those of the one in use.
        knobs = {**(usual.knobs if suited else {}), **(self.knobs or {})}
        parts = make_sampler(name, knobs)
        if not process.masks and (parts.remasking is not None or parts.order is not None):
            raise InputError(
                f"sampler '{name}' is of masks, and family {called} has none: leave the sampler out"
            )
        if self.steps is not None and family.steps is None:
            raise InputError(
                f"family {called} takes one step for each position: leave the number of steps out"
            )
        steps = self.steps or (usual.steps if suited else None) or family.steps
        sampler = Sampler(model.network if network is None else network, process, *parts)
        names = {"sampler": name, "knobs": sampler_knobs(name, knobs), "canvas": self.canvas}
        return sampler, names, steps, self.chunk or usual.rows

    def _tilt(
        self, model: SavedModel, ways: Ways, guided: Mapping[str, Any], device: torch.device
    ) -> torch.Tensor | None:
        """Return what the predictor's goal does to the law of canvas sizes; None without one."""
        gamma = guided.get("gamma_classifier", 1.0)
        if ways.goal is None or not gamma:
            return None
        generator = torch.Generator(device=device).manual_seed(self.seed)
        return canvas_tilt(
            self._law(model.canvas), ways.goal, model.process, gamma=gamma, generator=generator
        )


def _guidance(ways: Ways, knobs: Mapping[str, Any], gamma: float) -> Guidance:
    strength = {"gamma": gamma} if "gamma" in guidance_knobs(ways.guidance) else {}
    return make_guidance(ways.guidance, ways.goal, {**knobs, **strength})


def _unscored(tokens: torch.Tensor) -> torch.Tensor:
    return torch.full((len(tokens),), torch.nan, dtype=torch.float64)


def _among(given: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if name in known}

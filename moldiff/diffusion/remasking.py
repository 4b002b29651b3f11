"""Re-masking rules: with which probability sigma a visible digit is hidden again (ReMDM, arXiv 2503.00307).

A rule may also set sigma at masked sites: that value enters the reveal probability
r = (alpha_s - (1 - sigma) alpha_t) / (1 - alpha_t), so that what is hidden again is made up for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol

import torch
from torch import Tensor

from moldiff.diffusion.state import State, Transition

Unit = Literal["digit", "token"]
Normalise = Literal["visible", "paper"]
Reveal = Literal["balanced", "paper"]


class Remasking(Protocol):
    """A rule for sigma, bounded by ``transition.sigma_max``.

    Attributes:
        unit: What is hidden together: single digits, or all visible digits of a token. With "digit" the
            unconditional rules preserve the law of z_s given x0; with "token" and K > 1 only the law of the
            finished sample is preserved (under a joint oracle), because masks carry no information.
    """

    unit: Unit

    def sigma(self, state: State, transition: Transition) -> Tensor:
        """Return sigma, (B, L, K) float64."""


def _uniform(value: float, state: State) -> Tensor:
    return torch.full(state.z.shape, value, dtype=torch.float64, device=state.z.device)


class Cap:
    """sigma = min(eta, sigma_max) (ReMDM, section 4.1, "max-capped").

    Args:
        eta: Largest re-masking probability of a step, in [0, 1]; 1 is the bound sigma_max itself.
        unit: "digit" or "token".

    Example:
        >>> state = State.of(torch.zeros(1, 2, 1, dtype=torch.int64))
        >>> Cap(0.2).sigma(state, Transition(0.5, 0.4, 0.5, 0.6))[0, 0].item()
        0.2
    """

    def __init__(self, eta: float = 0.05, unit: Unit = "digit") -> None:
        self.eta = _share("eta", eta)
        self.unit = unit

    def sigma(self, state: State, transition: Transition) -> Tensor:
        """Return min(eta, sigma_max) everywhere."""
        return _uniform(min(self.eta, transition.sigma_max), state)


class Rescale:
    """sigma = eta * the sigma of another rule (ReMDM, section 4.1, "rescaled").

    Args:
        eta: Factor in [0, 1].
        base: The rule that is scaled; sigma_max unless given.
        unit: "digit" or "token"; the base's unit where one is given.
    """

    def __init__(self, eta: float = 0.1, base: Remasking | None = None, unit: Unit = "digit") -> None:
        self.eta = _share("eta", eta)
        self.base: Remasking = Cap(1.0, unit) if base is None else base
        self.unit: Unit = self.base.unit

    def sigma(self, state: State, transition: Transition) -> Tensor:
        """Return eta times the base's sigma."""
        return self.eta * self.base.sigma(state, transition)


class ForwardBackward:
    """sigma = (alpha_s - alpha_t) / alpha_t, clipped: one forward step of noise (ReMDM, prop. 4.2).

    Args:
        unit: "digit" or "token".
    """

    def __init__(self, unit: Unit = "digit") -> None:
        self.unit = unit

    def sigma(self, state: State, transition: Transition) -> Tensor:
        """Return the clipped rate everywhere; 0 where nothing is visible yet."""
        if transition.alpha_t <= 0:
            return _uniform(0.0, state)
        rate = max(0.0, transition.alpha_s - transition.alpha_t) / transition.alpha_t
        return _uniform(min(rate, transition.sigma_max), state)


class DiscreteFlowMatching:
    """sigma = beta_t (alpha_s - alpha_t) / alpha_t, clipped at sigma_max (ReMDM, prop. 4.3).

    beta_t = strength * t^(1/4) (1 - t)^(1/4), the corrector of discrete flow matching (arXiv 2407.15595).

    Args:
        strength: Factor of beta_t, at least 0; 10 in the papers.
        unit: "digit" or "token".
    """

    def __init__(self, strength: float = 10.0, unit: Unit = "digit") -> None:
        if not strength >= 0:
            raise ValueError(f"strength must be at least 0, got {strength}")
        self.strength = strength
        self.unit = unit

    def sigma(self, state: State, transition: Transition) -> Tensor:
        """Return the clipped rate everywhere; 0 where nothing is visible yet."""
        if transition.alpha_t <= 0:
            return _uniform(0.0, state)
        beta = self.strength * (transition.t * (1.0 - transition.t)) ** 0.25
        rate = beta * max(0.0, transition.alpha_s - transition.alpha_t) / transition.alpha_t
        return _uniform(min(rate, transition.sigma_max), state)


class Confidence:
    """Spread another rule's sigma over the visible sites by how unsure they were (ReMDM, section 4.1).

    sigma_i = min(sigma_max, n_vis sigma softmax_visible(-psi / temperature)_i), where psi is the probability
    that a digit had when it was revealed; a whole token counts with its least sure digit. Its coins look at
    values, so q(z_s | x0) is not preserved: a mode-seeking heuristic.

    Args:
        base: The rule whose sigma is spread; sigma_max unless given.
        temperature: Of the softmax, above 0.
        normalise: "visible" hides as many digits in expectation as the base rule would, where the bound does
            not bind; "paper" drops the factor n_vis: at most sigma of one digit in expectation.
        reveal: Reading of the masked sites. "paper": their sigma is 0, so a loop hides but reveals nothing.
            "balanced": they get the sigma that reveals as many sites, in expectation, as are hidden.
        unit: "digit" or "token"; the base's unit where one is given.
    """

    def __init__(
        self,
        base: Remasking | None = None,
        *,
        temperature: float = 1.0,
        normalise: Normalise = "visible",
        reveal: Reveal = "balanced",
        unit: Unit = "digit",
    ) -> None:
        if not temperature > 0:
            raise ValueError(f"temperature must be above 0, got {temperature}")
        if normalise not in ("visible", "paper") or reveal not in ("paper", "balanced"):
            expected = "normalise is 'visible' or 'paper', reveal 'balanced' or 'paper'"
            raise ValueError(f"{expected}; got {normalise!r}, {reveal!r}")
        self.base: Remasking = Cap(1.0, unit) if base is None else base
        self.temperature = temperature
        self.normalise = normalise
        self.reveal = reveal
        self.unit: Unit = self.base.unit

    def sigma(self, state: State, transition: Transition) -> Tensor:
        """Return the spread sigma at visible sites and what the reading asks for at masked ones."""
        visible = ~state.masked & state.changeable
        count = visible.sum((1, 2), keepdim=True)
        weight = self._weights(state, visible)
        factor = count if self.normalise == "visible" else 1
        hidden = (self.base.sigma(state, transition) * factor * weight).clamp_max(transition.sigma_max)
        if self.reveal == "paper" or transition.alpha_t <= 0:
            return hidden
        masked = state.masked & state.changeable
        # In float64 from here on: a whole number times a share would be float32.
        open_sites = masked.sum((1, 2), keepdim=True).clamp_min(1).double()
        # r grows by sigma alpha_t / (1 - alpha_t) at each masked site: solve for as many reveals as hidings.
        matching = (
            hidden.sum((1, 2), keepdim=True) * (1 - transition.alpha_t) / (transition.alpha_t * open_sites)
        )
        return torch.where(masked, matching.clamp_max(transition.sigma_max), hidden)

    def _weights(self, state: State, visible: Tensor) -> Tensor:
        """Return softmax_visible(-psi / temperature), (B, L, K) float64, 0 at sites that are not visible."""
        psi = state.psi.double()
        if self.unit == "token":
            # All digits of a token share the coin, hence the probability: its least sure visible digit's.
            psi = psi.masked_fill(~visible, torch.inf).amin(-1, keepdim=True).expand_as(psi)
        energy = (-psi / self.temperature).masked_fill(~visible, -torch.inf)
        # Digits given from outside have psi = inf and weight 0; a row without others (0 / 0) hides nothing.
        return energy.flatten(1).softmax(1).nan_to_num(0.0).view_as(energy)


def _share(name: str, value: float) -> float:
    if not 0.0 <= value <= 1.0:
        raise ValueError(f"{name} must be a probability between 0 and 1, got {value}")
    return value


REMASKING: dict[str, Callable[..., Remasking]] = {
    "cap": Cap,
    "rescale": Rescale,
    "forward-backward": ForwardBackward,
    "dfm": DiscreteFlowMatching,
    "confidence": Confidence,
}

"""How a goal steers a reverse step of the diffusion.

``GUIDANCE`` maps the name of a guidance to the function that makes it, ``SELECTIONS`` that of a selection,
which copies, drops or changes rows by a score; a new one is a class and one line.
"""

if __name__ != "moldiff.guidance":
    raise ImportError("this folder is the package moldiff.guidance: import it by that name")

from moldiff.guidance.backtracking import Backtracking
from moldiff.guidance.canvas_tilt import canvas_tilt, tilted
from moldiff.guidance.classifier_based import ClassifierBased, Evidence, PredictedGoal, Predictor
from moldiff.guidance.classifier_free import ClassifierFree
from moldiff.guidance.evidence import FirstOrder, Substitution
from moldiff.guidance.guesses import AsItStands, OneShot
from moldiff.guidance.methods import GUIDANCE, guidance_knobs, make_guidance, needs_predictor
from moldiff.guidance.metropolis import Metropolis, Refill
from moldiff.guidance.particles import Particles
from moldiff.guidance.selections import RUN_DEFAULTS, SELECTIONS, Steered, make_selection, selection_knobs

__all__ = [
    "GUIDANCE",
    "RUN_DEFAULTS",
    "SELECTIONS",
    "AsItStands",
    "Backtracking",
    "ClassifierBased",
    "ClassifierFree",
    "Evidence",
    "FirstOrder",
    "Metropolis",
    "OneShot",
    "Particles",
    "PredictedGoal",
    "Predictor",
    "Refill",
    "Steered",
    "Substitution",
    "canvas_tilt",
    "guidance_knobs",
    "make_guidance",
    "make_selection",
    "needs_predictor",
    "selection_knobs",
    "tilted",
]

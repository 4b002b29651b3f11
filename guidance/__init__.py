"""How a goal steers a reverse step of the diffusion.

``GUIDANCE`` maps the name of a guidance to the function that makes it; a new one is a class and one line.
"""

if __name__ != "moldiff.guidance":
    raise ImportError("this folder is the package moldiff.guidance: import it by that name")

from moldiff.guidance.canvas_tilt import canvas_tilt
from moldiff.guidance.classifier_based import ClassifierBased, Evidence, PredictedGoal, Predictor
from moldiff.guidance.classifier_free import ClassifierFree
from moldiff.guidance.evidence import FirstOrder, Substitution
from moldiff.guidance.methods import GUIDANCE, guidance_knobs, make_guidance, needs_predictor

__all__ = [
    "GUIDANCE",
    "ClassifierBased",
    "ClassifierFree",
    "Evidence",
    "FirstOrder",
    "PredictedGoal",
    "Predictor",
    "Substitution",
    "canvas_tilt",
    "guidance_knobs",
    "make_guidance",
    "needs_predictor",
]

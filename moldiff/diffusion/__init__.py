"""Discrete diffusion on integer tokens: the theory, without chemistry."""

from moldiff.diffusion.canvas import CanvasLaw, canvas_size
from moldiff.diffusion.codec import MASK, SubtokenCodec
from moldiff.diffusion.left_to_right import LeftToRight
from moldiff.diffusion.masked import MaskedProcess
from moldiff.diffusion.ordering import LeastEntropy, Order
from moldiff.diffusion.process import Process
from moldiff.diffusion.remasking import (
    REMASKING,
    Cap,
    Confidence,
    DiscreteFlowMatching,
    ForwardBackward,
    Remasking,
    Rescale,
)
from moldiff.diffusion.sampler import Guidance, Sampler, Selection, Step, conditional, draw
from moldiff.diffusion.schedules import SCHEDULES, Cosine, LogLinear, NoiseSchedule, Polynomial
from moldiff.diffusion.state import Plan, State, Transition
from moldiff.diffusion.tally import SampleOutput
from moldiff.diffusion.trajectories import TRAJECTORIES, Loop, Rounds, Straight, Switch, Trajectory
from moldiff.diffusion.uniform import UniformProcess

PROCESSES: dict[str, type[Process]] = {
    "masked": MaskedProcess,
    "uniform": UniformProcess,
    "left-to-right": LeftToRight,
}

__all__ = [
    "MASK",
    "PROCESSES",
    "REMASKING",
    "SCHEDULES",
    "TRAJECTORIES",
    "CanvasLaw",
    "Cap",
    "Confidence",
    "Cosine",
    "DiscreteFlowMatching",
    "ForwardBackward",
    "Guidance",
    "LeastEntropy",
    "LeftToRight",
    "LogLinear",
    "Loop",
    "MaskedProcess",
    "NoiseSchedule",
    "Order",
    "Plan",
    "Polynomial",
    "Process",
    "Remasking",
    "Rescale",
    "Rounds",
    "SampleOutput",
    "Sampler",
    "Selection",
    "State",
    "Step",
    "Straight",
    "SubtokenCodec",
    "Switch",
    "Trajectory",
    "Transition",
    "UniformProcess",
    "canvas_size",
    "conditional",
    "draw",
]

"""A sweep and a search of which everything is known, without a model: as their records have them."""

import json
import random

import numpy as np

from moldiff.records import plain
from moldiff.sweep import record as sweep_record
from moldiff.sweep.arm import Arm
from moldiff.sweep.contrast import Contrast
from moldiff.sweep.figures import FIGURES
from moldiff.sweep.plan import Grid, Plan, Published
from moldiff.sweep.problem import Problem
from moldiff.sweep.results import ArmResult, ProblemResult
from moldiff.sweep.tracing import Traced

RINGS = Problem("rings", ("rings_top=top",), ("rings>3",), "qm9")
LOGP = Problem("logP", ("logP=1.5",), (), "qm9")

PUBLISHED = [
    Published("rings", "UDLM D-CBG, gamma 8", 432, 4.84, "arXiv 2412.10193"),
    Published("rings", "CDD", 251, 9.9, "arXiv 2503.09790", apart=True),
]

SMILES = ["C1CC2CC12", "C1=C2C3CC2(CC1)O3", "CC12C(O)C3C4C1C3C42", "COC12CC3OC1N3C2", "C1CC2(O)CC12C"]

DEFAULT_SEEDS = (0, 1)


def arm_result(arm, n=1024, seeds=DEFAULT_SEEDS, examples=()):
    """Return figures that go by the strength: more of it, fewer novel molecules with more rings."""
    gamma = float(arm.settings.get("gamma", 1.0))
    base = 1.0 + 0.1 * ["qm9", "qm9-prime"].index(arm.model) if arm.model in ("qm9", "qm9-prime") else 0.9
    away = np.arange(len(seeds)) - (len(seeds) - 1) / 2
    values = {name: np.full(len(seeds), 0.5) for name in FIGURES}
    values |= {
        "novel": n * base * (0.8 - 0.07 * gamma) + away,
        "novel_hits": n * base * (0.5 - 0.05 * gamma) + away,
        "mean_novel": 3.0 + 0.4 * gamma * base + 0.01 * away,
        "error_novel": 1.0 / (1.0 + gamma * base) + 0.01 * away,
        "nfe": np.full(len(seeds), 16.0 * 3.0**gamma),
        "nfe_predictor": np.zeros(len(seeds)),
        "unguided": np.zeros(len(seeds)),
        "distance": np.full(len(seeds), np.nan),
    }
    return ArmResult(arm, n, tuple(seeds), values, tuple(examples))


def traced(
    gammas=(1.0, 2.0, 3.0), models=("qm9", "qm9-prime"), problems=(RINGS, LOGP), fresh=(5, 6, 7), **more
):
    """Return a sweep of some strengths of some models; the strongest was not on the frontier at first."""
    grids = [Grid({"model": list(models), "gamma": list(gammas)}, [problem.name for problem in problems])]
    published = [entry for entry in PUBLISHED if entry.problem in {problem.name for problem in problems}]
    contrasts = [
        Contrast("stronger", {"gamma": [gammas[-1]]}, {"gamma": gammas[0]}),
        Contrast("K", {"model": models[-1]}, {"model": models[0]}),
    ]
    plan = Plan(
        {problem.name: problem for problem in problems},
        grids,
        fresh_seeds=list(fresh),
        published=published,
        contrasts=contrasts if len(gammas) > 1 and len(models) > 1 else [],
    )
    chosen, told = {}, {}
    for problem in problems:
        arms = [
            Arm(problem.name, model, {"gamma": gamma, "steps": 32}) for model in models for gamma in gammas
        ]
        known = [entry for entry in published if entry.problem == problem.name]

        def result(arms, seeds, problem=problem, known=known):
            found = [
                arm_result(arm, seeds=seeds, examples=SMILES[place % 3 :][:3], **more)
                for place, arm in enumerate(arms)
            ]
            return ProblemResult(problem, found, known, 1.7613, 4.2, plan.least_novel)

        chosen[problem.name] = result(arms, DEFAULT_SEEDS)
        told[problem.name] = result(arms, fresh) if fresh else chosen[problem.name]
    return Traced(plan, chosen, told)


def frontier(*, tried=False, **given):
    """Return ``frontier.json`` as the sweep writes it; its many tried arms are left out unless asked for."""
    told = sweep_record.record(traced(**given), command="moldiff pareto plan.toml -o sweep", seconds=12.5)
    stored = json.loads(json.dumps(plain(told)))
    for problem in stored["problems"]:
        problem["tried"] = problem["tried"] if tried else []
    return stored


def write_frontier(folder, **given):
    """Write the record of a sweep."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "frontier.json").write_text(json.dumps(frontier(**given)), encoding="utf-8")
    return folder


def trial(number, value, state="complete", kept=True, seeds=3):
    """Return one trial of a search, as its record has it."""
    return {
        "number": number,
        "state": state,
        "values": None if value is None else {"novel_hits": value},
        "kept_limits": kept,
        "settings": {"gamma": 1.0 + number / 10, "sampler": "cap:eta=0.05", "steps": 32},
        "parameters": {"gamma": 1.0 + number / 10},
        "figures": {
            "novel_hits": [value] * seeds,
            "novel": [150.0 + number] * seeds,
            "hit_rate": [0.5] * seeds,
            "nfe": [40.0] * seeds,
            "diversity": [None] * seeds,
        },
        "seconds": 1.5,
    }


def interval(value, half):
    return {"value": value, "low": value - half, "high": value + half, "level": 0.95}


def compared(value, half, winner=100.0):
    """Return a figure of the winner and of what it replaces."""
    values = {"winner_values": [winner] * 5, "base_values": [winner - value] * 5}
    return {"winner": winner, "base": winner - value, "difference": interval(value, half), **values}


def tuning(**changes):
    """Return ``tuning.json`` of a search of 40 trials."""
    draw = random.Random(0)
    told = [
        trial(0, 60.0),
        trial(1, 55.0),
        trial(2, 20.0, "pruned", seeds=1),
        trial(3, 120.0, kept=False),
        trial(4, None, "fail"),
        *(trial(number, 50 + draw.random() * number) for number in range(5, 40)),
    ]
    able = [entry for entry in told if entry["state"] == "complete" and entry["kept_limits"]]
    winner = max(able, key=lambda entry: entry["values"]["novel_hits"])
    figures = {
        "novel_hits": compared(20.0, 5.0),
        "novel": compared(-3.0, 6.0, winner=150.0),
        "hit_rate": compared(-0.125, 0.05, winner=0.5),
        "mean_novel": compared(0.5, 0.1, winner=4.0),
        "nfe": compared(-8.0, 0.0, winner=32.0),
        "nfe_predictor": compared(0.0, 0.0, winner=0.0),
        "diversity": {**compared(0.0, 0.0), "difference": {"value": None, "low": None, "high": None}},
    }
    return {
        "format_version": 1,
        "kind": "tuning",
        "command": "moldiff tune --goal 'rings>=4' --trials 40 -o tuned",
        "seconds": 100.0,
        "study": "rings>=4",
        "storage": "sqlite:///tuned/study.db",
        "search_seed": 0,
        "problem": {"name": "rings>=4", "ask": ["rings>=4"], "aim": [], "table": None},
        "model": "qm9",
        "space": {"gamma": {"low": 1, "high": 5}},
        "objectives": [
            {"name": "novel_hits", "text": "distinct novel molecules that meet every goal", "sign": 1}
        ],
        "limits": ["nfe<=64"],
        "n": 256,
        "seeds": [0, 1, 2],
        "digest": "abc",
        "precision": "auto",
        "fresh_seeds": [100, 101, 102, 103, 104],
        "trials": told,
        "front": [winner["number"]],
        "winner": winner,
        "base": {},
        "comparisons": [
            {"goals": ["rings>=4"], "tuned": True, "figures": figures},
            {"goals": ["max QED"], "tuned": False, "figures": figures},
        ],
        "versions": {"moldiff": "0.1.0", "optuna": "4.6.0"},
        "machine": "a machine",
        **changes,
    }


PRESET = '# Tuned for rings>=4\ngamma = 3.9\nsampler = "cap"\n\n[knobs]\neta = 0.05\n'


def write_tuning(folder, **given):
    """Write the files of a search that a report reads."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tuning.json").write_text(json.dumps(tuning(**given)), encoding="utf-8")
    (folder / "preset.toml").write_text(PRESET, encoding="utf-8")
    return folder

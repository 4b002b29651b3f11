"""A run of which everything is known, without a model."""

import json
from itertools import product

import numpy as np
import pandas as pd
import pytest
from browser import Browser

from moldiff.chem.distribution import training_record
from moldiff.chem.goals import Goal
from moldiff.chem.properties import PROPERTIES, measure
from moldiff.chem.statistics import PropertyStatistics
from moldiff.generation import Generation, Kept
from moldiff.judging import Tally, judge
from moldiff.measuring import Measuring

HEADS = ["C", "CC", "N#CC", "O=CC", "C1CC1", "c1ccccc1", "FC", "OCC"]
TAILS = ["O", "N", "C(=O)N", "C1CCC1", "c1ccncc1", "C(F)F", "C#N", "S", "C(C)(C)C", "C1CC2CC12"]
SMILES = [f"{head}C{tail}" for head, tail in product(HEADS, TAILS)]
"""80 molecules, more than a page shows at first."""

EVIL = "</script><script>document.title='owned'</script><img src=x onerror=alert(1)>\"'`{{ 7*7 }}&lt;"
"""What would do harm on a page if it were not text."""

GOALS = ["rings>=1", "logP=1±0.5", "gap=0.3±0.01"]


class Predicted:
    """Something that predicts the gap."""

    properties = ("gap",)

    def __call__(self, smiles, names):
        lengths = np.array([float(len(text)) for text in smiles])
        values = pd.DataFrame(dict.fromkeys(names, 0.25 + 0.005 * lengths))
        return values, pd.DataFrame(dict.fromkeys(names, 0.001 * lengths))


def statistics(names, smiles=SMILES):
    found = measure(smiles, names)
    return {
        name: PropertyStatistics.from_values(
            name, found[name], PROPERTIES[name].unit, PROPERTIES[name].reference, PROPERTIES[name].integer
        )
        for name in names
    }


def make_generation(smiles=SMILES, wishes=GOALS, **changes):
    """Return a generation that gives these molecules."""
    names = ["logP", "rings", "TPSA", "charge"]
    scales = statistics(names)
    scales["gap"] = PropertyStatistics.from_values("gap", np.linspace(0.1, 0.5, 400), "hartree", "by hand")
    measuring = Measuring(prediction=Predicted())
    goals = [Goal.parse(wish).resolve(scales[Goal.parse(wish).name]) for wish in wishes]
    judged = judge(smiles, goals, scales, measuring)
    rest = measuring(smiles, [name for name in scales if name not in judged])
    flags = pd.DataFrame({"smiles": smiles, "valid": True, "unique": True})
    flags["novel"] = [number % 3 == 0 for number in range(len(smiles))]
    table = pd.concat([flags, judged, rest], axis=1)
    tally = Tally(goals, scales, measuring)
    tally.add(table)
    columns = [name for column in scales for name in (column, f"{column}_uncertainty") if name in table]
    errors = [f"{goal.name}_error" for goal in goals]
    front, back = ["smiles", "valid", "unique", "novel"], ["score", "hit"]
    table = table[[*front, *columns, *errors, *back]].assign(
        truncated=False, outside_training=False, max_sim_train=np.nan, filters_failed=""
    )
    if not goals:
        table = table.assign(score=np.nan, hit=np.nan)
    table = table.sort_values("score", ascending=False, kind="stable").reset_index(drop=True)
    known = {name: values.to_numpy() for name, values in measure(SMILES, names).items()}
    content = {
        "table": table,
        "goals": goals,
        "counts": tally.counts,
        "settings": {
            "n": len(smiles),
            "model": "by hand",
            "method": "auto",
            "served": [f"{goal}: a condition of the model (cfg)" for goal in goals],
            "seed": 3,
            "knobs": {"eta": 0.05},
        },
        "cost": {"seconds": 12.5, "nfe_per_proposal": 45.75, "remasked_digits_per_proposal": 0.0},
        "notes": ["gap is predicted, not measured"],
        "summaries": tally.summaries(table),
        "training": training_record(scales, known),
        "command": "moldiff generate --goal 'rings>=1' --seed 3",
    }
    return Generation(**{**content, **changes})


@pytest.fixture(scope="session")
def made():
    """Make a generation: see ``make_generation``."""
    return make_generation


@pytest.fixture
def generation():
    filtered = pd.DataFrame(
        {"smiles": ["CC=O", "CBr"], "filters_failed": ["no-aldehydes", "no-aldehydes; Br"]}
    )
    return make_generation(kept=Kept(filtered, {"no-aldehydes": 2, "Br": 1}, 0, len(SMILES)))


@pytest.fixture
def folder(generation, tmp_path):
    generation.save(tmp_path / "out")
    return tmp_path / "out"


@pytest.fixture(scope="session")
def evil():
    return EVIL


@pytest.fixture(scope="session")
def hostile():
    """Return a generation with markup wherever a file may hold text."""
    made = make_generation(smiles=["CCO", "CCN", "CCC"], wishes=["rings>=1"])
    table = made.table.assign(filters_failed=EVIL, **{EVIL: EVIL})
    table.loc[0, "smiles"] = EVIL
    table.loc[1, "smiles"] = "*CC |$</svg><script>document.title='owned'</script>;;$|"
    record = json.loads(json.dumps(made.run_record()))
    record |= {"files": [EVIL], "notes": [EVIL], "unmeasured": [EVIL], "machine": EVIL, "command": EVIL}
    record["settings"] = {"n": EVIL, "model": EVIL, EVIL: EVIL, "served": [EVIL], "knobs": {EVIL: EVIL}}
    record["versions"] |= {EVIL: EVIL}
    record["filters"] = {EVIL: 1, "other": 1}
    record["scorers"] = {EVIL: {"oracle_calls": EVIL, "budget": EVIL}}
    record["goals"][0] |= {"goal": EVIL, "unit": EVIL}
    record["goals"].append({**record["goals"][0], "property": EVIL, "source": EVIL})
    record["training"]["logP"] |= {"unit": EVIL, "source": EVIL}
    record["training"]["rings"]["classes"] = sorted(["a", EVIL])
    record["training"][EVIL] = {**record["training"]["TPSA"], "name": EVIL}
    table[EVIL + "_uncertainty"] = 1.0
    filtered = pd.DataFrame({"smiles": [EVIL], "filters_failed": [EVIL]})
    return table, record, filtered


@pytest.fixture(scope="module")
def chromium():
    with Browser() as started:
        yield started

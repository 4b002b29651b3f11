"""Guidance goes by what the labels say: where they say nothing, it changes nothing."""

import numpy as np
import pandas as pd
import pytest

from moldiff.chem.standardise import canonical
from moldiff.datasets import MoleculeTable
from moldiff.generator import MoleculeGenerator
from moldiff.metrics.intervals import share_interval
from moldiff.training.recipe import Recipe

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # Lightning's advice on loaders

GOAL = "oxygen=no"
DRAWN = 1024
QUIET = {"compiled": False, "progress": False, "accelerator": "cpu", "precision": "fp32"}
TINY = {"family": "mdlm", "width": 32, "depth": 1, "heads": 1, "condition_width": 32}


def chains():
    """Return 964 chains of C, N and O, and whether they are without oxygen (a tenth of them)."""
    rng = np.random.default_rng(0)
    texts = ["".join(rng.choice(list("CNO"), size=rng.integers(3, 8))) for _ in range(3000)]
    smiles = sorted(set(canonical(texts)))
    return smiles, np.array(["O" not in text for text in smiles])


@pytest.fixture(scope="module")
def hits(tmp_path_factory):
    """Return how many of ``DRAWN`` proposals for the goal meet it, of a model with true or other labels."""
    smiles, free = chains()
    trained = {}

    def call(shuffled, gamma):
        if shuffled not in trained:
            labels = np.random.default_rng(1).permutation(free) if shuffled else free
            frame = pd.DataFrame({"oxygen": 1.0 - labels})
            table = MoleculeTable("chains", smiles, frame, {"oxygen": "1"}, classes={"oxygen": ("no", "yes")})
            folder = tmp_path_factory.mktemp("models") / "chains"
            Recipe(tokens=2e5, batch_tokens=512, **TINY).train(table, ["oxygen"], folder, **QUIET)
            trained[shuffled] = MoleculeGenerator.from_pretrained(folder, device="cpu", precision="fp32")
        generator = trained[shuffled]
        propose = generator.proposer(
            generator.targets(GOAL), gamma=gamma, temperature=1.0, steps=16, chunk=DRAWN
        )
        drawn = generator.chemistry_.tokenizer.decode(propose(0).ids)
        return sum(text != "" and "O" not in text for text in drawn)

    return call


def test_guidance_reaches_the_goal_where_labels_are_true(hits):
    base, conditional, guided = (hits(shuffled=False, gamma=gamma) for gamma in (0.0, 1.0, 2.0))
    assert base < 0.15 * DRAWN
    assert 0.8 * DRAWN < conditional < guided


@pytest.mark.parametrize("gamma", [1.0, 2.0])
def test_labels_at_random_bring_it_back_to_the_base_rate(hits, gamma):
    base, guided = (
        share_interval(hits(shuffled=True, gamma=each), DRAWN, level=0.99) for each in (0.0, gamma)
    )
    assert max(base.low, guided.low) <= min(base.high, guided.high)
    assert guided.low <= chains()[1].mean() <= guided.high
    assert guided.high < 0.15


def test_without_guidance_the_condition_is_dropped(hits):
    """The pass without conditions draws at the rate of training, whatever the labels were."""
    for shuffled in (False, True):
        base = share_interval(hits(shuffled=shuffled, gamma=0.0), DRAWN, level=0.99)
        assert base.low <= chains()[1].mean() <= base.high

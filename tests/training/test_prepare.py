import numpy as np
import pandas as pd
import pytest
import torch

from moldiff.datasets import MoleculeTable
from moldiff.errors import InputError
from moldiff.training.prepare import prepare


def test_a_class_is_a_property_of_whole_numbers_with_named_values():
    smiles = ["C" * n + "O" for n in range(1, 80)]
    places = np.arange(79) % 3
    labels = pd.DataFrame({"tox": np.where(places == 2, np.nan, places)})
    table = MoleculeTable("mine", smiles, labels, {"tox": "class"}, classes={"tox": ("high", "low")})
    prepared = prepare(table, ["tox", "rings"], digits=2)
    tox, rings = prepared.statistics
    assert (tox.classes, tox.integer, tox.unit) == (("high", "low"), True, "class")
    assert (tox.low, tox.high) == (0.0, 1.0)
    assert rings.classes == ()
    seen = torch.cat([group.y[:, 0] for group in prepared.train.groups.values()])
    assert set(seen[~seen.isnan()].tolist()) == {0.0, 1.0}
    assert seen.isnan().any()


def test_molecules_of_one_symbol_need_no_digits():
    table = MoleculeTable("mine", ["C", "CC", "CCC"], pd.DataFrame(index=range(3)))
    with pytest.raises(InputError, match=r"only one SELFIES symbol, \[C\].*family mdlm"):
        prepare(table, ["rings"], digits=2)
    assert prepare(table, ["rings"], digits=1).codec.digits == 1

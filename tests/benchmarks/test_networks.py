"""Trained networks side by side: a row a folder, read from its configuration."""

import json

import pandas as pd
import pytest

from moldiff.benchmarks import networks
from moldiff.bundled import model_folder
from moldiff.errors import InputError


def test_a_row_says_how_a_model_was_trained(tmp_path):
    folders = [model_folder("qm9-mdlm"), model_folder("qm9-prime")]
    place = tmp_path / "networks.csv"
    networks.main([*map(str, folders), "-o", str(place)])
    found = pd.read_csv(place)
    assert list(found["digits"]) == [1, 2]
    for folder, (_, row) in zip(folders, found.iterrows(), strict=True):
        training = json.loads((folder / "config.json").read_text())["training"]
        bound = training["validation"]["marginal_bound"]
        assert row["model"] == folder.name
        assert row["tokens"] == training["report"]["tokens"]
        assert row["marginal_bound"] == pytest.approx(bound["nats"], rel=1e-5)
        assert row["marginal_bound_se"] == pytest.approx(bound["standard_error"], rel=1e-5)


def test_a_folder_without_model_is_said(tmp_path):
    with pytest.raises(InputError, match=r"config\.json"):
        networks.row(tmp_path)


def test_a_model_that_says_nothing_of_its_training_is_said(tmp_path):
    config = json.loads((model_folder("qm9") / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"training": {"data": "qm9"}}))
    with pytest.raises(InputError, match="does not say how it was trained"):
        networks.row(tmp_path)

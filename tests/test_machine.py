"""What a launcher says of this process and of the others."""

import pytest

from moldiff.machine import is_first_process, machine_count


@pytest.mark.parametrize(
    ("environment", "first", "machines"),
    [
        ({}, True, 1),
        ({"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "16", "LOCAL_WORLD_SIZE": "8"}, True, 2),
        ({"RANK": "8", "LOCAL_RANK": "0", "WORLD_SIZE": "8", "LOCAL_WORLD_SIZE": "8"}, False, 1),
        ({"LOCAL_RANK": "1"}, False, 1),
        ({"SLURM_PROCID": "0", "SLURM_STEP_NUM_NODES": "4"}, True, 4),
        ({"SLURM_PROCID": "3"}, False, 1),
    ],
)
def test_what_a_launcher_says(monkeypatch, environment, first, machines):
    names = ("RANK", "LOCAL_RANK", "SLURM_PROCID", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "SLURM_STEP_NUM_NODES")
    for name in names:
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert (is_first_process(), machine_count()) == (first, machines)

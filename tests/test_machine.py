"""Which of several processes this is."""

import pytest

from moldiff.machine import is_first_process


@pytest.mark.parametrize(
    ("environment", "first"),
    [({}, True), ({"RANK": "0", "LOCAL_RANK": "0"}, True), ({"RANK": "8", "LOCAL_RANK": "0"}, False)]
    + [({"LOCAL_RANK": "1"}, False), ({"SLURM_PROCID": "0"}, True), ({"SLURM_PROCID": "3"}, False)],
)
def test_the_first_process_is_told_by_its_launcher(monkeypatch, environment, first):
    for name in ("RANK", "LOCAL_RANK", "SLURM_PROCID"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert is_first_process() == first

"""What machine this is, for records and model cards."""

from __future__ import annotations

import os
import platform
from pathlib import Path


def describe_machine() -> str:
    """Return processor, usable cores, system and Python version as one line.

    Example:
        >>> "Python" in describe_machine()
        True
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{_processor()}, {cores} cores, {platform.system()}, Python {platform.python_version()}"


def _processor() -> str:
    """Return the processor's name as Linux tells it, with the number formats that matter for speed."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    facts = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    flags = [flag for flag in ("amx_bf16", "avx512_bf16") if flag in facts.get("flags", "").split()]
    name = facts.get("model name") or platform.machine()
    return f"{name} ({', '.join(flags)})" if flags else name


def is_first_process() -> bool:
    """Tell whether this is the first of the processes that a launcher started, or the only one.

    Launchers number them in the environment: torchrun and Lightning's own, SLURM.
    """
    named = (os.environ.get(name) for name in ("RANK", "LOCAL_RANK", "SLURM_PROCID"))
    return next((number for number in named if number is not None), "0") == "0"


def machine_count() -> int:
    """Return on how many machines a launcher started processes: torchrun and SLURM say so, others use one."""
    every, here = (os.environ.get(name) for name in ("WORLD_SIZE", "LOCAL_WORLD_SIZE"))
    if every and here:
        return max(1, int(every) // int(here))
    return int(os.environ.get("SLURM_STEP_NUM_NODES", "1"))

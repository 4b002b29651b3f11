"""Settings as users give them, checked before anything runs."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Integral

import torch

from moldiff.errors import InputError, did_you_mean
from moldiff.models.precision import resolve_precision


def check_keywords(given: Iterable[str], known: Iterable[str], kind: str) -> None:
    """Refuse keywords that do not exist.

    Args:
        given: What came.
        known: What exists.
        kind: What such a keyword is called in the message.

    Raises:
        InputError: Naming the nearest keyword that exists.

    Example:
        >>> check_keywords(["gama"], ["gamma", "steps"], "setting")
        Traceback (most recent call last):
        moldiff.errors.InputError: unknown setting 'gama': did you mean 'gamma'?
    """
    names = list(known)
    for name in given:
        if name not in names:
            raise InputError(f"unknown {kind} '{name}'{did_you_mean(name, names)}")


def check_numbers(
    *,
    temperature: float | None,
    gamma: float | None,
    steps: int | None,
    chunk: int | None,
    seed: int,
    threads: int = 1,
    canvas_gamma: float | None = None,
    canvas: int | None = None,
) -> None:
    """Refuse sampling settings out of range; what is None is left to the model and the method.

    Raises:
        InputError: Naming the setting and what was expected.

    Example:
        >>> check_numbers(temperature=1.0, gamma=float("nan"), steps=64, chunk=256, seed=0)
        Traceback (most recent call last):
        moldiff.errors.InputError: gamma must be a number from 0 to 1,000, got nan
    """
    for name, value, low, high in (
        ("temperature", temperature, 0.001, 1000),
        ("gamma", gamma, 0, 1000),
        ("canvas_gamma", canvas_gamma, 0, 1000),
    ):
        if value is not None and not low <= value <= high:
            raise InputError(f"{name} must be a number from {low} to {high:,}, got {value}")
    check_whole("steps", steps, 1, 100_000)
    check_whole("chunk", chunk, 1, 1_000_000)
    check_whole("canvas", canvas, 1, 100_000)
    check_whole("seed", seed, 0, 2**64 - 1)
    check_whole("threads", threads, 1, 1024)


def check_whole(name: str, value: int | None, least: int, most: int) -> None:
    """Refuse what is no whole number within its limits; what is None is left to a default.

    Raises:
        InputError: Naming the setting and what was expected.

    Example:
        >>> check_whole("steps", 2.5, 1, 100_000)
        Traceback (most recent call last):
        moldiff.errors.InputError: steps must be a whole number from 1 to 100,000, got 2.5
    """
    if value is not None and not (is_whole(value) and least <= value <= most):
        raise InputError(f"{name} must be a whole number from {least} to {most:,}, got {value}")


def is_whole(value: object) -> bool:
    """Tell whether a value is an integer; numpy's count, truth values do not.

    Example:
        >>> is_whole(3), is_whole(3.0), is_whole(True)
        (True, False, False)
    """
    return isinstance(value, Integral) and not isinstance(value, bool)


def usable_device(name: str | None) -> torch.device:
    """Return the device of that name, or the best that is there.

    Raises:
        InputError: If there is no such device here.
    """
    try:
        device = torch.device(name or ("cuda" if torch.cuda.is_available() else "cpu"))
    except RuntimeError:
        raise InputError(f"unknown device '{name}': expected cpu, cuda or another that torch knows") from None
    try:
        torch.zeros(1, device=device).item()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).partition("\n")[0]
        raise InputError(f"device '{name}' cannot be used here ({reason}): try cpu") from error
    return device


def usable_dtype(precision: str, device: torch.device) -> torch.dtype:
    """Return the dtype for "auto", "bf16" or "fp32" on a device.

    Raises:
        InputError: For any other name.
    """
    try:
        return resolve_precision(precision, device)
    except ValueError as error:
        raise InputError(str(error)) from error

"""The progress bar of the verbs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn


def progress_bar(*columns: ProgressColumn, shown: bool) -> Progress:
    """Return a bar on stderr, so that the summary alone goes to stdout; none where nobody watches.

    Args:
        columns: What it shows.
        shown: Whether it is wanted.
    """
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    return Progress(*columns, console=console, disable=not (shown and console.is_terminal), transient=True)

"""Draw the cells of a sweep, in several processes, and keep each when it is finished."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from joblib import Parallel, delayed

from moldiff.sweep.cells import Cells
from moldiff.sweep.measuring import Cell, measure_cell

Watch = Callable[[Cell], None]
"""Called with every cell that is finished."""


def run(
    cells: Iterable[Cell],
    store: Cells,
    *,
    workers: int = 1,
    until: float = float("inf"),
    watch: Watch | None = None,
) -> None:
    """Draw cells that are not finished, and keep them as they finish.

    Args:
        cells: In the order in which they are begun.
        store: Where finished ones are kept.
        workers: Processes. The figures do not depend on their number, but for seconds.
        until: Time of ``time.monotonic`` after which none is begun.
        watch: Called with every cell, those included that were finished before.
    """
    seen = watch or _unseen

    def due() -> Iterator[Any]:
        for cell in cells:
            if store.get(cell) is not None:
                seen(cell)
            elif time.monotonic() < until:
                yield delayed(_measured)(cell)

    # No more are in flight than there are workers: those are what a killed sweep loses.
    pool = Parallel(n_jobs=workers, return_as="generator_unordered", pre_dispatch=workers, batch_size=1)
    for cell, found in pool(due()):
        store.add(cell, found)
        seen(cell)


def _unseen(cell: Cell) -> None:
    """Watch nothing."""


def _measured(cell: Cell) -> tuple[Cell, dict[str, Any]]:
    return cell, measure_cell(cell)

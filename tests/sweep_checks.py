"""Figures of a sweep without a network."""

from moldiff.sweep.figures import FIGURES


def made_up(cell):
    """Return figures that are a function of the cell: more gamma, fewer novel molecules with more rings."""
    gamma = cell.arm.settings.get("gamma", 1.0)
    novel = round(cell.n * (0.9 - 0.2 * gamma) + cell.seed)
    found = {
        **dict.fromkeys(FIGURES, 1.0),
        "novel": novel,
        "mean_novel": 3.0 + gamma,
        "seconds": cell.n / 100,
    }
    return {**found, "examples": "CCO CCN"}

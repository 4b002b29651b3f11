"""Figures of a sweep as people read them, with intervals and denominators."""

from __future__ import annotations

from moldiff.reporting.checking import IntervalEntry
from moldiff.reporting.wording import number_text

SHARES = ("hit_rate", "novelty", "fidelity")
"""Figures that are read in per cent."""

HEADS: dict[str, tuple[str, str]] = {
    "novel": ("novel", "distinct, of {n}"),
    "novel_hits": ("novel hits", "distinct, of {n}"),
    "mean_novel": ("mean {quantity}", "over the novel"),
    "error_novel": ("error", "over the novel, in training deviations"),
    "hit_rate": ("hit rate", "of {n}, repeats counted"),
    "diversity": ("diversity", "over pairs of the novel"),
    "distance": ("distance", "of all valid to the class, in deviations"),
    "fidelity": ("fidelity", "of {n}"),
    "nfe": ("NFE", "network rows a proposal"),
    "seconds": ("seconds", "for {n}"),
}
"""Short names of figures, and what they are of; ``{n}`` are proposals, ``{quantity}`` the property."""


def figure_text(name: str, value: float | None) -> str:
    """Return a figure as it is read.

    Example:
        >>> figure_text("hit_rate", 0.80469), figure_text("nfe", 26.16405), figure_text("novel", None)
        ('80.5%', '26.16', '–')
    """
    return f"{value:.1%}" if value is not None and name in SHARES else number_text(value)


def interval_text(name: str, entry: IntervalEntry) -> str:
    """Return the ends of an interval, "" where there is none.

    Example:
        >>> interval_text("hit_rate", IntervalEntry(value=0.8, low=0.6, high=0.9))
        '[60.0, 90.0]'
    """
    if entry.low is None or entry.high is None:
        return ""
    if name in SHARES:
        return f"[{number_text(100 * entry.low, 1)}, {number_text(100 * entry.high, 1)}]"
    return f"[{ends_text(entry.low)}, {ends_text(entry.high)}]"


def ends_text(value: float) -> str:
    """Return an end of an interval: three significant figures, whole numbers whole.

    Example:
        >>> ends_text(113.41), ends_text(-0.30374), ends_text(1234.5)
        ('113', '−0.304', '1,234')
    """
    if abs(value) >= 100:
        return number_text(value, 0)
    return number_text(float(f"{value:.3g}"))


def with_interval(name: str, entry: IntervalEntry) -> str:
    """Return a figure with its interval.

    Example:
        >>> with_interval("ratio", IntervalEntry(value=1.8733, low=1.5426, high=2.204))
        '1.873 [1.54, 2.2]'
    """
    return f"{figure_text(name, entry.value)} {interval_text(name, entry)}".rstrip()


def head(name: str, n: str, quantity: str) -> tuple[str, str]:
    """Return the heading of a column, and what its figure is of.

    Args:
        name: Of the figure.
        n: Proposals of a sample.
        quantity: The property that is told.

    Example:
        >>> head("novel", "1,024", "rings"), head("mean_novel", "1,024", "rings")
        (('novel', 'distinct, of 1,024'), ('mean rings', 'over the novel'))
    """
    short, of = HEADS.get(name, (name.replace("_", " "), ""))
    return short.format(quantity=quantity), of.format(n=n)

"""Output folders as one self-contained page: ``run_page`` from memory, ``write_report`` from disk."""

from __future__ import annotations

from moldiff.reporting.page import SECTIONS, Section, page, run_page
from moldiff.reporting.reading import write_report
from moldiff.reporting.record import FORMAT_VERSION
from moldiff.reporting.run import MOST

__all__ = ["FORMAT_VERSION", "MOST", "SECTIONS", "Section", "page", "run_page", "write_report"]

"""What RDKit draws with, loaded when something is drawn: small servers lack the libraries that it needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moldiff.errors import InputError

if TYPE_CHECKING:
    from rdkit.Chem.Draw.rdMolDraw2D import MolDraw2DSVG


def svg_pen(*size: Any) -> MolDraw2DSVG:
    """Return RDKit's drawing of a size in pixels.

    Args:
        size: What ``MolDraw2DSVG`` takes: width and height first.

    Raises:
        InputError: If the system lacks libraries that RDKit draws with.
    """
    try:
        from rdkit.Chem.Draw.rdMolDraw2D import MolDraw2DSVG
    except ImportError as error:
        raise InputError(
            f"RDKit cannot draw on this machine ({error}): install the system's libXrender and libXext "
            "(Debian: apt-get install libxrender1 libxext6), or ask for no report (--no-report)"
        ) from None
    return MolDraw2DSVG(*size)

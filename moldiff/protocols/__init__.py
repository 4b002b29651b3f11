"""Protocols of the literature that judge any list of molecules.

``PROTOCOLS`` maps a name to the class; a new one is one file and one line.
"""

from moldiff.protocols.figures import Figure, Protocol, ProtocolReport
from moldiff.protocols.guacamol import GuacaMol
from moldiff.protocols.moses import Moses

__all__ = ["PROTOCOLS", "Figure", "GuacaMol", "Moses", "Protocol", "ProtocolReport"]

PROTOCOLS: dict[str, type[Protocol]] = {"moses": Moses, "guacamol": GuacaMol}
"""Protocols by name."""

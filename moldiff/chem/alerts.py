"""Filters by RDKit's catalogues of structural alerts: substructures known to cause trouble in screening."""

from __future__ import annotations

from functools import cache

from rdkit.Chem.rdchem import Mol
from rdkit.Chem.rdfiltercatalog import FilterCatalog, FilterCatalogParams

from moldiff.chem.molecule_filter import MoleculeFilter, check_plain

_BAELL = "Baell and Holloway 2010, doi 10.1021/jm901137j"


class Catalogue(MoleculeFilter):
    """Removes molecules with an alert of one catalogue, which has RDKit's name for it as text.

    Args:
        text: The name, nothing else.

    Raises:
        InputError: Another text.

    Example:
        >>> from rdkit.Chem import MolFromSmiles
        >>> catechol, aspirin = MolFromSmiles("Oc1ccccc1O"), MolFromSmiles("CC(=O)Oc1ccccc1C(O)=O")
        >>> Pains("PAINS").failed([catechol, aspirin]).tolist()
        [True, False]
        >>> Pains("PAINS").describe(catechol)
        ['catechol_A(92)']
    """

    def __init__(self, text: str) -> None:
        check_plain(text, self.usage)
        super().__init__(text)

    def rejects(self, mol: Mol) -> bool:
        """Tell whether any alert matches."""
        return bool(_alerts(self.usage).HasMatch(mol))

    def describe(self, mol: Mol) -> list[str]:
        """Return the names of the alerts that match, as RDKit calls them, each once."""
        return list(dict.fromkeys(entry.GetDescription() for entry in _alerts(self.usage).GetMatches(mol)))


class Pains(Catalogue):
    """All 480 PAINS alerts."""

    usage = "PAINS"
    removes = "pan-assay interference compounds: alerts of families A, B and C"
    source = _BAELL


class PainsA(Catalogue):
    """The alerts that hit most often."""

    usage = "PAINS_A"
    removes = "the 16 PAINS alerts with 150 hits or more in the authors' library"
    source = _BAELL


class PainsB(Catalogue):
    """The alerts in between."""

    usage = "PAINS_B"
    removes = "the 55 PAINS alerts with 15 to 149 hits"
    source = _BAELL


class PainsC(Catalogue):
    """The rare alerts."""

    usage = "PAINS_C"
    removes = "the 409 PAINS alerts with 1 to 14 hits"
    source = _BAELL


class Brenk(Catalogue):
    """Groups left out of libraries for neglected diseases."""

    usage = "BRENK"
    removes = "reactive, toxic or metabolically unstable groups: 105 alerts"
    source = "Brenk et al. 2008, doi 10.1002/cmdc.200700139"


class Nih(Catalogue):
    """Groups flagged at the NIH's screening centre."""

    usage = "NIH"
    removes = "reactive and assay-disturbing groups: 180 alerts"
    source = "Jadhav et al. 2010, doi 10.1021/jm901070c"


class Zinc(Catalogue):
    """The cleaning rules of the ZINC database."""

    usage = "ZINC"
    removes = "what ZINC leaves out: 50 limits to size, composition and reactive groups"
    source = "blaster.docking.org/filtering"


@cache
def _alerts(name: str) -> FilterCatalog:
    """Return a catalogue: some take a fifth of a second to build, and none can change."""
    return FilterCatalog(FilterCatalogParams(getattr(FilterCatalogParams.FilterCatalogs, name)))

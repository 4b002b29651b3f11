from rdkit.Chem.Scaffolds.MurckoScaffold import MurckoScaffoldSmiles

from moldiff.metrics.scaffolds import murcko_scaffolds

RINGS = ["Cc1ccccc1CCC1CC1", "O=C1CCC(C)C1", "CC1CC2CC1C2", "c1ccc2[nH]ccc2c1", "[O-][n+]1ccccc1"]


def test_scaffolds_by_hand():
    found = murcko_scaffolds(["CCc1ccccc1", "OC1CCCC1", "c1ccc(CCc2ccccc2)cc1", "CC(=O)C1CC1", "CC1CC1=O"])
    assert found == ["c1ccccc1", "C1CCCC1", "c1ccc(CCc2ccccc2)cc1", "C1CC1", "O=C1CC1"]


def test_they_are_rdkits():
    assert murcko_scaffolds(RINGS) == [MurckoScaffoldSmiles(smiles) for smiles in RINGS]


def test_chains_and_text_have_none():
    assert murcko_scaffolds(["CCO", "", "C1CC", "no molecule", "[H][H]"]) == [""] * 5


def test_a_scaffold_is_its_own():
    scaffolds = murcko_scaffolds(RINGS)
    assert murcko_scaffolds(scaffolds) == scaffolds

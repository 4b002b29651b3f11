import numpy as np
import pytest
from rdkit import Chem

from moldiff.benchmarks import xtb
from moldiff.errors import InputError


@pytest.fixture
def levels(monkeypatch):
    """Orbitals at 0, 1, 4, 9 ... with as many electrons as a test puts there."""
    answer = {"electrons": 8}
    energies = np.arange(6.0) ** 2
    monkeypatch.setattr(xtb, "_levels", lambda molecule, unpaired: (energies, answer["electrons"]))
    return answer


def test_without_tblite_the_way_out_is_said(monkeypatch):
    monkeypatch.setattr(xtb, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"pip install 'moldiff\[xtb\]'"):
        xtb.gaps(["C"])


def test_the_gap_lies_above_the_highest_orbital_with_an_electron(levels):
    assert xtb.gap("C").value == 16 - 9
    levels["electrons"] = 7
    radical = xtb.gap("[CH3]")
    assert (radical.value, radical.unpaired) == (16 - 9, 1)
    levels["electrons"] = 6
    assert xtb.gap("[CH2]").value == 16 - 9  # two electrons without a partner: four of majority spin


def test_failures_have_a_reason(levels, monkeypatch):
    assert [each.failure for each in (xtb.gap(""), xtb.gap("no molecule at all"))] == [xtb.NOTHING] * 2
    for electrons in (0, 12):
        levels["electrons"] = electrons
        assert xtb.gap("C").failure == xtb.GAPLESS
    monkeypatch.setattr(xtb, "_levels", lambda molecule, unpaired: None)
    assert xtb.gap("C").failure == xtb.UNCONVERGED
    monkeypatch.setattr(xtb, "_embed", lambda molecule, seed: False)
    assert xtb.gap("C").failure == xtb.UNPLACED
    assert np.isnan(xtb.gap("C").value)


def test_failures_are_counted():
    found = [
        xtb.Gap(0.1, "", True, 0),
        xtb.Gap(0.2, "", False, 1),
        xtb.Gap(failure=xtb.UNPLACED),
        xtb.Gap(failure=xtb.UNPLACED),
    ]
    assert xtb.summary(found) == {
        "molecules": 4,
        "computed": 2,
        "failures": {xtb.UNPLACED: 2},
        "not_relaxed": 1,
        "open_shell": 1,
    }


def test_geometries_are_relaxed_and_the_same_every_time():
    first, second, raw = (Chem.AddHs(Chem.MolFromSmiles("CC(O)C=O")) for _ in range(3))
    for molecule in (first, second, raw):
        assert xtb._embed(molecule, 3)
    assert xtb._relax(first)
    assert xtb._relax(second)
    places = [molecule.GetConformer().GetPositions() for molecule in (first, second, raw)]
    np.testing.assert_array_equal(places[0], places[1])
    assert np.abs(places[0] - places[2]).max() > 0.01


def test_gaps_by_xtb():
    """The longer a conjugated chain, the smaller its gap; a saturated one has a far larger one."""
    pytest.importorskip("tblite", reason="GFN2-xTB is computed by tblite, an extra")
    chains = ["C=C", "C=CC=C", "C=CC=CC=C"]
    found = [each.value for each in xtb.gaps([*chains, "CC", "CC"])]
    assert found[0] > found[1] > found[2] > 0
    assert found[3] > found[0] + 0.1
    assert found[3] == found[4]
    assert xtb.description()["tblite"]


def test_repeats_are_computed_once(monkeypatch, levels):
    calls = []
    monkeypatch.setattr(xtb, "gap", lambda text, seed: calls.append(text) or xtb.Gap(float(len(text))))
    monkeypatch.setattr(xtb, "find_spec", lambda name: name)
    assert [each.value for each in xtb.gaps(["CC", "C", "CC"])] == [2.0, 1.0, 2.0]
    assert calls == ["CC", "C"]


def test_charges_reach_the_calculation():
    """Water, its cation with a proton more and its anion with one less have 8 valence electrons."""
    pytest.importorskip("tblite", reason="GFN2-xTB is computed by tblite, an extra")
    for text, electrons in (("O", 8), ("[OH3+]", 8), ("[OH-]", 8), ("[CH3]", 7)):
        molecule = Chem.AddHs(Chem.MolFromSmiles(text))
        assert xtb._embed(molecule, 0)
        assert xtb._levels(molecule, electrons % 2)[1] == electrons

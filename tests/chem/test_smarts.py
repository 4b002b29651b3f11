import pytest

from moldiff.chem.smarts import read_smarts
from moldiff.errors import InputError


@pytest.mark.parametrize("text", ["", "[C", "C name", "C1CC", "Cé"])
def test_what_is_no_pattern_is_refused(text, capfd):
    with pytest.raises(InputError, match="is not readable as SMARTS; expected a pattern such as"):
        read_smarts(text)
    assert capfd.readouterr() == ("", "")


def test_a_long_text_is_cut_short_in_the_message():
    with pytest.raises(InputError) as caught:
        read_smarts("[" * 500)
    assert len(str(caught.value)) < 200

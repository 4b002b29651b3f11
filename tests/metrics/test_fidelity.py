import numpy as np
import selfies
from hypothesis import given
from hypothesis import strategies as st

from moldiff.chem import SelfiesTokenizer
from moldiff.metrics.fidelity import faithful_selfies

SYMBOLS = ["[C]", "[F]", "[=O]", "[N]", "[Ring1]", "[Branch1]", "[nop]"]


@given(st.lists(st.lists(st.sampled_from(SYMBOLS), max_size=8), min_size=1, max_size=5))
def test_strings_are_judged_as_the_tokenizer_judges_ids(rows):
    tokenizer = SelfiesTokenizer(["[nop]", *SYMBOLS[:-1]])
    ids = [[tokenizer.tokens.index(symbol) for symbol in row] for row in rows]
    assert faithful_selfies(["".join(row) for row in rows]).tolist() == tokenizer.faithful(ids).tolist()


def test_what_the_encoder_writes_is_faithful():
    smiles = ["CCO", "c1ccccc1C(=O)N", "[NH3+]CC([O-])=O", "C1CC2CC1C2", "[Na+].[Cl-]"]
    assert faithful_selfies([selfies.encoder(text) for text in smiles]).all()


def test_foreign_cells_are_not_faithful():
    cells = ["", " ", "CCO", "[C", "[C]]", "[Zz]", "[C][no such]", None, float("nan"), 3]
    assert not faithful_selfies(cells).any()
    assert faithful_selfies([]).dtype == np.bool_


@given(st.lists(st.text(max_size=12), max_size=4))
def test_any_text_gets_an_answer(texts):
    assert faithful_selfies(texts).shape == (len(texts),)

"""Tables read a piece at a time hold what they hold when they are read whole."""

import gzip

import numpy as np
import pandas as pd
import pytest

from moldiff.datasets import read_frame
from moldiff.datasets.streaming import count_rows, read_pieces
from moldiff.errors import InputError

FRAME = pd.DataFrame({"id": [f"m{i}" for i in range(7)], "smiles": ["C" * (i + 1) for i in range(7)]})


def write(frame, path):
    text = {".csv": ",", ".tsv": "\t"}
    if path.suffix in text:
        frame.to_csv(path, sep=text[path.suffix], index=False)
    elif path.suffix == ".parquet":
        frame.to_parquet(path, index=False, row_group_size=3)
    else:
        path.write_text("smiles name\n" + "\n".join(frame["smiles"]) + "\n\n")
    return path


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".smi", ".parquet"])
@pytest.mark.parametrize("packed", [False, True])
def test_pieces_are_the_table(tmp_path, suffix, packed):
    path = write(FRAME, tmp_path / f"a{suffix}")
    if packed and suffix != ".parquet":
        path = tmp_path / f"a{suffix}.gz"
        path.write_bytes(gzip.compress((tmp_path / f"a{suffix}").read_bytes()))
    pieces = list(read_pieces(path, rows=3))
    assert [list(piece.index) for piece in pieces] == [[0, 1, 2], [3, 4, 5], [6]]
    pd.testing.assert_frame_equal(pd.concat(pieces), read_frame(path), check_dtype=False)


def test_an_sdf_is_read_whole_and_given_in_pieces(tmp_path):
    from rdkit.Chem import MolFromSmiles, SDWriter

    path = tmp_path / "a.sdf"
    with SDWriter(str(path)) as writer:
        for smiles in ("C", "CC", "CCO"):
            writer.write(MolFromSmiles(smiles))
    assert [list(piece["smiles"]) for piece in read_pieces(path, rows=2)] == [["C", "CC"], ["CCO"]]


def test_rows_are_counted_where_the_format_says_so(tmp_path):
    assert count_rows(write(FRAME, tmp_path / "a.parquet")) == 7
    assert count_rows(write(FRAME, tmp_path / "a.csv")) is None


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"", "it is empty"),
        ("a.csv", b"smiles,x\n", "it holds no row"),
        ("a.smi", b"\n\n", "it holds no row"),
        ("a.csv", b"smiles,smiles \nC,C\n", "two columns are named 'smiles'"),
        ("a.csv", b"smiles\n\xff\xfe\n", "not text in UTF-8"),
        ("a.csv.gz", b"smiles\nC\n", "named .gz, but is not gzipped"),
        ("a.parquet", b"PAR1 nothing", "no Parquet file that pyarrow can read"),
        ("a.csv", b"smiles,x\n" + b"C,1\n" * 10 + b"C,1,2\n", "no table separated by commas"),
        ("a.doc", b"", "expected a file named"),
    ],
)
def test_what_cannot_be_read_is_said(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        list(read_pieces(path, rows=2))
    with pytest.raises(InputError, match="there is no such file"):
        list(read_pieces(tmp_path / "b.csv"))


def test_a_file_that_was_cut_off_is_said_with_the_row(tmp_path):
    rng = np.random.default_rng(0)
    text = "smiles,x\n" + "\n".join(f"C,{value}" for value in rng.random(20_000))
    whole = gzip.compress(text.encode())
    path = tmp_path / "a.csv.gz"
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"cannot read .*a\.csv\.gz: .*(ended before|end-of-stream)"):
        list(read_pieces(path, rows=100))

import gzip
import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rdkit.Chem import MolFromSmiles, MolToMolBlock
from soak import examples

from moldiff.datasets import READERS, read_frame
from moldiff.errors import InputError

FRAME = pd.DataFrame(
    {"smiles": ["CCO", "C", "c1ccccc1"], "logS": ["0.5", "", "-1"], "note": ['a "b", c', "d\ne", "é"]}
)


def record(molecule, **tags):
    fields = "".join(f">  <{name}>\n{value}\n\n" for name, value in tags.items())
    return f"{MolToMolBlock(MolFromSmiles(molecule))}{fields}$$$$\n"


def written(suffix):
    """FRAME as the bytes of a file, without its notes where the format has no place for them."""
    stream = io.BytesIO()
    if suffix == ".parquet":
        FRAME.to_parquet(stream)
    elif suffix == ".sdf":
        rows = zip(FRAME["smiles"], FRAME["logS"], strict=True)
        stream.write(
            "".join(record(text, **({"logS": value} if value else {})) for text, value in rows).encode()
        )
    elif suffix == ".smi":
        stream.write("\n".join(f"{row.smiles}\t{row.logS}" for row in FRAME.itertuples()).encode())
    else:
        FRAME.to_csv(stream, index=False, sep="," if suffix == ".csv" else "\t")
    return stream.getvalue()


@pytest.fixture
def read(tmp_path):
    def read(content, name="table.csv"):
        path = tmp_path / name
        path.write_bytes(content)
        return read_frame(path)

    return read


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("suffix", READERS)
def test_every_format_gives_the_same_molecules(read, suffix, packed):
    content = written(suffix)
    frame = (
        read(gzip.compress(content), f"table{suffix}.gz")
        if packed
        else read(content, f"table{suffix.upper()}")
    )
    assert frame["smiles"].tolist() == FRAME["smiles"].tolist()
    other = frame.drop(columns="smiles").iloc[:, 0]
    assert other.replace(np.nan, "").tolist() == FRAME["logS"].tolist()
    if suffix in (".csv", ".tsv", ".parquet"):
        assert frame["note"].tolist() == FRAME["note"].tolist()


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("suffix", [".csv", ".tsv"])
def test_the_separator_is_told_by_the_first_line(read, separator, suffix):
    lines = [["smiles", '"a,b;c\td"', "x"], ["C", "1", "NA"], ["CC", "2", ""]]
    frame = read("\n".join(separator.join(line) for line in lines).encode(), f"table{suffix}")
    assert frame.columns.tolist() == ["smiles", "a,b;c\td", "x"]
    assert frame["x"].tolist() == ["NA", ""]  # cells stay as they are written


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_line_ends_blank_lines_and_byte_order_mark(read, ending):
    text = ending.join(["\ufeffsmiles,x", "", "C,1", "", "CC,2", ""])
    assert read(text.encode()).to_dict("list") == {"smiles": ["C", "CC"], "x": ["1", "2"]}


def test_gzip_is_known_by_its_content(read):
    assert read(gzip.compress(b"smiles\nC\n"), "table.csv")["smiles"].tolist() == ["C"]


def test_smi_takes_the_first_word_and_leaves_out_a_heading(read):
    frame = read(b"SMILES name\nCCO  ethyl alcohol\n\nC\n", "a.smi")
    assert frame.to_dict("list") == {"smiles": ["CCO", "C"], "name": ["ethyl alcohol", ""]}
    assert read(b"C\nCC\n", "a.smi").columns.tolist() == ["smiles"]


def test_sdf_keeps_the_number_of_a_record_that_cannot_be_read(read):
    broken = record("CC", logS=2).replace("  2  1", "  2 99", 1)
    frame = read(
        (record("CCO", logS=1, smiles="tag") + broken + record("C", name="x") + "\n\n").encode(), "a.sdf"
    )
    assert frame["smiles"].tolist() == ["CCO", "", "C"]
    assert frame["smiles tag"].tolist()[0] == "tag"
    assert frame["logS"].isna().tolist() == [False, True, True]
    assert frame["name"].tolist()[2] == "x"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"", "it is empty"),
        ("a.csv", b"\n \n", "it is empty|it holds no row"),
        ("a.csv", b"smiles,x\n", "it holds no row"),
        ("a.csv", b"smiles,x\nC,1\nC,1,2\n", r"separated by commas \(Expected 2 fields in line 3, saw 3\)"),
        ("a.csv", b"smiles,x\nC,1,2\n", "more cells than its first line has column names"),
        ("a.csv", b'smiles,x\n"C,1\n', "EOF inside string"),
        ("a.csv", b"smiles\nC\xe9\n", r"not text in UTF-8 \(byte 0xe9 at position 8\): save it as UTF-8"),
        ("a.csv", "smiles\nC".encode("utf-16"), "UTF-16"),
        ("a.csv", b"x, x\n1,2\n", "two columns are named 'x'"),
        ("a.csv.gz", b"smiles\nC\n", "is not gzipped"),
        ("a.csv.gz", gzip.compress(b"smiles\nC\n" * 50, mtime=0)[:-9], "ended before"),
        ("a.csv.gz", gzip.compress(b"smiles\nC\n" * 50, mtime=0)[:20] + b"\xff" * 40, "cannot read"),
        ("a.smi", b" \n", "it holds no row"),
        ("a.sdf", b"", "none of its records is a molecule"),
        ("a.sdf", b"\x00\x01 rubbish\n$$$$\n", "none of its records is a molecule"),
        ("a.sdf", b"\xff\n$$$$\n", "not text in UTF-8"),
        ("a.parquet", b"PAR1 rubbish PAR1", "no Parquet file"),
        ("a.parquet", written(".parquet")[:-20], "no Parquet file"),
        ("a.xlsx", b"x", r"expected a file named .csv, .tsv, .smi, .sdf, .parquet \(or that and .gz\)"),
        ("a.cvs", b"x", "did you mean '.csv'"),
        ("csv", b"x", "expected a file named"),
        ("a.gz", b"x", "expected a file named"),
    ],
)
def test_faults_are_one_input_error(read, name, content, message):
    with pytest.raises(InputError, match=message) as caught:
        read(content, name)
    assert str(caught.value).startswith("cannot read ")


def test_what_is_no_file(tmp_path):
    (tmp_path / "folder.csv").mkdir()
    for name, message in (
        ("none.csv", "no such file"),
        ("folder.csv", "it is a folder"),
        ("x" * 300 + ".csv", "long"),
    ):
        with pytest.raises(InputError, match=message):
            read_frame(tmp_path / name)


def is_table_or_refused(path):
    try:
        frame = read_frame(path)
    except InputError:
        return
    assert len(frame)
    assert all(isinstance(name, str) for name in frame.columns)
    assert frame.columns.is_unique


PIECES = [
    b"smiles",
    b"C",
    b"c1ccccc1",
    b"1e999",
    b"nan",
    b",",
    b";",
    b"\t",
    b"\n",
    b"\r",
    b'"',
    b" ",
    b"\0",
    b"\xff",
]
PIECES += [b"\xc3\xa9", b"-1", b"$$$$\n", b"M  END\n", b">  <x>\n", b"A" * 5000]
TABLE_LIKE = st.lists(st.sampled_from(PIECES), max_size=30).map(b"".join)


@examples(150)
@given(
    content=st.one_of(st.binary(max_size=60), TABLE_LIKE),
    suffix=st.sampled_from([".csv", ".tsv", ".smi", ".sdf", ".parquet"]),
    packed=st.booleans(),
)
def test_any_bytes_are_a_table_or_an_input_error(content, suffix, packed, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / f"any{suffix}"
    path.write_bytes(gzip.compress(content) if packed else content)
    is_table_or_refused(path)


@examples(100)
@given(
    suffix=st.sampled_from([".csv", ".tsv", ".smi", ".sdf", ".parquet"]),
    packed=st.booleans(),
    place=st.floats(0, 1),
    patch=st.binary(min_size=1, max_size=8),
    cut=st.booleans(),
)
def test_damaged_files_are_a_table_or_an_input_error(suffix, packed, place, patch, cut, tmp_path_factory):
    content = gzip.compress(written(suffix), mtime=0) if packed else written(suffix)
    at = int(place * len(content))
    path = tmp_path_factory.getbasetemp() / f"damaged{suffix}"
    path.write_bytes(content[:at] + (b"" if cut else patch + content[at + len(patch) :]))
    is_table_or_refused(path)

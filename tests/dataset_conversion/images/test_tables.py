"""Tables as spreadsheets, R and people save them; a name is what stands in its cell."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataset_conversion.images import ConversionError, as_number, read_own, read_table

EXPECTED = pd.DataFrame({"exam": ["a", "NA"], "age": ["8,5", ""], "group": ["None", "CNO"]})


@pytest.mark.parametrize(
    "content",
    [
        b'exam,age,group\na,"8,5",None\nNA,,CNO\n',
        b"exam;age;group\na;8,5;None\nNA;;CNO\n",
        b"exam\tage\tgroup\r\na\t8,5\tNone\r\nNA\t\tCNO\r\n",
        b'\xef\xbb\xbf"exam", age ,group\n\na,"8,5", None\n,,\nNA,,CNO',
        "exam;age;group\na;8,5;None\nNA;;CNO\n".encode("utf-16"),
    ],
    ids=["comma", "semicolon", "tab and CRLF", "mark, spaces, empty rows", "UTF-16"],
)
def test_however_it_was_saved(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "t.csv").write_bytes(content)
    pd.testing.assert_frame_equal(read_table(tmp_path / "t.csv"), EXPECTED)


def test_rows_that_r_named(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text('"exam","age"\n"1","a",8\n"2","b",9\n')
    found = read_table(tmp_path / "t.csv", row_names=True)
    assert found.to_dict("list") == {"": ["1", "2"], "exam": ["a", "b"], "age": ["8", "9"]}
    with pytest.raises(ConversionError, match="row 1: found 3 cells; row 2: found 3 cells, expected 2"):
        read_table(tmp_path / "t.csv")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "found an empty file"),
        (b"\n \n", "found an empty file"),
        (b";;;\n,,\n", "found an empty file"),
        (
            b"exam,age\na,1\nb,1,2\nc\n",
            "row 2: found 3 cells; row 3: found 1 cell, expected 2 as in the heading",
        ),
        (b"exam;age\na;1\nb;1;2\n", "row 2: found 3 cells, expected 2 .* separated by semicolons"),
        (b"exam,exam\na,b\n", "column: found exam more than once"),
        (b"exam\n\xe6\n", "found bytes that are not UTF-8"),
        (b"PK\x03\x04\0\0", "found a binary file"),
        (b'exam,age\n"a,1\n', "cannot be read as a table"),
    ],
)
def test_what_is_no_table_is_called_so(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(ConversionError, match=rf"t\.csv: {message}"):
        read_table(tmp_path / "t.csv")


@pytest.mark.parametrize("name", ["NA", "None", "null", "nan", "N/A", "", "1e5", "001", "#N/A", "True"])
def test_our_own_tables_keep_names_and_know_missing_numbers(name: str) -> None:
    table = pd.DataFrame({"exam": [name, "b"], "dice": [np.nan, 0.5]})
    found = read_own(io.StringIO(table.to_csv(index=False)), ["exam"])
    assert found.exam.fillna("").tolist() == [name, "b"]
    np.testing.assert_array_equal(found.dice, table.dice)


@given(st.from_regex(r"[+-]?[0-9]{1,6}([.,][0-9]{1,6})?", fullmatch=True))
def test_decimal_points_and_commas_are_one(text: str) -> None:
    assert as_number(text) == float(text.replace(",", "."))


@pytest.mark.parametrize("text", ["", "12y", "abc", "8.5.1", "1,000,000", "nan", "inf", "1_0", "8 5", "٣٫٥"])
def test_what_is_no_number(text: str) -> None:
    assert as_number(text) is None


@pytest.mark.parametrize(("row", "place"), [(0, "heading"), (2, "row 2")])
def test_a_cell_without_end_is_not_printed(tmp_path: Path, row: int, place: str) -> None:
    rows = ["exam,age", "a,8", "b,9"]
    rows[row] += "x" * 5000
    (tmp_path / "t.csv").write_text("\n".join(rows))
    with pytest.raises(ConversionError, match=f"{place}: found a cell of 500[0-9] characters") as error:
        read_table(tmp_path / "t.csv")
    assert len(str(error.value)) < 400

"""Files as they arrive: whatever the pieces, every line ends up in one row, with its number."""

import csv
import io
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platekeeper_common.errors import Invalid
from platekeeper_hotlist.csv_file import LONGEST_ROW, CsvFile, Row, Unreadable


def rows(content: bytes, cuts: tuple[int, ...] = ()) -> list[Row | Unreadable]:
    """The rows of a file that arrives in pieces, cut there."""
    file = CsvFile()
    places = [0, *sorted(min(cut, len(content)) for cut in cuts), len(content)]
    found = [row for start, end in itertools.pairwise(places) for row in file.take(content[start:end])]
    return [*found, *file.end()]


def plates(content: bytes) -> list[tuple[int, str]]:
    """Number and plate of each row, or its code."""
    return [(row.number, row.fields.get("plate", "") if isinstance(row, Row) else row.code) for row in rows(content)]


@pytest.mark.parametrize(
    ("content", "fields"),
    [
        ("Plate Number,Description,State/Province\n7SAM123,Taken,CA\n", {"reason": "Taken"}),
        ("plate,state,alert\n7SAM123,CA,Stolen Vehicle\n", {"alert": "Stolen Vehicle"}),
        ("state;PLATE\r\nCA;7SAM123\r\n", {}),
        ("plate\tstate\tincident\n7SAM123\tCA\t26-1", {"incident": "26-1"}),
        ("plate:state\n7SAM123:CA\n", {}),
        (
            "\ufeffplate,state,Colour,expires_at\n 7SAM123 ,CA,red,2027-01-01",
            {"expires_at": "2027-01-01"},
        ),
    ],
)
def test_files_of_several_kinds_say_the_same(content: str, fields: dict[str, str]) -> None:
    [row] = rows(content.encode())
    assert isinstance(row, Row)
    assert (row.number, row.fields) == (2, {"plate": "7SAM123", "state": "CA", **fields})


def test_rows_have_the_numbers_of_their_lines_and_blank_lines_are_none() -> None:
    content = b'plate,reason\n7SAM123,a\n\n8ABC456,"two\nlines, ""quoted"""\n9XYZ789,c\n   \n'
    assert plates(content) == [(2, "7SAM123"), (4, "8ABC456"), (6, "9XYZ789")]
    assert [row.fields["reason"] for row in rows(content) if isinstance(row, Row)][1] == 'two\nlines, "quoted"'


def test_an_open_quote_swallows_no_row() -> None:
    content = b'plate,reason\n7SAM123,"never closed\n8ABC456,b\n9XYZ789,5" pipe\n1AAA111,d'
    assert plates(content) == [(2, "row_malformed"), (3, "8ABC456"), (4, "9XYZ789"), (5, "1AAA111")]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"7SAM\x00123,a", "row_malformed"),
        (b"7SAM123", "row_malformed"),
        (b"7SAM123,a,b", "row_malformed"),
        (b'"7SAM123"x,a', "row_malformed"),
        (b"7SAM123,Pe\xf1a", "encoding_unknown"),
        (b"7SAM123," + b"a" * LONGEST_ROW, "row_too_long"),
    ],
)
def test_a_wrong_row_is_reported_and_spoils_no_other(line: bytes, code: str) -> None:
    content = b"plate,reason\n1AAA111,a\n" + line + b"\n2BBB222,b\n"
    assert plates(content) == [(2, "1AAA111"), (3, code), (4, "2BBB222")]
    assert plates(b"plate,reason\n" + line) == [(2, code)]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "header_unknown"),
        (b"\n", "header_unknown"),
        (b"7SAM123,CA\n", "header_unknown"),
        (b"plate,License Plate\n", "header_unknown"),
        (b"plate" + b"," * LONGEST_ROW + b"\n", "header_unknown"),
        ("plate,state\n".encode("utf-16"), "encoding_unknown"),
        ("plate,state\n".encode("utf-16-le"), "encoding_unknown"),
        ("plate,estaci\u00f3n\n".encode("latin-1"), "encoding_unknown"),
    ],
)
def test_a_file_that_cannot_be_told_is_refused_whole(content: bytes, code: str) -> None:
    with pytest.raises(Invalid) as refusal:
        rows(content)
    assert refusal.value.code == code


cell = st.text(st.sampled_from('A1,;" \n\t\r\u00e9'), max_size=6)


@given(st.lists(st.tuples(cell, cell), max_size=6), st.lists(st.integers(0, 200), max_size=5))
def test_the_pieces_do_not_matter_and_what_a_writer_wrote_is_read(
    written: list[tuple[str, str]], cuts: list[int]
) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    writer.writerows([("plate", "reason"), *written])
    content = text.getvalue().encode()
    whole = rows(content)
    assert rows(content, tuple(cuts)) == whole
    assert [row.texts for row in whole if isinstance(row, Row)] == written
    assert len(whole) == len(written)


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=5))
def test_any_bytes_become_rows_with_rising_numbers(content: bytes, cuts: list[int]) -> None:
    found = rows(b"plate,reason\n" + content, tuple(cuts))
    numbers = [row.number for row in found]
    assert numbers == sorted(set(numbers))
    assert found == rows(b"plate,reason\n" + content)

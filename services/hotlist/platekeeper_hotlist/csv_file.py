"""Reads a CSV file as it arrives: bytes in, numbered rows out, never more of it in memory than one row.

A row's number is that of the line on which it begins, as an editor shows it; the header is the first. Blank lines are
no rows. Every other line ends up in exactly one row, readable or not.
"""

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from platekeeper_common.errors import Invalid

LONGEST_ROW = 8_192
"""Bytes."""
DELIMITERS = ",;\t:"
_UTF8_MARK, _UTF16_MARKS = b"\xef\xbb\xbf", (b"\xff\xfe", b"\xfe\xff")
_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "plate": ("plate", "plate number", "license plate", "licence plate", "license plate number", "tag"),
    "state": ("state", "state/province", "province", "plate state"),
    "category": ("category", "type", "alert type"),
    "reason": ("reason", "description", "comments", "notes"),
    "alert": ("alert",),
    "incident": ("incident", "incident number", "case", "case number"),
    "expires_at": ("expires_at", "expires", "expires at", "expiration"),
}
_NAMES = {name: column for column, names in _COLUMNS.items() for name in names}


@dataclass(frozen=True, slots=True)
class Row:
    """What a row says, by our own names of the columns; empty fields are left out."""

    number: int
    fields: Mapping[str, str]
    texts: tuple[str, ...]
    """All of its fields, those of unknown columns too."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A row that cannot be read, and why."""

    number: int
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class _Header:
    delimiter: str
    columns: tuple[str | None, ...]


class _Quote:
    """Whether a row that spans lines may still end with its quote, told by counting, not by reading all of it again."""

    __slots__ = ("_marks", "_size")

    def __init__(self) -> None:
        self._marks = self._size = 0

    def add(self, line: str) -> None:
        self._marks += line.count('"')
        self._size += len(line) + 1

    @property
    def open(self) -> bool:
        return self._marks % 2 == 1 and self._size - 1 <= LONGEST_ROW


class CsvFile:
    """One file: `take` its bytes in order, then `end` it; both give the rows that are complete."""

    def __init__(self) -> None:
        """Nothing has come yet."""
        self.header_texts: tuple[str, ...] = ()
        self._header: _Header | None = None
        self._rest = b""
        self._skipping = False
        self._lines = 0
        self._waiting: list[tuple[int, str]] = []
        self._waits = _Quote()

    def take(self, data: bytes) -> Iterator[Row | Unreadable]:
        """The rows that these bytes complete. Raises Invalid `encoding_unknown` or `header_unknown`."""
        *whole, self._rest = (self._rest + data).split(b"\n")
        for line in whole:
            yield from self._line(line)
        if len(self._rest) > LONGEST_ROW:
            self._rest, self._skipping = b"", True

    def end(self) -> Iterator[Row | Unreadable]:
        """The last rows. Raises Invalid as `take`, also when there was no header at all."""
        if self._rest or self._skipping:
            yield from self._line(self._rest)
        if self._header is None:
            raise _no_header()
        yield from self._settled(ended=True)

    def _line(self, line: bytes) -> Iterator[Row | Unreadable]:
        self._lines += 1
        too_long, self._skipping = self._skipping or len(line) > LONGEST_ROW, False
        if self._header is None:
            self._read_header(line, too_long=too_long)
        elif too_long:
            yield from self._settled(ended=True)
            yield Unreadable(self._lines, "row_too_long", f"the row is longer than {LONGEST_ROW} bytes")
        else:
            text = line.decode(errors="surrogateescape")
            if text.strip() or self._waiting:
                self._waiting.append((self._lines, text))
                self._waits.add(text)
                if len(self._waiting) == 1 or not self._waits.open:
                    yield from self._settled(ended=False)
                    self._waits = _Quote()
                    for _, left in self._waiting:
                        self._waits.add(left)

    def _read_header(self, line: bytes, *, too_long: bool) -> None:
        if line.startswith(_UTF16_MARKS) or b"\0" in line:
            raise _not_utf8()
        try:
            text = line.removeprefix(_UTF8_MARK).decode().strip("\r\n ")
        except UnicodeDecodeError as error:
            raise _not_utf8() from error
        if too_long or (not text and self._lines > 1):
            raise _no_header()
        for delimiter in DELIMITERS if text else "":
            cells = _cells(text, delimiter) or []
            columns = tuple(_NAMES.get(" ".join(cell.lower().split())) for cell in cells)
            if "plate" in columns:
                if twice := {column for column in columns if column and columns.count(column) > 1}:
                    raise Invalid(f"two columns are named for {', '.join(sorted(twice))}", code="header_unknown")
                self._header, self.header_texts = _Header(delimiter, columns), tuple(cells)
                return
        raise _no_header()

    def _settled(self, *, ended: bool) -> Iterator[Row | Unreadable]:
        """The rows in the waiting lines; a row whose quote is open waits for more of them."""
        assert self._header is not None  # noqa: S101 - no line waits before it
        delimiter = self._header.delimiter
        while self._waiting:
            taken, cells = 1, _cells(self._waiting[0][1], delimiter)
            if cells is None:
                text = "\n".join(line for _, line in self._waiting)
                closed = text.count('"') % 2 == 0
                if not closed and not ended and len(text) <= LONGEST_ROW:
                    return
                if closed and len(self._waiting) > 1:
                    taken, cells = len(self._waiting), _cells(text, delimiter)
            number = self._waiting[0][0]
            if cells is None:
                taken = 1
                yield Unreadable(number, "row_malformed", "a quote is not closed, or something follows one")
            else:
                yield _row(number, cells, self._header.columns)
            del self._waiting[:taken]
            while self._waiting and not self._waiting[0][1].strip():
                del self._waiting[0]


def _row(number: int, cells: list[str], columns: tuple[str | None, ...]) -> Row | Unreadable:
    if len(cells) != len(columns):
        return Unreadable(number, "row_malformed", f"the row has {len(cells)} fields, the header {len(columns)}")
    if any("\0" in cell for cell in cells):
        return Unreadable(number, "row_malformed", "the row holds a NUL")
    if any("\udc80" <= character <= "\udcff" for cell in cells if not cell.isascii() for character in cell):
        return Unreadable(number, "encoding_unknown", "the row is not UTF-8")
    fields = {column: text for column, cell in zip(columns, cells, strict=True) if column and (text := cell.strip())}
    return Row(number, fields, tuple(cells))


def _cells(text: str, delimiter: str) -> list[str] | None:
    """The fields of one row; None when the text is none, or several."""
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error:
        return None
    return rows[0] if len(rows) == 1 else None


def _not_utf8() -> Invalid:
    return Invalid("the file must be written in UTF-8", code="encoding_unknown")


def _no_header() -> Invalid:
    return Invalid(
        "the first line must name the columns, plate among them (also: Plate Number); they stand apart by comma,"
        " semicolon, tab or colon",
        code="header_unknown",
    )

"""Documents on paper: a PDF of title, headings, paragraphs and tables, with its language, title and page numbers told.

The same content at the same given moment makes the same bytes. The fonts are those that every reader has; letters
beyond them are written with the nearest that they hold, or "?": the exact text belongs in the JSON beside the paper.
"""

import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime

from fpdf import FPDF
from fpdf.enums import TableBordersLayout, WrapMode, XPos, YPos
from fpdf.fonts import FontFace
from fpdf.prefs import ViewerPreferences

FONT = "helvetica"
ENCODING = "latin-1"
"""Of the fonts that need no file."""
POINTS = {"title": 20.0, "heading": 13.0, "text": 10.0, "table": 8.0, "foot": 8.0}
"""Sizes of letters, in points."""
LINE = 1.35
"""Height of a line as a multiple of its letters."""
MARGIN_MM = 20.0
_MM_A_POINT = 25.4 / 72
_PLAIN = str.maketrans(
    {
        "\N{EM DASH}": "-",
        "\N{EN DASH}": "-",
        "\N{MINUS SIGN}": "-",
        "\N{NON-BREAKING HYPHEN}": "-",
        "\N{LEFT SINGLE QUOTATION MARK}": "'",
        "\N{RIGHT SINGLE QUOTATION MARK}": "'",
        "\N{LEFT DOUBLE QUOTATION MARK}": '"',
        "\N{RIGHT DOUBLE QUOTATION MARK}": '"',
        "\N{NO-BREAK SPACE}": " ",
        "\t": " ",
    }
)


class Paper:
    """A document that is written from top to bottom, then taken as `pdf`."""

    def __init__(
        self, title: str, *, moment: datetime, author: str, language: str = "en-US", subtitle: str = "", mark: str = ""
    ) -> None:
        """`moment` is the aware date that the file tells; `language` a BCP 47 tag; `mark` stands at the foot (H1)."""
        self._page = _Page(_written(f"{title} - {mark}" if mark else title))
        self._page.set_lang(language)
        self._page.set_title(title)
        self._page.set_author(author)
        self._page.set_creator("Platekeeper")
        self._page.set_producer("Platekeeper")
        self._page.set_creation_date(moment.astimezone(UTC))
        self._page.viewer_preferences = ViewerPreferences(display_doc_title=True)
        self._page.add_page()
        self._line(title, "title", style="B")
        if subtitle:
            self._line(subtitle, "text")
        self._page.ln(4)

    def heading(self, text: str) -> None:
        """A heading, which is also an entry of the outline; never alone at the foot of a page."""
        page = self._page
        if page.will_page_break(_height("heading") + 3 * _height("text")):
            page.add_page()
        page.ln(3)
        page.start_section(_written(text))
        self._line(text, "heading", style="B")
        page.ln(1)

    def paragraph(self, text: str) -> None:
        """A paragraph of running text."""
        self._line(text, "text")
        self._page.ln(1.5)

    def lines(self, items: Sequence[str]) -> None:
        """A list, each item led by a dash."""
        for item in items:
            self._line(f"-  {item}", "text")
        self._page.ln(1.5)

    def fixed(self, text: str) -> None:
        """Text to be copied letter by letter: keys, checkpoints, commands."""
        page = self._page
        page.set_font("courier", size=POINTS["table"])
        page.multi_cell(
            0, _height("table"), _written(text), new_x=XPos.LMARGIN, new_y=YPos.NEXT, align="L", wrapmode=WrapMode.CHAR
        )
        page.ln(1.5)

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[object]], *, widths: Sequence[int] = ()) -> None:
        """A table whose first row, the columns' names, is repeated on each page; `widths` are parts of the whole."""
        page = self._page
        page.set_font(FONT, size=POINTS["table"])
        with page.table(
            col_widths=tuple(widths) or None,
            line_height=_height("table"),
            borders_layout=TableBordersLayout.HORIZONTAL_LINES,
            headings_style=FontFace(emphasis="BOLD"),
            text_align="LEFT",
            padding=0.6,
        ) as table:
            for cells in (columns, *rows):
                row = table.row()
                for cell in cells:
                    row.cell(_written("" if cell is None else str(cell)))
        page.ln(2)

    def page_break(self) -> None:
        """What follows begins on a page of its own."""
        self._page.add_page()

    def pdf(self) -> bytes:
        """The file. Nothing can be written after it."""
        return bytes(self._page.output())

    def _line(self, text: str, kind: str, *, style: str = "") -> None:
        page = self._page
        page.set_font(FONT, style=style, size=POINTS[kind])
        page.multi_cell(0, _height(kind), _written(text), new_x=XPos.LMARGIN, new_y=YPos.NEXT, align="L")


class _Page(FPDF):
    """A4 with the title and the page's number at its foot."""

    def __init__(self, title: str) -> None:
        super().__init__(format="A4")
        self._foot = title
        self.set_margin(MARGIN_MM)
        self.set_auto_page_break(auto=True, margin=MARGIN_MM)
        self.alias_nb_pages("{pages}")

    def footer(self) -> None:
        """As fpdf2 calls it at the end of each page."""
        self.set_y(-MARGIN_MM * 0.75)
        self.set_font(FONT, size=POINTS["foot"])
        self.cell(0, _height("foot"), f"{self._foot[:90]} - page {self.page_no()} of {{pages}}", align="C")


def _height(kind: str) -> float:
    """Millimetres of a line."""
    return POINTS[kind] * _MM_A_POINT * LINE


def _written(text: str) -> str:
    """The text in letters that the fonts hold."""
    written = []
    for letter in text.translate(_PLAIN):
        if _holds(letter):
            written.append(letter)
            continue
        bare = "".join(part for part in unicodedata.normalize("NFKD", letter) if not unicodedata.combining(part))
        written.append(bare if bare and all(map(_holds, bare)) else "?")
    return "".join(written)


def _holds(letter: str) -> bool:
    try:
        letter.encode(ENCODING)
    except UnicodeEncodeError:
        return False
    return letter.isprintable() or letter == "\n"

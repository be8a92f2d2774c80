"""Documents on paper."""

import re
import zlib
from datetime import UTC, datetime

from platekeeper_common.paper import Paper

MOMENT = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)


def made(*, long: int = 3) -> bytes:
    paper = Paper(
        "Audit of Zoë\N{RIGHT SINGLE QUOTATION MARK}s unit",
        moment=MOMENT,
        author="Pomona Police Department",
        subtitle="A test",
    )
    paper.heading("Figures — all of them")
    paper.paragraph("One paragraph of Nguyễn, § 430 and 北.")
    paper.lines(["first", "second"])
    paper.fixed("name+0123abcd+AX8=")
    paper.table(["Person", "Searches"], [[f"person {n}", n] for n in range(long)], widths=(3, 1))
    paper.page_break()
    paper.heading("The end")
    return paper.pdf()


def text(pdf: bytes) -> str:
    """What a reader shows, roughly: the strings in the pages' streams, word by word."""
    streams = re.findall(rb"stream\n(.*?)\nendstream", pdf, re.DOTALL)
    opened = b"".join(zlib.decompress(one) for one in streams if one[:1] == b"x")
    return " ".join(part.decode("latin-1") for part in re.findall(rb"\((.*?)\) Tj", opened))


def test_the_same_content_at_the_same_moment_is_the_same_file() -> None:
    assert made() == made()
    assert made()[:5] == b"%PDF-"
    assert made() != made(long=4)


def test_it_tells_title_language_and_moment() -> None:
    pdf = made()
    assert b"/Lang (en-US)" in pdf
    assert b"/DisplayDocTitle true" in pdf
    assert b"D:20261122180000Z" in pdf
    assert b"/Outlines" in pdf
    assert b"/Title (" in pdf


def test_pages_show_what_was_written_and_their_number() -> None:
    shown = text(made(long=120))
    for told in ("Audit of Zoë's unit", "Figures - all of them", "Nguyen, § 430 and ?", "-  second", "person 119"):
        assert told in shown
    assert re.search(r"page 2 of +4", shown)
    assert shown.count("Searches") >= 3

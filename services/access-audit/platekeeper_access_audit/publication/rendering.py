"""What the public reads: pages without script, the same document on paper, and figures in words (clause B11)."""

import base64
import hashlib
import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from platekeeper_access_audit.publication.board import Facts
from platekeeper_access_audit.publication.domain import Section, Version, plain, post_lines
from platekeeper_access_audit.publication.small_cells import AtLeast, FewerThan, Shown
from platekeeper_access_audit.publication.transparency import Report
from platekeeper_common.events.public import Searches
from platekeeper_common.paper import Paper
from platekeeper_common.policies import Agency

_FOLDER = Path(__file__).parent / "pages"
_STYLE = (_FOLDER / "public.css").read_text(encoding="utf-8")
_STYLED = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; frame-ancestors 'none'; style-src 'sha256-{_STYLED}'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
"""Of every page: no script, no picture, nothing from anywhere, only our own style."""
LABELS = {
    "reads": "Plates read",
    "hits": "Hits",
    "searches": "Searches",
    "refusals": "Refusals",
    "releases": "Releases",
    "releases_refused": "Releases refused",
    "audits": "Audits signed off",
    "purges": "Purges",
}
MINIMISATION = (
    "Cameras are read for licence plates. The system has no field for what a person looks like, and recognises no face",
    "Searches show what was read; the picture of a plate, and the whole picture, open one by one for a stated purpose",
    "Data is kept for as long as the schedule of the policy says, and no other copy is kept",
)
"""H3: what is true of the code that runs."""
_templates = Environment(
    loader=FileSystemLoader(_FOLDER), autoescape=select_autoescape(default=True), undefined=StrictUndefined
)
_templates.globals["style"] = Markup(_STYLE)  # noqa: S704 - our own file
_templates.globals["plain"] = plain


def policy_html(document: bytes, sha256: str) -> bytes:
    """A version as a page of its own, the same bytes for ever."""
    return _policy(json.loads(document), sha256, None)


def policy_page(version: Version, facts: Facts, now: Sequence[Section]) -> bytes:
    """The version in force, with who holds which post today, and what has changed since it was published."""
    document = json.loads(version.document)
    published = {one["code"]: one["facts"] for one in document["sections"]}
    changed = [one for one in now if one.code != "custodian" and _facts(one) != published.get(one.code)]
    last = facts.monitoring.last_audit if facts.monitoring else None
    today = {"posts": post_lines(facts), "last_audit": last, "changed": changed}
    return _policy(document, version.sha256, today)


def policy_pdf(document: bytes, sha256: str, at: datetime) -> bytes:
    """A version on paper, the same bytes for the same moment."""
    told = json.loads(document)
    manual = told["manual"]
    paper = Paper(
        "Licence plate reader usage and privacy policy",
        moment=at,
        author=told["agency"]["name"],
        subtitle=f"{told['agency']['name']}, version {told['version']}, published {told['published_at'][:10]}."
        f" {manual['title']}, section {manual['section']}.",
    )
    for section in told["sections"]:
        paper.heading(f"({section['element']}) {section['title']}")
        for paragraph in _paragraphs(section["text"]):
            paper.paragraph(paragraph)
        for fact in section["facts"]:
            paper.paragraph(f"{fact['label']}:")
            paper.lines(fact["values"])
    paper.heading("About this document")
    paper.paragraph(
        "Letters name the elements of California Civil Code 1798.90.51(b)(2) and 1798.90.53(b)(2). The lists were"
        f" generated from the settings in force ({told['policy_version']}). SHA-256 of this version:"
    )
    paper.fixed(sha256)
    return paper.pdf()


def page(name: str, **content: Any) -> bytes:
    """One of the other pages."""
    return _templates.get_template(name).render(**content).encode()


def transparency_page(
    agency: Agency, report: Report, facts: Facts, *, statement: Sequence[str], owner: str | None
) -> bytes:
    """The transparency report as a page."""
    return page(
        "transparency.html",
        agency=agency,
        report=report,
        columns=[name for name in LABELS if any(name in month.figures for month in report.months)],
        labels=LABELS,
        purposes=[
            name
            for name in Searches.__struct_fields__
            if name != "another" or any(month.purposes.get(name) for month in report.months)
        ],
        told=told,
        last_audit=facts.monitoring.last_audit if facts.monitoring else None,
        statement=statement,
        owner=owner,
    )


def told(count: Shown | None) -> str:
    """A figure in words."""
    match count:
        case None:
            return "not stated"
        case FewerThan(minimum):
            return f"fewer than {minimum}"
        case AtLeast(shown):
            return f"at least {shown:,}" if shown else "not told"
        case _:
            return f"{count:,}"


def _policy(document: Any, sha256: str, today: Any) -> bytes:
    return page("policy.html", document=document, sha256=sha256, today=today, paragraphs=_paragraphs)


def _facts(section: Section) -> list[dict[str, Any]]:
    return [{"label": fact.label, "values": list(fact.values)} for fact in section.facts]


def _paragraphs(text: str) -> list[str]:
    return [" ".join(part.split()) for part in text.replace("\r", "").split("\n\n") if part.strip()]

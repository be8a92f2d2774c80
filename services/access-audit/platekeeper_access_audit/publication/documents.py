"""What publication's doors take and give."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from platekeeper_access_audit.publication.domain import TEXT_AT_MOST, TITLES, Code, Section, Version
from platekeeper_access_audit.publication.handlers import Drafted
from platekeeper_access_audit.publication.small_cells import AtLeast, FewerThan, Shown
from platekeeper_access_audit.publication.transparency import Report
from platekeeper_common.documents import Shown as Answer
from platekeeper_common.policies import Agency

Paragraphs = Annotated[str, Field(max_length=TEXT_AT_MOST, description="Paragraphs, with an empty line between them")]


class DraftStated(BaseModel):
    """The administrator's text for each element of the statute (B4); gaps are allowed until it is published."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    purposes: Paragraphs = ""
    titles_and_training: Paragraphs = ""
    monitoring: Paragraphs = ""
    sharing: Paragraphs = ""
    custodian: Paragraphs = ""
    accuracy: Paragraphs = ""
    retention: Paragraphs = ""

    def texts(self) -> dict[Code, str]:
        """By section."""
        return {code: getattr(self, code) for code in TITLES}


class UrlStated(BaseModel):
    """Where the agency posts its policy (B11)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: Annotated[str, Field(max_length=2_000)]


class FactDocument(Answer):
    """What is generated from settings and registers in force."""

    label: str
    values: tuple[str, ...]


class SectionDocument(Answer):
    """One element of the statute; `lacks`: text or facts, without which nothing is published."""

    code: Code
    element: str
    title: str
    text: str
    facts: tuple[FactDocument, ...]
    lacks: str | None

    @classmethod
    def of(cls, section: Section) -> "SectionDocument":
        """The section as an answer."""
        return cls.model_validate(section)


class DraftDocument(BaseModel):
    """A draft as it would be published now."""

    id: str
    drafted_at: datetime
    sections: list[SectionDocument]
    published_as: int | None

    @classmethod
    def of(cls, drafted: Drafted) -> "DraftDocument":
        """The draft as an answer."""
        sections = [SectionDocument.of(section) for section in drafted.sections]
        draft = drafted.draft
        return cls(id=draft.id, drafted_at=draft.drafted_at, sections=sections, published_as=drafted.number)


class DraftListed(Answer):
    """A draft by name."""

    id: str
    drafted_at: datetime


class VersionDocument(BaseModel):
    """A published version: where it is, and the SHA-256 of each of its files."""

    version: int
    published_at: datetime
    sha256: str
    policy_version: str
    hashes: dict[str, str]
    at: str

    @classmethod
    def of(cls, version: Version) -> "VersionDocument":
        """The version as an answer."""
        return cls(
            version=version.number,
            published_at=version.published_at,
            sha256=version.sha256,
            policy_version=version.policy_version,
            hashes=version.hashes(),
            at=f"/policy/{version.agency_id}/versions/{version.number}",
        )


class DocumentsListed(BaseModel):
    """The agency's drafts and versions, newest first."""

    drafts: list[DraftListed]
    versions: list[VersionDocument]


class PostingDocument(BaseModel):
    """Where the agency posts its policy, and what the last look found; `problem` None: it was there."""

    url: str | None
    checked_at: datetime | None
    version: int | None
    problem: str | None


def report(agency: Agency, told: Report, more: Mapping[str, Any]) -> dict[str, Any]:
    """The transparency report as JSON: a count, or an object that says why it is none."""
    months = [
        {
            "month": one.month,
            "figures": {name: _count(count) for name, count in one.figures.items()},
            "searches_by_purpose": {name: _count(count) for name, count in one.purposes.items()},
        }
        for one in told.months
    ]
    about = {"id": agency.id, "name": agency.name}
    return {
        "agency": about,
        "minimum_cell": told.minimum,
        "months": months,
        "agencies_with_access": told.agencies,
        **more,
    }


def _count(count: Shown) -> Any:
    match count:
        case FewerThan(minimum):
            return {"fewer_than": minimum}
        case AtLeast(shown):
            return {"at_least": shown}
        case _:
            return count

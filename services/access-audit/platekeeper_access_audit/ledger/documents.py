"""The ledger's HTTP documents."""

from typing import Any, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from platekeeper_access_audit.ledger.domain import Cursor, Entry, Gap, Producer, Selection, timestamp
from platekeeper_access_audit.ledger.handlers import Page, Query
from platekeeper_common.errors import Invalid
from platekeeper_common.ids import AgencyId
from platekeeper_common.moments import Instant


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Choice(_Document):
    """Which records: `from` <= at < `to`; a name that is not listed here is refused."""

    from_: Instant | None = Field(None, alias="from")
    to: Instant | None = None
    username: str | None = Field(None, max_length=200)
    action: str | None = Field(None, max_length=100)
    outcome: Literal["allowed", "refused", "failed"] | None = None
    subject: str | None = Field(None, max_length=200)

    def of(self, agency_id: AgencyId) -> Selection:
        """The selection within one agency. Raises Invalid `period_empty`."""
        if self.from_ is not None and self.to is not None and self.from_ >= self.to:
            raise Invalid("`from` must be before `to`", code="period_empty")
        return Selection(
            agency_id=agency_id,
            start=self.from_,
            end=self.to,
            username=self.username,
            action=self.action,
            outcome=self.outcome,
            subject=self.subject,
        )


class PageChoice(Choice):
    """Which records, and which page of them."""

    cursor: str | None = Field(None, max_length=200)
    limit: int = Field(100, ge=1, le=500)

    def after(self) -> Cursor | None:
        """Where the page begins. Raises Invalid `cursor_invalid`."""
        try:
            return Cursor.parse(self.cursor) if self.cursor else None
        except ValueError as error:
            raise Invalid("the cursor is not one that a page ended with", code="cursor_invalid") from error


class RecordDocument(_Document):
    """An access record as a list shows it: without what was asked for."""

    id: str
    at: str = Field(description="UTC, to hundredths of a second", examples=["2026-11-22T18:00:00.12Z"])
    producer: str
    number: int
    kind: Literal["plate_data", "administration"]
    action: str
    outcome: Literal["allowed", "refused", "failed"]
    subject: str
    username: str
    name: str
    organisation: str
    title: str | None
    session: str | None
    device: str | None
    address: str | None
    policy_version: str
    purpose: str | None
    matter_type: str | None
    matter_number: str | None
    requested_by: str | None
    result_count: int | None
    result_ids: tuple[str, ...]
    object_type: str | None
    object_id: str | None
    count: int
    code: str | None
    clause: str | None
    actor: str | None = Field(description="The service that acted for the subject")
    authority: str | None = Field(
        description="By what: release:<id>; for a post not held delegation:<id>, vacancy:<post>"
    )
    matter_session: str | None = Field(description="Under which choice of purpose and matter (A4)")
    number_pending: bool | None = Field(description="The matter's number was owed (A8)")
    unit: str | None
    shift: str | None
    context: str | None = Field(description="patrol, investigation or canvass")
    terminal: str | None
    post: str | None = Field(description="For which post the subject acted (B1 to B3)")

    @classmethod
    def of(cls, entry: Entry, **more: Any) -> Self:
        """The document of an entry."""
        names = RecordDocument.model_fields.keys() - {"at"}
        fields = {name: getattr(entry.record, name) for name in names}
        return cls(**fields, at=timestamp(entry.record.at), **more)


class LeafDocument(_Document):
    """What proves the record: SHA-256(0x00 || salt || canonical) is the leaf at `position` (RFC 9162)."""

    position: int
    salt: str = Field(description="Base64, 16 bytes")
    canonical: str = Field(description="RFC 8785 JSON; its UTF-8 bytes count")
    hash: str = Field(description="Hexadecimal")


class RecordInFull(RecordDocument):
    """An access record with its query elements, and with what proves it."""

    query: dict[str, Any] | Literal["sealed", "destroyed", "altered"] | None
    appended_at: AwareDatetime
    leaf: LeafDocument

    @classmethod
    def opened(cls, entry: Entry, query: Query) -> Self:
        """The document of an entry whose query elements have been opened as far as they can be."""
        leaf = LeafDocument(
            position=entry.position,
            salt=entry.record.salt,
            canonical=entry.canonical.decode(),
            hash=entry.leaf_hash.hex(),
        )
        return cls.of(entry, query=query, appended_at=entry.appended_at, leaf=leaf)


class ExportedRecord(RecordInFull):
    """A line of an export, which says to whom it was given and when, wherever it is carried (H1)."""

    exported: str

    @classmethod
    def given(cls, entry: Entry, query: Query, mark: str) -> Self:
        """The document of an entry, as `RecordInFull.opened`."""
        return cls(**dict(RecordInFull.opened(entry, query)), exported=mark)


class PageDocument(_Document):
    """Records, newest first; `next_cursor` is None on the last page."""

    records: list[RecordDocument]
    next_cursor: str | None

    @classmethod
    def of(cls, page: Page) -> Self:
        """The document of a page."""
        records = [RecordDocument.of(entry) for entry in page.entries]
        return cls(records=records, next_cursor=str(page.following) if page.following else None)


class GapDocument(_Document):
    """Numbers that have not arrived, both ends included."""

    first: int
    last: int


class ProducerDocument(_Document):
    """What the ledger has of one producer. Its numbers are gapless from 1, so `missing` > 0 asks for a look."""

    producer: str
    highest: int
    records: int
    missing: int
    gaps: list[GapDocument] = Field(description="The first hundred")

    @classmethod
    def of(cls, producer: Producer, gaps: list[Gap]) -> Self:
        """The document of a producer and the first of its gaps."""
        return cls(
            producer=producer.name,
            highest=producer.highest,
            records=producer.records,
            missing=producer.missing,
            gaps=[GapDocument(first=gap.first, last=gap.last) for gap in gaps],
        )

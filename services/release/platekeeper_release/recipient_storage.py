"""The register of recipients, and what each asserts of its people's training."""

from dataclasses import asdict
from typing import Any

from sqlalchemy import Boolean, Column, ForeignKey, Index, Row, String, Table, select, update

from platekeeper_common.db import Tx
from platekeeper_common.errors import NotFound
from platekeeper_common.ids import AgencyId
from platekeeper_common.schema import Moment, by_column
from platekeeper_release.filing import PartnerPerson, Recipient, TrainingStated
from platekeeper_release.storage import metadata

recipient = Table(
    "recipient",
    metadata,
    Column("id", String, primary_key=True),
    Column("agency_id", String, nullable=False),
    Column("name", String, nullable=False),
    Column("ori", String),
    Column("kind", String, nullable=False),
    Column("state", String, nullable=False),
    Column("level", String, nullable=False),
    Column("public_agency", Boolean, nullable=False),
    Column("legal_basis", String, nullable=False),
    Column("entered_by", String, nullable=False),
    Column("entered_at", Moment, nullable=False),
    Column("withdrawn_at", Moment),
    Index("recipient_name", "agency_id", "name", "id"),
)
partner_person = Table(
    "partner_person",
    metadata,
    Column("id", String, primary_key=True),
    Column("agency_id", String, nullable=False),
    Column("recipient_id", String, ForeignKey("recipient.id"), nullable=False, index=True),
    Column("name", String, nullable=False),
    Column("title", String, nullable=False),
    Column("course", String, nullable=False),
    Column("valid_until", Moment, nullable=False),
    Column("asserted_by", String, nullable=False),
    Column("document_sha256", String),
    Column("entered_by", String, nullable=False),
    Column("entered_at", Moment, nullable=False),
)
_TRAINING = ("name", "title", "course", "valid_until", "asserted_by", "document_sha256")


async def add(tx: Tx, new: Recipient) -> None:
    """Enter it."""
    await tx.write(recipient.insert().values(**asdict(new)))


async def find(tx: Tx, agency_id: AgencyId, recipient_id: str) -> Recipient:
    """One recipient of the agency's register. Raises NotFound `recipient_unknown`."""
    row = await tx.row(select(recipient).where(recipient.c.agency_id == agency_id, recipient.c.id == recipient_id))
    if row is None:
        raise NotFound("no such recipient in the register", code="recipient_unknown")
    return _recipient(row)


async def of_agency(tx: Tx, agency_id: AgencyId) -> list[Recipient]:
    """The agency's register by name, withdrawn ones too."""
    own = select(recipient).where(recipient.c.agency_id == agency_id)
    return [_recipient(row) for row in await tx.rows(own.order_by(recipient.c.name, recipient.c.id))]


async def withdraw(tx: Tx, withdrawn: Recipient) -> None:
    """Keep since when it is withdrawn."""
    own = recipient.c.id == withdrawn.id
    await tx.write(update(recipient).where(own).values(withdrawn_at=withdrawn.withdrawn_at))


async def add_person(tx: Tx, new: PartnerPerson) -> None:
    """Keep what a recipient asserts of one of its people."""
    row = {"id": new.id, "agency_id": new.agency_id, "recipient_id": new.recipient_id, **asdict(new.training)}
    await tx.write(partner_person.insert().values(**row, entered_by=new.entered_by, entered_at=new.entered_at))


async def people(tx: Tx, agency_id: AgencyId, recipient_id: str) -> list[PartnerPerson]:
    """What the recipient has asserted of its people, by name, the latest first."""
    own = (partner_person.c.agency_id == agency_id) & (partner_person.c.recipient_id == recipient_id)
    ordered = select(partner_person).where(own).order_by(partner_person.c.name, partner_person.c.entered_at.desc())
    return [
        PartnerPerson(
            id=row.id,
            agency_id=AgencyId(row.agency_id),
            recipient_id=row.recipient_id,
            training=TrainingStated(**{name: getattr(row, name) for name in _TRAINING}),
            entered_by=row.entered_by,
            entered_at=row.entered_at,
        )
        for row in await tx.rows(ordered)
    ]


def _recipient(row: Row[Any]) -> Recipient:
    return Recipient(**by_column(row))

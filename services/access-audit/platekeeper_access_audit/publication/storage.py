"""Publication's tables and queries. What is published stays as it was published; the database refuses anything else."""

import json
from typing import Any

from sqlalchemy import (
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Row,
    String,
    Table,
    Text,
    UniqueConstraint,
    func,
    select,
    update,
)

from platekeeper_access_audit.publication.domain import Draft, Version
from platekeeper_access_audit.publication.posting import Check, Posting
from platekeeper_common.db import Tx
from platekeeper_common.errors import NotFound
from platekeeper_common.ids import AgencyId
from platekeeper_common.schema import Moment, by_column

metadata = MetaData()
policy_draft = Table(
    "policy_draft",
    metadata,
    Column("id", String, primary_key=True),
    Column("agency_id", String, nullable=False),
    Column("texts", Text, nullable=False),
    Column("drafted_by", String, nullable=False),
    Column("drafted_at", Moment, nullable=False),
    Index("policy_draft_agency", "agency_id", "drafted_at", "id"),
)
policy_version = Table(
    "policy_version",
    metadata,
    Column("agency_id", String, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("draft_id", String, nullable=False),
    Column("sha256", String, nullable=False),
    Column("document", LargeBinary, nullable=False),
    Column("html", LargeBinary, nullable=False),
    Column("pdf", LargeBinary, nullable=False),
    Column("policy_version", String, nullable=False),
    Column("published_by", String, nullable=False),
    Column("published_at", Moment, nullable=False),
    UniqueConstraint("draft_id", name="policy_version_draft"),
)
posting = Table(
    "posting",
    metadata,
    Column("agency_id", String, primary_key=True),
    Column("url", String, nullable=False),
    Column("set_at", Moment, nullable=False),
)
posting_check = Table(
    "posting_check",
    metadata,
    Column("id", String, primary_key=True),
    Column("agency_id", String, nullable=False),
    Column("url", String, nullable=False),
    Column("number", Integer, nullable=False),
    Column("checked_at", Moment, nullable=False),
    Column("problem", String),
    Index("posting_check_agency", "agency_id", "checked_at"),
)


async def add_draft(tx: Tx, new: Draft) -> None:
    """Keep it."""
    values = {"id": new.id, "agency_id": new.agency_id, "drafted_by": new.drafted_by, "drafted_at": new.drafted_at}
    await tx.write(policy_draft.insert().values(**values, texts=json.dumps(new.texts)))


async def draft(tx: Tx, agency_id: AgencyId, draft_id: str) -> Draft:
    """One draft of the agency. Raises NotFound `draft_unknown`."""
    own = (policy_draft.c.agency_id == agency_id) & (policy_draft.c.id == draft_id)
    row = await tx.row(select(policy_draft).where(own))
    if row is None:
        raise NotFound("no such draft", code="draft_unknown")
    return _draft(row)


async def drafts(tx: Tx, agency_id: AgencyId, limit: int) -> list[Draft]:
    """The agency's drafts, newest first."""
    own = select(policy_draft).where(policy_draft.c.agency_id == agency_id)
    ordered = own.order_by(policy_draft.c.drafted_at.desc(), policy_draft.c.id.desc()).limit(limit)
    return [_draft(row) for row in await tx.rows(ordered)]


async def add_version(tx: Tx, new: Version) -> None:
    """Keep it for ever. Raises IntegrityError when the number is taken or the draft is published."""
    values = {name: getattr(new, name) for name in policy_version.c.keys()}  # noqa: SIM118 - a column collection
    await tx.write(policy_version.insert().values(**values))


async def version(tx: Tx, agency_id: AgencyId, number: int | None = None) -> Version | None:
    """One version of the agency; without a number the one in force. None: there is none."""
    own = select(policy_version).where(policy_version.c.agency_id == agency_id)
    if number is not None:
        own = own.where(policy_version.c.number == number)
    row = await tx.row(own.order_by(policy_version.c.number.desc()).limit(1))
    return None if row is None else _version(row)


async def versions(tx: Tx, agency_id: AgencyId) -> list[Version]:
    """Every version, newest first."""
    own = select(policy_version).where(policy_version.c.agency_id == agency_id)
    return [_version(row) for row in await tx.rows(own.order_by(policy_version.c.number.desc()))]


async def published(tx: Tx, draft_id: str) -> int | None:
    """Under which number the draft was published."""
    row = await tx.row(select(policy_version.c.number).where(policy_version.c.draft_id == draft_id))
    return None if row is None else int(row[0])


async def set_url(tx: Tx, new: Posting) -> None:
    """Where the agency posts its policy from now on."""
    values = {"url": new.url, "set_at": new.set_at}
    if not await tx.write(update(posting).where(posting.c.agency_id == new.agency_id).values(values)):
        await tx.write(posting.insert().values(agency_id=new.agency_id, **values))


async def url_of(tx: Tx, agency_id: AgencyId) -> Posting | None:
    """Where the agency posts its policy; None: nobody has said."""
    row = await tx.row(select(posting).where(posting.c.agency_id == agency_id))
    return None if row is None else Posting(agency_id, row.url, row.set_at)


async def in_force(tx: Tx) -> dict[AgencyId, int]:
    """By agency the number of the version in force."""
    newest = func.max(policy_version.c.number).label("number")
    rows = await tx.rows(select(policy_version.c.agency_id, newest).group_by(policy_version.c.agency_id))
    return {AgencyId(row.agency_id): row.number for row in rows}


async def last_check(tx: Tx, agency_id: AgencyId) -> Check | None:
    """The last look at where the agency posts its policy."""
    own = select(posting_check).where(posting_check.c.agency_id == agency_id)
    row = await tx.row(own.order_by(posting_check.c.checked_at.desc(), posting_check.c.id.desc()).limit(1))
    return None if row is None else Check(agency_id, row.url, row.number, row.checked_at, row.problem)


async def add_check(tx: Tx, check_id: str, new: Check) -> None:
    """Keep a look and what was found."""
    values = {"url": new.url, "number": new.number, "checked_at": new.checked_at, "problem": new.problem}
    await tx.write(posting_check.insert().values(id=check_id, agency_id=new.agency_id, **values))


def _draft(row: Row[Any]) -> Draft:
    return Draft(
        id=row.id,
        agency_id=AgencyId(row.agency_id),
        texts=json.loads(row.texts),
        drafted_by=row.drafted_by,
        drafted_at=row.drafted_at,
    )


def _version(row: Row[Any]) -> Version:
    return Version(**by_column(row))

"""What the administrator has changed in the register, over time."""

from sqlalchemy import JSON, Boolean, Column, ForeignKey, Index, String, Table, select, update

from platekeeper_access_audit.accounts.storage import tables
from platekeeper_access_audit.accounts.titles.domain import RegisteredTitle
from platekeeper_common import ids
from platekeeper_common.db import Tx
from platekeeper_common.ids import AgencyId
from platekeeper_common.schema import Moment

authorised_title = Table(
    "authorised_title",
    tables,
    Column("id", String, primary_key=True),
    Column("agency_id", String, ForeignKey("agency.id"), nullable=False),
    Column("title", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("roles", JSON, nullable=False),
    Column("courses", JSON, nullable=False),
    Column("withdrawn", Boolean, nullable=False),
    Column("since", Moment, nullable=False),
    Column("until", Moment, nullable=True),
    Column("changed_by", String, nullable=False),
)
Index(
    "authorised_title_now",
    authorised_title.c.agency_id,
    authorised_title.c.title,
    unique=True,
    sqlite_where=authorised_title.c.until.is_(None),
    postgresql_where=authorised_title.c.until.is_(None),
)


async def changed(tx: Tx, agency_id: AgencyId) -> list[RegisteredTitle]:
    """What has been changed, as it stands."""
    standing = (authorised_title.c.agency_id == agency_id) & authorised_title.c.until.is_(None)
    return [
        RegisteredTitle(
            title=row.title,
            kind=row.kind,
            roles=tuple(row.roles),
            courses=tuple(row.courses),
            since=row.since,
            changed_by=row.changed_by,
            withdrawn=row.withdrawn,
        )
        for row in await tx.rows(select(authorised_title).where(standing).order_by(authorised_title.c.title))
    ]


async def put(tx: Tx, agency_id: AgencyId, new: RegisteredTitle) -> None:
    """The title stands so from `new.since` on; how it stood until then is kept."""
    standing = (authorised_title.c.agency_id == agency_id) & (authorised_title.c.title == new.title)
    ended = update(authorised_title).where(standing, authorised_title.c.until.is_(None))
    await tx.write(ended.values(until=new.since))
    row = {
        "title": new.title,
        "kind": new.kind,
        "roles": list(new.roles),
        "courses": list(new.courses),
        "withdrawn": new.withdrawn,
        "since": new.since,
        "changed_by": new.changed_by,
    }
    await tx.write(authorised_title.insert().values(id=ids.new(), agency_id=agency_id, **row))

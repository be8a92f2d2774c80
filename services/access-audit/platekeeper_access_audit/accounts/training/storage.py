"""Certificates, and the course versions that the training owner has put into the catalogue."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict

from sqlalchemy import Column, Date, ForeignKey, String, Table, UniqueConstraint, select, update

from platekeeper_access_audit.accounts.storage import tables
from platekeeper_access_audit.accounts.training.domain import Certificate, CourseVersion
from platekeeper_common import ids
from platekeeper_common.db import Tx
from platekeeper_common.ids import AgencyId
from platekeeper_common.periods import Period
from platekeeper_common.schema import Moment, by_column

training_certificate = Table(
    "training_certificate",
    tables,
    Column("id", String, primary_key=True),
    Column("agency_id", String, ForeignKey("agency.id"), nullable=False),
    Column("account_id", String, ForeignKey("account.id"), nullable=False, index=True),
    Column("course", String, nullable=False),
    Column("version", String, nullable=False),
    Column("completed_on", Date, nullable=False),
    Column("valid_until", Moment, nullable=False),
    Column("proof_sha256", String, nullable=False),
    Column("certified_by", String, nullable=False),
    Column("certified_at", Moment, nullable=False),
)
course_version = Table(
    "course_version",
    tables,
    Column("id", String, primary_key=True),
    Column("agency_id", String, ForeignKey("agency.id"), nullable=False),
    Column("course", String, nullable=False),
    Column("version", String, nullable=False),
    Column("validity", String, nullable=False),
    Column("proof", String, nullable=False),
    Column("content_sha256", String, nullable=True),
    Column("accepted_until", Moment, nullable=True),
    Column("edited_by", String, nullable=False),
    Column("edited_at", Moment, nullable=False),
    UniqueConstraint("agency_id", "course", "version"),
)


async def add(tx: Tx, certificate: Certificate) -> None:
    """Keep it."""
    await tx.write(training_certificate.insert().values(**asdict(certificate)))


async def of_account(tx: Tx, account_id: str) -> list[Certificate]:
    """What the person has completed, ever."""
    own = select(training_certificate).where(training_certificate.c.account_id == account_id)
    return [Certificate(**by_column(row)) for row in await tx.rows(own)]


async def of_agency(tx: Tx, agency_id: AgencyId) -> Mapping[str, list[Certificate]]:
    """What each of the agency's people has completed, by account."""
    found: defaultdict[str, list[Certificate]] = defaultdict(list)
    own = select(training_certificate).where(training_certificate.c.agency_id == agency_id)
    for row in await tx.rows(own):
        found[row.account_id].append(Certificate(**by_column(row)))
    return found


async def edited(tx: Tx, agency_id: AgencyId) -> list[CourseVersion]:
    """The course versions that the training owner has put in or replaced, oldest first."""
    own = select(course_version).where(course_version.c.agency_id == agency_id)
    rows = await tx.rows(own.order_by(course_version.c.edited_at, course_version.c.version))
    return [
        CourseVersion(
            course=row.course,
            version=row.version,
            validity=Period.parse(row.validity),
            proof=row.proof,
            content_sha256=row.content_sha256,
            accepted_until=row.accepted_until,
            edited_by=row.edited_by,
            edited_at=row.edited_at,
        )
        for row in rows
    ]


async def put(tx: Tx, agency_id: AgencyId, version: CourseVersion) -> None:
    """Keep a version that is new, or when one that is known counts no more."""
    key = (
        (course_version.c.agency_id == agency_id)
        & (course_version.c.course == version.course)
        & (course_version.c.version == version.version)
    )
    if await tx.row(select(course_version.c.id).where(key)) is None:
        row = asdict(version) | {"validity": str(version.validity)}
        await tx.write(course_version.insert().values(id=ids.new(), agency_id=agency_id, **row))
    else:
        await tx.write(update(course_version).where(key).values(accepted_until=version.accepted_until))

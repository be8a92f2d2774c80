"""Release's tables and queries. Requests, decisions and fulfilments are never changed; the database refuses it.

A request and a decision are kept as the bytes whose SHA-256 stands beside them: RFC 8785 JSON.
"""

import hashlib
from dataclasses import asdict
from datetime import datetime
from typing import Any, TypeVar

import msgspec
import rfc8785
from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    Row,
    Select,
    String,
    Table,
    UniqueConstraint,
    func,
    select,
    tuple_,
)

from platekeeper_common.db import Tx
from platekeeper_common.errors import NotFound, PlatekeeperError
from platekeeper_common.ids import AgencyId
from platekeeper_common.periods import Month
from platekeeper_common.schema import Moment
from platekeeper_release.filing import (
    Decision,
    Fulfilment,
    Request,
    RequestFile,
)

metadata = MetaData()
release_request = Table(
    "release_request",
    metadata,
    Column("id", String, primary_key=True),
    Column("agency_id", String, nullable=False),
    Column("year", Integer, nullable=False),
    Column("serial", Integer, nullable=False),
    Column("received_at", Moment, nullable=False),
    Column("document", LargeBinary, nullable=False),
    Column("sha256", String, nullable=False),
    UniqueConstraint("agency_id", "year", "serial", name="release_request_number"),
)
decision = Table(
    "decision",
    metadata,
    Column("request_id", String, ForeignKey("release_request.id"), primary_key=True),
    Column("decided_at", Moment, nullable=False),
    Column("document", LargeBinary, nullable=False),
    Column("sha256", String, nullable=False),
)
fulfilment = Table(
    "fulfilment",
    metadata,
    Column("request_id", String, ForeignKey("decision.request_id"), primary_key=True),
    Column("manifest", LargeBinary, nullable=False),
    Column("note", String, nullable=False),
    Column("package_path", String, nullable=False),
    Column("package_sha256", String, nullable=False),
    Column("package_bytes", BigInteger, nullable=False),
    Column("fulfilled_by", String, nullable=False),
    Column("fulfilled_by_name", String, nullable=False),
    Column("fulfilled_at", Moment, nullable=False),
)
_SENT = ("manifest", "note", "package_path", "package_sha256", "package_bytes", "fulfilled_by", "fulfilled_by_name")
_FILE = (
    select(
        release_request.c.document,
        release_request.c.sha256,
        decision.c.document.label("decision_document"),
        decision.c.sha256.label("decision_sha256"),
        *(fulfilment.c[name] for name in (*_SENT, "fulfilled_at")),
    )
    .outerjoin(decision, decision.c.request_id == release_request.c.id)
    .outerjoin(fulfilment, fulfilment.c.request_id == release_request.c.id)
)
DECISIONS_AT_MOST = 5_000
_NUMBER = (release_request.c.year, release_request.c.serial)
Filed = TypeVar("Filed", Request, Decision)


async def next_serial(tx: Tx, agency_id: AgencyId, year: int) -> int:
    """The next number of the year; true until the transaction ends, once it holds the lock."""
    own = (release_request.c.agency_id == agency_id) & (release_request.c.year == year)
    row = await tx.row(select(func.max(release_request.c.serial)).where(own))
    return 1 if row is None or row[0] is None else int(row[0]) + 1


async def add_request(tx: Tx, new: Request, year: int, serial: int) -> str:
    """File it; the SHA-256 of what was filed. Raises IntegrityError when the number is taken."""
    document, sha256 = filed(new)
    values = {"year": year, "serial": serial, "received_at": new.received_at, "document": document, "sha256": sha256}
    await tx.write(release_request.insert().values(id=new.id, agency_id=new.agency_id, **values))
    return sha256


async def add_decision(tx: Tx, new: Decision) -> str:
    """File it; the SHA-256 of what was filed. Raises IntegrityError when there is one."""
    document, sha256 = filed(new)
    values = {"decided_at": new.decided_at, "document": document, "sha256": sha256}
    await tx.write(decision.insert().values(request_id=new.request_id, **values))
    return sha256


async def add_fulfilment(tx: Tx, new: Fulfilment) -> None:
    """File it. Raises IntegrityError when there is one."""
    await tx.write(fulfilment.insert().values(**asdict(new)))


async def file(tx: Tx, agency_id: AgencyId, request_id: str) -> RequestFile:
    """A request of the agency with what became of it, as it was filed.

    Raises NotFound `request_unknown`; PlatekeeperError `file_altered` when what is on file is not what was filed.
    """
    own = (release_request.c.agency_id == agency_id) & (release_request.c.id == request_id)
    row = await tx.row(_FILE.where(own))
    if row is None:
        raise NotFound("no such request", code="request_unknown")
    _demand_unaltered(row)
    return _file(row)


async def files(tx: Tx, agency_id: AgencyId, before: tuple[int, int] | None, limit: int) -> list[RequestFile]:
    """The agency's requests, newest number first, from behind the number `before` (year and serial)."""
    wanted = _FILE.where(release_request.c.agency_id == agency_id)
    if before is not None:
        wanted = wanted.where(tuple_(*_NUMBER) < before)
    ordered = wanted.order_by(*(column.desc() for column in _NUMBER)).limit(limit)
    return [_file(row) for row in await tx.rows(ordered)]


async def counts(tx: Tx) -> dict[str, int]:
    """How many requests there are, and how many were fulfilled, of all agencies."""
    asked, sent = select(func.count()).select_from(release_request), select(func.count()).select_from(fulfilment)
    return {"requests": await tx.number(asked), "releases": await tx.number(sent)}


async def sent_in(tx: Tx, agency_id: AgencyId, month: Month) -> int:
    """How many releases the agency sent in the month."""
    filed_under = fulfilment.join(release_request, fulfilment.c.request_id == release_request.c.id)
    at = fulfilment.c.fulfilled_at
    own = (release_request.c.agency_id == agency_id) & (at >= month.start) & (at < month.end)
    return await tx.number(select(func.count()).select_from(filed_under).where(own))


async def decisions_in(tx: Tx, agency_id: AgencyId, month: Month) -> list[Decision]:
    """The agency's decisions of the month."""
    at = decision.c.decided_at
    rows = await tx.rows(_decided(agency_id).where(at >= month.start, at < month.end))
    return [_opened(row.decided, Decision) for row in rows]


async def granted(tx: Tx, agency_id: AgencyId, now: datetime) -> set[str]:
    """The ids of the recipients that may be given data now: of an approved request that has not expired.

    Looked for among the last thousands of decisions; those are among them that were withdrawn from the register since.
    """
    newest = _decided(agency_id).order_by(decision.c.decided_at.desc()).limit(DECISIONS_AT_MOST)
    open_now = [row for row in await tx.rows(newest) if _opened(row.decided, Decision).open(now)]
    return {_opened(row.asked, Request).recipient.id for row in open_now}


def filed(document: Request | Decision) -> tuple[bytes, str]:
    """The document as it is kept, RFC 8785 JSON, and its SHA-256 in hexadecimal."""
    content = rfc8785.dumps(msgspec.to_builtins(document))
    return content, _sha256(content)


def _decided(agency_id: AgencyId) -> Select[Any]:
    both = decision.join(release_request, decision.c.request_id == release_request.c.id)
    documents = (decision.c.document.label("decided"), release_request.c.document.label("asked"))
    return select(*documents).select_from(both).where(release_request.c.agency_id == agency_id)


def _file(row: Row[Any]) -> RequestFile:
    request = _opened(row.document, Request)
    sent = None
    if row.manifest is not None:
        facts = {name: getattr(row, name) for name in _SENT}
        sent = Fulfilment(request_id=request.id, fulfilled_at=row.fulfilled_at, **facts)
    return RequestFile(
        request=request,
        request_sha256=row.sha256,
        decision=None if row.decision_document is None else _opened(row.decision_document, Decision),
        decision_sha256=row.decision_sha256,
        fulfilment=sent,
    )


def _demand_unaltered(row: Row[Any]) -> None:
    altered = PlatekeeperError("the request or its decision was altered since it was filed", code="file_altered")
    if _sha256(row.document) != row.sha256:
        raise altered
    if row.decision_document is None:
        return
    if _sha256(row.decision_document) != row.decision_sha256:
        raise altered
    if _opened(row.decision_document, Decision).request_sha256 != row.sha256:
        raise altered


def _sha256(document: bytes) -> str:
    return hashlib.sha256(document).hexdigest()


def _opened(document: bytes, of: type[Filed]) -> Filed:
    return msgspec.json.decode(document, type=of)

"""Tables and queries of purge orders. Nothing is ever deleted; an order is revoked."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy import JSON, Column, ForeignKey, Row, String, Table, select, update

from platekeeper_access_audit.accounts.orders.domain import Approvals, Order, Signature
from platekeeper_access_audit.accounts.storage import tables
from platekeeper_common.db import Tx
from platekeeper_common.errors import NotFound
from platekeeper_common.ids import AgencyId
from platekeeper_common.schema import Moment, by_column

purge_order = Table(
    "purge_order",
    tables,
    Column("id", String, primary_key=True),
    Column("agency_id", String, ForeignKey("agency.id"), nullable=False, index=True),
    Column("kind", String, nullable=False),
    Column("schedule_item", String, nullable=False),
    Column("received_from", Moment, nullable=True),
    Column("received_before", Moment, nullable=True),
    Column("reason", String, nullable=False),
    Column("governing_body", String, nullable=True),
    Column("attorney_consent", String, nullable=True),
    Column("signed_by", JSON, nullable=False),
    Column("drafted_by", String, nullable=False),
    Column("drafted_at", Moment, nullable=False),
    Column("policy_version", String, nullable=False),
    Column("sha256", String, nullable=False),
    Column("in_force_from", Moment, nullable=True),
    Column("ends_at", Moment, nullable=True),
    Column("revoked_at", Moment, nullable=True),
    Column("revoked_by", String, nullable=True),
)
purge_signature = Table(
    "purge_signature",
    tables,
    Column("order_id", String, ForeignKey("purge_order.id"), primary_key=True),
    Column("post", String, primary_key=True),
    Column("title", String, nullable=False),
    Column("account_id", String, nullable=False),
    Column("name", String, nullable=False),
    Column("signed_at", Moment, nullable=False),
    Column("delegation_id", String, nullable=True),
)
_FIELDS = tuple(column.name for column in purge_order.c if column.name not in ("governing_body", "attorney_consent"))


async def add(tx: Tx, new: Order) -> None:
    """Keep a draft."""
    row = {name: getattr(new, name) for name in _FIELDS}
    row |= {"signed_by": list(new.signed_by), "governing_body": new.approvals.governing_body}
    await tx.write(purge_order.insert().values(**row, attorney_consent=new.approvals.attorney_consent))


async def sign(tx: Tx, order_id: str, one: Signature) -> None:
    """Keep a signature. Raises IntegrityError when the post has signed."""
    await tx.write(purge_signature.insert().values(order_id=order_id, **asdict(one)))


async def change(tx: Tx, order_id: str, **values: Any) -> None:
    """Set columns of an order."""
    await tx.write(update(purge_order).where(purge_order.c.id == order_id).values(**values))


async def find(tx: Tx, agency_id: AgencyId, order_id: str) -> Order:
    """One of the agency's. Raises NotFound `order_unknown`."""
    own = (purge_order.c.agency_id == agency_id) & (purge_order.c.id == order_id)
    row = await tx.row(select(purge_order).where(own))
    if row is None:
        raise NotFound("no such purge order", code="order_unknown")
    return _order(row, (await _signatures(tx, [order_id])).get(order_id, []))


async def orders(tx: Tx, agency_id: AgencyId) -> list[Order]:
    """All of the agency's, latest first."""
    wanted = select(purge_order).where(purge_order.c.agency_id == agency_id)
    rows = await tx.rows(wanted.order_by(purge_order.c.drafted_at.desc(), purge_order.c.id))
    signed = await _signatures(tx, [row.id for row in rows])
    return [_order(row, signed.get(row.id, [])) for row in rows]


async def _signatures(tx: Tx, order_ids: Iterable[str]) -> Mapping[str, list[Signature]]:
    wanted = select(purge_signature).where(purge_signature.c.order_id.in_(list(order_ids)))
    found: dict[str, list[Signature]] = {}
    for row in await tx.rows(wanted.order_by(purge_signature.c.signed_at, purge_signature.c.post)):
        fields = dict(by_column(row))
        found.setdefault(fields.pop("order_id"), []).append(Signature(**fields))
    return found


def _order(row: Row[Any], signatures: list[Signature]) -> Order:
    fields = dict(by_column(row))
    papers = Approvals(fields.pop("governing_body"), fields.pop("attorney_consent"))
    fields |= {"signed_by": tuple(fields["signed_by"]), "approvals": papers, "signatures": tuple(signatures)}
    return Order(**fields)

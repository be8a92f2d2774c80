"""The tree's tables: the roots of full subtrees, and the checkpoints that were signed.

The leaves are the hashes of `access_record`. Of the nodes above them only every eighth level is kept: tier 1 has the
roots over 256 leaves, tier 2 those over 65,536, and so on, one row for each 255 leaves or so. Any other node is made
from at most 128 kept hashes; a proof in a tree of a million leaves reads fewer than 800.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, String, Table, func, select

from platekeeper_access_audit.ledger import merkle
from platekeeper_access_audit.ledger.domain import Entry
from platekeeper_access_audit.ledger.merkle import Node, Span
from platekeeper_access_audit.ledger.storage import access_record, metadata
from platekeeper_common.db import Tx
from platekeeper_common.errors import Halted
from platekeeper_common.events.access import CheckpointSigned
from platekeeper_common.ids import PLATFORM
from platekeeper_common.schema import Moment, RowId

TIER_LEVELS = 8
WIDTH = 2**TIER_LEVELS
AT_ONCE = 256
"""Subtrees of a tier that one transaction adds."""

subtree = Table(
    "subtree",
    metadata,
    Column("tier", Integer, primary_key=True, autoincrement=False, comment="its leaves are 256 ** tier"),
    Column("place", BigInteger, primary_key=True, autoincrement=False, comment="from 0, left to right"),
    Column("hash", LargeBinary, nullable=False),
)
checkpoint = Table(
    "checkpoint",
    metadata,
    Column("number", RowId, primary_key=True, autoincrement=True),
    Column("size", BigInteger, nullable=False),
    Column("root", LargeBinary, nullable=False),
    Column("signed_at", Moment, nullable=False),
    Column("note", String, nullable=False),
)


class TreeDamaged(Halted):
    """Hashes that the tree must have are not in the database, or not what was signed: no proof, no checkpoint."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A checkpoint as it was signed: the `number`-th, at `signed_at`, as a signed note."""

    number: int
    size: int
    root: bytes
    signed_at: datetime
    note: str
    waiting_since: datetime | None = None
    """Since when an access record waits for the ledger for too long, as it was known when this was signed."""

    def event(self, origin: str, key: str, exports: str) -> CheckpointSigned:
        """What every process is told of it; `exports`: the note that names the key of exports."""
        return CheckpointSigned(
            agency_id=PLATFORM,
            origin=origin,
            size=self.size,
            root=base64.b64encode(self.root).decode(),
            signed_at=self.signed_at,
            note=self.note,
            verifier_key=key,
            exports=exports,
            waiting_since=self.waiting_since,
        )


async def grow(tx: Tx, size: int) -> bool:
    """Keep the roots of subtrees that are full in a tree of `size` leaves; False when there are more to keep."""
    tier = 1
    while full := size >> (TIER_LEVELS * tier):
        row = await tx.row(select(func.max(subtree.c.place)).where(subtree.c.tier == tier))
        first = 0 if row is None or row[0] is None else row[0] + 1
        places = range(first, min(full, first + AT_ONCE))
        rows = [{"tier": tier, "place": place, "hash": await _full(tx, tier, place)} for place in places]
        if rows:
            await tx.write(subtree.insert(), rows)
        if places.stop < full:
            return False
        tier += 1
    return True


async def root(tx: Tx, size: int) -> bytes:
    """The root of the tree of the first `size` leaves. Raises TreeDamaged."""
    return await span_hash(tx, Span(0, size)) if size else merkle.EMPTY


async def span_hash(tx: Tx, span: Span) -> bytes:
    """The root over the leaves of a span that a proof speaks of. Raises TreeDamaged."""
    return merkle.joined([await _node(tx, node) for node in merkle.cover(span)])


async def node_hash(tx: Tx, node: Node) -> bytes:
    """The root over a complete subtree. Raises TreeDamaged."""
    return await _node(tx, node)


async def leaf(tx: Tx, index: int) -> bytes:
    """The hash of a leaf. Raises TreeDamaged."""
    return (await _kept(tx, 0, index, 1))[0]


async def index_of(tx: Tx, agency_id: str, record_id: str) -> int | None:
    """Where the agency's record stands in the tree."""
    table = access_record.c
    row = await tx.row(select(table.position).where(table.id == record_id, table.agency_id == agency_id))
    return None if row is None else int(row[0])


@dataclass(frozen=True, slots=True)
class Leaf:
    """A leaf of an export; of another agency's record neither salt nor canonical bytes are shown."""

    index: int
    leaf_hash: bytes
    salt: str | None = None
    canonical: bytes | None = None

    @classmethod
    def of(cls, entry: Entry) -> "Leaf":
        """The leaf of an entry with its content."""
        return cls(entry.position, entry.leaf_hash, entry.record.salt, entry.canonical)


async def leaves(tx: Tx, span: Span, agency_id: str) -> list[Leaf]:
    """The leaves of the span in order, those of the agency's own records with their content."""
    table = access_record.c
    columns = (table.position, table.leaf_hash, table.salt, table.canonical, table.agency_id)
    chosen = select(*columns).where(table.position >= span.start, table.position < span.end).order_by(table.position)
    return [
        Leaf(row.position, row.leaf_hash, row.salt, row.canonical)
        if row.agency_id == agency_id
        else Leaf(row.position, row.leaf_hash)
        for row in await tx.rows(chosen)
    ]


async def add(tx: Tx, size: int, tree_root: bytes, signed_at: datetime, note: str) -> Signed:
    """Keep a checkpoint."""
    values = {"size": size, "root": tree_root, "signed_at": signed_at, "note": note}
    (row,) = await tx.write_returning(checkpoint.insert().values(values).returning(checkpoint.c.number))
    return Signed(row.number, size, tree_root, signed_at, note)


async def latest(tx: Tx) -> Signed | None:
    """The last checkpoint that was signed."""
    found = await signed(tx, before=None, limit=1)
    return found[0] if found else None


async def signed(tx: Tx, *, before: int | None, limit: int) -> Sequence[Signed]:
    """Checkpoints, newest first, below the number `before`."""
    chosen = select(checkpoint).order_by(checkpoint.c.number.desc()).limit(limit)
    if before is not None:
        chosen = chosen.where(checkpoint.c.number < before)
    return [Signed(row.number, row.size, row.root, row.signed_at, row.note) for row in await tx.rows(chosen)]


async def _full(tx: Tx, tier: int, place: int) -> bytes:
    return merkle.complete(await _kept(tx, tier - 1, place * WIDTH, WIDTH))


async def _node(tx: Tx, node: Node) -> bytes:
    tier, above = divmod(node.level, TIER_LEVELS)
    return merkle.complete(await _kept(tx, tier, node.index << above, 1 << above))


async def _kept(tx: Tx, tier: int, first: int, count: int) -> list[bytes]:
    """`count` hashes of a tier from place `first`; tier 0 are the leaves."""
    if tier == 0:
        place, chosen = access_record.c.position, select(access_record.c.leaf_hash)
    else:
        place, chosen = subtree.c.place, select(subtree.c.hash).where(subtree.c.tier == tier)
    rows = await tx.rows(chosen.where(place >= first, place < first + count).order_by(place))
    if len(rows) != count:
        raise TreeDamaged(f"tier {tier} of the tree lacks hashes from {first} on")
    return [row[0] for row in rows]

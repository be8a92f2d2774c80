"""The records that a question may be about: those that the index names, and those of which it says nothing."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Select, or_, select, tuple_

from platekeeper_access_audit.ledger.domain import Entry
from platekeeper_access_audit.ledger.plate_index.storage import plate_index
from platekeeper_access_audit.ledger.storage import access_record, as_entry
from platekeeper_access_audit.ledger.tracing.domain import Question
from platekeeper_common.db import Tx
from platekeeper_common.ids import AgencyId


async def named(
    tx: Tx, agency_id: AgencyId, question: Question, digests: Mapping[str, str], *, limit: int
) -> list[Entry]:
    """The newest `limit` records of the agency and the question whose plate has the digest of its month."""
    index = plate_index.c
    joined = select(access_record).join_from(plate_index, access_record, index.position == access_record.c.position)
    wanted = tuple_(index.month, index.digest).in_(list(digests.items()))
    return await _newest(tx, joined.where(index.agency_id == agency_id, wanted), agency_id, question, limit)


async def unindexed(
    tx: Tx, agency_id: AgencyId, question: Question, actions: Sequence[str], *, unread: int, limit: int
) -> list[Entry]:
    """The newest `limit` records of the agency and the question's period and person that the index does not hold.

    Those of the actions, and from the position `unread` on, which the index has not read, those of any.
    """
    table = access_record.c
    indexed = select(plate_index.c.position).where(plate_index.c.position == table.position).exists()
    chosen = select(access_record).where(or_(table.action.in_(actions), table.position >= unread))
    return await _newest(tx, chosen.where(table.query_key_id.is_not(None), ~indexed), agency_id, question, limit)


async def _newest(tx: Tx, statement: Select[Any], agency_id: AgencyId, question: Question, limit: int) -> list[Entry]:
    table = access_record.c
    asked = statement.where(table.agency_id == agency_id, table.at >= question.start, table.at < question.end)
    if question.username is not None:
        asked = asked.where(table.username == question.username)
    newest = asked.order_by(table.at.desc(), table.position.desc()).limit(limit)
    return [as_entry(row) for row in await tx.rows(newest)]

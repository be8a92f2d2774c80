"""Who is in office when access, titles or courses are decided."""

from platekeeper_access_audit.accounts import storage
from platekeeper_common.auth import Caller
from platekeeper_common.db import Tx
from platekeeper_common.errors import Refused

ADMINISTRATOR = "administrator"


async def holds(tx: Tx, by: Caller, post: str) -> bool:
    """Whether the caller holds the post of the own agency today."""
    holder = (await storage.holders(tx, by.agency_id)).get(post)
    return holder is not None and holder.account_id == by.subject


async def demand_administrator(tx: Tx, by: Caller, *, clause: str) -> None:
    """Raise Refused `not_administrator` unless the caller holds the administrator's post today."""
    if not await holds(tx, by, ADMINISTRATOR):
        detail = "only who holds the administrator's post does this: PUT /v1/posts/administrator fills it"
        raise Refused(detail, code="not_administrator", clause=clause)

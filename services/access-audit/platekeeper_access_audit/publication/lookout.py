"""The job that looks once a day whether each agency's website serves the policy in force (B11)."""

import asyncio

import httpx
import structlog
from sqlalchemy.exc import SQLAlchemyError

from platekeeper_access_audit.publication import posting, storage
from platekeeper_access_audit.publication.domain import Version
from platekeeper_access_audit.publication.posting import Check, Problem
from platekeeper_access_audit.publication.room import PublicationRoom
from platekeeper_common import ids
from platekeeper_common.actions import Action
from platekeeper_common.bus.contract import Unavailable
from platekeeper_common.db import Tx
from platekeeper_common.ids import AgencyId
from platekeeper_common.log import describe

NO_ADDRESS = ""
UNPUBLISHED = 0
"""In place of a version's number."""
_log = structlog.get_logger()


async def run(here: PublicationRoom) -> None:
    """Look until cancelled; one process at a time."""
    while True:
        try:
            async with here.db.alone("lookout"):
                await look(here)
        except (Unavailable, SQLAlchemyError) as error:
            _log.warning("posted policies not looked at", reason=describe(error))
        await asyncio.sleep(here.settings.look_seconds)


async def look(here: PublicationRoom) -> None:
    """Check every posting that is due."""
    async with here.db.tx() as tx:
        agencies = await watched(tx, here)
    for agency_id in agencies:
        async with here.db.tx() as tx:
            version = await storage.version(tx, agency_id)
            posted, last = await storage.url_of(tx, agency_id), await storage.last_check(tx, agency_id)
        url, number = posted.url if posted else NO_ADDRESS, version.number if version else UNPUBLISHED
        if not posting.due(last, url, number, here.clock()):
            continue
        problem = await _problem(here, url, version) if posted and version else _missing(version)
        async with here.db.tx() as tx:
            check = Check(agency_id, url, number, here.clock(), problem)
            await storage.add_check(tx, ids.new(), check)
            if problem is not None:
                _record(tx, here, check)
                _log.warning("policy not posted", agency=agency_id, version=number, problem=problem)


async def watched(tx: Tx, here: PublicationRoom) -> list[AgencyId]:
    """The agencies that must post their policy: those that have published one, and those that are live without."""
    policies, published = here.foundation.policies, await storage.in_force(tx)
    return [one for one in policies.open_agencies() if one in published or policies.agency(one).mode == "live"]


def _missing(version: Version | None) -> Problem:
    return "not_published" if version is None else "no_address"


async def _problem(here: PublicationRoom, url: str, version: Version) -> str | None:
    try:
        async with here.web.stream("GET", url) as answer:
            body = b""
            async for part in answer.aiter_bytes():
                body += part
                if len(body) > here.settings.answer_bytes:
                    break
            status: int | None = answer.status_code
    except (httpx.HTTPError, httpx.InvalidURL):
        status, body = None, b""
    return posting.judge(status, body, version)


def _record(tx: Tx, here: PublicationRoom, check: Check) -> None:
    """An access record of what was found amiss."""
    found = {"outcome": "failed", "code": f"policy_{check.problem}", "clause": "B11"}
    object_id = f"{check.agency_id}/{check.number}"
    tx.emit(here.recorder.by_itself(AgencyId(check.agency_id), Action.POLICY_CHECK, "policy", object_id, **found))

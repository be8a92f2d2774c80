"""What tests of reviews and audits share: searches as retention records them, and waiting for the worker."""

from datetime import datetime
from typing import Any

import httpx
import msgspec
from standing import AGENCY, Town, eventually
from unit.ledger.samples import PLATE, send

from platekeeper_common.access import Place, Recorder, Result, Use
from platekeeper_common.actions import Action
from platekeeper_common.errors import Refused
from platekeeper_common.events.access import AccessRecorded

ORDINARY = Use(purpose="stolen_vehicle", matter_type="criminal", matter_number="26-0117")
UNNUMBERED = Use(purpose="routine_patrol", matter_type="patrol", unit="4A12", shift="day")


class Records:
    """Numbers the records of one producer, as its database would."""

    def __init__(self, here: Town, producer: str = "retention") -> None:
        self.here = here
        self.producer = producer
        self.number = 0

    def recorder(self, at: datetime | None = None) -> Recorder:
        """One that records now or `at`, by a clock of its own: what else stands here goes by the town's."""
        foundation, moment = self.here.standing.foundation, at or self.here.clock()
        return Recorder(self.producer, foundation.keys, foundation.policies, lambda: moment)

    async def search(
        self, username: str = "officer", *, plate: str | None = PLATE, use: Use = ORDINARY, found: int = 0,
        at: datetime | None = None, asked: dict[str, Any] | None = None, **who: Any,
    ) -> AccessRecorded:  # fmt: skip
        """A search, sealed as in life; `at` in whole hundredths of a second."""
        elements = ({"plate": plate} if plate else {}) | (asked or {})
        person = self.here.person(username, **who)
        ids = [f"read-{n}" for n in range(found)]
        result = Result(count=found, ids=ids)
        place = Place("203.0.113.7")
        return self._numbered(await self.recorder(at).plate_data(person, Action.SEARCH, use, elements, result, place))

    async def refusal(self, code: str, clause: str, username: str = "officer", **who: Any) -> AccessRecorded:
        """A search that was refused."""
        error = Refused("no", code=code, clause=clause)
        person = self.here.person(username, **who)
        return self._numbered(
            await self.recorder().refusal(person, Action.SEARCH, error, "POST /v1/searches", Place("203.0.113.7"))
        )

    def act(self, action: str, object_type: str, object_id: str, username: str = "officer") -> AccessRecorded:
        """An act of administration of this name."""
        person = self.here.person(username)
        record = self.recorder().administration(person, Action.LOGIN, object_type, object_id, Place("203.0.113.7"))
        return self._numbered(msgspec.structs.replace(record, action=action))

    def _numbered(self, record: AccessRecorded) -> AccessRecorded:
        self.number += 1
        return msgspec.structs.replace(record, number=self.number)


async def sent(here: Town, *records: AccessRecorded) -> None:
    """Send the records and wait until everything that they cause is there."""
    await send(here, *records)
    await watched(here)


async def watched(here: Town) -> None:
    """Wait until the worker has looked at every record that has left its service, detectors too: minutes pass."""
    await here.let_pass(minutes=1)
    bus = here.standing.foundation.bus

    async def arrived() -> bool:
        return await bus.backlog("ledger", AccessRecorded.topic) == 0

    await eventually(arrived)
    ((count,),) = here.rows("ledger", "SELECT count(*) FROM access_record")
    await eventually(lambda: _places(here).get("plates named", 0) >= count)
    await here.let_pass(minutes=2)
    await eventually(lambda: all(_places(here).get(name, 0) >= count for name in ("detectors", "review queue")))


async def queued(here: Town, client: httpx.AsyncClient, count: int = 1, **choice: Any) -> list[dict[str, Any]]:
    """The items of the queue, once there are `count` in all."""
    await _there(here, "SELECT count(*) FROM review_item", count)
    answer = await client.get("/v1/reviews", params=choice)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["reviews"]
    return items


async def told(here: Town, client: httpx.AsyncClient, count: int = 1, **choice: Any) -> list[dict[str, Any]]:
    """The alerts, once there are `count` in all."""
    await _there(here, "SELECT count(*) FROM alert", count)
    answer = await client.get("/v1/alerts", params=choice)
    assert answer.status_code == 200, answer.text
    alerts: list[dict[str, Any]] = answer.json()["alerts"]
    return alerts


async def records_of(here: Town, client: httpx.AsyncClient, action: str, count: int = 1) -> list[dict[str, Any]]:
    """The access records of this action, once there are `count`."""
    await _there(here, f"SELECT count(*) FROM access_record WHERE action = '{action}'", count)  # noqa: S608
    answer = await client.get("/v1/access-records", params={"action": action, "limit": 500})
    records: list[dict[str, Any]] = answer.json()["records"]
    return records


async def _there(here: Town, statement: str, count: int) -> None:
    await eventually(lambda: here.rows("ledger", statement)[0][0] >= count)


def _places(here: Town) -> dict[str, int]:
    return dict(here.rows("ledger", "SELECT name, position FROM reader"))


__all__ = ["AGENCY", "ORDINARY", "PLATE", "UNNUMBERED", "Records", "queued", "records_of", "sent", "told", "watched"]

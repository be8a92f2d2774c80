"""The question who searched a plate, and records of searches for something else than a plate."""

from typing import Any

import httpx
import msgspec
from standing import Town, eventually

from platekeeper_common.access import Place, Recorder, Result, Use
from platekeeper_common.actions import Action
from platekeeper_common.events.access import AccessRecorded

DOOR = "/v1/access-records/who-searched"
USE = {"purpose": "other_le", "reason": "Complaint 26-3 of the registered owner", "matter_type": "other"}
ASKED = {"plate": "7kxq 042", "matter_number": "IA-26-3", **USE}


async def asked_for(
    here: Town, number: int, query: dict[str, Any], username: str = "officer", action: Action = Action.SEARCH
) -> AccessRecorded:
    """What retention records of a search for something else than a plate."""
    recorder = Recorder("retention", here.standing.foundation.keys, here.standing.foundation.policies, here.clock)
    use = Use(purpose="stolen_vehicle", matter_type="criminal", matter_number="26-0117")
    who = here.person(username)
    record = await recorder.plate_data(who, action, use, query, Result(count=3), Place("203.0.113.7"))
    return msgspec.structs.replace(record, number=number)


async def indexed(here: Town) -> None:
    """Return when the index has read every record that is there."""
    ((count,),) = here.rows("ledger", "SELECT count(*) FROM access_record")
    place = "SELECT position FROM reader WHERE name = 'plates named'"
    await eventually(lambda: here.rows("ledger", place) >= [(count,)])


async def ask(client: httpx.AsyncClient, **more: Any) -> dict[str, Any]:
    answer = await client.post(DOOR, json=ASKED | more)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    found: dict[str, Any] = answer.json()
    return found


async def told(client: httpx.AsyncClient, count: int) -> list[dict[str, Any]]:
    """The records that the question left, once there are so many."""

    async def there() -> list[dict[str, Any]]:
        answer = await client.get("/v1/access-records", params={"action": "access_records.trace"})
        found: list[dict[str, Any]] = answer.json()["records"]
        return found if len(found) >= count else []

    found: list[dict[str, Any]] = await eventually(there)
    return found

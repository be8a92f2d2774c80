"""What the tests of the records office share: reads to store, a use to state, and the records that were left."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import msgspec
from standing import AGENCY, Town, eventually

from platekeeper_common import access
from platekeeper_common.events.access import AccessRecorded
from platekeeper_common.events.ingest import ImageReference
from platekeeper_common.events.recognition import Candidate, Model, PlateRead, PlatesRead
from platekeeper_common.ids import AgencyId, CameraId, DeviceId, ReadId

USE = {"purpose": "stolen_vehicle", "matter_type": "criminal", "matter_number": "26-004711"}
START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
HARBOR = AgencyId("harbor")


def a_read(number: int = 0, **facts: Any) -> PlateRead:
    """Read `number`, captured that many seconds after START and received two seconds later."""
    captured_at = facts.setdefault("captured_at", START + timedelta(seconds=number))
    received_at = facts.setdefault("received_at", captured_at + timedelta(seconds=2))
    plate = facts.setdefault("plate", "8ABC123")
    told: dict[str, Any] = {
        "id": ReadId(f"read-{number:04}"),
        "agency_id": AGENCY,
        "camera_id": CameraId("north-gate"),
        "device_id": DeviceId("gateway-1"),
        "confidence": 0.93,
        "candidates": (Candidate(plate, 0.93), Candidate(plate[:-1] + "8", 0.41)),
        "live_until": received_at + timedelta(minutes=5),
        "source": "recognition",
        "model": Model("ppocr", "6.0", "ab" * 32),
    }
    return PlateRead(**told | facts)


async def publish(here: Town, *reads: PlateRead, agency_id: AgencyId = AGENCY, each: int = 1) -> None:
    """Put the reads on the bus, `each` in an event."""
    events = [
        PlatesRead(agency_id=agency_id, camera_id=reads[start].camera_id, reads=tuple(reads[start : start + each]))
        for start in range(0, len(reads), each)
    ]
    await here.standing.foundation.bus.publish(events, source="recognition")


async def store(here: Town, *reads: PlateRead, agency_id: AgencyId = AGENCY) -> None:
    """Publish the reads and wait until all that is on the bus has been handled."""
    await publish(here, *reads, agency_id=agency_id, each=500)
    await settled(here)


async def settled(here: Town) -> None:
    """Return when the records office has nothing left to handle."""

    async def nothing_left() -> bool:
        return await here.standing.foundation.bus.backlog("retention", PlatesRead.topic) == 0

    await eventually(nothing_left)


async def reads_stored(here: Town) -> int:
    """The figure on the start page."""
    async with here.client() as client:
        return int((await client.get("/health/retention")).json()["counts"]["reads_stored"])


async def search(client: httpx.AsyncClient, **asked: Any) -> dict[str, Any]:
    """The page that a search answers."""
    answer = await client.post("/v1/searches", json=USE | asked)
    assert answer.status_code == 201, answer.text
    page: dict[str, Any] = answer.json()
    return page


async def correct(client: httpx.AsyncClient, read_id: str = "read-0001", **said: Any) -> httpx.Response:
    """The answer to a correction."""
    return await client.post(f"/v1/reads/{read_id}/corrections", json=USE | said)


def refusal(answer: httpx.Response) -> tuple[int, str, str | None]:
    """Status, code and clause of a refusal."""
    told = answer.json()
    return answer.status_code, told["code"], told.get("clause")


async def stop_relay(here: Town) -> None:
    """From now on access records stay in the outbox."""
    for part in here.standing.parts["retention"]:
        if part.name == "relay":
            await part.stop()


def rows(here: Town, statement: str, values: Mapping[str, str] | None = None) -> list[Any]:
    """Committed rows, as another process would read them."""
    return here.rows("retention", statement, values)


async def run_sql(here: Town, statement: str) -> None:
    """Change the database behind the service's back."""
    await here.run_sql("retention", statement)


def records(here: Town) -> list[AccessRecorded]:
    """The committed access records that the relay, once stopped, did not send."""
    found = rows(here, "SELECT data FROM outbox WHERE access_record ORDER BY id")
    return [msgspec.json.decode(data, type=AccessRecorded) for (data,) in found]


async def elements(here: Town, record: AccessRecorded) -> dict[str, Any]:
    """The query elements of a record, opened with the month's key."""
    assert record.query is not None
    opened: dict[str, Any] = msgspec.json.decode(
        await access.unseal(here.standing.foundation.keys, record.id, record.query)
    )
    return opened


async def keep(here: Town, data: bytes, kind: str, media_type: str, name: str = "frame-1") -> ImageReference:
    """Put a picture into the object store; its reference."""
    put = here.standing.foundation.objects.put
    assert kind in ("image", "crop")
    return await put(
        data,
        agency_id=AGENCY,
        received_on=date(2026, 11, 22),
        kind="image" if kind == "image" else "crop",
        name=name,
        media_type=media_type,
    )

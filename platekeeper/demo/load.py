"""Loads the demonstration agency, through the same doors as everyone: nothing is written behind the API."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from platekeeper.client import ApiError, Session, device, person
from platekeeper.demo.logins import Logins, Person, invent
from platekeeper.demo.street import Sample

CAMERAS = (
    {"name": "Garey Avenue, northbound", "kind": "fixed", "position": {"latitude": 34.0553, "longitude": -117.7502}},
    {"name": "Holt Avenue, eastbound", "kind": "fixed", "position": {"latitude": 34.0636, "longitude": -117.7487}},
    {"name": "Patrol car 12, front", "kind": "mobile"},
)
PATIENCE_SECONDS = 10.0
USE = {"purpose": "routine_patrol", "matter_type": "patrol", "unit": "12"}
LISTING = {"purpose": "stolen_vehicle", "matter_type": "criminal", "matter_number": "26-000112"}
"""What the hot list is for; nobody lists plates for a patrol (A2)."""


@dataclass(frozen=True, slots=True)
class Hired:
    """An account, and its person's first session: signed on before any training."""

    account_id: str
    session: Session


async def load(http: httpx.AsyncClient, platform: Session, samples: Sequence[Sample]) -> Logins:
    """Open the agency with its people, training, cameras and hot list; every act leaves its access record.

    `platform` is a session of a platform administrator. A demonstration that was interrupted half-way is closed first.
    """
    agency_id = await _open_agency(platform)
    people = invent()
    administrator = people[0]
    boss = await _first_login(http, platform, administrator, agency_id=agency_id)
    hired = await asyncio.gather(*(_first_login(http, boss.session, somebody) for somebody in people[1:]))
    trainer, officer, _recruit, investigator = hired
    for post, holder in (("training_owner", trainer), ("administrator", boss)):
        await boss.session.request("PUT", f"/v1/posts/{post}", json={"account_id": holder.account_id})
    for trained in (boss, officer, investigator):
        await trainer.session.post("/v1/training-certificates", _certificate(trained.account_id))
    administration = person(http, administrator.username, administrator.password)
    device_id, secret, cameras = await _register(administration)
    await _soon(device(http, device_id, secret).log_in)
    await _list_plates(administration, samples)
    return Logins(agency_id, people, device_id, secret, cameras)


async def _open_agency(platform: Session) -> str:
    known = [agency for agency in await platform.get("/v1/agencies") if agency["synthetic"]]
    for agency in known:
        if agency["mode"] != "closed":
            await platform.post(f"/v1/agencies/{agency['id']}/close")
    agency_id = f"demonstration-{len(known) + 1}"
    agency = {
        "id": agency_id,
        "name": "Demonstration Police Department",
        "ori": "CA0000000",
        "time_zone": "America/Los_Angeles",
        "profile": "pomona",
        "synthetic": True,
    }
    await platform.post("/v1/agencies", agency)
    return agency_id


async def _first_login(http: httpx.AsyncClient, opener: Session, who: Person, **agency: str) -> Hired:
    """Open the account, and change its one-time password as its person would."""
    account = {"username": who.username, "name": who.name, "title": who.title, "roles": list(who.roles), **agency}
    opened = await _soon(lambda: opener.post("/v1/accounts", account))
    first = person(http, who.username, opened["one_time_password"], new_password=who.password)
    await first.log_in()
    return Hired(opened["id"], first)


def _certificate(account_id: str) -> dict[str, Any]:
    today = datetime.now(UTC).date()
    return {
        "account_id": account_id,
        "course": "ALPR operator",
        "version": "1",
        "completed_on": today.isoformat(),
        "valid_until": (datetime.now(UTC) + timedelta(days=365)).isoformat(),
        "proof_sha256": hashlib.sha256(b"demonstration").hexdigest(),
    }


async def _register(boss: Session) -> tuple[str, str, tuple[str, ...]]:
    registered = await boss.post(
        "/v1/devices", {"name": "Demonstration gateway", "kind": "gateway", "cameras": list(CAMERAS)}
    )
    return registered["id"], registered["secret"], tuple(camera["id"] for camera in registered["cameras"])


async def _list_plates(boss: Session, samples: Sequence[Sample]) -> None:
    """Two sample plates as they are, and one written with a look-alike character."""
    hot = await boss.post("/v1/hotlists", {"name": "Demonstration list", "source": "dept", **LISTING})
    stolen, wanted, alike = (sample.plate for sample in samples[:3])
    entries = (
        {"plate": stolen, "category": "stolen_vehicle", "reason": "Reported stolen this morning (invented)"},
        {"plate": wanted, "category": "felony", "reason": "Seen leaving a burglary (invented)"},
        {"plate": _misread(alike), "category": "missing_person", "reason": "Driver reported missing (invented)"},
    )
    for entry in entries:
        await boss.post(f"/v1/hotlists/{hot['id']}/entries", {**entry, "state": "CA", **LISTING})


def _misread(plate: str) -> str:
    """The plate with its last look-alike character taken for its twin, as a witness might write it."""
    twins = {"0": "O", "1": "I", "2": "Z", "5": "S", "8": "B", "6": "G"}
    at = max(place for place, character in enumerate(plate) if character in twins)
    return plate[:at] + twins[plate[at]] + plate[at + 1 :]


async def _soon(act: Callable[[], Awaitable[Any]]) -> Any:
    """What `act` answers once the neighbours have heard of what was just opened.

    Raises its ApiError when they do not hear of it in time.
    """
    deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
    while True:
        try:
            return await act()
        except ApiError as error:
            unheard = error.code in {"agency_unknown", "device_unknown"}
            if not unheard or asyncio.get_running_loop().time() > deadline:
                raise
            await asyncio.sleep(0.05)
